/*
 * Reading in a snapshot. The collection's mark is looked at before it, the database's in it: both ours
 * means that nobody has begun since, and that nothing was restored.
 */
#include "base/mem.h"
#include "base/num.h"
#include "tasks/publish/publish.h"

bool sl_publish_begun(const struct sl_publish *p, struct sl_err *err)
{
	sl_err_set(err, SL_ERR_AGAIN,
		   "another publish of documents \"%s\" has begun, or the database was restored",
		   p->what->name);
	return sl_err_hint(err, "run sluice publish again");
}

static bool take_number(void *ctx, const struct sl_db_col *cols, size_t n_cols,
			const struct sl_str *cells, struct sl_err *err)
{
	(void)cols;
	(void)n_cols;
	return sl_num_i64(cells[0], 0, INT64_MAX, ctx) ||
	       sl_err_set(err, SL_ERR_BUG, "a number that is none");
}

static bool begin(struct sl_publish *p, struct sl_err *err)
{
	static const char sql[] = "select changes from sluice.pipeline where pipeline = $1";
	struct sl_published_key key = p->key;
	struct sl_published now;
	bool ours = p->target->whole;

	key.db = p->reader;
	if ((!ours && !p->target->still(p->docs, &ours, err)) ||
	    !p->engine->snapshot(p->reader, err) ||
	    !p->engine->query(p->reader, sql, &p->key.pipeline, 1, NULL, take_number, &p->change,
			      err) ||
	    !sl_published_read(&key, &now, err))
		return false;
	return p->target->whole ||
	       (ours && now.mark.n == p->mark.n && now.mark.word == p->mark.word) ||
	       sl_publish_begun(p, err);
}

struct reading {
	struct sl_publish *p;
	struct sl_spool spool;
	bool (*row)(void *ctx, const struct sl_str *cells, struct sl_err *err);
	void *ctx;
};

/* A file takes the rows as fast as the database gives them. */
static bool take_row(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		     const struct sl_str *cells, struct sl_err *err)
{
	struct reading *r = ctx;

	(void)cols;
	if (r->p->target->whole)
		return r->row(r->ctx, cells, err);
	return sl_spool_add(&r->spool, cells, n_cols, err);
}

static bool read_in(struct reading *r, const char *sql, uint64_t *ret_live, struct sl_err *err)
{
	struct sl_publish *p = r->p;
	int64_t live = 0;

	if (!begin(p, err) || !p->engine->query(p->reader, sql, NULL, 0, NULL, take_row, r, err) ||
	    (ret_live && !p->engine->query(p->reader, sl_publish_count_sql(p), NULL, 0, NULL,
					   take_number, &live, err)))
		return false;
	if (ret_live)
		*ret_live = (uint64_t)live;
	return true;
}

bool sl_publish_read(struct sl_publish *p, const char *sql, uint64_t *ret_live,
		     bool (*row)(void *ctx, const struct sl_str *cells, struct sl_err *err),
		     void *ctx, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *dir = sl_home_path(&p->run->home, "tmp");
	struct reading r = {p, SL_SPOOL_INIT(dir), row, ctx};
	bool ok = read_in(&r, sql, ret_live, err);

	p->engine->rollback(p->reader); /* it only read */
	ok = ok && sl_spool_each(&r.spool, p->n_cols, row, ctx, err);
	sl_spool_release(&r.spool);
	return ok;
}
