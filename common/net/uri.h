/*
 * URIs: taken apart, resolved against a base, normalised, shown without what is secret. Everything
 * is bounded (SL_URI_MAX bytes); parts are views into the text that was parsed. Source: RFC 3986.
 *
 *	struct sl_uri u;
 *	if (!sl_uri_parse(sl_str_of("https://example.org/a?b#c"), &u, err))
 *		return false;
 */
#ifndef SL_NET_URI_H
#define SL_NET_URI_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

#define SL_URI_MAX 8192

/* An absent part has p == NULL, an empty one n == 0; the path is never absent. */
struct sl_uri {
	struct sl_str scheme, user, host, path, query, fragment;
	int port; /* -1: not given */
};

/*
 * An absolute URI or a relative reference, strictly by the grammar. host: a name of letters,
 * digits, '-', '.', '_' (or empty), or an IPv6 address in brackets. SL_ERR_DATA says what is wrong
 * and where; the message never quotes the user part.
 */
SL_NODISCARD bool sl_uri_parse(struct sl_str text, struct sl_uri *ret, struct sl_err *err);

/*
 * ref, as it stands in a page or header, against an absolute base (§5.2), normalised (§6.2.2,
 * §6.2.3) and without fragment. Blanks around it and line ends and tabs within are dropped, bytes
 * that no URI holds are percent-encoded. SL_ERR_DATA; *ret is owned by arena, NUL behind it.
 */
SL_NODISCARD bool sl_uri_resolve(const struct sl_uri *base, struct sl_str ref,
				 struct sl_arena *arena, struct sl_str *ret, struct sl_err *err);

/*
 * The normal form without fragment: scheme and host in lower case, %xx in upper case and only where
 * needed, no dot segments, no default port, "/" for an empty path behind a host.
 */
void sl_uri_normal(const struct sl_uri *u, struct sl_buf *out);

/* The port, or that of http (80) and https (443); 0 for other schemes. */
int sl_uri_port(const struct sl_uri *u);

/* True when scheme is http or https and there is a host. */
bool sl_uri_is_http(const struct sl_uri *u);

/* True when credentials for the one may go to the other: the same server, or from http to the same
 * name's https. */
bool sl_uri_same_site(const struct sl_uri *from, const struct sl_uri *to);

/* Normal percent-encoding of a path or query: unreserved characters as they are, other escapes in
 * upper case, bytes that no URI holds escaped (§6.2.2). */
void sl_uri_add_normal(struct sl_buf *out, struct sl_str text);

/* A value for a query or a path segment: everything but unreserved characters is escaped. */
void sl_uri_add_escaped(struct sl_buf *out, struct sl_str text);

/* scheme://host:port/path for messages: without user, query and fragment, control characters
 * escaped. Also for a text that is no URI. */
void sl_uri_add_safe(struct sl_buf *out, struct sl_str text);

#endif
