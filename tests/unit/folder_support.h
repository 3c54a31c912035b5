/*
 * A directory for each test, with files put into it.
 */
#ifndef FOLDER_SUPPORT_H
#define FOLDER_SUPPORT_H

#include "base_support.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"

static char *dir;
static struct sl_arena arena;

static inline int setup(void **state)
{
	(void)state;
	dir = support_dir();
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	sl_arena_release(&arena);
	support_remove(dir);
	return 0;
}

static inline const char *below(const char *rel)
{
	return sl_arena_printf(&arena, "%s/%s", dir, rel);
}

static inline void put_bytes(const char *rel, const void *p, size_t n)
{
	struct sl_err err = SL_ERR_INIT;
	const char *path = below(rel);
	sl_cleanup(sl_freep) char *parent = sl_xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_ok(err, sl_dir_make(parent, &err));
	assert_ok(err, sl_file_replace(path, p, n, &err));
}

static inline void put(const char *rel, const char *text)
{
	put_bytes(rel, text, strlen(text));
}

#endif
