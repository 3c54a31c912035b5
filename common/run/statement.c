/*
 * The one statement of a query or an export: its text, and the values of its parameters.
 */
#include "run/statement.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/sqltext.h"

#define SQL_MAX ((size_t)1 << 20)

static bool list_names(const struct sl_pipeline *p, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf names = SL_BUF_INIT;

	for (size_t i = 0; i < p->n_queries; i++)
		sl_buf_addf(&names, "%s%s", i ? ", " : "", p->queries[i].name);
	if (p->n_queries)
		return sl_err_hint(err, "its queries are: %.200s; or give --sql", sl_buf_z(&names));
	return sl_err_hint(err, "give --sql, or name queries in the pipeline file");
}

static bool find_query(const struct sl_pipeline *p, const char *name, const char **ret_file,
		       struct sl_err *err)
{
	for (size_t i = 0; i < p->n_queries; i++) {
		if (strcmp(p->queries[i].name, name) == 0) {
			*ret_file = p->queries[i].file;
			return true;
		}
	}
	sl_err_set(err, SL_ERR_USAGE, "pipeline \"%s\" has no query \"%s\"", p->name, name);
	return list_names(p, err);
}

static bool read_text(struct sl_run *run, const char *name, const char *sql, struct sl_sqltext *ret,
		      struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	const char *where = "--sql";

	if ((name != NULL) == (sql != NULL)) {
		sl_err_set(err, SL_ERR_USAGE, "give the name of one query, or --sql");
		return list_names(run->p, err);
	}
	if (sql) {
		sl_buf_adds(&text, sql);
	} else if (!find_query(run->p, name, &where, err) ||
		   !sl_file_read(where, SQL_MAX, &text, err)) {
		return false;
	}
	if (!sl_sqltext_read(sl_buf_str(&text), true, &run->arena, ret, err))
		sl_err_prefix(err, "%s", where);
	else if (sl_sqltext_reads(ret))
		return true;
	else
		sl_err_set(err, SL_ERR_CONFIG, "%s: \"%s\" is no statement that only reads", where,
			   ret->verb);
	if (sql)
		err->kind = SL_ERR_USAGE;
	return false;
}

static bool is_named(const struct sl_sqltext *t, struct sl_str key)
{
	for (size_t i = 0; i < t->n_names; i++) {
		if (sl_str_eqz(key, t->names[i]))
			return true;
	}
	return false;
}

static bool refuse_unknown_params(const struct sl_texts *param, const struct sl_sqltext *t,
				  struct sl_err *err)
{
	for (size_t i = 0; i < param->n; i++) {
		struct sl_str value = sl_str_of(param->v[i]);
		struct sl_str key = SL_STR_NULL;

		if (sl_str_find(value, '=') <= 0)
			return sl_err_set(err, SL_ERR_USAGE, "--param \"%s\" is not K=V", value.p);
		sl_str_next(&value, '=', &key);
		if (!is_named(t, key))
			return sl_err_set(err, SL_ERR_USAGE,
					  "the statement has no parameter \":" SL_STR_FMT "\"",
					  SL_STR_ARG(key));
	}
	return true;
}

/* The last --param of a name wins. */
static const char *value_of(const struct sl_texts *param, const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = param->n; i-- > 0;) {
		if (strncmp(param->v[i], name, n) == 0 && param->v[i][n] == '=')
			return param->v[i] + n + 1;
	}
	return NULL;
}

/* The run's interval, without anybody's --param. NULL: another name, or no interval. */
static const char *moment_of(struct sl_run *run, const char *name)
{
	const bool start = strcmp(name, "interval_start") == 0;
	char text[32];

	if (!run->has_interval || (!start && strcmp(name, "interval_end") != 0))
		return NULL;
	sl_time_text(start ? run->interval_start : run->interval_end, text);
	return sl_arena_strdup(&run->arena, text);
}

static bool bind(struct sl_run *run, const struct sl_texts *param, const struct sl_sqltext *t,
		 const char ***ret, struct sl_err *err)
{
	*ret = sl_arena_zalloc(&run->arena, t->n_names + 1, sizeof(**ret));
	if (!refuse_unknown_params(param, t, err))
		return false;
	for (size_t i = 0; i < t->n_names; i++) {
		(*ret)[i] = value_of(param, t->names[i]);
		if (!(*ret)[i])
			(*ret)[i] = moment_of(run, t->names[i]);
		if (!(*ret)[i]) {
			sl_err_set(err, SL_ERR_USAGE, "parameter \":%s\" has no value",
				   t->names[i]);
			return sl_err_hint(err,
					   "give --param %s=…; a colon that is none needs a "
					   "blank behind it",
					   t->names[i]);
		}
	}
	return true;
}

bool sl_statement_read(struct sl_run *run, const char *name, const char *sql,
		       const struct sl_texts *param, struct sl_statement *ret, struct sl_err *err)
{
	struct sl_sqltext text;
	const char **values = NULL;

	if (!read_text(run, name, sql, &text, err) || !bind(run, param, &text, &values, err))
		return false;
	*ret = (struct sl_statement){text.sql, values, text.n_names};
	return true;
}

/* A database that no run has made yet is no error of the engine. */
bool sl_statement_store(const struct sl_run *run, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *file = sl_home_path(&run->home, "data.db");

	if (run->p->backend.store_conn || sl_file_exists(file))
		return true;
	sl_err_set(err, SL_ERR_NO_INPUT, "pipeline \"%s\" has stored nothing yet on backend \"%s\"",
		   run->p->name, run->p->backend.name);
	return sl_err_hint(err, "run it first: sluice run %s", run->pipeline_arg);
}
