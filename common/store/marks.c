/*
 * Marks say which entries a sink has stored. They are only a cache of the table `applied`: a new
 * generation (after a database was restored) begins with none, and every entry is judged again.
 */
#include "base/mem.h"
#include "base/num.h"
#include "store/log.h"

#define TOLD_MAX 4096 /* bytes */

char *sl_mark_sink(const char *engine, const char *conn)
{
	return conn ? sl_xasprintf("%s.%s", engine, conn) : sl_xstrdup(engine);
}

/* Marks of a store on a server are everybody's; those of a file of our own lie beside it. */
static struct sl_depot *depot_of(const struct sl_home *h, const char *sink)
{
	return strchr(sink, '.') ? h->shared : h->local;
}

static void greatest(void *ctx, const char *name)
{
	unsigned *g = ctx;
	uint64_t n;

	if (sl_num_u64(sl_str_of(name), UINT32_MAX, &n) && n > *g)
		*g = (unsigned)n;
}

bool sl_mark_generation(const struct sl_home *h, const char *sink, unsigned *ret,
			struct sl_err *err)
{
	sl_cleanup(sl_freep) char *dir = sl_xasprintf("stored/%s", sink);
	unsigned g = 1;

	if (!sl_depot_each(depot_of(h, sink), dir, 0, greatest, &g, err))
		return false;
	*ret = g;
	return true;
}

static char *mark_name(const char *sink, unsigned g, const char *source, uint64_t n)
{
	return sl_xasprintf("stored/%s/%u/%s/%" PRIu64, sink, g, source, n);
}

struct seen {
	bool *v; /* newest + 1 */
	uint64_t newest;
};

static void see(void *ctx, const char *name)
{
	struct seen *s = ctx;
	uint64_t n;

	if (sl_num_u64(sl_str_of(name), s->newest, &n))
		s->v[n] = true;
}

bool sl_mark_missing(const struct sl_home *h, const char *sink, unsigned g, const char *source,
		     uint64_t newest, struct sl_arena *arena, uint64_t **ret, size_t *ret_n,
		     struct sl_err *err)
{
	sl_cleanup(sl_freep) char *dir = sl_xasprintf("stored/%s/%u/%s", sink, g, source);
	sl_cleanup(sl_freep) bool *seen = sl_xcalloc(newest + 1, sizeof(*seen));
	struct seen s = {.v = seen, .newest = newest};

	if (!sl_depot_each(depot_of(h, sink), dir, 0, see, &s, err))
		return false;
	*ret = sl_arena_zalloc(arena, newest + 1, sizeof(**ret));
	*ret_n = 0;
	for (uint64_t n = 1; n <= newest; n++)
		if (!seen[n])
			(*ret)[(*ret_n)++] = n;
	return true;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

bool sl_mark_is_missing(const uint64_t *missing, size_t n_missing, uint64_t n)
{
	return n_missing && bsearch(&n, missing, n_missing, sizeof(n), by_number);
}

bool sl_mark_link(const struct sl_home *h, const char *sink, unsigned g, const char *source,
		  uint64_t n, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = mark_name(sink, g, source, n);

	return sl_depot_put(depot_of(h, sink), name, SL_STR(""), SL_DURABLE, NULL, err);
}

bool sl_mark_remove(const struct sl_home *h, const char *sink, unsigned g, const char *source,
		    uint64_t n, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = mark_name(sink, g, source, n);
	const char *const names[] = {name};

	return sl_depot_remove(depot_of(h, sink), names, 1, err);
}

static char *told_name(const char *sink, const char *source, uint64_t n)
{
	return sl_xasprintf("told/%s/%s/%" PRIu64, sink, source, n);
}

bool sl_mark_was_told(const struct sl_home *h, const char *sink, const char *source, uint64_t n,
		      const char *what)
{
	sl_cleanup(sl_freep) char *name = told_name(sink, source, n);
	sl_cleanup(sl_buf_release) struct sl_buf told = SL_BUF_INIT;
	struct sl_err ignored = SL_ERR_INIT;

	return sl_depot_get(depot_of(h, sink), name, TOLD_MAX, &told, &ignored) &&
	       sl_str_eqz(sl_buf_str(&told), what);
}

bool sl_mark_told(const struct sl_home *h, const char *sink, const char *source, uint64_t n,
		  const char *what)
{
	sl_cleanup(sl_freep) char *name = told_name(sink, source, n);
	struct sl_err ignored = SL_ERR_INIT;

	if (sl_mark_was_told(h, sink, source, n, what))
		return true;
	if (!sl_depot_replace(depot_of(h, sink), name, sl_str_of(what), SL_CACHE, &ignored))
		sl_err_clear(&ignored); /* it is said once more */
	return false;
}

/* A file, since a directory alone is nothing in a bucket. */
bool sl_mark_rescan(const struct sl_home *h, const char *sink, unsigned *ret_g, struct sl_err *err)
{
	unsigned g;

	if (!sl_mark_generation(h, sink, &g, err))
		return false;
	sl_cleanup(sl_freep) char *name = sl_xasprintf("stored/%s/%u/begin", sink, g + 1);
	if (!sl_depot_put(depot_of(h, sink), name, SL_STR(""), SL_DURABLE, NULL, err))
		return false;
	*ret_g = g + 1;
	return true;
}
