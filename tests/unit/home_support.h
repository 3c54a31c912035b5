/*
 * A HOME for each test.
 */
#ifndef HOME_SUPPORT_H
#define HOME_SUPPORT_H

#include "base_support.h"

#include "base/arena.h"
#include "store/home.h"

static char *dir;
static struct sl_home home;
static struct sl_arena arena;

static inline int setup(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	dir = support_dir();
	return sl_home_open(&home, dir, "p", &err) ? 0 : -1;
}

static inline int teardown(void **state)
{
	(void)state;
	sl_home_release(&home);
	sl_arena_release(&arena);
	support_remove(dir);
	return 0;
}

#endif
