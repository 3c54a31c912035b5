/* Statements of the DuckDB module: parameters in, rows out as canonical text, streamed. */
#include "base/cancel.h"
#include "base/mem.h"
#include "engines/duckdb_db.h"

static void put_name(char **text)
{
	if (*text)
		sl_duck.free(*text);
}

static void put_prepared(duckdb_prepared_statement *statement)
{
	if (*statement)
		sl_duck.destroy_prepare(statement);
}

static void put_pending(duckdb_pending_result *pending)
{
	if (*pending)
		sl_duck.destroy_pending(pending);
}

static bool prepare(struct sl_db *db, const char *sql, duckdb_prepared_statement *ret,
		    struct sl_err *err)
{
	if (sl_duck.prepare(db->connection, sql, ret) == DuckDBSuccess)
		return true;
	const char *text = sl_duck.prepare_error(*ret);
	return sl_duckdb_fail(err, sl_duckdb_kind(DUCKDB_ERROR_INVALID, text ? text : ""),
			      text ? text : "cannot prepare a statement");
}

static bool bind(duckdb_prepared_statement statement, const char *const *params, size_t n,
		 struct sl_err *err)
{
	if (sl_duck.nparams(statement) != n)
		return sl_err_set(err, SL_ERR_CONFIG,
				  "a statement has %zu parameters, %zu are given",
				  (size_t)sl_duck.nparams(statement), n);
	for (size_t i = 0; i < n; i++) {
		duckdb_state state = params[i] ? sl_duck.bind_varchar(statement, i + 1, params[i])
					       : sl_duck.bind_null(statement, i + 1);
		if (state != DuckDBSuccess)
			return sl_err_set(err, SL_ERR_CONFIG, "cannot set parameter $%zu", i + 1);
	}
	return true;
}

bool sl_duckdb_exec(struct sl_db *db, const char *sql, const char *const *params, size_t n_params,
		    uint64_t *affected, struct sl_err *err)
{
	sl_cleanup(put_prepared) duckdb_prepared_statement statement = NULL;
	duckdb_result result;

	sl_sql_trace("duckdb", sql);
	if (!sl_cancel_check(err) || !prepare(db, sql, &statement, err) ||
	    !bind(statement, params, n_params, err))
		return false;
	bool ok = sl_duck.execute_prepared(statement, &result) == DuckDBSuccess ||
		  sl_duckdb_fail_result(&result, err);
	if (ok && affected)
		*affected = sl_duck.rows_changed(&result);
	sl_duck.destroy_result(&result);
	return ok;
}

/*
 * Types that we do not turn into text ourselves (intervals, structs, …) are cast by DuckDB: the
 * statement goes into a subquery. *ret stays empty when no column needs that.
 */
static void wrap_unreadable(duckdb_prepared_statement statement, const char *sql,
			    struct sl_buf *ret)
{
	sl_cleanup(sl_buf_release) struct sl_buf names = SL_BUF_INIT, list = SL_BUF_INIT;
	idx_t n = sl_duck.prepared_statement_column_count(statement);
	bool wrap = false;

	for (idx_t i = 0; i < n; i++) {
		duckdb_logical_type type =
			sl_duck.prepared_statement_column_logical_type(statement, i);
		sl_cleanup(put_name) char *name = NULL;
		const char *given = sl_duck.prepared_statement_column_name(statement, i);
		memcpy(&name, &given, sizeof(name)); /* ours to free, says the manual */
		bool readable = !type || sl_duckdb_readable(type);
		wrap |= !readable;
		sl_buf_addf(&names, "%sc%zu", i ? ", " : "", (size_t)i);
		sl_buf_addf(&list, readable ? "%sc%zu as " : "%scast(c%zu as varchar) as ",
			    i ? ", " : "", (size_t)i);
		sl_buf_addc(&list, '"');
		for (const char *p = name ? name : ""; *p; p++)
			sl_buf_adds(&list, *p == '"' ? "\"\"" : (char[]){*p, '\0'});
		sl_buf_addc(&list, '"');
		sl_duck.destroy_logical_type(&type);
	}
	size_t length = strlen(sql);
	while (length && strchr("; \n\t\r", sql[length - 1]))
		length--;
	if (wrap)
		sl_buf_addf(ret, "select %s from (%.*s\n) as q(%s)", sl_buf_z(&list), (int)length,
			    sql, sl_buf_z(&names));
}

struct reader {
	struct sl_db_col *cols;
	struct sl_duckdb_cell *cells;
	struct sl_str *texts;
	size_t n;
};

static void reader_release(struct reader *r)
{
	for (size_t i = 0; i < r->n; i++)
		sl_buf_release(&r->cells[i].big);
	free(r->cols);
	free(r->cells);
	free(r->texts);
}

static void reader_init(struct reader *r, duckdb_result *result)
{
	r->n = sl_duck.column_count(result);
	r->cols = sl_xcalloc(r->n + 1, sizeof(*r->cols));
	r->cells = sl_xcalloc(r->n + 1, sizeof(*r->cells));
	r->texts = sl_xcalloc(r->n + 1, sizeof(*r->texts));
	for (size_t i = 0; i < r->n; i++) {
		duckdb_logical_type type = sl_duck.column_logical_type(result, i);
		r->cols[i].name = sl_duck.column_name(result, i);
		sl_duckdb_cell_init(&r->cells[i], type, &r->cols[i].kind);
		sl_duck.destroy_logical_type(&type);
	}
}

static bool read_chunk(struct reader *r, duckdb_data_chunk chunk, sl_db_row_fn row, void *ctx,
		       struct sl_err *err)
{
	idx_t rows = sl_duck.data_chunk_get_size(chunk);

	for (size_t i = 0; i < r->n; i++)
		sl_duckdb_cell_bind(&r->cells[i], sl_duck.data_chunk_get_vector(chunk, i));
	for (idx_t k = 0; k < rows; k++) {
		for (size_t i = 0; i < r->n; i++)
			r->texts[i] = sl_duckdb_cell_text(&r->cells[i], k);
		if (!row(ctx, r->cols, r->n, r->texts, err))
			return false;
	}
	return true;
}

static bool read_all(duckdb_result *result, struct reader *r, sl_db_row_fn row, void *ctx,
		     struct sl_err *err)
{
	duckdb_data_chunk chunk;
	bool ok = true;

	while (ok && (chunk = sl_duck.fetch_chunk(*result))) {
		ok = (!row || read_chunk(r, chunk, row, ctx, err)) && sl_cancel_check(err);
		sl_duck.destroy_data_chunk(&chunk);
	}
	const char *text = ok ? sl_duck.result_error(result) : NULL;
	return ok && (!text || !*text || sl_duckdb_fail_result(result, err));
}

static bool run_streaming(duckdb_prepared_statement statement, duckdb_result *result,
			  struct sl_err *err)
{
	sl_cleanup(put_pending) duckdb_pending_result pending = NULL;

	if (sl_duck.pending_prepared_streaming(statement, &pending) != DuckDBSuccess) {
		const char *text = pending ? sl_duck.pending_error(pending) : NULL;
		memset(result, 0, sizeof(*result));
		return sl_duckdb_fail(err, sl_duckdb_kind(DUCKDB_ERROR_INVALID, text ? text : ""),
				      text ? text : "cannot run a query");
	}
	return sl_duck.execute_pending(pending, result) == DuckDBSuccess ||
	       sl_duckdb_fail_result(result, err);
}

bool sl_duckdb_query(struct sl_db *db, const char *sql, const char *const *params, size_t n_params,
		     bool (*on_cols)(void *, const struct sl_db_col *, size_t, struct sl_err *),
		     sl_db_row_fn row, void *ctx, struct sl_err *err)
{
	sl_cleanup(put_prepared) duckdb_prepared_statement statement = NULL;
	sl_cleanup(sl_buf_release) struct sl_buf wrapped = SL_BUF_INIT;
	sl_cleanup(reader_release) struct reader r = {NULL, NULL, NULL, 0};
	duckdb_result result;

	sl_sql_trace("duckdb", sql);
	if (!sl_cancel_check(err) || !prepare(db, sql, &statement, err))
		return false;
	wrap_unreadable(statement, sql, &wrapped);
	if (wrapped.n) {
		put_prepared(&statement);
		if (!prepare(db, sl_buf_z(&wrapped), &statement, err))
			return false;
	}
	if (!bind(statement, params, n_params, err))
		return false;
	bool ok = run_streaming(statement, &result, err);
	if (ok) {
		reader_init(&r, &result);
		ok = (!on_cols || on_cols(ctx, r.cols, r.n, err)) &&
		     read_all(&result, &r, row, ctx, err);
	}
	sl_duck.destroy_result(&result);
	return ok;
}
