/*
 * Opening a store: engine and connection of the backend, missing tables, then rev and era. A store
 * that brings other rules than the one before draws a new era, a random word: a counter would
 * repeat after a restore from backup, and an old attempt would pass for a new one.
 */
#include "store/sink.h"

#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/sink_private.h"

#define STORE_WAIT_US (INT64_C(30) * SL_SECOND)

/* --- small statements --- */

bool sl_sink_exec(struct sl_sink *s, const char *sql, const char *const *params, size_t n_params,
		  uint64_t *affected, struct sl_err *err)
{
	return s->eng->exec(s->db, sql, params, n_params, affected, err);
}

struct one_row {
	struct sl_arena *arena;
	struct sl_str *cells;
	size_t n;
	bool found;
};

static bool take_row(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		     const struct sl_str *cells, struct sl_err *err)
{
	struct one_row *row = ctx;

	(void)cols;
	(void)err;
	for (size_t i = 0; !row->found && i < row->n && i < n_cols; i++)
		row->cells[i] = cells[i].p ? sl_arena_str(row->arena, cells[i]) : SL_STR_NULL;
	row->found = true;
	return true;
}

bool sl_sink_row(struct sl_sink *s, const char *sql, const char *const *params, size_t n_params,
		 struct sl_arena *arena, struct sl_str *cells, size_t n, bool *ret_found,
		 struct sl_err *err)
{
	struct one_row row = {arena, cells, n, false};
	bool ok = s->eng->query(s->db, sql, params, n_params, NULL, take_row, &row, err);

	*ret_found = row.found;
	return ok;
}

void sl_sink_add_columns(const struct sl_sink *s, struct sl_buf *sql, const char *prefix)
{
	for (size_t i = 0; i < s->stored.n; i++) {
		sl_buf_addf(sql, "%s%s", i ? ", " : "", prefix);
		sl_sql_ident(sql, s->stored.cols[i].name);
	}
}

/* --- connect --- */

int64_t sl_store_wait(void)
{
	const char *text = getenv("SLUICE_STORE_WAIT");
	int64_t us;

	return text && sl_num_duration(sl_str_of(text), &us) ? us : STORE_WAIT_US;
}

static bool connect_to(const struct sl_pipeline *p, const struct sl_home *home, bool read_only,
		       int64_t wait_us, struct sl_arena *arena, const struct sl_engine **ret_eng,
		       struct sl_db **ret_db, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_home_path(home, "data.db");
	sl_cleanup(sl_freep) char *temp = sl_home_path(home, "tmp");
	sl_cleanup(sl_freep) char *app =
		sl_xasprintf("sluice-%s %s", read_only ? "query" : "store", p->name);
	struct sl_conn conn;
	struct sl_db_conf conf = {.path = path,
				  .app_name = app,
				  .read_only = read_only,
				  .wait_us = wait_us,
				  .temp_dir = temp};

	if (p->backend.store_conn) {
		if (!sl_conn_get(p->backend.store_conn, arena, &conn, err))
			return false;
		conf.conn = &conn;
	}
	return sl_engine_get(p->backend.store, ret_eng, err) &&
	       (*ret_eng)->open(&conf, ret_db, err);
}

bool sl_store_connect(const struct sl_pipeline *p, const struct sl_home *home, bool read_only,
		      int64_t wait_us, const struct sl_engine **ret_eng, struct sl_db **ret_db,
		      struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;

	return connect_to(p, home, read_only, wait_us, &arena, ret_eng, ret_db, err);
}

/* --- rev and era --- */

bool sl_sink_draw_era(int64_t *ret, struct sl_err *err)
{
	uint64_t word;

	if (getrandom(&word, sizeof(word), 0) != sizeof(word))
		return sl_err_set(err, SL_ERR_BUG, "the system gives no random bytes");
	*ret = (int64_t)(word >> 1);
	return true;
}

bool sl_sink_held(struct sl_sink *s, struct sl_held *ret, struct sl_err *err)
{
	static const char sql[] = "select rev, shape, target, era, changes from sluice.pipeline "
				  "where pipeline = $1";
	struct sl_str cells[5];

	if (!sl_sink_row(s, sql, &s->p->name, 1, &s->arena, cells, 5, &ret->found, err))
		return false;
	if (!ret->found)
		return true;
	ret->rev = cells[0];
	ret->shape = cells[1];
	ret->target = cells[2];
	return (sl_num_i64(cells[3], INT64_MIN, INT64_MAX, &ret->era) &&
		sl_num_i64(cells[4], 0, INT64_MAX - 1, &ret->changes)) ||
	       sl_err_set(err, SL_ERR_CONFIG, "table sluice.pipeline is damaged");
}

static bool check_shape(const struct sl_sink *s, const struct sl_held *held, struct sl_err *err)
{
	if (!held->found || sl_str_eqz(held->shape, s->p->shape))
		return true;
	sl_err_set(err, SL_ERR_CONFIG,
		   "table \"%s\", its mode, key or version, or the order of sources changed since "
		   "pipeline \"%s\" stored last",
		   s->p->store.table, s->p->name);
	return sl_err_hint(err, "sluice rebuild %s", s->p->name);
}

static bool read_pipeline(struct sl_sink *s, struct sl_held *ret, struct sl_err *err)
{
	return sl_sink_held(s, ret, err) && check_shape(s, ret, err);
}

/* Owners and the lock are one pipeline's: two would undo each other's rows. */
bool sl_sink_alone(struct sl_sink *s, struct sl_err *err)
{
	static const char sql[] = "select pipeline from sluice.pipeline "
				  "where target = $1 and pipeline <> $2";
	const char *params[] = {s->p->store.table, s->p->name};
	struct sl_str cell;
	bool found;

	if (!sl_sink_row(s, sql, params, 2, &s->arena, &cell, 1, &found, err))
		return false;
	return !found || sl_err_set(err, SL_ERR_CONFIG,
				    "table \"%s\" is stored by pipeline \"" SL_STR_FMT "\" already",
				    s->p->store.table, SL_STR_ARG(cell));
}

static bool note(struct sl_sink *s, const struct sl_held *held)
{
	s->era = held->era;
	snprintf(s->old_rev, sizeof(s->old_rev), SL_STR_FMT, SL_STR_ARG(held->rev));
	return true;
}

/* What an opened store is like. */
struct look {
	int64_t format; /* of the state tables; 0: there are none */
	struct sl_fit fit;
	struct sl_held held;
};

static bool look_at(struct sl_sink *s, struct look *ret, struct sl_err *err)
{
	*ret = (struct look){.format = 0};
	if (!sl_sink_format(s, &ret->format, err) || !sl_sink_look(s, &ret->fit, err) ||
	    (ret->format && !read_pipeline(s, &ret->held, err)))
		return false;
	return sl_fit_judge(s, &ret->fit, !sl_str_eqz(ret->held.rev, s->p->rev), err);
}

static bool is_ready(const struct sl_sink *s, const struct look *look)
{
	sl_cleanup(sl_buf_release) struct sl_buf ddl = SL_BUF_INIT;

	sl_fit_add_ddl(s, &look->fit, &ddl);
	return sl_sink_is_current(look->format) && !ddl.n && look->held.found &&
	       sl_str_eqz(look->held.rev, s->p->rev);
}

static bool make_missing(struct sl_sink *s, const struct look *look, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf ddl = SL_BUF_INIT;

	sl_fit_add_ddl(s, &look->fit, &ddl);
	if (ddl.n && look->fit.exists)
		s->changes = sl_arena_strdup(&s->arena, sl_buf_z(&ddl));
	if (!sl_sink_migrate(s, look->format, err))
		return false;
	s->made = !look->fit.exists;
	if (s->made)
		return sl_sink_make_table(s, s->table, err);
	return !ddl.n || s->eng->script(s->db, sl_buf_z(&ddl), err);
}

static bool insert_pipeline(struct sl_sink *s, const struct look *look, const char *era,
			    struct sl_err *err)
{
	static const char sql[] =
		"insert into sluice.pipeline (pipeline, rev, era, shape, changes, target) "
		"values ($1, $2, cast($3 as bigint), $4, 0, $5)";
	const char *params[] = {s->p->name, s->p->rev, era, s->p->shape, s->p->store.table};

	return (!look->format || sl_sink_alone(s, err)) &&
	       sl_sink_exec(s, sql, params, SL_ARRAY_LEN(params), NULL, err);
}

/* A rebuild may change what it holds as long as its row is not locked. */
static bool update_pipeline(struct sl_sink *s, const char *era, struct sl_err *err)
{
	static const char sql[] = "update sluice.pipeline set rev = $2, era = cast($3 as bigint) "
				  "where pipeline = $1";
	const char *params[] = {s->p->name, s->p->rev, era};
	struct sl_held held = {.found = false};
	const int64_t drawn = s->era;

	if (!s->eng->lock(s->db, s->p->name, err) || !read_pipeline(s, &held, err) ||
	    !sl_sink_alone(s, err))
		return false;
	note(s, &held);
	if (sl_str_eqz(held.rev, s->p->rev))
		return true;
	s->era = drawn;
	return sl_sink_exec(s, sql, params, SL_ARRAY_LEN(params), NULL, err);
}

static bool bring_rev(struct sl_sink *s, const struct look *look, struct sl_err *err)
{
	char era[24];

	if (!sl_sink_draw_era(&s->era, err))
		return false;
	snprintf(era, sizeof(era), "%" PRId64, s->era);
	return look->held.found ? update_pipeline(s, era, err) : insert_pipeline(s, look, era, err);
}

/* One transaction makes what is missing and brings our rev. Where others may have done so while
 * this one waited for the right, it looks again. */
static bool prepare_in(struct sl_sink *s, struct look *look, struct sl_err *err)
{
	return s->eng->lock(s->db, NULL, err) && (!s->eng->shared || look_at(s, look, err)) &&
	       make_missing(s, look, err) && bring_rev(s, look, err) && s->eng->commit(s->db, err);
}

static bool prepare_tables(struct sl_sink *s, struct sl_err *err)
{
	struct look look;

	if (!look_at(s, &look, err))
		return false;
	if (is_ready(s, &look)) {
		sl_fit_follow(s, &look.fit);
		return note(s, &look.held);
	}
	if (s->eng->begin(s->db, err) && prepare_in(s, &look, err)) {
		sl_fit_follow(s, &look.fit);
		return true;
	}
	s->eng->rollback(s->db);
	return false;
}

/* --- open and close --- */

/* A NULL in a key would equal nothing and be inserted again by every run. */
static bool check_key(const struct sl_pipeline *p, struct sl_err *err)
{
	for (size_t i = 0; i < p->store.key.n; i++)
		if (!p->contract.cols[p->store.key_cols[i]].required)
			return sl_err_set(err, SL_ERR_CONFIG,
					  "key column \"%s\" of table \"%s\" is not required",
					  p->store.key.v[i], p->store.table);
	return true;
}

static void prepare(struct sl_sink *s, const struct sl_pipeline *p)
{
	sl_cleanup(sl_buf_release) struct sl_buf table = SL_BUF_INIT;

	s->p = p;
	s->latest = p->store.mode == SL_MODE_LATEST;
	s->contract =
		(struct sl_schema){p->schema.cols, p->contract.n_stored, p->contract.n_stored};
	s->stored = s->contract;
	s->column_of = sl_arena_zalloc(&s->arena, s->contract.n + 1, sizeof(*s->column_of));
	sl_batch_init(&s->rows, &s->contract, SL_PART_ROWS);
	sl_sql_ident(&table, p->store.table);
	s->table = sl_arena_strdup(&s->arena, sl_buf_z(&table));
	s->name = p->backend.store_conn ? sl_arena_printf(&s->arena, "%s.%s", p->backend.store,
							  p->backend.store_conn)
					: p->backend.store;
}

bool sl_sink_open(const struct sl_pipeline *p, const struct sl_home *home, struct sl_sink **ret,
		  struct sl_err *err)
{
	struct sl_sink *s = sl_xcalloc(1, sizeof(*s));

	prepare(s, p);
	if ((s->latest && !check_key(p, err)) ||
	    !connect_to(p, home, false, sl_store_wait(), &s->arena, &s->eng, &s->db, err) ||
	    !prepare_tables(s, err)) {
		sl_sink_close(s);
		return false;
	}
	*ret = s;
	return true;
}

/* Without looking at rev, shape and columns: what follows makes them true. */
bool sl_sink_open_rebuild(const struct sl_pipeline *p, const struct sl_home *home,
			  struct sl_sink **ret, struct sl_err *err)
{
	struct sl_sink *s = sl_xcalloc(1, sizeof(*s));
	struct sl_held held = {.found = false};
	int64_t format = 0;

	prepare(s, p);
	const bool ok =
		(!s->latest || check_key(p, err)) &&
		connect_to(p, home, false, sl_store_wait(), &s->arena, &s->eng, &s->db, err) &&
		sl_sink_format(s, &format, err) &&
		(!format || (sl_sink_upgrade(s, err) && sl_sink_held(s, &held, err)));

	if (ok && held.found) {
		note(s, &held);
		*ret = s;
		return true;
	}
	sl_sink_close(s);
	*ret = NULL;
	return ok;
}

static bool check_in(struct sl_sink *s, struct look *look, struct sl_err *err)
{
	return look_at(s, look, err) && (!look->format || sl_sink_alone(s, err));
}

bool sl_sink_check(const struct sl_pipeline *p, const struct sl_home *home, struct sl_buf *ddl,
		   bool *ret_exists, struct sl_err *err)
{
	struct sl_sink *s = sl_xcalloc(1, sizeof(*s));
	struct look look = {.format = 0};

	prepare(s, p);
	const bool ok =
		connect_to(p, home, true, sl_store_wait(), &s->arena, &s->eng, &s->db, err) &&
		check_in(s, &look, err);

	*ret_exists = ok && look.fit.exists;
	if (ok && ddl)
		sl_fit_add_ddl(s, &look.fit, ddl);
	sl_sink_close(s);
	return ok;
}

bool sl_sink_open_memory(const struct sl_pipeline *p, struct sl_sink **ret, struct sl_err *err)
{
	struct sl_sink *s = sl_xcalloc(1, sizeof(*s));
	const struct sl_db_conf conf = {.app_name = "sluice-check"};

	prepare(s, p);
	struct look look = {.format = 0};

	if (sl_engine_get("duckdb", &s->eng, err) && s->eng->open(&conf, &s->db, err) &&
	    make_missing(s, &look, err)) {
		*ret = s;
		return true;
	}
	sl_sink_close(s);
	return false;
}

void sl_sink_close(struct sl_sink *s)
{
	if (!s)
		return;
	if (s->db)
		s->eng->close(s->db);
	sl_batch_release(&s->rows);
	sl_arena_release(&s->arena);
	free(s);
}

struct sl_db *sl_sink_detach(struct sl_sink *s)
{
	struct sl_db *db = s->db;

	s->db = NULL;
	sl_sink_close(s);
	return db;
}

const char *sl_sink_name(const struct sl_sink *s)
{
	return s->name;
}

const char *sl_sink_changes(const struct sl_sink *s)
{
	return s->changes ? s->changes : "";
}

const char *sl_sink_lacks(const struct sl_sink *s)
{
	return s->lacks ? s->lacks : "";
}

const char *sl_sink_old_rev(const struct sl_sink *s)
{
	return s->old_rev;
}

const struct sl_engine *sl_sink_engine(const struct sl_sink *s)
{
	return s->eng;
}

struct sl_db *sl_sink_db(struct sl_sink *s)
{
	return s->db;
}
