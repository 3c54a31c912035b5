/*
 * Models into relations. All names come from the pipeline file, where they were checked.
 */
#include "store/models.h"

#include "base/cancel.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "data/sqltext.h"

#define SQL_MAX ((size_t)1 << 20)

static bool name_file(const struct sl_model *model, struct sl_err *err)
{
	return sl_err_prefix(err, "model \"%s\" (%s)", model->name, model->file);
}

static bool read_model(struct sl_models *m, size_t i, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	const struct sl_model *model = &m->p->models[i];
	struct sl_sqltext sql;

	if (!sl_file_read(model->file, SQL_MAX, &text, err))
		return false;
	if (!sl_sqltext_read(sl_buf_str(&text), false, m->arena, &sql, err))
		return name_file(model, err);
	m->sql[i] = sql.sql;
	if (strcmp(sql.verb, "select") == 0 || strcmp(sql.verb, "with") == 0)
		return true;
	sl_err_set(err, SL_ERR_CONFIG, "begins with \"%s\"", sql.verb);
	sl_err_hint(err, "a model is one SELECT (or WITH … SELECT)");
	return name_file(model, err);
}

bool sl_models_read(struct sl_models *m, struct sl_err *err)
{
	const size_t n = m->p->n_models;

	m->sql = sl_arena_zalloc(m->arena, n + 1, sizeof(*m->sql));
	for (size_t i = 0; i < n; i++) {
		if (!read_model(m, i, err))
			return false;
	}
	return true;
}

/* Length of "schema" in "schema.name", 0 when there is none. */
static size_t schema_length(const char *relation)
{
	const char *dot = strchr(relation, '.');

	return dot ? (size_t)(dot - relation) : 0;
}

bool sl_models_kind(const struct sl_models *m, const char *relation, enum sl_relation *ret,
		    struct sl_err *err)
{
	const size_t n = schema_length(relation);
	const char *schema = n ? sl_arena_printf(m->arena, "%.*s", (int)n, relation) : NULL;

	return m->engine->relation(m->db, schema, relation + (n ? n + 1 : 0), ret, err);
}

static bool execute(const struct sl_models *m, const struct sl_buf *sql, struct sl_err *err)
{
	return m->engine->exec(m->db, sl_buf_z(sql), NULL, 0, NULL, err);
}

static bool drop(const struct sl_models *m, const char *relation, enum sl_relation kind,
		 struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	if (kind == SL_RELATION_NONE)
		return true;
	sl_buf_addf(&sql, "drop %s ", kind == SL_RELATION_VIEW ? "view" : "table");
	sl_sql_ident(&sql, relation);
	if (execute(m, &sql, err))
		return true;
	return sl_err_hint(err, "something that is no model of this pipeline may depend on \"%s\"",
			   relation);
}

bool sl_models_drop_views(const struct sl_models *m, struct sl_err *err)
{
	for (size_t i = m->p->n_models; i-- > 0;) {
		const char *name = m->p->models[i].name;
		enum sl_relation kind;

		if (!sl_models_kind(m, name, &kind, err) ||
		    (kind == SL_RELATION_VIEW && !drop(m, name, kind, err)))
			return false;
	}
	return true;
}

/* Looked for first: "create schema if not exists" needs the right to create it even where it is
 * there, and a role that only fills a warehouse has none. */
static bool make_schema(const struct sl_models *m, const char *relation, struct sl_err *err)
{
	static const char has_schema[] =
		"select 1 from information_schema.schemata where schema_name = $1";
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	const size_t n = schema_length(relation);
	bool there = false;

	if (n == 0)
		return true;
	const char *schema = sl_arena_printf(m->arena, "%.*s", (int)n, relation);
	if (!m->engine->query(m->db, has_schema, &schema, 1, NULL, sl_db_any, &there, err))
		return false;
	if (there)
		return true;
	sl_buf_adds(&sql, "create schema if not exists ");
	sl_sql_ident(&sql, schema);
	return execute(m, &sql, err);
}

static bool make_view(const struct sl_models *m, size_t i, enum sl_relation kind,
		      struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	const char *name = m->p->models[i].name;

	if (kind == SL_RELATION_TABLE && !drop(m, name, kind, err))
		return false;
	sl_buf_adds(&sql, "create or replace view ");
	sl_sql_ident(&sql, name);
	sl_buf_addf(&sql, " as\n%s", m->sql[i]);
	return execute(m, &sql, err);
}

static bool rename_table(const struct sl_models *m, const char *from, const char *to,
			 struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	const size_t n = schema_length(to);

	sl_buf_adds(&sql, "alter table ");
	sl_sql_ident(&sql, from);
	sl_buf_adds(&sql, " rename to ");
	sl_sql_ident(&sql, to + (n ? n + 1 : 0));
	return execute(m, &sql, err);
}

static bool make_table(const struct sl_models *m, size_t i, enum sl_relation kind,
		       struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	const char *name = m->p->models[i].name;
	const char *fresh =
		sl_arena_printf(m->arena, "%.*s_sl_new", (int)(schema_length(name) + 55), name);

	sl_buf_adds(&sql, "create table ");
	sl_sql_ident(&sql, fresh);
	sl_buf_addf(&sql, " as\n%s", m->sql[i]);
	return execute(m, &sql, err) && drop(m, name, kind, err) &&
	       rename_table(m, fresh, name, err);
}

/* What is wrong with the SQL is for the pipeline's author; a server that is away is not. */
static bool blame_model(const struct sl_model *model, struct sl_err *err)
{
	if (err->kind == SL_ERR_DATA || err->kind == SL_ERR_BUG || err->kind == SL_ERR_PROTOCOL)
		err->kind = SL_ERR_CONFIG;
	return name_file(model, err);
}

static bool make_model(const struct sl_models *m, size_t i, struct sl_err *err)
{
	const struct sl_model *model = &m->p->models[i];
	enum sl_relation kind;

	if (!sl_cancel_check(err) || !sl_models_kind(m, model->name, &kind, err) ||
	    (kind == SL_RELATION_NONE && !make_schema(m, model->name, err)))
		return false;

	const bool ok = model->as == SL_MODEL_VIEW ? make_view(m, i, kind, err)
						   : make_table(m, i, kind, err);

	if (!ok)
		return blame_model(model, err);
	sl_log(SL_DEBUG, "model made", "model=%s as=%s", model->name,
	       model->as == SL_MODEL_VIEW ? "view" : "table");
	return true;
}

bool sl_models_make(const struct sl_models *m, bool drop_views, struct sl_err *err)
{
	if (drop_views && !sl_models_drop_views(m, err))
		return false;
	for (size_t i = 0; i < m->p->n_models; i++) {
		if (!make_model(m, i, err))
			return false;
	}
	SL_FAULT("aggregate.before_commit", err);
	return true;
}

bool sl_models_views_follow(const struct sl_pipeline *p)
{
	bool table = false;

	for (size_t i = 0; i < p->n_models; i++) {
		if (table && p->models[i].as == SL_MODEL_VIEW)
			return true;
		table = table || p->models[i].as == SL_MODEL_TABLE;
	}
	return false;
}
