/*
 * The checks that need the store's engine. SQL is tried on empty tables in a DuckDB in memory where
 * the store is DuckDB, so that nothing need be stored yet and nothing is touched; on a server each
 * statement is planned, read only, once what it reads is there.
 */
#include "base/cancel.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/sqltext.h"
#include "store/models.h"
#include "store/sink.h"
#include "tasks/check/check.h"

#define SQL_MAX ((size_t)1 << 20)
#define WAIT (3 * SL_SECOND)

static bool is_embedded(const struct sl_check *c)
{
	return c->run->p->backend.store_conn == NULL;
}

static const char *store_subject(struct sl_check *c)
{
	const struct sl_backend *b = &c->run->p->backend;

	return is_embedded(c)
		       ? sl_arena_printf(&c->run->arena, "store %s", b->store)
		       : sl_arena_printf(&c->run->arena, "store %s, %s", b->store, b->store_conn);
}

/* --- the store --- */

static bool take_text(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		      const struct sl_str *cells, struct sl_err *err)
{
	struct sl_buf *out = ctx;

	(void)cols;
	(void)err;
	for (size_t i = 0; i < n_cols; i++) {
		sl_buf_adds(out, i ? "\t" : "");
		sl_buf_add_escaped(out, cells[i], 60);
	}
	return true;
}

/* Who may not make tables fails at the first store; later on that right is not needed. */
static bool may_create(const struct sl_engine *engine, struct sl_db *db, struct sl_err *err)
{
	static const char sql[] = "select has_database_privilege(current_database(), 'CREATE')";
	sl_cleanup(sl_buf_release) struct sl_buf may = SL_BUF_INIT;

	if (!engine->query(db, sql, NULL, 0, NULL, take_text, &may, err))
		return false;
	if (sl_str_eqz(sl_buf_str(&may), "true"))
		return true;
	sl_err_set(err, SL_ERR_AUTH,
		   "there is no table yet, and the user may not create schemas in this database");
	return sl_err_hint(err, "let the owner's role store once, or grant create on the database "
				"to the connection's user (docs/operations.md)");
}

static bool ask_server(const struct sl_check *c, struct sl_buf *version, bool *ret_exists,
		       struct sl_err *err)
{
	const struct sl_run *run = c->run;
	const struct sl_engine *engine = NULL;
	struct sl_db *db = NULL;

	if (!sl_store_connect(run->p, &run->home, true, WAIT, &engine, &db, err))
		return false;
	const bool ok =
		engine->query(db, "select version()", NULL, 0, NULL, take_text, version, err) &&
		sl_sink_check(run->p, &run->home, NULL, ret_exists, err) &&
		(*ret_exists || may_create(engine, db, err));

	engine->close(db);
	return ok;
}

static void tell_table(struct sl_check *c, const char *found, bool exists)
{
	sl_check_ok(c, store_subject(c),
		    sl_arena_printf(&c->run->arena, "%s; table %s %s", found,
				    c->run->p->store.table,
				    exists ? "fits" : "comes with the first run"));
}

static void check_embedded(struct sl_check *c)
{
	sl_cleanup(sl_freep) char *file =
		c->run->home.dir ? sl_home_path(&c->run->home, "data.db") : NULL;
	const struct sl_engine *engine = NULL;
	struct sl_err why = SL_ERR_INIT;
	bool exists = false;

	if (!sl_engine_get(c->run->p->backend.store, &engine, &why))
		sl_check_fail(c, store_subject(c), &why);
	else if (!file || !sl_file_exists(file))
		sl_check_ok(c, store_subject(c), "no file yet: the first run makes it");
	else if (!sl_sink_check(c->run->p, &c->run->home, NULL, &exists, &why))
		sl_check_fail(c, store_subject(c), &why);
	else
		tell_table(c, "it answers", exists);
}

static void check_server(struct sl_check *c)
{
	sl_cleanup(sl_buf_release) struct sl_buf version = SL_BUF_INIT;
	struct sl_err why = SL_ERR_INIT;
	bool exists = false;

	if (ask_server(c, &version, &exists, &why)) {
		tell_table(c, sl_buf_z(&version), exists);
		return;
	}
	sl_check_blame(&why, c->run->p->backend.store_conn);
	sl_check_fail(c, store_subject(c), &why);
}

bool sl_check_store(struct sl_check *c, struct sl_err *err)
{
	if (is_embedded(c))
		check_embedded(c);
	else
		check_server(c);
	return sl_cancel_check(err);
}

/* --- SQL --- */

/* Where statements are tried. */
struct bench {
	struct sl_check *c;
	const struct sl_engine *engine;
	struct sl_db *db;
	struct sl_sink *sink; /* in memory, or NULL */
	struct sl_models models;
	bool missing; /* something that a later statement may read is not there yet */
};

/* explain: the engine parses, binds and plans it, and executes nothing. */
static bool plan(const struct bench *b, const struct sl_sqltext *text, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	sl_cleanup(sl_freep) const char **nulls = sl_xcalloc(text->n_names + 1, sizeof(*nulls));

	sl_buf_addf(&sql, "explain %s", text->sql);
	if (b->engine->query(b->db, sl_buf_z(&sql), nulls, text->n_names, NULL, NULL, NULL, err))
		return true;
	if (err->kind == SL_ERR_DATA || err->kind == SL_ERR_BUG || err->kind == SL_ERR_PROTOCOL)
		err->kind = SL_ERR_CONFIG;
	return false;
}

static void try_statement(struct bench *b, const char *subject, const struct sl_sqltext *text)
{
	struct sl_err why = SL_ERR_INIT;

	if (plan(b, text, &why))
		sl_check_ok(b->c, subject, "planned");
	else if (b->missing && why.kind == SL_ERR_CONFIG)
		sl_check_skip(b->c, subject, "it can be planned after the first run");
	else
		sl_check_fail(b->c, subject, &why);
}

static bool is_missing(const struct bench *b, const char *relation)
{
	enum sl_relation kind = SL_RELATION_NONE;
	struct sl_err ignored = SL_ERR_INIT;

	return !sl_models_kind(&b->models, relation, &kind, &ignored) || kind == SL_RELATION_NONE;
}

/* In memory every model is made as aggregate would make it, so that the next one can read it. */
static bool make_models(struct bench *b, struct sl_err *err)
{
	if (b->engine->begin(b->db, err) && sl_models_make(&b->models, false, err) &&
	    b->engine->commit(b->db, err))
		return true;
	b->engine->rollback(b->db);
	return false;
}

static void try_models(struct bench *b)
{
	const struct sl_pipeline *p = b->c->run->p;
	struct sl_err why = SL_ERR_INIT;

	if (b->sink && p->n_models > 0) {
		if (make_models(b, &why))
			sl_check_ok(b->c, "models",
				    sl_arena_printf(&b->c->run->arena, "%zu made over empty tables",
						    p->n_models));
		else
			sl_check_fail(b->c, "models", &why);
		return;
	}
	b->missing = is_missing(b, p->store.table);
	for (size_t i = 0; i < p->n_models; i++) {
		const struct sl_sqltext text = {.sql = b->models.sql[i], .verb = "select"};

		try_statement(b, sl_arena_printf(&b->c->run->arena, "model %s", p->models[i].name),
			      &text);
		b->missing = b->missing || is_missing(b, p->models[i].name);
	}
}

static void try_query(struct bench *b, const struct sl_query *q)
{
	struct sl_arena *arena = &b->c->run->arena;
	const char *subject = sl_arena_printf(arena, "query %s", q->name);
	sl_cleanup(sl_buf_release) struct sl_buf bytes = SL_BUF_INIT;
	struct sl_err why = SL_ERR_INIT;
	struct sl_sqltext text;

	if (!sl_file_read(q->file, SQL_MAX, &bytes, &why) ||
	    !sl_sqltext_read(sl_buf_str(&bytes), true, arena, &text, &why)) {
		sl_err_prefix(&why, "%s", q->file);
		sl_check_fail(b->c, subject, &why);
	} else if (!sl_sqltext_reads(&text)) {
		sl_err_set(&why, SL_ERR_CONFIG, "%s: \"%s\" is no statement that only reads",
			   q->file, text.verb);
		sl_check_fail(b->c, subject, &why);
	} else if (b->engine) {
		try_statement(b, subject, &text);
	}
}

static void try_all(struct bench *b)
{
	const struct sl_pipeline *p = b->c->run->p;
	struct sl_err why = SL_ERR_INIT;

	if (!sl_models_read(&b->models, &why))
		sl_check_fail(b->c, "models", &why);
	else if (b->engine)
		try_models(b);
	for (size_t i = 0; i < p->n_queries; i++)
		try_query(b, &p->queries[i]);
}

/* Without an engine the texts alone are looked at: what is wrong with it was told before. */
static void open_bench(struct bench *b)
{
	const struct sl_run *run = b->c->run;
	struct sl_err told = SL_ERR_INIT;

	if (is_embedded(b->c) ? !sl_sink_open_memory(run->p, &b->sink, &told)
			      : !sl_store_connect(run->p, &run->home, true, WAIT, &b->engine,
						  &b->db, &told)) {
		b->engine = NULL;
		sl_check_skip(b->c, "SQL", "planned when the store answers");
		return;
	}
	if (b->sink) {
		b->engine = sl_sink_engine(b->sink);
		b->db = sl_sink_db(b->sink);
	}
	b->models.engine = b->engine;
	b->models.db = b->db;
}

static void close_bench(struct bench *b)
{
	if (b->sink)
		sl_sink_close(b->sink);
	else if (b->db)
		b->engine->close(b->db);
}

bool sl_check_sql(struct sl_check *c, struct sl_err *err)
{
	sl_cleanup(close_bench) struct bench b = {
		.c = c,
		.models = {.p = c->run->p, .arena = &c->run->arena},
	};

	if (c->run->p->n_models + c->run->p->n_queries == 0)
		return true;
	open_bench(&b);
	try_all(&b);
	return sl_cancel_check(err);
}
