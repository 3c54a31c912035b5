/*
 * How the http source says who it is: one header, made from the connection. A token of OAuth 2
 * (client credentials, RFC 6749 §4.4) is fetched when it is first needed and once more when it is
 * refused.
 */
#ifndef SL_COLLECT_HTTP_AUTH_H
#define SL_COLLECT_HTTP_AUTH_H

#include "net/conn.h"
#include "net/http.h"
#include "tasks/collect/http_ask.h"

struct sl_http_auth {
	const struct sl_http_params *params;
	const struct sl_conn *conn; /* NULL: none */
	struct sl_http_field field; /* name NULL: nothing to say yet */
	struct sl_buf value;	    /* the secret's bytes */
};

/* Zeroed but for params and conn. SL_ERR_CONFIG: the connection lacks what the kind needs;
 * SL_ERR_AUTH: the token's server refuses. */
SL_NODISCARD bool sl_http_auth_begin(struct sl_http_auth *a, struct sl_http *http,
				     struct sl_err *err);
/* After a 401: true when a new token may help and was fetched. */
SL_NODISCARD bool sl_http_auth_again(struct sl_http_auth *a, struct sl_http *http, bool *ret_again,
				     struct sl_err *err);
void sl_http_auth_release(struct sl_http_auth *a); /* overwrites the secret */

#endif
