/*
 * A prefix in a bucket as a depot: what every host must see, so that the stages of one run need
 * share nothing else but the database. A conditional put takes the place of link(2). The connection
 * is looked up at the first call, so that whoever needs no file needs no connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "net/s3.h"
#include "store/depot_private.h"

#define FIRST_READ ((size_t)64 << 10) /* a chunk's header, and often all of it */
#define AHEAD_MAX ((size_t)4 << 20)   /* reading onwards doubles up to that */
#define TRIES 8			      /* after damage on the way, over all of a file */
#define ASK_SINGLY 3		      /* names; for more one listing is cheaper */

struct bucket {
	struct sl_depot base;
	char *conn_id, *below;
	char *spool; /* directory of unfinished large files; NULL: none are written */
	struct sl_s3 *s3;
};

struct bucket_reader {
	struct sl_depot_reader base;
	struct sl_s3 *s3;
	char *name;
	struct sl_s3_object object;
	struct sl_buf window; /* bytes at `at`, read ahead */
	uint64_t at;
	size_t ahead; /* how many come with the next request */
	int tries_left;
};

static bool open_s3(struct sl_depot *d, struct sl_s3 **ret, struct sl_err *err)
{
	struct bucket *b = (struct bucket *)d;

	if (!b->s3 && !sl_s3_open(b->conn_id, b->below, &b->s3, err))
		return false;
	*ret = b->s3;
	return true;
}

static void bucket_close(struct sl_depot *d)
{
	struct bucket *b = (struct bucket *)d;

	sl_s3_close(b->s3);
	free(b->conn_id);
	free(b->below);
	free(b->spool);
	free(b);
}

static char *bucket_where(const struct sl_depot *d, const char *name)
{
	const struct bucket *b = (const struct bucket *)d;

	return b->s3 ? sl_s3_where(b->s3, name)
		     : sl_xasprintf("s3 %s: %s/%s", b->conn_id, b->below, name);
}

static bool bucket_put(struct sl_depot *d, const char *name, struct sl_str bytes,
		       enum sl_worth worth, bool *ret_won, struct sl_err *err)
{
	struct sl_s3 *s3;

	(void)worth; /* what a bucket has taken is durable */
	return open_s3(d, &s3, err) && sl_s3_put(s3, name, bytes, SL_S3_FIRST, ret_won, err);
}

static bool bucket_replace(struct sl_depot *d, const char *name, struct sl_str bytes,
			   enum sl_worth worth, struct sl_err *err)
{
	struct sl_s3 *s3;

	return open_s3(d, &s3, err) &&
	       sl_s3_put(s3, name, bytes, worth == SL_CACHE ? SL_S3_LAST_EASY : SL_S3_LAST, NULL,
			 err);
}

static bool bucket_get(struct sl_depot *d, const char *name, size_t max, struct sl_buf *out,
		       struct sl_err *err)
{
	struct sl_s3 *s3;

	return open_s3(d, &s3, err) && sl_s3_get(s3, name, max, out, err);
}

/* --- many at once --- */

struct asked {
	const char *name;
	size_t at; /* in the caller's list */
};

struct asking {
	const struct asked *v; /* by name */
	size_t n;
	bool *there;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct asked *)a)->name, ((const struct asked *)b)->name);
}

/* A page's keys come in their order: behind the last name that was asked for it ends. */
static bool note_there(void *ctx, const struct sl_s3_item *item)
{
	struct asking *q = ctx;
	const struct asked key = {.name = item->key};
	const struct asked *found = bsearch(&key, q->v, q->n, sizeof(key), by_name);

	if (found)
		q->there[found->at] = true;
	return strcmp(item->key, q->v[q->n - 1].name) < 0;
}

static size_t common(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

/* Lists what begins as all of them do, from just before the first one. */
static bool ask_by_listing(struct sl_s3 *s3, const char *const *names, size_t n, bool *there,
			   struct sl_err *err)
{
	sl_cleanup(sl_freep) struct asked *asked = sl_xcalloc(n, sizeof(*asked));
	struct asking q = {.v = asked, .n = n, .there = there};

	for (size_t i = 0; i < n; i++) {
		asked[i] = (struct asked){names[i], i};
		there[i] = false;
	}
	qsort(asked, n, sizeof(*asked), by_name);
	sl_cleanup(sl_freep) char *prefix =
		sl_xstrndup(asked[0].name, common(asked[0].name, asked[n - 1].name));
	sl_cleanup(sl_freep) char *before = sl_xstrndup(asked[0].name, strlen(asked[0].name) - 1);
	return sl_s3_list(s3, prefix, before, false, note_there, &q, err);
}

static bool bucket_exist(struct sl_depot *d, const char *const *names, size_t n, bool *there,
			 struct sl_err *err)
{
	struct sl_s3 *s3;

	if (!open_s3(d, &s3, err))
		return false;
	if (n > ASK_SINGLY)
		return ask_by_listing(s3, names, n, there, err);
	for (size_t i = 0; i < n; i++)
		if (!sl_s3_exists(s3, names[i], &there[i], err))
			return false;
	return true;
}

static bool bucket_secure(struct sl_depot *d, const char *name, bool *ret_there, struct sl_err *err)
{
	return bucket_exist(d, &name, 1, ret_there, err);
}

static bool bucket_remove(struct sl_depot *d, const char *const *names, size_t n,
			  struct sl_err *err)
{
	struct sl_s3 *s3;

	return open_s3(d, &s3, err) && sl_s3_remove(s3, names, n, err);
}

struct telling {
	size_t skip; /* bytes of the directory in front */
	sl_time before;
	sl_depot_fn fn;
	void *ctx;
};

static bool tell(void *ctx, const struct sl_s3_item *item)
{
	const struct telling *t = ctx;

	if (!t->before || (!item->is_dir && item->changed && item->changed < t->before))
		t->fn(t->ctx, item->key + t->skip);
	return true;
}

static bool bucket_each(struct sl_depot *d, const char *dir, sl_time before, sl_depot_fn fn,
			void *ctx, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *prefix = sl_xasprintf("%s%s", dir, dir[0] ? "/" : "");
	struct telling t = {.skip = strlen(prefix), .before = before, .fn = fn, .ctx = ctx};
	struct sl_s3 *s3;

	return open_s3(d, &s3, err) && sl_s3_list(s3, prefix, NULL, true, tell, &t, err);
}

static bool bucket_sweep(struct sl_depot *d, sl_time before, size_t *ret_n, struct sl_err *err)
{
	struct sl_s3 *s3;

	return open_s3(d, &s3, err) && sl_s3_sweep(s3, before, ret_n, err);
}

/* --- pieces --- */

static void bucket_reader_close(struct sl_depot_reader *base)
{
	struct bucket_reader *r = (struct bucket_reader *)base;

	sl_buf_release(&r->window);
	free(r->name);
	free(r);
}

/* Bytes from at on, at least n of them if there are so many. */
static bool fill(struct bucket_reader *r, uint64_t at, size_t n, struct sl_err *err)
{
	r->ahead = at == r->at + r->window.n && 2 * r->ahead <= AHEAD_MAX ? 2 * r->ahead : r->ahead;
	sl_buf_clear(&r->window);
	r->at = at;
	return sl_s3_read(r->s3, r->name, &r->object, at, n > r->ahead ? n : r->ahead, &r->window,
			  err);
}

static bool bucket_open(struct sl_depot *d, const char *name, struct sl_depot_reader **ret,
			struct sl_err *err)
{
	struct bucket_reader *r;
	struct sl_s3 *s3;

	if (!open_s3(d, &s3, err))
		return false;
	r = sl_xcalloc(1, sizeof(*r));
	*r = (struct bucket_reader){.base.ops = d->ops,
				    .s3 = s3,
				    .name = sl_xstrdup(name),
				    .ahead = FIRST_READ,
				    .tries_left = TRIES};
	if (!sl_s3_read(s3, name, &r->object, 0, FIRST_READ, &r->window, err)) {
		bucket_reader_close(&r->base);
		return false;
	}
	r->base.size = r->object.size;
	*ret = &r->base;
	return true;
}

static bool holds(const struct bucket_reader *r, uint64_t at, size_t n)
{
	return at >= r->at && at + n <= r->at + r->window.n;
}

static bool bucket_read(struct sl_depot_reader *base, uint64_t at, size_t n, struct sl_buf *out,
			struct sl_err *err)
{
	struct bucket_reader *r = (struct bucket_reader *)base;

	if (at >= base->size)
		return true;
	if (n > base->size - at)
		n = (size_t)(base->size - at);
	if (n == 0)
		return true;
	if (!holds(r, at, n) && !fill(r, at, n, err))
		return false;
	if (!holds(r, at, n)) {
		sl_cleanup(sl_freep) char *where = sl_s3_where(r->s3, r->name);

		return sl_err_set(err, SL_ERR_IO, "cannot read \"%s\": it ends too early", where);
	}
	sl_buf_add(out, r->window.p + (at - r->at), n);
	return true;
}

/* A range comes without a checksum of its own. */
static bool bucket_again(struct sl_depot_reader *base)
{
	struct bucket_reader *r = (struct bucket_reader *)base;

	sl_buf_clear(&r->window);
	return r->tries_left-- > 0;
}

/* --- large files --- */

static bool bucket_create(struct sl_depot *d, const char *dir, size_t room,
			  struct sl_depot_writer **ret, struct sl_err *err)
{
	const struct bucket *b = (const struct bucket *)d;

	(void)dir;
	SL_ASSERT(b->spool);
	return sl_depot_spool(d, b->spool, room, ret, err);
}

static bool bucket_publish(struct sl_depot_writer *w, const char *name, bool *ret_won,
			   struct sl_err *err)
{
	struct sl_s3 *s3;
	struct stat st;

	if (fstat(w->tmp.fd, &st) < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot read \"%s\"", w->tmp.path);
	return open_s3(w->depot, &s3, err) &&
	       sl_s3_put_file(s3, name, w->tmp.fd, (uint64_t)st.st_size, ret_won, err);
}

static const struct sl_depot_ops bucket_ops = {
	.close = bucket_close,
	.where = bucket_where,
	.put = bucket_put,
	.replace = bucket_replace,
	.get = bucket_get,
	.exist = bucket_exist,
	.secure = bucket_secure,
	.remove = bucket_remove,
	.each = bucket_each,
	.sweep = bucket_sweep,
	.open = bucket_open,
	.read = bucket_read,
	.again = bucket_again,
	.reader_close = bucket_reader_close,
	.create = bucket_create,
	.publish = bucket_publish,
};

struct sl_depot *sl_depot_s3(const char *conn_id, const char *below, const char *spool)
{
	struct bucket *b = sl_xcalloc(1, sizeof(*b));

	*b = (struct bucket){
		.base.ops = &bucket_ops,
		.conn_id = sl_xstrdup(conn_id),
		.below = sl_xstrdup(below),
		.spool = spool ? sl_xstrdup(spool) : NULL,
	};
	return &b->base;
}
