/*
 * Source "sql": rows of a query, from PostgreSQL or a DuckDB file, as JSON lines. With a watermark
 * it is a cursor: each range is read in one snapshot, in the order of (watermark, key), in steps
 * that are never read twice. With input: whole the query's present answer is the one input.
 */
#include "base/fault.h"
#include "data/sqltext.h"
#include "tasks/collect/collect.h"
#include "tasks/collect/json_row.h"
#include "tasks/collect/sql_ask.h"

#define KEYS_MAX 16
#define WAIT_US (10 * SL_SECOND)

static const struct sl_field fields[] = {
	SL_F_TEXT(struct sl_sql_params, connection, SL_F_REQUIRED, NULL,
		  "id of the connection (postgres, duckdb)"),
	SL_F_TEXT(struct sl_sql_params, query, 0, NULL, "one statement that reads; or table"),
	SL_F_TEXT(struct sl_sql_params, table, 0, NULL, "table or view, all its columns"),
	SL_F_TEXT(struct sl_sql_params, watermark, 0, NULL,
		  "column that grows with every new or changed row: time, date, integer, decimal, "
		  "text"),
	SL_F_TEXTS(struct sl_sql_params, key, 0,
		   "columns that tell rows of one watermark apart, never NULL"),
	SL_F_TEXT(struct sl_sql_params, lag, 0, NULL,
		  "how far behind the last range late rows are looked for: 15m, or 1000"),
	SL_F_TEXTS(struct sl_sql_params, json, 0, "columns whose text is JSON and stays so"),
	SL_F_SIZE(struct sl_sql_params, step, 0, "16MiB", 1, 48 << 20,
		  "bytes of rows after which a step is kept"),
	SL_F_DURATION(struct sl_sql_params, timeout, 0, "1h", SL_SECOND, 7 * SL_DAY,
		      "longest time of one statement"),
	SL_F_END,
};

/* --- the check --- */

struct checking {
	struct sl_sql_params *p;
	const struct sl_node *map;
	struct sl_arena *arena;
	struct sl_diags *diags;
};

static struct sl_place place_of(const struct checking *c, const char *key)
{
	const struct sl_node *n = sl_node_get(c->map, key);

	return n ? n->at : c->map->owner;
}

static bool is_whole(const struct sl_node *map)
{
	const struct sl_node *n = sl_node_get(map, "input");

	return n && n->kind == SL_NODE_SCALAR && strcmp(n->text, "whole") == 0;
}

static void check_query(const struct checking *c)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	struct sl_sqltext text;
	struct sl_err err = SL_ERR_INIT;

	if (!c->p->query == !c->p->table) {
		sl_diag_add(c->diags, c->p->query ? SL_E1011 : SL_E1004, c->map->owner,
			    "a sql source has either \"query\" or \"table\"");
		return;
	}
	if (c->p->table) {
		sl_buf_adds(&sql, "select * from ");
		sl_sql_ident(&sql, c->p->table);
		c->p->body = sl_arena_strdup(c->arena, sl_buf_z(&sql));
		return;
	}
	if (!sl_sqltext_read(sl_str_of(c->p->query), false, c->arena, &text, &err))
		sl_diag_add(c->diags, SL_E1013, place_of(c, "query"), "%s", err.msg);
	else if (!sl_sqltext_reads(&text))
		sl_diag_add(c->diags, SL_E1013, place_of(c, "query"),
			    "a source's query only reads, \"%s\" does not", text.verb);
	else
		c->p->body = text.sql;
}

static void check_lag(const struct checking *c)
{
	if (!sl_lag_parse(c->p->lag, &c->p->back))
		sl_diag_add(c->diags, SL_E1006, place_of(c, "lag"),
			    "lag is a duration like 15m or a number, not \"%s\"", c->p->lag);
}

static void check_cursor(const struct checking *c)
{
	if (!c->p->watermark)
		sl_diag_add(c->diags, SL_E1004, c->map->owner,
			    "a sql source needs a \"watermark\", or \"input: whole\"");
	else if (c->p->key.n == 0)
		sl_diag_add(c->diags, SL_E1004, c->map->owner,
			    "a sql source with \"watermark\" needs a \"key\"");
	if (c->p->key.n > KEYS_MAX)
		sl_diag_add(c->diags, SL_E1006, place_of(c, "key"), "a key has at most %d columns",
			    KEYS_MAX);
	check_lag(c);
}

static bool check(void *params, const struct sl_node *map, const char *pipeline_dir,
		  struct sl_arena *arena, struct sl_diags *diags)
{
	const struct checking c = {params, map, arena, diags};
	const size_t before = diags->total;

	(void)pipeline_dir;
	check_query(&c);
	if (!is_whole(map))
		check_cursor(&c);
	else if (c.p->watermark || c.p->lag)
		sl_diag_add(diags, SL_E1011, place_of(&c, c.p->watermark ? "watermark" : "lag"),
			    "with \"input: whole\" everything is read, so there is no watermark");
	return diags->total == before;
}

/* --- reading --- */

/* One collection of this source. */
struct reading {
	const struct sl_sql_params *params;
	struct sl_collect *c;
	struct sl_steps steps;
	struct sl_rows rows;
	const struct sl_engine *eng;
	struct sl_db *db;
	struct sl_arena arena;
	/* of the answer under way */
	size_t watermark, *keys; /* places of the columns */
	bool *json;		 /* per column */
};

static bool find_column(const struct sl_db_col *cols, size_t n, const char *name, size_t *ret,
			struct sl_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(cols[i].name, name) == 0) {
			*ret = i;
			return true;
		}
	return sl_err_set(err, SL_ERR_CONFIG, "the query's answer has no column \"%s\"", name);
}

static bool check_unique(const struct sl_db_col *cols, size_t n, struct sl_err *err)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(cols[i].name, cols[k].name) == 0)
				return sl_err_set(err, SL_ERR_CONFIG,
						  "the query's answer has two columns \"%s\"",
						  cols[i].name);
	return true;
}

static bool take_columns(void *ctx, const struct sl_db_col *cols, size_t n, struct sl_err *err)
{
	struct reading *r = ctx;
	const struct sl_sql_params *p = r->params;
	size_t at = 0;

	r->json = sl_arena_zalloc(&r->arena, n + 1, sizeof(*r->json));
	r->keys = sl_arena_zalloc(&r->arena, p->key.n + 1, sizeof(*r->keys));
	if (!check_unique(cols, n, err))
		return false;
	for (size_t i = 0; i < p->json.n; i++) {
		if (!find_column(cols, n, p->json.v[i], &at, err))
			return false;
		r->json[at] = true;
	}
	for (size_t i = 0; i < p->key.n; i++)
		if (!find_column(cols, n, p->key.v[i], &r->keys[i], err))
			return false;
	return !r->rows.steps || find_column(cols, n, p->watermark, &r->watermark, err);
}

static bool find_keys(const struct reading *r, const struct sl_str *cells, struct sl_str *ret,
		      struct sl_err *err)
{
	ret[0] = cells[r->watermark];
	for (size_t i = 0; i < r->params->key.n; i++) {
		ret[1 + i] = cells[r->keys[i]];
		if (ret[1 + i].p)
			continue;
		sl_err_set(err, SL_ERR_DATA, "a row's key \"%s\" is NULL", r->params->key.v[i]);
		return sl_err_hint(err, "choose a key that is never NULL, or leave such rows out "
					"in the query");
	}
	return true;
}

static bool take_row(void *ctx, const struct sl_db_col *cols, size_t n, const struct sl_str *cells,
		     struct sl_err *err)
{
	struct reading *r = ctx;
	struct sl_str behind[1 + KEYS_MAX];
	const bool whole = !r->rows.steps;

	if (!sl_rows_next(&r->rows, err) || (!whole && !find_keys(r, cells, behind, err)))
		return false;
	sl_json_row(&r->rows.lines, cols, n, cells, r->json);
	return sl_rows_put(&r->rows, behind, whole ? 0 : 1 + r->params->key.n, err);
}

static bool run_ask(struct reading *r, const struct sl_sql_ask *ask, struct sl_err *err)
{
	SL_FAULT("sql.before_rows", err);
	return r->eng->query(r->db, ask->sql, ask->params, ask->n_params, take_columns, take_row, r,
			     err);
}

/* --- a range --- */

/* Infinity, NaN or a year before Christ would be the greatest for ever, or have no order here. */
static bool check_end(const struct sl_db_col *col, struct sl_str text, struct sl_err *err)
{
	const bool usable =
		col->kind == SL_TEXT ||
		(text.n && strchr("-0123456789", text.p[0]) && !sl_str_starts(text, "-i") &&
		 !sl_str_starts(text, "-I") && !sl_str_ends(text, " BC"));

	if (col->kind == SL_BOOL || col->kind == SL_FLOAT64 || col->kind == SL_TEXT_LIST)
		return sl_err_set(err, SL_ERR_CONFIG,
				  "a watermark is a time, date, integer, decimal or text");
	if (usable)
		return true;
	sl_err_set(err, SL_ERR_DATA, "the greatest watermark is \"" SL_STR_FMT "\"",
		   SL_STR_ARG(text));
	return sl_err_hint(err, "leave such rows out in the query");
}

static bool take_end(void *ctx, const struct sl_db_col *cols, size_t n, const struct sl_str *cells,
		     struct sl_err *err)
{
	struct reading *r = ctx;

	(void)n;
	if (!cells[0].p)
		return true;
	if (!check_end(&cols[0], cells[0], err))
		return false;
	r->steps.end = sl_collect_text(r->c, cells[0]);
	return true;
}

/* Where nothing lies behind the last range, the end stays NULL. */
static bool fix_end(struct reading *r, struct sl_err *err)
{
	if (r->steps.end)
		return true;
	struct sl_sql_ask ask = sl_sql_ask_end(r->params, r->steps.from, &r->arena);
	return r->eng->query(r->db, ask.sql, ask.params, ask.n_params, NULL, take_end, r, err);
}

/* All that is left of the range, in one snapshot. */
static bool read_range(struct reading *r, struct sl_err *err)
{
	struct sl_steps *s = &r->steps;
	struct sl_sql_ask ask;

	if (!fix_end(r, err))
		return false;
	if (!s->end) {
		s->done = true;
		return true;
	}
	if (!sl_sql_ask_rows(r->params, s->from, s->end, s->at, sl_collect_wanted(r->c), &r->arena,
			     &ask, err))
		return false;
	if (run_ask(r, &ask, err))
		return sl_rows_end(&r->rows, err);
	if (!r->rows.moved)
		return false;
	sl_err_clear(err);
	return true;
}

static bool with_snapshot(struct reading *r, bool (*read)(struct reading *, struct sl_err *),
			  struct sl_err *err)
{
	bool ok = r->eng->begin(r->db, err) && read(r, err);

	r->eng->rollback(r->db);
	sl_rows_reset(&r->rows);
	return ok;
}

/* --- everything --- */

static bool read_whole(struct reading *r, struct sl_err *err)
{
	struct sl_sql_ask ask = sl_sql_ask_whole(r->params, sl_collect_wanted(r->c), &r->arena);

	return sl_collect_begin(r->c, SL_WHOLE, err) && run_ask(r, &ask, err) &&
	       sl_rows_end(&r->rows, err) && sl_collect_end(r->c, NULL, err);
}

/* --- the source --- */

static bool find_engine(struct reading *r, const struct sl_conn *conn, struct sl_db_conf *conf,
			struct sl_err *err)
{
	if (strcmp(conn->type, "postgres") == 0)
		return sl_engine_get("pg", &r->eng, err);
	if (strcmp(conn->type, "duckdb") == 0) {
		conf->path = sl_arena_printf(&r->arena, "/%s", conn->schema ? conn->schema : "");
		return sl_engine_get("duckdb", &r->eng, err);
	}
	sl_err_set(err, SL_ERR_CONFIG,
		   "connection \"%s\" is of type \"%s\": no sql source reads it", conn->id,
		   conn->type);
	return sl_err_hint(err, "postgres://user:password@host:5432/database, or duckdb:///file");
}

static bool open_db(void *ctx, struct sl_err *err)
{
	struct reading *r = ctx;
	const struct sl_run *run = sl_collect_run(r->c);
	struct sl_conn conn;
	struct sl_db_conf conf = {
		.conn = &conn,
		.app_name = sl_arena_printf(&r->arena, "sluice-collect %s", run->p->name),
		.read_only = true,
		.snapshot = true,
		.wait_us = WAIT_US,
		.statement_us = r->params->timeout,
	};

	return sl_conn_get(r->params->connection, &r->arena, &conn, err) &&
	       find_engine(r, &conn, &conf, err) && r->eng->open(&conf, &r->db, err);
}

static bool whole_in_snapshot(void *ctx, struct sl_err *err)
{
	return with_snapshot(ctx, read_whole, err);
}

static bool range_in_snapshot(void *ctx, struct sl_err *err)
{
	return with_snapshot(ctx, read_range, err);
}

static bool collect(const void *params, struct sl_collect *c, struct sl_err *err)
{
	static const struct sl_rows_source source = {open_db, whole_in_snapshot, range_in_snapshot};
	struct reading r = {.params = params, .c = c, .rows = {.c = c}};

	r.rows.step = r.params->step;
	if (sl_collect_source(c)->input != SL_INPUT_WHOLE)
		r.rows.steps = &r.steps;
	bool ok = sl_rows_collect(&r.rows, &source, &r, sl_sql_asks(r.params, &r.arena), err);
	if (r.db)
		r.eng->close(r.db);
	sl_rows_release(&r.rows);
	sl_arena_release(&r.arena);
	return ok;
}

const struct sl_source_kind sl_source_sql = {
	.name = "sql",
	.summary = "rows of a query, by a watermark or all of them",
	.params = fields,
	.params_size = sizeof(struct sl_sql_params),
	.remote = true,
	.codec = "jsonl",
	.check = check,
	.collect = collect,
};
