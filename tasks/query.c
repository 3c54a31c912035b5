/*
 * sluice-query: one statement that reads, to people and programs. The database is open only while
 * the statement runs; printing comes after, however slow the reader is.
 */
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/sqltext.h"
#include "run/output.h"
#include "run/stage.h"
#include "store/sink.h"

#define SQL_MAX ((size_t)1 << 20)
#define TABLE_LIMIT 1000
#define WAIT (10 * SL_SECOND)

static const char *const formats[] = {"table", "csv", "json", "jsonl", NULL};

struct query {
	const char *sql;
	struct sl_texts param;
	int format;
	int64_t limit;
	const char *output;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct query, sql, SL_F_FLAG, NULL, "the statement, instead of a NAME"),
	SL_F_TEXTS(struct query, param, SL_F_FLAG, "K=V: value of :K in the statement"),
	SL_F_ENUM(struct query, format, SL_F_FLAG, "table", formats, "how rows are written"),
	SL_F_INT(struct query, limit, SL_F_FLAG, NULL, 0, INT64_MAX,
		 "most rows; 0: 1000 as a table, else all"),
	SL_F_TEXT(struct query, output, SL_F_FLAG, "-", "file to write, - for standard output"),
	SL_F_END,
};

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

static bool read_statement(struct sl_run *run, const struct query *q, struct sl_sqltext *ret,
			   struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	const char *where = "--sql";

	if ((q->sql != NULL) == (run->args.n > 0) || run->args.n > 1) {
		sl_err_set(err, SL_ERR_USAGE, "give the name of one query, or --sql");
		return list_names(run->p, err);
	}
	if (q->sql) {
		sl_buf_adds(&text, q->sql);
	} else if (!find_query(run->p, run->args.v[0], &where, err) ||
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
	if (q->sql)
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

static bool refuse_unknown_params(const struct query *q, const struct sl_sqltext *t,
				  struct sl_err *err)
{
	for (size_t i = 0; i < q->param.n; i++) {
		struct sl_str value = sl_str_of(q->param.v[i]);
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
static const char *value_of(const struct query *q, const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = q->param.n; i-- > 0;) {
		if (strncmp(q->param.v[i], name, n) == 0 && q->param.v[i][n] == '=')
			return q->param.v[i] + n + 1;
	}
	return NULL;
}

static bool bind(struct sl_run *run, const struct query *q, const struct sl_sqltext *t,
		 const char ***ret, struct sl_err *err)
{
	*ret = sl_arena_zalloc(&run->arena, t->n_names + 1, sizeof(**ret));
	if (!refuse_unknown_params(q, t, err))
		return false;
	for (size_t i = 0; i < t->n_names; i++) {
		(*ret)[i] = value_of(q, t->names[i]);
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

/* A database that no run has made yet is no error of the engine. */
static bool require_store(const struct sl_run *run, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *file = sl_home_path(&run->home, "data.db");

	if (run->p->backend.store_conn || sl_file_exists(file))
		return true;
	sl_err_set(err, SL_ERR_NO_INPUT, "pipeline \"%s\" has stored nothing yet", run->p->name);
	return sl_err_hint(err, "run it first: sluice run %s", run->pipeline_arg);
}

static bool ask(struct sl_run *run, const struct sl_sqltext *t, const char *const *params,
		struct sl_output *out, struct sl_err *err)
{
	const struct sl_engine *engine = NULL;
	struct sl_db *db = NULL;

	if (!sl_store_connect(run->p, &run->home, true, WAIT, &engine, &db, err))
		return false;

	bool ok = engine->query(db, t->sql, params, t->n_names, sl_output_cols, sl_output_row, out,
				err);

	engine->close(db);
	if (!ok && out->capped) {
		sl_err_clear(err);
		ok = true;
	}
	return ok;
}

static bool run_query(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct query *q = params;
	sl_cleanup(sl_output_release) struct sl_output out = {
		.format = (enum sl_output_format)q->format,
		.limit = (uint64_t)q->limit,
		.path = q->output,
	};
	struct sl_sqltext text;
	const char **values = NULL;

	if (out.limit == 0 && out.format == SL_OUTPUT_TABLE)
		out.limit = TABLE_LIMIT;
	if (!read_statement(run, q, &text, err) || !bind(run, q, &text, &values, err) ||
	    !require_store(run, err) || !ask(run, &text, values, &out, err))
		return false;
	run->result.kept = out.rows;
	return sl_output_finish(&out, err);
}

static const struct sl_stage stage = {
	.name = "query",
	.summary = "prints the rows of one statement over a pipeline's tables",
	.usage = "--pipeline NAME|FILE (QUERY | --sql SQL) [--param K=V]… [OPTION]…",
	.description =
		"QUERY is one that the pipeline file lists under queries. The statement may only "
		"read;\n"
		":K in it is a parameter (cast it where it is no text: :K::bigint). The store is\n"
		"closed before the first row is printed, so that a slow reader stops no run.\n",
	.examples =
		"sluice query orders latest --param country=FR\n"
		"sluice query orders --sql 'select count(*) from orders'\n"
		"sluice-query -p orders --sql 'select * from orders' --format csv -o orders.csv\n",
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_HOME | SL_NEEDS_STORE | SL_TAKES_ARGS |
		 SL_QUIET_RESULT,
	.params = fields,
	.params_size = sizeof(struct query),
	.run = run_query,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
