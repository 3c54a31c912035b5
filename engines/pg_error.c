/*
 * PostgreSQL's errors as kinds: by SQLSTATE (manual, appendix A), and where there is none, by
 * libpq's own words (fe-connect.c, fe-secure*.c), which it does not translate in our locale "C".
 */
#include "engines/pg_error.h"

#include <stdio.h>
#include <string.h>

#include "base/cancel.h"

/* First match wins: "28" stands for the whole class. */
static const struct {
	const char *state;
	enum sl_err_kind kind;
} kinds[] = {
	{"08P01", SL_ERR_PROTOCOL},  {"08", SL_ERR_UNAVAILABLE},
	{"0A000", SL_ERR_CONFIG},    {"22", SL_ERR_DATA},
	{"23", SL_ERR_DATA},	     {"28", SL_ERR_AUTH},
	{"3D", SL_ERR_CONFIG},	     {"40", SL_ERR_AGAIN}, /* serialization failure, deadlock */
	{"42501", SL_ERR_AUTH},				   /* a grant is missing */
	{"53100", SL_ERR_IO},				   /* disk full */
	{"53", SL_ERR_AGAIN}, /* memory, connections: others use them now */
	{"55P03", SL_ERR_AGAIN},     {"57014", SL_ERR_AGAIN},
	{"57P04", SL_ERR_CONFIG},    /* the database was dropped */
	{"57P", SL_ERR_UNAVAILABLE}, /* shut down, starting, ended by an administrator */
	{"58", SL_ERR_IO},	     {"P0001", SL_ERR_DATA}, /* a trigger of the user's refuses */
	{"XX", SL_ERR_IO},
};

enum sl_err_kind sl_pg_kind(const char *sqlstate, bool connected)
{
	enum sl_err_kind kind = SL_ERR_CONFIG; /* most likely a statement of the user's */

	if (!sqlstate || !*sqlstate)
		kind = SL_ERR_UNAVAILABLE;
	for (size_t i = 0; sqlstate && i < SL_ARRAY_LEN(kinds); i++)
		if (strncmp(sqlstate, kinds[i].state, strlen(kinds[i].state)) == 0) {
			kind = kinds[i].kind;
			break;
		}
	if (sqlstate && strcmp(sqlstate, "57014") == 0 && sl_cancel_signal())
		return SL_ERR_CANCELLED;
	/* A connection lost on the way is tried again: `applied` tells how far it came. */
	return kind == SL_ERR_UNAVAILABLE && connected ? SL_ERR_AGAIN : kind;
}

bool sl_pg_is_row_fault(const char *sqlstate)
{
	return sqlstate && (strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "23", 2) == 0 ||
			    strcmp(sqlstate, "P0001") == 0);
}

/* First match wins. */
static const struct {
	const char *text;
	enum sl_err_kind kind;
	const char *hint;
} texts[] = {
	{"no password supplied", SL_ERR_AUTH, "put the password into the connection"},
	{"server does not support SSL", SL_ERR_CONFIG,
	 "the connection's sslmode asks for TLS, the server has none: turn TLS on there, or set "
	 "sslmode to prefer or disable"},
	{"received invalid response to SSL negotiation", SL_ERR_PROTOCOL,
	 "another service answers on this port: see host and port of the connection"},
	{"expected authentication request from server", SL_ERR_PROTOCOL,
	 "another service answers on this port: see host and port of the connection"},
	{"unsupported frontend protocol", SL_ERR_PROTOCOL, "this server is too old or too new"},
	{"lost synchronization with server", SL_ERR_PROTOCOL, NULL},
	{"root certificate file", SL_ERR_CONFIG,
	 "sslmode verifies the server: set sslrootcert to its CA's certificate"},
	{"certificate verify failed", SL_ERR_CONFIG,
	 "the server's certificate is not signed by the CA in sslrootcert"},
	{"server certificate for", SL_ERR_CONFIG,
	 "connect by the name in the server's certificate, or set sslmode to verify-ca"},
	{"SSL error", SL_ERR_CONFIG, "TLS cannot be agreed on: see the connection's ssl… settings"},
	{"invalid ", SL_ERR_CONFIG, NULL},
};

static void judge_text(struct sl_err *err, const char *text)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		if (!strstr(text, texts[i].text))
			continue;
		err->kind = texts[i].kind;
		if (texts[i].hint)
			sl_err_hint(err, "%s", texts[i].hint);
		return;
	}
}

void sl_pg_judge_connect(struct sl_err *err, const char *state, const char *text)
{
	if (!state || !*state)
		judge_text(err, text);
	else if (strcmp(state, "28P01") == 0)
		sl_err_hint(err, "see user and password of the connection");
	else if (strcmp(state, "28000") == 0)
		sl_err_hint(err, "the user does not exist, or pg_hba.conf does not let it in from "
				 "here");
	else if (strcmp(state, "3D000") == 0)
		sl_err_hint(err, "see the database's name in the connection, or create it");
	else if (strcmp(state, "53300") == 0)
		sl_err_hint(err, "raise the server's max_connections, or run fewer tasks at once");
}

/* "permission denied for schema public": the server's words, and what is to be granted. */
static const struct {
	const char *text, *grant;
} grants[] = {
	{"permission denied for schema ", "usage, create on schema"},
	{"permission denied for database ", "create on database"},
	{"permission denied for table ", "select, insert, update, delete on table"},
	{"permission denied for view ", "select on"},
	{"permission denied for sequence ", "usage on sequence"},
	{"permission denied for function ", "execute on function"},
};

void sl_pg_hint_grant(struct sl_err *err, const char *text, const char *user)
{
	const char *to = user ? user : "the connection's user";

	for (size_t i = 0; i < SL_ARRAY_LEN(grants); i++) {
		const char *found = strstr(text, grants[i].text);
		if (!found)
			continue;
		found += strlen(grants[i].text);
		sl_err_hint(err, "grant %s \"%.*s\" to \"%s\";", grants[i].grant,
			    (int)strcspn(found, "\r\n"), found, to);
		return;
	}
	const char *owner = strstr(text, "must be owner of table ");
	if (owner)
		sl_err_hint(err, "alter table \"%s\" owner to \"%s\";",
			    owner + strlen("must be owner of table "), to);
	else
		sl_err_hint(err, "grant \"%s\" what the statement needs", to);
}
