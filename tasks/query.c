/*
 * sluice-query: one statement that reads, to people and programs. The database is open only while
 * the statement runs; printing comes after, however slow the reader is.
 */
#include <stdio.h>

#include "run/output.h"
#include "run/stage.h"
#include "run/statement.h"
#include "store/sink.h"

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

static bool ask(struct sl_run *run, const struct sl_statement *st, struct sl_output *out,
		struct sl_err *err)
{
	const struct sl_engine *engine = NULL;
	struct sl_db *db = NULL;

	if (!sl_store_connect(run->p, &run->home, true, WAIT, &engine, &db, err))
		return false;

	bool ok = engine->query(db, st->sql, st->values, st->n_values, sl_output_cols,
				sl_output_row, out, err);

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
	const char *name = run->args.n ? run->args.v[0] : NULL;
	struct sl_statement st;

	if (run->args.n > 1)
		return sl_err_set(err, SL_ERR_USAGE, "unexpected argument \"%s\"", run->args.v[1]);
	if (out.limit == 0 && out.format == SL_OUTPUT_TABLE)
		out.limit = TABLE_LIMIT;
	if (!sl_statement_read(run, name, q->sql, &q->param, &st, err) ||
	    !sl_statement_store(run, err) || !ask(run, &st, &out, err))
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
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_HOME | SL_NEEDS_STORE | SL_TAKES_INTERVAL |
		 SL_TAKES_ARGS | SL_QUIET_RESULT,
	.params = fields,
	.params_size = sizeof(struct query),
	.run = run_query,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
