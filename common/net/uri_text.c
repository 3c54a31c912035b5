/* URIs after RFC 3986, written: normal form, resolving against a base, what messages show. */
#include "net/uri_private.h"

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

/* "http:/.//a" without its dots: a would be a host, which nobody named. */
static bool begins_with_host(const struct sl_uri *u, const struct sl_buf *normal)
{
	const size_t n = u->scheme.p ? u->scheme.n + 1 : 0;

	return sl_str_starts(sl_str_sub(sl_buf_str(normal), n, normal->n), "//");
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
	if (!t.host.p && begins_with_host(&t, &out))
		return sl_err_set(err, SL_ERR_DATA, "a URI without a host has a path like \"//\"");
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
