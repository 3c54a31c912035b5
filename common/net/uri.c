/*
 * URIs after RFC 3986, taken apart: one pass splits the text (the regular expression of appendix B by
 * hand), then each part is checked for the bytes that may stand in it.
 */
#include <arpa/inet.h>
#include <strings.h>

#include "base/num.h"
#include "net/uri_private.h"

static struct sl_str take_scheme(struct sl_str *s)
{
	size_t n = span_until(*s, ":/?#");

	if (n == 0 || n >= s->n || s->p[n] != ':' || !is_alpha(s->p[0]))
		return SL_STR_NULL;
	for (size_t i = 0; i < n; i++)
		if (!is_alpha(s->p[i]) && !is_digit(s->p[i]) && !strchr("+-.", s->p[i]))
			return SL_STR_NULL;
	return cut(s, n, 1);
}

static bool check_part(struct sl_str part, const char *more, const char *what, struct sl_err *err)
{
	for (size_t i = 0; i < part.n; i++) {
		if (part.p[i] == '%' && escaped_byte(part, i) >= 0)
			continue;
		if (!is_part(part.p[i], more))
			return sl_err_set(err, SL_ERR_DATA,
					  "byte 0x%02X may not stand in a URI's %s",
					  (unsigned char)part.p[i], what);
	}
	return true;
}

static bool check_address(struct sl_str host, struct sl_err *err)
{
	unsigned char address[16];
	char text[64];

	if (host.n < sizeof(text) && host.n > 2 && host.p[host.n - 1] == ']') {
		memcpy(text, host.p + 1, host.n - 2);
		text[host.n - 2] = '\0';
		if (inet_pton(AF_INET6, text, address) == 1)
			return true;
	}
	return sl_err_set(err, SL_ERR_DATA, "a URI's host in brackets is no IPv6 address");
}

static bool check_host(struct sl_str host, struct sl_err *err)
{
	if (host.n && host.p[0] == '[')
		return check_address(host, err);
	if (host.n > 255)
		return sl_err_set(err, SL_ERR_DATA, "a URI's host is longer than 255 bytes");
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];
		if (is_alpha(c) || is_digit(c) || (c && strchr("-._", c)))
			continue;
		sl_err_set(err, SL_ERR_DATA, "byte 0x%02X may not stand in a URI's host",
			   (unsigned char)c);
		if ((unsigned char)c >= 0x80)
			sl_err_hint(err, "write the name in its ASCII form (xn--…)");
		return false;
	}
	return true;
}

static bool take_port(struct sl_uri *u, struct sl_str text, struct sl_err *err)
{
	uint64_t port;

	if (!text.n) /* "host:" is allowed, §3.2.3 */
		return true;
	if (!is_digit(text.p[0]) || !sl_num_u64(text, 65535, &port))
		return sl_err_set(err, SL_ERR_DATA, "a URI's port is no number from 0 to 65535");
	u->port = (int)port;
	return true;
}

static bool take_authority(struct sl_uri *u, struct sl_str text, struct sl_err *err)
{
	ptrdiff_t at = sl_str_find(text, '@');

	if (at >= 0) {
		u->user = cut(&text, (size_t)at, 1);
		if (!check_part(u->user, "", "user", err))
			return false;
	}
	bool bracket = text.n && text.p[0] == '[';
	size_t n = bracket ? span_until(text, "]") + 1 : span_until(text, ":");
	u->host = cut(&text, n, 0);
	if (text.n && text.p[0] != ':')
		return sl_err_set(err, SL_ERR_DATA, "a URI's host and port are not told apart");
	return check_host(u->host, err) && take_port(u, sl_str_sub(text, 1, text.n), err);
}

bool sl_uri_parse(struct sl_str text, struct sl_uri *ret, struct sl_err *err)
{
	struct sl_uri u = {.port = -1};
	struct sl_str rest = text;

	if (text.n > SL_URI_MAX)
		return sl_err_set(err, SL_ERR_DATA, "a URI of %zu bytes is longer than %d", text.n,
				  SL_URI_MAX);
	u.scheme = take_scheme(&rest);
	if (sl_str_starts(rest, "//")) {
		rest = sl_str_sub(rest, 2, rest.n);
		if (!take_authority(&u, cut(&rest, span_until(rest, "/?#"), 0), err))
			return false;
	}
	u.path = cut(&rest, span_until(rest, "?#"), 0);
	if (!u.path.p)
		u.path = SL_STR("");
	if (rest.n && rest.p[0] == '?') {
		rest = sl_str_sub(rest, 1, rest.n);
		u.query = cut(&rest, span_until(rest, "#"), 0);
	}
	if (rest.n)
		u.fragment = sl_str_sub(rest, 1, rest.n);
	/* §4.2: a colon in the first segment would have been a scheme's */
	if (!u.scheme.p && !u.host.p && span_until(u.path, ":") < span_until(u.path, "/"))
		return sl_err_set(err, SL_ERR_DATA, "a URI begins with no scheme before its colon");
	if (!check_part(u.path, "/", "path", err) || !check_part(u.query, "/?", "query", err) ||
	    !check_part(u.fragment, "/?", "fragment", err))
		return false;
	*ret = u;
	return true;
}

int sl_uri_port(const struct sl_uri *u)
{
	if (u->port >= 0)
		return u->port;
	if (u->scheme.n == 4 && strncasecmp(u->scheme.p, "http", 4) == 0)
		return 80;
	return u->scheme.n == 5 && strncasecmp(u->scheme.p, "https", 5) == 0 ? 443 : 0;
}

bool sl_uri_is_http(const struct sl_uri *u)
{
	struct sl_uri bare = {.scheme = u->scheme, .port = -1};

	return u->host.n > 0 && sl_uri_port(&bare) != 0;
}

static bool same_text(struct sl_str a, struct sl_str b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

bool sl_uri_same_site(const struct sl_uri *from, const struct sl_uri *to)
{
	if (!same_text(from->host, to->host))
		return false;
	if (same_text(from->scheme, to->scheme))
		return sl_uri_port(from) == sl_uri_port(to);
	return sl_uri_port(from) == 80 && sl_uri_port(to) == 443;
}
