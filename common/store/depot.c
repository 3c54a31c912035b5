/*
 * What every kind of depot shares: the calls, sorted lists, and the file that a large one gathers
 * in.
 */
#include "store/depot.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/depot_private.h"

void sl_depot_close(struct sl_depot *d)
{
	if (d)
		d->ops->close(d);
}

char *sl_depot_where(const struct sl_depot *d, const char *name)
{
	return d->ops->where(d, name);
}

bool sl_depot_put(struct sl_depot *d, const char *name, struct sl_str bytes, enum sl_worth worth,
		  bool *ret_won, struct sl_err *err)
{
	bool won = false;

	if (!d->ops->put(d, name, bytes, worth, &won, err))
		return false;
	if (ret_won)
		*ret_won = won;
	return true;
}

bool sl_depot_replace(struct sl_depot *d, const char *name, struct sl_str bytes,
		      enum sl_worth worth, struct sl_err *err)
{
	return d->ops->replace(d, name, bytes, worth, err);
}

bool sl_depot_get(struct sl_depot *d, const char *name, size_t max, struct sl_buf *out,
		  struct sl_err *err)
{
	return d->ops->get(d, name, max, out, err);
}

bool sl_depot_exist(struct sl_depot *d, const char *const *names, size_t n, bool *there,
		    struct sl_err *err)
{
	return n == 0 || d->ops->exist(d, names, n, there, err);
}

bool sl_depot_secure(struct sl_depot *d, const char *name, bool *ret_there, struct sl_err *err)
{
	return d->ops->secure(d, name, ret_there, err);
}

bool sl_depot_remove(struct sl_depot *d, const char *const *names, size_t n, struct sl_err *err)
{
	return n == 0 || d->ops->remove(d, names, n, err);
}

bool sl_depot_each(struct sl_depot *d, const char *dir, sl_time before, sl_depot_fn fn, void *ctx,
		   struct sl_err *err)
{
	return d->ops->each(d, dir, before, fn, ctx, err);
}

/* --- sorted --- */

struct gathering {
	struct sl_names names;
	size_t cap;
};

static void gather(void *ctx, const char *name)
{
	struct gathering *g = ctx;

	if (g->names.n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 64;
		g->names.v = sl_xrealloc(g->names.v, g->cap, sizeof(*g->names.v));
	}
	g->names.v[g->names.n++] = sl_xstrdup(name);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool sl_depot_list(struct sl_depot *d, const char *dir, struct sl_names *ret, struct sl_err *err)
{
	struct gathering g = {0};

	if (!sl_depot_each(d, dir, 0, gather, &g, err)) {
		sl_names_release(&g.names);
		return false;
	}
	if (g.names.n > 1)
		qsort(g.names.v, g.names.n, sizeof(*g.names.v), by_bytes);
	*ret = g.names;
	return true;
}

bool sl_depot_sweep(struct sl_depot *d, sl_time before, size_t *ret_n, struct sl_err *err)
{
	*ret_n = 0;
	return d->ops->sweep(d, before, ret_n, err);
}

/* --- pieces --- */

bool sl_depot_open(struct sl_depot *d, const char *name, struct sl_depot_reader **ret,
		   struct sl_err *err)
{
	return d->ops->open(d, name, ret, err);
}

uint64_t sl_depot_size(const struct sl_depot_reader *r)
{
	return r->size;
}

bool sl_depot_read(struct sl_depot_reader *r, uint64_t at, size_t n, struct sl_buf *out,
		   struct sl_err *err)
{
	return r->ops->read(r, at, n, out, err);
}

bool sl_depot_again(struct sl_depot_reader *r)
{
	return r->ops->again(r);
}

void sl_depot_reader_close(struct sl_depot_reader *r)
{
	if (r)
		r->ops->reader_close(r);
}

/* --- large files --- */

bool sl_depot_create(struct sl_depot *d, const char *dir, size_t room, struct sl_depot_writer **ret,
		     struct sl_err *err)
{
	return d->ops->create(d, dir, room, ret, err);
}

bool sl_depot_spool(struct sl_depot *d, const char *dir, size_t room, struct sl_depot_writer **ret,
		    struct sl_err *err)
{
	struct sl_tmpfile tmp = SL_TMPFILE_INIT;

	if (!sl_tmpfile_open(&tmp, dir, err))
		return false;
	if (lseek(tmp.fd, (off_t)room, SEEK_SET) < 0) {
		sl_err_errno(err, SL_ERR_IO, errno, "cannot write \"%s\"", tmp.path);
		sl_tmpfile_close(&tmp);
		return false;
	}

	struct sl_depot_writer *w = sl_xcalloc(1, sizeof(*w));

	*w = (struct sl_depot_writer){.ops = d->ops, .depot = d, .tmp = tmp, .room = room};
	*ret = w;
	return true;
}

bool sl_depot_write(struct sl_depot_writer *w, struct sl_str bytes, struct sl_err *err)
{
	return sl_fd_write_all(w->tmp.fd, bytes.p, bytes.n, w->tmp.path, err);
}

static bool write_head(struct sl_depot_writer *w, struct sl_str head, struct sl_err *err)
{
	SL_ASSERT(head.n == w->room);
	if (lseek(w->tmp.fd, 0, SEEK_SET) < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot write \"%s\"", w->tmp.path);
	return sl_fd_write_all(w->tmp.fd, head.p, head.n, w->tmp.path, err);
}

bool sl_depot_publish(struct sl_depot_writer *w, const char *name, struct sl_str head,
		      bool *ret_won, struct sl_err *err)
{
	return write_head(w, head, err) && w->ops->publish(w, name, ret_won, err);
}

void sl_depot_writer_close(struct sl_depot_writer *w)
{
	if (!w)
		return;
	sl_tmpfile_close(&w->tmp);
	free(w);
}
