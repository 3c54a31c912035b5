/*
 * sluice-export: a table or the rows of one statement into a file, or to stdout. A file gets its
 * name when it is whole. Memory stays the same however many rows there are.
 */
#include <stdio.h>

#include "base/mem.h"
#include "run/interval.h"
#include "run/output.h"
#include "run/stage.h"
#include "store/sink.h"
#include "tasks/export/export.h"

#define WAIT (10 * SL_SECOND)

enum format { AUTO, CSV, JSON, JSONL, PARQUET };
static const char *const formats[] = {"auto", "csv", "json", "jsonl", "parquet", NULL};

struct params {
	const char *table, *query, *sql;
	struct sl_texts param;
	int format;
	const char *output;
	const char *list;
	bool twice;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct params, table, SL_F_FLAG, NULL,
		  "a table or view; default: the pipeline's own table"),
	SL_F_TEXT(struct params, query, SL_F_FLAG, NULL, "a query of the pipeline file, instead"),
	SL_F_TEXT(struct params, sql, SL_F_FLAG, NULL, "a statement, instead"),
	SL_F_TEXTS(struct params, param, SL_F_FLAG, "K=V: value of :K in the statement"),
	SL_F_ENUM(struct params, format, SL_F_FLAG, "auto", formats,
		  "how rows are written; auto: as the file's name ends, else csv"),
	SL_F_TEXT(struct params, output, SL_F_FLAG, NULL,
		  "file to write, - for standard output; "
		  "{interval_start:%Y-%m} is filled in"),
	SL_F_TEXT(struct params, list, SL_F_FLAG, NULL,
		  "instead: list in the backend's queue, a JSON message a row, at least once"),
	SL_F_BOOL(struct params, twice, SL_F_FLAG, "false",
		  "messages of --list are encoded twice, as a JSON text in a JSON string"),
	SL_F_END,
};

static bool is_given(const char *text)
{
	return text && text[0];
}

static bool check(const struct params *p, struct sl_err *err)
{
	if (!is_given(p->output) && !is_given(p->list)) {
		sl_err_set(err, SL_ERR_USAGE, "nothing says where to write");
		return sl_err_hint(err, "give -o FILE, -o - for standard output, or --list NAME");
	}
	if (p->list && (p->output || p->format != AUTO))
		return sl_err_set(err, SL_ERR_USAGE, "--list excludes --output and --format");
	if (p->twice && !p->list)
		return sl_err_set(err, SL_ERR_USAGE, "--twice needs --list");
	if ((p->table != NULL) + (p->query != NULL) + (p->sql != NULL) > 1)
		return sl_err_set(err, SL_ERR_USAGE,
				  "--table, --query and --sql exclude one another");
	if (p->param.n && !p->query && !p->sql)
		return sl_err_set(err, SL_ERR_USAGE, "--param needs --query or --sql");
	return true;
}

/* Columns of a relation but for the hidden ones. */
static bool add_column(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		       const struct sl_str *cells, struct sl_err *err)
{
	struct sl_buf *list = ctx;

	(void)cols;
	(void)n_cols;
	(void)err;
	if (sl_str_starts(cells[0], "_sl_"))
		return true;
	sl_buf_adds(list, list->n ? ", \"" : "\"");
	for (size_t i = 0; i < cells[0].n; i++)
		sl_buf_adds(list, cells[0].p[i] == '"' ? "\"\"" : (char[]){cells[0].p[i], '\0'});
	sl_buf_addc(list, '"');
	return true;
}

static bool select_table(struct sl_export *x, const char *table, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf list = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	const char *dot = strchr(table, '.');
	const char *schema =
		dot ? sl_arena_printf(&x->run->arena, "%.*s", (int)(dot - table), table) : NULL;

	if (!x->engine->columns(x->db, schema, dot ? dot + 1 : table, add_column, &list, err))
		return false;
	if (list.n == 0) {
		sl_err_set(err, SL_ERR_NO_INPUT, "there is no table \"%s\"", table);
		return sl_err_hint(err, "the pipeline's own is \"%s\"", x->run->p->store.table);
	}
	sl_buf_addf(&sql, "select %s from ", sl_buf_z(&list));
	sl_sql_ident(&sql, table);
	x->st = (struct sl_statement){sl_arena_strdup(&x->run->arena, sl_buf_z(&sql)), NULL, 0};
	return true;
}

struct rows {
	struct sl_output out;
	struct sl_export *x;
};

static bool take_cols(void *ctx, const struct sl_db_col *cols, size_t n_cols, struct sl_err *err)
{
	struct rows *r = ctx;

	return sl_output_cols(&r->out, cols, n_cols, err);
}

static bool take_row(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		     const struct sl_str *cells, struct sl_err *err)
{
	struct rows *r = ctx;

	if (r->out.rows % 1024 == 0)
		sl_progress(&r->x->progress, "rows=%" PRIu64, r->out.rows);
	return sl_output_row(&r->out, cols, n_cols, cells, err);
}

static void close_store(struct sl_export *x)
{
	if (x->db)
		x->engine->close(x->db);
	x->db = NULL;
}

static bool write_text(struct sl_export *x, enum format format, struct sl_err *err)
{
	static const enum sl_output_format as[] = {
		[CSV] = SL_OUTPUT_CSV, [JSON] = SL_OUTPUT_JSON, [JSONL] = SL_OUTPUT_JSONL};
	struct rows r = {
		.x = x,
		.out = {.format = as[format], .path = x->path, .stream = x->engine->shared},
	};
	bool ok = x->engine->query(x->db, x->st.sql, x->st.values, x->st.n_values, take_cols,
				   take_row, &r, err);

	if (!ok && r.out.capped) { /* the reader went away */
		sl_err_clear(err);
		ok = true;
	}
	close_store(x); /* before a slow reader gets the rows */
	ok = ok && sl_output_finish(&r.out, err);
	x->rows = r.out.rows;
	sl_output_release(&r.out);
	return ok;
}

/* "orders.parquet" says it. */
static enum format choose_format(const struct params *p)
{
	const char *dot = strrchr(p->output, '.');

	if (p->format != AUTO)
		return (enum format)p->format;
	for (int f = CSV; dot && formats[f]; f++) {
		if (strcmp(dot + 1, formats[f]) == 0)
			return (enum format)f;
	}
	return CSV;
}

static bool export(struct sl_export *x, const struct params *p, struct sl_err *err)
{
	const struct sl_run *run = x->run;

	if (!sl_store_connect(run->p, &run->home, true, WAIT, &x->engine, &x->db, err))
		return false;
	if (!x->st.sql) {
		const char *table = p->table ? p->table : run->p->store.table;

		x->own = strcmp(table, run->p->store.table) == 0;
		if (!select_table(x, table, err))
			return false;
	}

	if (p->list)
		return sl_export_list(x, p->list, p->twice, err);

	const enum format format = choose_format(p);

	return format == PARQUET ? sl_export_parquet(x, err) : write_text(x, format, err);
}

static bool fill_path(struct sl_run *run, const char *template, const char **ret,
		      struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf path = SL_BUF_INIT;
	const bool has = run->has_interval;

	if (!sl_interval_fill(template, has ? &run->interval_start : NULL,
			      has ? &run->interval_end : NULL, &path, err))
		return false;
	*ret = sl_arena_strdup(&run->arena, sl_buf_z(&path));
	return true;
}

static bool run_export(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;
	sl_cleanup(close_store) struct sl_export x = {
		.run = run,
		.progress = sl_progress_begin("exporting"),
	};

	if (!check(p, err))
		return false;
	if ((p->query || p->sql) &&
	    !sl_statement_read(run, p->query, p->sql, &p->param, &x.st, err))
		return false;
	if (p->output && !fill_path(run, p->output, &x.path, err))
		return false;
	if (run->dry_run)
		return true;
	if (!sl_statement_store(run, err) || !export(&x, p, err))
		return false;
	sl_progress_end(&x.progress);
	run->result.kept = run->result.written = x.rows;
	return true;
}

static const struct sl_stage stage = {
	.name = "export",
	.summary = "writes a table, or the rows of a statement, as CSV, JSON or Parquet",
	.usage = "--pipeline NAME|FILE [--table T | --query NAME | --sql SQL] [--format F] "
		 "(-o FILE|- | --list NAME) [OPTION]…",
	.description =
		"Without a table, query or statement: the pipeline's own table, without its hidden "
		"columns.\n"
		"A file is written under a temporary name and renamed when it is whole. Towards "
		"standard\n"
		"output an embedded store is closed before the first row is printed. Parquet is "
		"written by\n"
		"DuckDB, also from PostgreSQL. Rows come in the store's order: a statement may "
		"sort them.\n"
		"--list pushes them to a Redis list instead, for programs that take messages from "
		"there.\n",
	.examples =
		"sluice export orders -o orders.csv\n"
		"sluice export orders --table orders_by_country -o by_country.parquet\n"
		"sluice export orders --sql 'select * from orders order by 1' --format jsonl -o "
		"-\n",
	.needs =
		SL_NEEDS_PIPELINE | SL_NEEDS_HOME | SL_NEEDS_RUN | SL_NEEDS_STORE | SL_QUIET_RESULT,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_export,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
