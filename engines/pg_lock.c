/*
 * The pipeline's lock: its row, for update. Who waits too long for it looks, over a second
 * connection, who has been blocking all that time, and ends that backend: a store that was stopped
 * would otherwise hold every later one for ever (docs/delivery.md, rule 6).
 * One that merely took its turn is
 * left alone.
 */
#include "engines/pg_db.h"

#include <poll.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/log.h"

#define LOOK_AFTER_US INT64_C(200000) /* most locks are free, or soon are */

/* Called by blockers: who blocks backend $1 now, under application name $2. */
static const char blockers_sql[] =
	"select coalesce(string_agg(pid || '@' || extract(epoch from backend_start) || '@' || "
	"extract(epoch from xact_start), ' ' order by pid), '') from pg_stat_activity "
	"where pid = any(pg_blocking_pids($1::int)) and application_name = $2";

/* Called by end_blockers: ends those of them that were blocking at the first look ($3) already. */
static const char end_sql[] =
	"select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity "
	"where pid = any(pg_blocking_pids($1::int)) and application_name = $2 "
	"and pid || '@' || extract(epoch from backend_start) || '@' || extract(epoch from "
	"xact_start) "
	"= any(string_to_array($3, ' '))";

static void put_conn(PGconn **conn)
{
	PQfinish(*conn);
}

/* Asks over a second connection; ret gets the one value. */
static bool ask(struct sl_db *db, const char *sql, const char *seen, struct sl_buf *ret,
		struct sl_err *err)
{
	sl_cleanup(put_conn) PGconn *conn = NULL;
	char pid[16];
	const char *params[] = {pid, db->app_name, seen};

	snprintf(pid, sizeof(pid), "%d", PQbackendPID(db->conn));
	if (!sl_pg_connect(db, "the database", &conn, err))
		return false;
	sl_cleanup(sl_pg_put_result) PGresult *result =
		PQexecParams(conn, sql, seen ? 3 : 2, NULL, params, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
		return sl_err_set(err, SL_ERR_AGAIN, "cannot see who holds the lock: %s",
				  PQresultErrorMessage(result));
	sl_buf_clear(ret);
	sl_buf_adds(ret, PQgetvalue(result, 0, 0));
	return true;
}

/* True when the statement that was sent has its result within the time; *ret_timeout tells apart.
 */
static bool wait_result(struct sl_db *db, int64_t deadline, bool *ret_timeout, struct sl_err *err)
{
	*ret_timeout = false;
	for (;;) {
		if (!PQconsumeInput(db->conn))
			return sl_pg_fail(db, NULL, err);
		if (!PQisBusy(db->conn))
			return true;
		int64_t left = deadline - sl_clock_monotonic();
		if (left <= 0) {
			*ret_timeout = true;
			return true;
		}
		struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLIN};
		poll(&fd, 1, (int)(left < 100000 ? left / 1000 + 1 : 100));
		if (!sl_cancel_check(err))
			return false;
	}
}

static bool take_result(struct sl_db *db, struct sl_err *err)
{
	PGresult *result;
	bool ok = true;

	while ((result = PQgetResult(db->conn))) {
		ExecStatusType status = PQresultStatus(result);
		if (ok && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
			ok = sl_pg_fail(db, result, err);
		PQclear(result);
	}
	return ok;
}

static bool give_up(struct sl_db *db, struct sl_err *err)
{
	struct sl_err ignored = SL_ERR_INIT;
	char why[256];

	PQcancel(db->cancel, why, sizeof(why));
	if (take_result(db, &ignored))
		return true; /* it came at the last moment */
	sl_err_set(err, SL_ERR_AGAIN, "another store holds the pipeline's lock");
	return sl_err_hint(err, "try again when it has ended");
}

/* Sends sql and waits; see the head of this file. */
static bool lock_by(struct sl_db *db, const char *sql, const char *param, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf seen = SL_BUF_INIT, ended = SL_BUF_INIT;
	int64_t begun = sl_clock_monotonic();
	bool timeout;

	if (!PQsendQueryParams(db->conn, sql, 1, NULL, &param, NULL, NULL, 0))
		return sl_pg_fail(db, NULL, err);
	if (!wait_result(db, begun + LOOK_AFTER_US, &timeout, err))
		return false;
	if (timeout && !ask(db, blockers_sql, NULL, &seen, err))
		return false;
	if (timeout && !wait_result(db, begun + db->wait_us, &timeout, err))
		return false;
	if (!timeout)
		return take_result(db, err);
	if (seen.n) {
		if (!ask(db, end_sql, sl_buf_z(&seen), &ended, err))
			return false;
		sl_log(SL_DEBUG, "ended a store that blocked", "backends=%s", sl_buf_z(&ended));
	}
	if (!wait_result(db, sl_clock_monotonic() + db->wait_us, &timeout, err))
		return false;
	return timeout ? give_up(db, err) : take_result(db, err);
}

/* Called by sl_pg_lock: holds the pipeline's row until the transaction ends. */
static const char row_sql[] = "select 1 from sluice.pipeline where pipeline = $1 for update";

/* Called by sl_pg_lock before there are state tables: one maker at a time. The key is "sluice". */
static const char make_sql[] = "select pg_advisory_xact_lock($1::bigint)";
#define MAKE_KEY "126943972713317"

bool sl_pg_lock(struct sl_db *db, const char *pipeline, struct sl_err *err)
{
	return pipeline ? lock_by(db, row_sql, pipeline, err)
			: lock_by(db, make_sql, MAKE_KEY, err);
}
