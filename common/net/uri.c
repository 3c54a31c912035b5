/*
 * URIs after RFC 3986. One pass splits the text (the regular expression of appendix B by hand), one
 * table says which byte may stand where.
 */
#include "net/uri.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <strings.h>

#include "base/num.h"

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_unreserved(char c)
{
	return is_alpha(c) || is_digit(c) || (c && strchr("-._~", c));
}

/* pchar of §3.3 without its escapes, and more characters that the part allows. */
static bool is_part(char c, const char *more)
{
	return is_unreserved(c) || (c && (strchr("!$&'()*+,;=:@", c) || strchr(more, c)));
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the escape at s[i] stands for, or -1. */
static int escaped_byte(struct sl_str s, size_t i)
{
	if (i + 2 >= s.n || s.p[i] != '%')
		return -1;
	int high = hex_value(s.p[i + 1]), low = hex_value(s.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* --- taking apart --- */

static size_t span_until(struct sl_str s, const char *stop)
{
	size_t n = 0;

	while (n < s.n && !(s.p[n] && strchr(stop, s.p[n])))
		n++;
	return n;
}

static struct sl_str cut(struct sl_str *s, size_t n, size_t skip)
{
	struct sl_str head = sl_str_sub(*s, 0, n);

	*s = sl_str_sub(*s, n + skip, s->n);
	return head;
}

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

/* --- writing --- */

static void add_escape(struct sl_buf *out, unsigned char byte)
{
	sl_buf_addf(out, "%%%02X", byte);
}

void sl_uri_add_normal(struct sl_buf *out, struct sl_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		int byte = escaped_byte(text, i);
		if (byte >= 0)
			i += 2;
		else if (is_part(text.p[i], "/?"))
			byte = -1;
		else /* a lone '%' too */
			byte = (unsigned char)text.p[i];
		if (byte < 0 || is_unreserved((char)byte))
			sl_buf_addc(out, byte < 0 ? text.p[i] : (char)byte);
		else
			add_escape(out, (unsigned char)byte);
	}
}

void sl_uri_add_escaped(struct sl_buf *out, struct sl_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (is_unreserved(text.p[i]))
			sl_buf_addc(out, text.p[i]);
		else
			add_escape(out, (unsigned char)text.p[i]);
}

static void add_lower(struct sl_buf *out, struct sl_str s)
{
	for (size_t i = 0; i < s.n; i++)
		sl_buf_addc(out, (char)tolower((unsigned char)s.p[i]));
}

/* Takes the last segment and its slash away, back to from. */
static void drop_segment(struct sl_buf *out, size_t from)
{
	while (out->n > from && out->p[out->n - 1] != '/')
		out->n--;
	if (out->n > from)
		out->n--;
	if (out->p)
		out->p[out->n] = '\0';
}

/* §5.2.4: "." and ".." go, in a path that begins with '/' or is empty. */
static void add_without_dots(struct sl_buf *out, struct sl_str path)
{
	size_t from = out->n;

	while (path.n) {
		struct sl_str segment =
			cut(&path, 1 + span_until(sl_str_sub(path, 1, path.n), "/"), 0);
		bool last = path.n == 0;

		if (sl_str_eqz(segment, "/.") || sl_str_eqz(segment, "/..")) {
			if (segment.n == 3)
				drop_segment(out, from);
			if (last)
				sl_buf_addc(out, '/');
			continue;
		}
		sl_buf_addstr(out, segment);
	}
}

static void add_authority(const struct sl_uri *u, struct sl_buf *out)
{
	struct sl_uri plain = {.scheme = u->scheme, .port = -1};

	sl_buf_adds(out, "//");
	if (u->user.p) {
		sl_uri_add_normal(out, u->user);
		sl_buf_addc(out, '@');
	}
	add_lower(out, u->host);
	if (u->port >= 0 && u->port != sl_uri_port(&plain))
		sl_buf_addf(out, ":%d", u->port);
}

void sl_uri_normal(const struct sl_uri *u, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf path = SL_BUF_INIT;

	if (u->scheme.p) {
		add_lower(out, u->scheme);
		sl_buf_addc(out, ':');
	}
	if (u->host.p)
		add_authority(u, out);
	sl_uri_add_normal(&path, u->path);
	if (path.n && path.p[0] == '/')
		add_without_dots(out, sl_buf_str(&path));
	else if (u->host.p && !path.n)
		sl_buf_addc(out, '/');
	else
		sl_buf_addstr(out, sl_buf_str(&path));
	if (u->query.p) {
		sl_buf_addc(out, '?');
		sl_uri_add_normal(out, u->query);
	}
}

/* --- resolving --- */

/* What HTML and headers hold, in the letters of a URI. */
static void clean_reference(struct sl_str ref, struct sl_buf *out)
{
	ref = sl_str_trim(ref);
	for (size_t i = 0; i < ref.n; i++) {
		char c = ref.p[i];
		if (c == '\t' || c == '\n' || c == '\r')
			continue;
		if (is_part(c, "/?#[]") || (c == '%' && escaped_byte(ref, i) >= 0))
			sl_buf_addc(out, c);
		else
			add_escape(out, (unsigned char)c);
	}
}

/* §5.2.3 */
static struct sl_str merge_paths(const struct sl_uri *base, struct sl_str path, struct sl_buf *out)
{
	size_t n = base->path.n;

	if (base->host.p && n == 0)
		sl_buf_addc(out, '/');
	while (n > 0 && base->path.p[n - 1] != '/')
		n--;
	sl_buf_add(out, base->path.p, n);
	sl_buf_addstr(out, path);
	return sl_buf_str(out);
}

/* §5.2.2 */
static struct sl_uri transform(const struct sl_uri *base, const struct sl_uri *ref,
			       struct sl_buf *merged)
{
	struct sl_uri t = *ref;

	if (ref->scheme.p)
		return t;
	t.scheme = base->scheme;
	if (ref->host.p)
		return t;
	t.user = base->user;
	t.host = base->host;
	t.port = base->port;
	if (ref->path.n == 0) {
		t.path = base->path;
		if (!ref->query.p)
			t.query = base->query;
	} else if (ref->path.p[0] != '/') {
		t.path = merge_paths(base, ref->path, merged);
	}
	return t;
}

bool sl_uri_resolve(const struct sl_uri *base, struct sl_str ref, struct sl_arena *arena,
		    struct sl_str *ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf clean = SL_BUF_INIT, merged = SL_BUF_INIT,
						 out = SL_BUF_INIT;
	struct sl_uri r, t;

	if (ref.n > SL_URI_MAX)
		return sl_err_set(err, SL_ERR_DATA, "a URI of %zu bytes is longer than %d", ref.n,
				  SL_URI_MAX);
	clean_reference(ref, &clean);
	if (!sl_uri_parse(sl_buf_str(&clean), &r, err))
		return false;
	t = transform(base, &r, &merged);
	sl_uri_normal(&t, &out);
	if (out.n > SL_URI_MAX)
		return sl_err_set(err, SL_ERR_DATA, "a URI of %zu bytes is longer than %d", out.n,
				  SL_URI_MAX);
	*ret = sl_arena_str(arena, sl_buf_str(&out));
	return true;
}

void sl_uri_add_safe(struct sl_buf *out, struct sl_str text)
{
	struct sl_str shown = sl_str_sub(text, 0, span_until(text, "?#"));
	const char *host = shown.n ? memmem(shown.p, shown.n, "://", 3) : NULL;

	if (host) {
		size_t start = (size_t)(host - shown.p) + 3;
		sl_buf_add_escaped(out, sl_str_sub(shown, 0, start), 64);
		shown = sl_str_sub(shown, start, shown.n);
	}
	/* a user part ends at the last '@' before the path */
	size_t end = span_until(shown, "/"), user = end;
	while (user > 0 && shown.p[user - 1] != '@')
		user--;
	sl_buf_add_escaped(out, sl_str_sub(shown, user, shown.n), 200);
}
