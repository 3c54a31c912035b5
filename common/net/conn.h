/*
 * Connections by id, as Airflow keeps them: $SLUICE_CONN_<ID>, else $AIRFLOW_CONN_<ID> (ID in upper
 * case), in URI form (postgres://user:p%40ss@host:5432/db?sslmode=require, percent-encoded, a
 * second scheme inside the host allowed, __extra__ as JSON) or in JSON form. A password never
 * leaves this struct except to the engine's connect call: sl_conn_safe is what messages may show.
 * Source: Airflow 3.3 "Managing Connections"; Connection.get_uri().
 */
#ifndef SL_NET_CONN_H
#define SL_NET_CONN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/err.h"
#include "net/secret.h"

struct sl_conn {
	const char *id;
	const char *type;		   /* "postgres" */
	const char *host, *login, *schema; /* NULL when absent */
	struct sl_secret password;
	int port;			       /* 0 when absent */
	const char **extra_key, **extra_value; /* from the query or "extra" */
	size_t n_extra;
};

/* SL_ERR_CONFIG when the id is unknown (naming both variables) or its form is wrong. Owned by
 * arena. */
SL_NODISCARD bool sl_conn_get(const char *id, struct sl_arena *arena, struct sl_conn *ret,
			      struct sl_err *err);
const char *sl_conn_extra(const struct sl_conn *c, const char *key); /* or NULL */

/* "postgres://user@host:5432/db" without the password; owned by arena. */
const char *sl_conn_safe(const struct sl_conn *c, struct sl_arena *arena);

#endif
