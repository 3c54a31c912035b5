/*
 * PostgreSQL as an engine, through libpq. Nothing waits without limit: connecting, locks and a
 * silent network each have their time. A statement under way is cancelled from the signal handler
 * (PQcancel is safe there), so that a stop is answered within seconds.
 */
#include "engines/pg_db.h"

#include <poll.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"
#include "engines/pg_error.h"

#define CONNECT_US (INT64_C(10) * SL_SECOND)

void sl_pg_put_result(PGresult **result)
{
	PQclear(*result);
}

/* --- errors --- */

static int line_length(const char *text)
{
	return (int)strcspn(text, "\r\n");
}

static void note_fault(struct sl_db *db, const PGresult *result, const char *state,
		       const char *text)
{
	const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
	struct sl_row_fault *f = &db->fault;

	*f = (struct sl_row_fault){.sqlstate = ""};
	if (!sl_pg_is_row_fault(state))
		return;
	snprintf(f->sqlstate, sizeof(f->sqlstate), "%s", state);
	snprintf(f->column, sizeof(f->column), "%s", column ? column : "");
	snprintf(f->text, sizeof(f->text), "%.*s", line_length(text), text);
}

static bool pg_row_fault(struct sl_db *db, struct sl_row_fault *ret)
{
	*ret = db->fault;
	return db->fault.sqlstate[0] != '\0';
}

bool sl_pg_fail(struct sl_db *db, const PGresult *result, struct sl_err *err)
{
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = primary ? primary : PQerrorMessage(db->conn);

	/* The detail of a broken constraint shows the row, which no log should. */
	if (state && strncmp(state, "23", 2) == 0)
		detail = NULL;
	note_fault(db, result, state, text);
	sl_err_set(err, sl_pg_kind(state, true), "postgres: %.*s%s%.*s", line_length(text), text,
		   detail ? ": " : "", detail ? line_length(detail) : 0, detail ? detail : "");
	if (state && strcmp(state, "57P01") == 0)
		sl_err_hint(err, "the server or another store that waited for this one ended it");
	if (state && strcmp(state, "42501") == 0)
		sl_pg_hint_grant(err, primary, PQuser(db->conn));
	return false;
}

/* --- open and close --- */

/* "FATAL:  28P01: password …": with verbose errors the code stands behind the severity. */
static const char *find_state(const char *message, char state[6])
{
	for (const char *p = message; (p = strstr(p, ":  ")); p++)
		if (strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 &&
		    strncmp(p + 8, ": ", 2) == 0) {
			memcpy(state, p + 3, 5);
			state[5] = '\0';
			return p + 10;
		}
	state[0] = '\0';
	return message;
}

static bool fail_connect(PGconn *conn, const char *where, struct sl_err *err)
{
	char state[6];
	const char *text = find_state(PQerrorMessage(conn), state);

	sl_err_set(err, sl_pg_kind(state, false), "cannot connect to %s: %.*s", where,
		   line_length(text), text);
	sl_pg_judge_connect(err, state, text);
	return false;
}

/* True while the connection is being made; its end is told by PQstatus. */
static bool connect_step(PGconn *conn, PostgresPollingStatusType *status, int64_t deadline)
{
	if (*status == PGRES_POLLING_OK || *status == PGRES_POLLING_FAILED)
		return false;
	struct pollfd fd = {.fd = PQsocket(conn),
			    .events = *status == PGRES_POLLING_READING ? POLLIN : POLLOUT};
	if (sl_clock_monotonic() >= deadline)
		return false;
	if (poll(&fd, 1, 100) > 0)
		*status = PQconnectPoll(conn);
	return true;
}

bool sl_pg_connect(struct sl_db *db, const char *where, PGconn **ret, struct sl_err *err)
{
	int64_t deadline = sl_clock_monotonic() + CONNECT_US;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	PGconn *conn = PQconnectStartParams(db->keyword, db->value, 0);

	*ret = conn; /* the caller ends it, also when this fails */
	if (!conn)
		return sl_err_set(err, SL_ERR_BUG, "out of memory");
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE); /* the only way to the code of a refusal */
	if (PQstatus(conn) == CONNECTION_BAD)
		return fail_connect(conn, where, err);
	while (connect_step(conn, &status, deadline))
		if (!sl_cancel_check(err))
			return false;
	if (status == PGRES_POLLING_FAILED)
		return fail_connect(conn, where, err);
	if (PQstatus(conn) != CONNECTION_OK)
		return sl_err_set(err, SL_ERR_UNAVAILABLE,
				  "cannot connect to %s: no answer in 10 s", where);
	PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
	return true;
}

static void put_options(PQconninfoOption **options)
{
	PQconninfoFree(*options);
}

struct option {
	const char *keyword, *value;
};

/* What the connection's extras may not change, and what they may. */
static size_t fill_options(const struct sl_db_conf *conf, const char *port, struct option *out)
{
	const struct sl_conn *c = conf->conn;
	const struct option fixed[] = {
		{"host", c->host},	     {"port", c->port ? port : NULL},
		{"user", c->login},	     {"password", sl_secret_reveal(c->password)},
		{"dbname", c->schema},	     {"application_name", conf->app_name},
		{"client_encoding", "UTF8"},
	};
	const struct option defaults[] = {
		{"keepalives", "1"},	       {"keepalives_idle", "30"},
		{"keepalives_interval", "10"}, {"keepalives_count", "3"},
		{"tcp_user_timeout", "30000"},
	};
	size_t n = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(defaults); i++)
		if (!sl_conn_extra(c, defaults[i].keyword))
			out[n++] = defaults[i];
	for (size_t i = 0; i < SL_ARRAY_LEN(fixed); i++)
		out[n++] = fixed[i];
	return n;
}

static bool is_fixed(const struct option *options, size_t n, const char *keyword)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(options[i].keyword, keyword) == 0)
			return true;
	return false;
}

static void make_options(struct sl_db *db, const struct sl_db_conf *conf)
{
	sl_cleanup(put_options) PQconninfoOption *known = PQconndefaults();
	struct option options[16];
	char *port = sl_arena_printf(&db->arena, "%d", conf->conn->port);
	size_t n = fill_options(conf, port, options), used = 0;
	size_t extras = conf->conn->n_extra;

	db->keyword = sl_arena_zalloc(&db->arena, n + extras + 1, sizeof(*db->keyword));
	db->value = sl_arena_zalloc(&db->arena, n + extras + 1, sizeof(*db->value));
	for (size_t i = 0; i < n; i++) {
		if (!options[i].value)
			continue;
		db->keyword[used] = options[i].keyword;
		db->value[used++] = sl_arena_strdup(&db->arena, options[i].value);
	}
	/* Airflow keeps other things there too (cursor, schema …): only libpq's own words pass. */
	for (const PQconninfoOption *o = known; o && o->keyword; o++) {
		const char *extra = sl_conn_extra(conf->conn, o->keyword);
		if (!extra || is_fixed(options, n, o->keyword))
			continue;
		db->keyword[used] = sl_arena_strdup(&db->arena, o->keyword);
		db->value[used++] = sl_arena_strdup(&db->arena, extra);
	}
}

/* The server's notices are no news to anybody. */
static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static void cancel_statement(void *cancel)
{
	char why[256];

	PQcancel(cancel, why, sizeof(why));
}

static void pg_close(struct sl_db *db)
{
	if (!db)
		return;
	sl_cancel_hook(NULL, NULL);
	PQfreeCancel(db->cancel);
	PQfinish(db->conn);
	sl_buf_release(&db->wire);
	free(db->app_name);
	sl_arena_release(&db->arena);
	free(db);
}

/* Without asking for a stop first: how a transaction ends is up to the caller. */
static bool run_script(struct sl_db *db, const char *sql, struct sl_err *err)
{
	sl_sql_trace("pg", sql);
	sl_cleanup(sl_pg_put_result) PGresult *result = PQexec(db->conn, sql);
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	       status == PGRES_EMPTY_QUERY || sl_pg_fail(db, result, err);
}

/* A stop that was asked for between two statements is seen here, one during a statement by the
 * hook. */
static bool pg_script(struct sl_db *db, const char *sql, struct sl_err *err)
{
	return sl_cancel_check(err) && run_script(db, sql, err);
}

/* Called by pg_open: what every statement of ours relies on. The memory serves the joins of a switch,
 * which compiling (jit) would only delay: a million rows of 150 bytes are joined without a file, in
 * 180 of the 512 MB that are allowed. hash_mem_multiplier is there since PostgreSQL 13. */
static const char session_sql[] = "set TimeZone = 'UTC'; set DateStyle = 'ISO, YMD'; "
				  "set extra_float_digits = 1; set bytea_output = 'hex'; "
				  "set standard_conforming_strings = on; "
				  "set client_min_messages = error; set work_mem = '128MB'; "
				  "set hash_mem_multiplier = 4; set jit = off; "
				  "set default_transaction_isolation = 'read committed'; ";

static bool set_session(struct sl_db *db, const struct sl_db_conf *conf, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_buf_adds(&sql, session_sql);
	/* The lock that pg_lock.c waits for has its own, shorter, time. */
	sl_buf_addf(&sql, "set lock_timeout = '%" PRId64 "ms'; ",
		    3 * (conf->wait_us / 1000) + 5000);
	if (conf->read_only)
		sl_buf_adds(&sql, "set default_transaction_read_only = on; ");
	if (conf->snapshot)
		sl_buf_adds(&sql, "set default_transaction_isolation = 'repeatable read'; ");
	if (conf->statement_us)
		sl_buf_addf(&sql, "set statement_timeout = '%" PRId64 "ms'; ",
			    (conf->statement_us + 999) / 1000);
	return pg_script(db, sl_buf_z(&sql), err);
}

/* libpq would try any host: a connection of another kind is a slip, not a server that is down. */
static bool check_kind(const struct sl_conn *c, struct sl_err *err)
{
	if (strcmp(c->type, "postgres") == 0)
		return true;
	sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\" is of type \"%s\", not postgres", c->id,
		   c->type);
	return sl_err_hint(err, "write it as postgres://user:password@host:5432/database");
}

static bool pg_open(const struct sl_db_conf *conf, struct sl_db **ret, struct sl_err *err)
{
	if (!check_kind(conf->conn, err))
		return false;

	struct sl_db *db = sl_xcalloc(1, sizeof(*db));

	db->app_name = sl_xstrndup(conf->app_name, 63); /* the server cuts it there */
	db->wait_us = conf->wait_us;
	make_options(db, conf);
	if (!sl_pg_connect(db, sl_conn_safe(conf->conn, &db->arena), &db->conn, err)) {
		pg_close(db);
		return false;
	}
	PQsetNoticeReceiver(db->conn, ignore_notice, NULL);
	db->cancel = PQgetCancel(db->conn);
	if (!set_session(db, conf, err)) {
		pg_close(db);
		return false;
	}
	sl_cancel_hook(cancel_statement, db->cancel);
	*ret = db;
	return true;
}

/* --- statements --- */

static bool pg_exec(struct sl_db *db, const char *sql, const char *const *params, size_t n_params,
		    uint64_t *affected, struct sl_err *err)
{
	sl_sql_trace("pg", sql);
	if (!sl_cancel_check(err))
		return false;
	sl_cleanup(sl_pg_put_result) PGresult *result =
		PQexecParams(db->conn, sql, (int)n_params, NULL, params, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);
	uint64_t n = 0;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		return sl_pg_fail(db, result, err);
	for (const char *p = PQcmdTuples(result); *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (affected)
		*affected = n;
	return true;
}

struct reader {
	struct sl_db_col *cols;
	struct sl_str *texts;
	struct sl_buf *scratch;
	size_t n;
};

static void reader_release(struct reader *r)
{
	for (size_t i = 0; i < r->n; i++)
		sl_buf_release(&r->scratch[i]);
	free(r->cols);
	free(r->texts);
	free(r->scratch);
}

static void reader_init(struct reader *r, const PGresult *result)
{
	r->n = (size_t)PQnfields(result);
	r->cols = sl_xcalloc(r->n + 1, sizeof(*r->cols));
	r->texts = sl_xcalloc(r->n + 1, sizeof(*r->texts));
	r->scratch = sl_xcalloc(r->n + 1, sizeof(*r->scratch));
}

static bool read_row(struct reader *r, const PGresult *result, sl_db_row_fn row, void *ctx,
		     struct sl_err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		struct sl_str value = {PQgetvalue(result, 0, (int)i),
				       (size_t)PQgetlength(result, 0, (int)i)};
		r->texts[i] = PQgetisnull(result, 0, (int)i)
				      ? SL_STR_NULL
				      : sl_pg_text(PQftype(result, (int)i), value, &r->scratch[i]);
	}
	return !row || row(ctx, r->cols, r->n, r->texts, err);
}

struct row_sink {
	bool (*on_cols)(void *, const struct sl_db_col *, size_t, struct sl_err *);
	sl_db_row_fn row;
	void *ctx;
	bool told; /* on_cols was called */
};

static bool take_row(struct sl_db *db, struct reader *r, const PGresult *result,
		     struct row_sink *to, struct sl_err *err)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_COMMAND_OK)
		return true;
	if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK)
		return sl_pg_fail(db, result, err);
	if (!r->cols)
		reader_init(r, result);
	for (size_t i = 0; i < r->n; i++) { /* names live in the result */
		r->cols[i].name = PQfname(result, (int)i);
		r->cols[i].kind = sl_pg_kind_of(PQftype(result, (int)i));
	}
	if (!to->told && to->on_cols && !to->on_cols(to->ctx, r->cols, r->n, err))
		return false;
	to->told = true;
	return status == PGRES_TUPLES_OK || read_row(r, result, to->row, to->ctx, err);
}

static bool pg_query(struct sl_db *db, const char *sql, const char *const *params, size_t n_params,
		     bool (*on_cols)(void *, const struct sl_db_col *, size_t, struct sl_err *),
		     sl_db_row_fn row, void *ctx, struct sl_err *err)
{
	sl_cleanup(reader_release) struct reader r = {NULL, NULL, NULL, 0};
	struct row_sink to = {on_cols, row, ctx, false};
	PGresult *result;
	bool ok = true;

	sl_sql_trace("pg", sql);
	if (!sl_cancel_check(err))
		return false;
	if (!PQsendQueryParams(db->conn, sql, (int)n_params, NULL, params, NULL, NULL, 0))
		return sl_pg_fail(db, NULL, err);
	PQsetSingleRowMode(db->conn); /* memory stays at one row */
	while ((result = PQgetResult(db->conn))) {
		bool good = !ok || take_row(db, &r, result, &to, err);
		PQclear(result);
		if (!good)
			cancel_statement(db->cancel); /* the rest is not wanted */
		ok = ok && good;
	}
	return ok;
}

/* --- transactions --- */

static bool pg_begin(struct sl_db *db, struct sl_err *err)
{
	db->in_transaction = pg_script(db, "begin", err);
	return db->in_transaction;
}

static bool pg_snapshot(struct sl_db *db, struct sl_err *err)
{
	db->in_transaction = pg_script(db, "begin isolation level repeatable read, read only", err);
	return db->in_transaction;
}

static bool pg_commit(struct sl_db *db, struct sl_err *err)
{
	db->in_transaction = false;
	sl_cleanup(sl_pg_put_result) PGresult *result = PQexec(db->conn, "commit");
	if (PQresultStatus(result) != PGRES_COMMAND_OK) {
		sl_pg_fail(db, result, err);
		if (err->kind != SL_ERR_DATA) /* a constraint that is checked late: it was not */
			sl_err_prefix(err, "cannot tell whether the commit was done");
		return false;
	}
	/* COMMIT of a failed transaction answers ROLLBACK, and is no error to libpq. */
	return strcmp(PQcmdStatus(result), "COMMIT") == 0 ||
	       sl_err_set(err, SL_ERR_AGAIN, "postgres: the transaction was rolled back");
}

static void pg_rollback(struct sl_db *db)
{
	struct sl_err ignored = SL_ERR_INIT;

	sl_pg_copy_abort(db, NULL);
	if (db->in_transaction && !run_script(db, "rollback", &ignored))
		sl_err_clear(&ignored); /* the connection is lost, and with it the transaction */
	db->in_transaction = false;
}

/* Texts compare by bytes, as DuckDB and our own code do, whatever the database's locale. */
static void pg_type_name(struct sl_type t, char out[32])
{
	static const char *const names[] = {
		[SL_BOOL] = "boolean",
		[SL_INT64] = "bigint",
		[SL_FLOAT64] = "double precision",
		[SL_DECIMAL] = "numeric",
		[SL_TEXT] = "text collate \"C\"",
		[SL_DATE] = "date",
		[SL_TIMESTAMP] = "timestamptz",
		[SL_TEXT_LIST] = "text[] collate \"C\"",
	};

	if (t.kind == SL_DECIMAL)
		snprintf(out, 32, "numeric(%u,%u)", t.precision, t.scale);
	else
		snprintf(out, 32, "%s", names[t.kind]);
}

/* --- catalogue --- */

/* Called by pg_relation. */
static const char relation_sql[] =
	"select case when c.relkind in ('v', 'm') then 'view' else 'table' end "
	"from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
	"where n.nspname = coalesce($1, current_schema()) and c.relname = $2 "
	"and c.relkind in ('r', 'p', 'f', 'v', 'm')";

/* Called by pg_columns. */
static const char columns_sql[] =
	"select a.attname, format_type(a.atttypid, a.atttypmod) "
	"from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
	"join pg_catalog.pg_attribute a on a.attrelid = c.oid "
	"where n.nspname = coalesce($1, current_schema()) and c.relname = $2 "
	"and c.relkind in ('r', 'p', 'f', 'v', 'm') and a.attnum > 0 and not a.attisdropped "
	"order by a.attnum";

static bool note_relation(void *ctx, const struct sl_db_col *cols, size_t n_cols,
			  const struct sl_str *cells, struct sl_err *err)
{
	enum sl_relation *ret = ctx;

	(void)cols;
	(void)n_cols;
	(void)err;
	*ret = sl_str_eqz(cells[0], "view") ? SL_RELATION_VIEW : SL_RELATION_TABLE;
	return true;
}

static bool pg_relation(struct sl_db *db, const char *schema, const char *name,
			enum sl_relation *ret, struct sl_err *err)
{
	const char *params[] = {schema, name};

	*ret = SL_RELATION_NONE;
	return pg_query(db, relation_sql, params, 2, NULL, note_relation, ret, err);
}

static bool pg_columns(struct sl_db *db, const char *schema, const char *name, sl_db_row_fn row,
		       void *ctx, struct sl_err *err)
{
	const char *params[] = {schema, name};

	return pg_query(db, columns_sql, params, 2, NULL, row, ctx, err);
}

/* Called by pg_indexed. */
static const char indexed_sql[] =
	"select 1 from pg_catalog.pg_class c "
	"join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
	"join pg_catalog.pg_index i on i.indrelid = c.oid "
	"join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] "
	"where n.nspname = coalesce($1, current_schema()) and c.relname = $2 and a.attname = $3 "
	"and i.indisvalid and (i.indisunique or not cast($4 as boolean))";

static bool pg_indexed(struct sl_db *db, const char *schema, const char *name, const char *column,
		       bool unique, bool *ret, struct sl_err *err)
{
	const char *params[] = {schema, name, column, unique ? "t" : "f"};

	*ret = false;
	return pg_query(db, indexed_sql, params, 4, NULL, sl_db_any, ret, err);
}

static const struct sl_engine engine = {
	.name = "pg",
	.unique_keys = true,
	.shared = true,
	.roomy = " with (fillfactor = 50)",
	.row_id = "ctid",
	.open = pg_open,
	.close = pg_close,
	.exec = pg_exec,
	.script = pg_script,
	.query = pg_query,
	.begin = pg_begin,
	.snapshot = pg_snapshot,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.copy_begin = sl_pg_copy_begin,
	.copy_batch = sl_pg_copy_batch,
	.copy_end = sl_pg_copy_end,
	.copy_abort = sl_pg_copy_abort,
	.row_fault = pg_row_fault,
	.lock = sl_pg_lock,
	.type_name = pg_type_name,
	.relation = pg_relation,
	.columns = pg_columns,
	.indexed = pg_indexed,
};

extern const void *const sl_module_pg;
SL_EXPORT const void *const sl_module_pg = &engine;
