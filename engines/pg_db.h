/* What the files of the PostgreSQL module share: a connection, its errors, its values as text.
 * Included before everything else: libpq's header names functions that base/banned.h forbids
 * afterwards. */
#ifndef SL_ENGINES_PG_DB_H
#define SL_ENGINES_PG_DB_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "store/engine.h"

struct sl_db {
	PGconn *conn;
	PGcancel *cancel;
	struct sl_arena arena; /* texts that live as long as the connection */
	const char **keyword,
		**value; /* how it was opened, NULL-terminated: the watcher needs it too */
	char *app_name;
	int64_t wait_us;
	bool in_transaction;
	struct sl_row_fault fault; /* of the last failure; sqlstate "": none */
	/* a copy under way */
	const struct sl_schema *copying;
	bool with_change, duplicate;
	struct sl_buf wire; /* rows in COPY's binary form, sent when large enough */
};

/* Fills err from a failed result (may be NULL: the connection's own error); returns false. */
bool sl_pg_fail(struct sl_db *db, const PGresult *result, struct sl_err *err);

/* Connects with db->keyword/value, within the deadline and as far as no stop was asked for. */
bool sl_pg_connect(struct sl_db *db, const char *where, PGconn **ret, struct sl_err *err);

enum sl_kind sl_pg_kind_of(Oid type);
/* Canonical text of a value that the server sent as text. scratch keeps it until its next use. */
struct sl_str sl_pg_text(Oid type, struct sl_str value, struct sl_buf *scratch);

bool sl_pg_copy_begin(struct sl_db *db, const char *table, const struct sl_schema *schema,
		      unsigned how, struct sl_err *err);
bool sl_pg_copy_batch(struct sl_db *db, const struct sl_batch *b, struct sl_copy_extra *extra,
		      struct sl_err *err);
bool sl_pg_copy_end(struct sl_db *db, uint64_t *ret_rows, bool *ret_duplicate, struct sl_err *err);
void sl_pg_copy_abort(struct sl_db *db, bool *ret_duplicate);

bool sl_pg_lock(struct sl_db *db, const char *pipeline, struct sl_err *err);

void sl_pg_put_result(PGresult **result); /* sl_cleanup */

#endif
