/* What PostgreSQL's errors mean to the operator. Free of libpq, so that a test can ask directly. */
#ifndef SL_ENGINES_PG_ERROR_H
#define SL_ENGINES_PG_ERROR_H

#include <stdbool.h>

#include "base/err.h"

/* connected: the failing call had a connection, so what it did may be known only at the next try.
 * sqlstate: five characters, or NULL or "" when libpq itself failed. */
enum sl_err_kind sl_pg_kind(const char *sqlstate, bool connected);

/* libpq's or the server's text of a refused connection; state as above. Sets err's kind and hint
 * where the text alone tells them; user: of the connection, may be NULL. */
void sl_pg_judge_connect(struct sl_err *err, const char *state, const char *text);

/* SQLSTATE 42501: which GRANT helps. user may be NULL. */
void sl_pg_hint_grant(struct sl_err *err, const char *text, const char *user);

/* True for a row's own fault: another row, or this one mended, would be taken. */
bool sl_pg_is_row_fault(const char *sqlstate);

#endif
