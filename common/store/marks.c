/*
 * Marks say which entries a sink has stored. They are only a cache of the table `applied`: a new
 * generation (after a database was restored) begins with none, and every entry is judged again.
 */
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/log.h"

char *sl_mark_sink(const char *engine, const char *conn)
{
	return conn ? sl_xasprintf("%s.%s", engine, conn) : sl_xstrdup(engine);
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Calls fn with every name that is a number; a missing directory has none. */
static bool each_number(const char *path, void (*fn)(void *ctx, uint64_t n), void *ctx,
			struct sl_err *err)
{
	sl_cleanup(close_dir) DIR *d = opendir(path);
	struct dirent *e;
	uint64_t n;

	if (!d)
		return errno == ENOENT ||
		       sl_err_errno(err, SL_ERR_IO, errno, "cannot list \"%s\"", path);
	while ((errno = 0, e = readdir(d)) != NULL)
		if (sl_num_u64(sl_str_of(e->d_name), INT64_MAX, &n))
			fn(ctx, n);
	return errno == 0 || sl_err_errno(err, SL_ERR_IO, errno, "cannot list \"%s\"", path);
}

static void greatest(void *ctx, uint64_t n)
{
	unsigned *g = ctx;

	if (n > *g && n <= UINT32_MAX)
		*g = (unsigned)n;
}

bool sl_mark_generation(const struct sl_home *h, const char *sink, unsigned *ret,
			struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_home_path(h, "stored/%s", sink);
	unsigned g = 1;

	if (!each_number(path, greatest, &g, err))
		return false;
	*ret = g;
	return true;
}

static char *mark_path(const struct sl_home *h, const char *sink, unsigned g, const char *source,
		       uint64_t n)
{
	return sl_home_path(h, "stored/%s/%u/%s/%" PRIu64, sink, g, source, n);
}

bool sl_mark_exists(const struct sl_home *h, const char *sink, unsigned g, const char *source,
		    uint64_t n)
{
	sl_cleanup(sl_freep) char *path = mark_path(h, sink, g, source, n);

	return sl_file_exists(path);
}

struct seen {
	bool *v; /* newest + 1 */
	uint64_t newest;
};

static void see(void *ctx, uint64_t n)
{
	struct seen *s = ctx;

	if (n <= s->newest)
		s->v[n] = true;
}

bool sl_mark_missing(const struct sl_home *h, const char *sink, unsigned g, const char *source,
		     uint64_t newest, struct sl_arena *arena, uint64_t **ret, size_t *ret_n,
		     struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_home_path(h, "stored/%s/%u/%s", sink, g, source);
	sl_cleanup(sl_freep) bool *seen = sl_xcalloc(newest + 1, sizeof(*seen));
	struct seen s = {.v = seen, .newest = newest};

	if (!each_number(path, see, &s, err))
		return false;
	*ret = sl_arena_zalloc(arena, newest + 1, sizeof(**ret));
	*ret_n = 0;
	for (uint64_t n = 1; n <= newest; n++)
		if (!seen[n])
			(*ret)[(*ret_n)++] = n;
	return true;
}

bool sl_mark_link(const struct sl_home *h, const char *sink, unsigned g, const char *source,
		  uint64_t n, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = mark_path(h, sink, g, source, n);
	bool won;

	return sl_file_link(path, "", 0, &won, err);
}

bool sl_mark_remove(const struct sl_home *h, const char *sink, unsigned g, const char *source,
		    uint64_t n, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = mark_path(h, sink, g, source, n);

	return unlink(path) == 0 || errno == ENOENT ||
	       sl_err_errno(err, SL_ERR_IO, errno, "cannot remove the mark \"%s\"", path);
}

bool sl_mark_rescan(const struct sl_home *h, const char *sink, unsigned *ret_g, struct sl_err *err)
{
	unsigned g;

	if (!sl_mark_generation(h, sink, &g, err))
		return false;
	sl_cleanup(sl_freep) char *path = sl_home_path(h, "stored/%s/%u", sink, g + 1);
	if (!sl_dir_make(path, err))
		return false;
	*ret_g = g + 1;
	return true;
}
