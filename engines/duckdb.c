/*
 * DuckDB as an engine: one file, one process at a time. A busy file is waited for; there is no lock
 * inside, and no unique index either (an index would refuse a key that the same transaction
 * deleted), so the switch checks keys itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "engines/duckdb_db.h"

#define BUSY_POLL_US 50000
#define FILE_NAME "data" /* of the file's database, in SQL; that of data.db by itself */

static const char *const settings[][2] = {
	{"memory_limit", "180MB"}, /* bounded, not flat: a process takes up to 2.5 times as much */
	{"threads", "2"},
	{"autoinstall_known_extensions", "false"}, /* nothing is fetched behind the user's back */
	{"autoload_known_extensions", "false"},
};

/* Told in many ways; where it is met says nothing about whose fault it is. */
static bool is_out_of_memory(duckdb_error_type type, const char *text)
{
	return type == DUCKDB_ERROR_OUT_OF_MEMORY || strstr(text, "Out of Memory") ||
	       strstr(text, "bad allocation");
}

enum sl_err_kind sl_duckdb_kind(duckdb_error_type type, const char *text)
{
	if (is_out_of_memory(type, text))
		return SL_ERR_BUG;
	if (strstr(text, "No space left") || strstr(text, "Could not write"))
		return SL_ERR_IO;
	if (strstr(text, "Could not set lock"))
		return SL_ERR_AGAIN;
	if (strstr(text, "Permission denied"))
		return SL_ERR_AUTH;
	switch ((int)type) {
	case DUCKDB_ERROR_OUT_OF_RANGE:
	case DUCKDB_ERROR_CONVERSION:
	case DUCKDB_ERROR_DIVIDE_BY_ZERO:
	case DUCKDB_ERROR_CONSTRAINT:
		return SL_ERR_DATA;
	case DUCKDB_ERROR_TRANSACTION:
		return SL_ERR_AGAIN;
	case DUCKDB_ERROR_IO:
	case DUCKDB_ERROR_FATAL:
		return SL_ERR_IO;
	case DUCKDB_ERROR_INTERRUPT:
		return SL_ERR_CANCELLED;
	case DUCKDB_ERROR_INTERNAL:
		return SL_ERR_BUG;
	}
	return SL_ERR_CONFIG; /* a statement that does not parse or bind: a model or query is wrong
			       */
}

/* DuckDB draws its errors over several lines; ours are one. */
bool sl_duckdb_fail(struct sl_err *err, enum sl_err_kind kind, const char *text)
{
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;
	bool blank = true;

	for (const char *p = text; *p; p++) {
		bool space = *p == ' ' || *p == '\n' || *p == '\t';
		if (!(space && blank) && !(*p == '^' && !p[1]))
			sl_buf_addc(&line, space ? ' ' : *p);
		blank = space;
	}
	while (line.n && line.p[line.n - 1] == ' ')
		line.p[--line.n] = '\0';
	return sl_err_set(err, kind, "duckdb: %s", sl_buf_z(&line));
}

bool sl_duckdb_fail_result(duckdb_result *result, struct sl_err *err)
{
	const char *text = sl_duck.result_error(result);
	enum sl_err_kind kind = sl_duckdb_kind(sl_duck.result_error_type(result), text ? text : "");

	return sl_duckdb_fail(err, kind, text ? text : "unknown error");
}

/* Without asking for a stop first: how a transaction ends is up to the caller. */
static bool run_script(struct sl_db *db, const char *sql, struct sl_err *err)
{
	duckdb_result result;

	sl_sql_trace("duckdb", sql);
	bool ok = sl_duck.query(db->connection, sql, &result) == DuckDBSuccess ||
		  sl_duckdb_fail_result(&result, err);

	sl_duck.destroy_result(&result);
	return ok;
}

/* --- open and close --- */

static void put_config(duckdb_config *config)
{
	if (*config)
		sl_duck.destroy_config(config);
}

static void put_duck_text(char **text)
{
	if (*text)
		sl_duck.free(*text);
}

static bool make_config(const struct sl_db_conf *conf, duckdb_config *ret, struct sl_err *err)
{
	bool ok = sl_duck.create_config(ret) == DuckDBSuccess;

	for (size_t i = 0; ok && i < SL_ARRAY_LEN(settings); i++)
		ok = sl_duck.set_config(*ret, settings[i][0], settings[i][1]) == DuckDBSuccess;
	if (ok && conf->temp_dir)
		ok = sl_duck.set_config(*ret, "temp_directory", conf->temp_dir) == DuckDBSuccess;
	return ok || sl_err_set(err, SL_ERR_BUG, "duckdb refuses our settings");
}

/* "(PID 123)" of DuckDB's message, for the line that the user reads. */
static bool fail_busy(const char *path, const char *text, struct sl_err *err)
{
	const char *pid = strstr(text, "PID ");
	int digits = pid ? (int)strspn(pid + 4, "0123456789") : 0;

	sl_err_set(err, SL_ERR_AGAIN, "\"%s\" is in use by %s%.*s", path,
		   digits ? "process " : "another process", digits, digits ? pid + 4 : "");
	return sl_err_hint(err, "try again when that one has ended");
}

/* An instance of DuckDB, which takes most of the time; files are attached to it. */
static bool open_memory(struct sl_db *db, const struct sl_db_conf *conf, struct sl_err *err)
{
	sl_cleanup(put_config) duckdb_config config = NULL;
	sl_cleanup(put_duck_text) char *text = NULL;

	if (!make_config(conf, &config, err))
		return false;
	if (sl_duck.open_ext(NULL, &db->database, config, &text) != DuckDBSuccess)
		return sl_duckdb_fail(err, sl_duckdb_kind(DUCKDB_ERROR_IO, text ? text : ""),
				      text ? text : "unknown error");
	return sl_duck.connect(db->database, &db->connection) == DuckDBSuccess ||
	       sl_err_set(err, SL_ERR_IO, "cannot connect to DuckDB");
}

static bool attach(struct sl_db *db, const char *path, const char *as, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_buf_adds(&sql, "attach ");
	sl_sql_literal(&sql, path);
	sl_buf_addf(&sql, " as %s", as);
	return run_script(db, sl_buf_z(&sql), err);
}

/* A new file is made beside and linked when it is whole: one that a kill or a full disk cut off
 * would never open again. */
static bool make_file(struct sl_db *db, const char *path, struct sl_err *err)
{
	bool won;
	sl_cleanup(sl_tmpfile_close) struct sl_tmpfile t = {
		.fd = -1, .path = sl_xasprintf("%s.new-%ld", path, (long)getpid())};

	unlink(t.path);
	if (!attach(db, t.path, "made", err) || !run_script(db, "detach made", err))
		return false;
	t.fd = open(t.path, O_RDONLY | O_CLOEXEC);
	if (t.fd < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot create \"%s\"", path);
	return sl_tmpfile_link(&t, path, &won, err);
}

static bool attach_file(struct sl_db *db, const struct sl_db_conf *conf, struct sl_err *err)
{
	const int64_t deadline = sl_clock_monotonic() + conf->wait_us;
	const char *as = conf->read_only ? FILE_NAME " (read_only)" : FILE_NAME;

	if (!sl_file_exists(conf->path) && !make_file(db, conf->path, err))
		return false;
	for (;;) {
		struct sl_err why = SL_ERR_INIT;

		if (attach(db, conf->path, as, &why))
			return true;
		if (why.kind != SL_ERR_AGAIN) {
			*err = why;
			return false;
		}
		if (sl_clock_monotonic() >= deadline)
			return fail_busy(conf->path, why.msg, err);
		if (!sl_sleep(BUSY_POLL_US, err))
			return false;
	}
}

/* The file is the only database then: unqualified names are its own, none is ambiguous. */
static bool open_file(struct sl_db *db, const struct sl_db_conf *conf, struct sl_err *err)
{
	return attach_file(db, conf, err) &&
	       run_script(db, "use " FILE_NAME "; detach memory", err);
}

/* Only sets a flag inside DuckDB; the running statement ends with an interrupt error. */
static void interrupt(void *connection)
{
	sl_duck.interrupt(connection);
}

static void duckdb_close_db(struct sl_db *db)
{
	if (!db)
		return;
	sl_cancel_hook(NULL, NULL);
	sl_duckdb_copy_abort(db, NULL);
	if (db->connection)
		sl_duck.disconnect(&db->connection);
	if (db->database)
		sl_duck.close(&db->database);
	free(db);
}

/* A stop that was asked for between two statements is seen here, one during a statement by the
 * hook. */
static bool duckdb_script(struct sl_db *db, const char *sql, struct sl_err *err)
{
	return sl_cancel_check(err) && run_script(db, sql, err);
}

static bool duckdb_open_db(const struct sl_db_conf *conf, struct sl_db **ret, struct sl_err *err)
{
	if (!sl_duckdb_load(err))
		return false;
	if (conf->read_only && conf->path && !sl_file_exists(conf->path))
		return sl_err_set(err, SL_ERR_NO_INPUT,
				  "nothing is stored yet: \"%s\" does not exist", conf->path);

	struct sl_db *db = sl_xcalloc(1, sizeof(*db));
	if (!open_memory(db, conf, err) || (conf->path && !open_file(db, conf, err)) ||
	    !duckdb_script(db, "set TimeZone = 'UTC'", err)) {
		duckdb_close_db(db);
		return false;
	}
	sl_cancel_hook(interrupt, db->connection);
	*ret = db;
	return true;
}

/* --- transactions --- */

static bool duckdb_begin(struct sl_db *db, struct sl_err *err)
{
	if (!duckdb_script(db, "begin transaction", err))
		return false;
	db->in_transaction = true;
	return true;
}

static bool duckdb_commit(struct sl_db *db, struct sl_err *err)
{
	db->in_transaction = false;
	return run_script(db, "commit", err);
}

static void duckdb_rollback(struct sl_db *db)
{
	struct sl_err ignored = SL_ERR_INIT;

	sl_duckdb_copy_abort(db, NULL);
	if (db->in_transaction && !run_script(db, "rollback", &ignored))
		sl_err_clear(&ignored); /* nothing to roll back: the failure did it */
	db->in_transaction = false;
}

/* The file's own lock keeps every other process out for as long as it is open. */
static bool duckdb_lock(struct sl_db *db, const char *pipeline, struct sl_err *err)
{
	(void)db;
	(void)pipeline;
	(void)err;
	return true;
}

static void duckdb_type_name(struct sl_type t, char out[32])
{
	static const char *const names[] = {
		[SL_BOOL] = "boolean",		[SL_INT64] = "bigint",
		[SL_FLOAT64] = "double",	[SL_DECIMAL] = "decimal",
		[SL_TEXT] = "varchar",		[SL_DATE] = "date",
		[SL_TIMESTAMP] = "timestamptz", [SL_TEXT_LIST] = "varchar[]",
	};

	if (t.kind == SL_DECIMAL)
		snprintf(out, 32, "decimal(%u,%u)", t.precision, t.scale);
	else
		snprintf(out, 32, "%s", names[t.kind]);
}

/* --- catalogue --- */

/* A look into duckdb_columns() or information_schema makes all of DuckDB's own views first. The name
 * is a literal: with a parameter the types are not known when the statement is prepared. */
static bool duckdb_columns(struct sl_db *db, const char *schema, const char *name, sl_db_row_fn row,
			   void *ctx, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf relation = SL_BUF_INIT, sql = SL_BUF_INIT;
	struct sl_err why = SL_ERR_INIT;

	if (schema)
		sl_buf_addf(&relation, "\"%s\".", schema);
	sl_buf_addf(&relation, "\"%s\"", name);
	sl_buf_adds(&sql, "select name, lower(type) from pragma_table_info(");
	sl_sql_literal(&sql, sl_buf_z(&relation));
	sl_buf_addc(&sql, ')');
	if (sl_duckdb_query(db, sl_buf_z(&sql), NULL, 0, NULL, row, ctx, &why) ||
	    strstr(why.msg, "Catalog Error: Table with name"))
		return true;
	*err = why;
	return false;
}

static bool duckdb_relation(struct sl_db *db, const char *schema, const char *name,
			    enum sl_relation *ret, struct sl_err *err)
{
	static const char view_sql[] = "select 1 from duckdb_views() where view_name = $1 and "
				       "schema_name = coalesce($2, current_schema())";
	const char *params[] = {name, schema};
	bool exists = false, view = false;

	if (!duckdb_columns(db, schema, name, sl_db_any, &exists, err) ||
	    (exists && !sl_duckdb_query(db, view_sql, params, 2, NULL, sl_db_any, &view, err)))
		return false;
	*ret = view ? SL_RELATION_VIEW : exists ? SL_RELATION_TABLE : SL_RELATION_NONE;
	return true;
}

static const struct sl_engine engine = {
	.name = "duckdb",
	.rewrites = true,
	.roomy = "",
	.row_id = "_sl_seq",
	.open = duckdb_open_db,
	.close = duckdb_close_db,
	.exec = sl_duckdb_exec,
	.script = duckdb_script,
	.query = sl_duckdb_query,
	.begin = duckdb_begin,
	.snapshot = duckdb_begin, /* every transaction is one */
	.commit = duckdb_commit,
	.rollback = duckdb_rollback,
	.copy_begin = sl_duckdb_copy_begin,
	.copy_batch = sl_duckdb_copy_batch,
	.copy_end = sl_duckdb_copy_end,
	.copy_abort = sl_duckdb_copy_abort,
	.lock = duckdb_lock,
	.type_name = duckdb_type_name,
	.relation = duckdb_relation,
	.columns = duckdb_columns,
};

extern const void *const sl_module_duckdb;
SL_EXPORT const void *const sl_module_duckdb = &engine;
