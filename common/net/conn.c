/*
 * Reads connections from the environment, in the two forms that Airflow writes. The URI is taken
 * apart as Airflow does it (a second scheme belongs to the host, every piece is percent-decoded by
 * itself), so that one variable serves a Python operator and a stage alike.
 */
#include "net/conn.h"

#include <ctype.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/str.h"

#define EXTRA_KEY "__extra__"

static void put_json(json_t **j)
{
	json_decref(*j);
}

/* Percent-decodes; a '%' without two hex digits stays. plus: '+' is a blank (query strings). NULL
 * when the result holds a NUL byte. */
static const char *decode(struct sl_arena *arena, struct sl_str s, bool plus)
{
	char *out = sl_arena_alloc(arena, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%' && i + 2 < s.n && sl_hex_digit(s.p[i + 1]) >= 0 &&
		    sl_hex_digit(s.p[i + 2]) >= 0) {
			c = (char)(sl_hex_digit(s.p[i + 1]) * 16 + sl_hex_digit(s.p[i + 2]));
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (!c)
			return NULL;
		out[n++] = c;
	}
	out[n] = '\0';
	return out;
}

static const char *decode_or_null(struct sl_arena *arena, struct sl_str s)
{
	return s.n ? decode(arena, s, false) : NULL;
}

static void add_extra(struct sl_conn *c, struct sl_arena *arena, const char *key, const char *value)
{
	const char **keys = sl_arena_zalloc(arena, c->n_extra + 1, sizeof(*keys));
	const char **values = sl_arena_zalloc(arena, c->n_extra + 1, sizeof(*values));

	for (size_t i = 0; i < c->n_extra; i++) {
		keys[i] = c->extra_key[i];
		values[i] = c->extra_value[i];
	}
	keys[c->n_extra] = key;
	values[c->n_extra++] = value;
	c->extra_key = keys;
	c->extra_value = values;
}

static void add_extra_object(struct sl_conn *c, struct sl_arena *arena, json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (json_is_string(value)) {
			add_extra(c, arena, sl_arena_strdup(arena, key),
				  sl_arena_strdup(arena, json_string_value(value)));
			continue;
		}
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		add_extra(c, arena, sl_arena_strdup(arena, key),
			  sl_arena_strdup(arena, text ? text : ""));
		free(text);
	}
}

static bool add_extra_text(struct sl_conn *c, struct sl_arena *arena, const char *text,
			   struct sl_err *err)
{
	sl_cleanup(put_json) json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(object))
		return sl_err_set(err, SL_ERR_CONFIG,
				  "connection \"%s\": its extra is not a JSON object", c->id);
	add_extra_object(c, arena, object);
	return true;
}

static bool read_port(struct sl_conn *c, struct sl_str text, struct sl_err *err)
{
	uint64_t port;

	if (!text.n)
		return true;
	if (!sl_num_u64(text, 65535, &port))
		return sl_err_set(err, SL_ERR_CONFIG,
				  "connection \"%s\": its port is not a number from 0 to 65535",
				  c->id);
	c->port = (int)port;
	return true;
}

/* "Postgres" and "postgresql" are what people write for Airflow's type "postgres". */
static const char *type_name(struct sl_arena *arena, struct sl_str s)
{
	char *type = sl_arena_str(arena, s).n ? sl_arena_printf(arena, SL_STR_FMT, SL_STR_ARG(s))
					      : sl_arena_strdup(arena, "");

	for (char *p = type; *p; p++)
		*p = (char)(*p == '-' ? '_' : tolower((unsigned char)*p));
	return strcmp(type, "postgresql") == 0 ? "postgres" : type;
}

static bool read_query(struct sl_conn *c, struct sl_arena *arena, struct sl_str query,
		       struct sl_err *err)
{
	struct sl_str pair;

	while (query.n && sl_str_next(&query, '&', &pair)) {
		ptrdiff_t eq = sl_str_find(pair, '=');
		size_t at = eq < 0 ? pair.n : (size_t)eq;
		const char *key = decode(arena, sl_str_sub(pair, 0, at), true);
		const char *value =
			decode(arena, sl_str_sub(pair, eq < 0 ? at : at + 1, pair.n), true);
		if (!pair.n)
			continue;
		if (!key || !value)
			return sl_err_set(err, SL_ERR_CONFIG,
					  "connection \"%s\": a NUL byte in its query", c->id);
		if (strcmp(key, EXTRA_KEY) != 0)
			add_extra(c, arena, key, value);
		else if (*value && !add_extra_text(c, arena, value, err))
			return false;
	}
	return true;
}

static ptrdiff_t find_last(struct sl_str s, char c)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == c)
			return (ptrdiff_t)i - 1;
	return -1;
}

/* host[:port], the host perhaps an IPv6 address in brackets. */
static bool read_host(struct sl_conn *c, struct sl_arena *arena, struct sl_str protocol,
		      struct sl_str text, struct sl_err *err)
{
	struct sl_str host = text, port = SL_STR_NULL;
	ptrdiff_t bracket = text.n && text.p[0] == '[' ? sl_str_find(text, ']') : -1;
	ptrdiff_t colon = find_last(text, ':');

	if (colon > bracket) {
		host = sl_str_sub(text, 0, (size_t)colon);
		port = sl_str_sub(text, (size_t)colon + 1, text.n);
	}
	if (bracket > 0)
		host = sl_str_sub(host, 1, (size_t)bracket - 1);
	c->host = decode_or_null(arena, host);
	if (protocol.n)
		c->host = sl_arena_printf(arena, SL_STR_FMT "://%s", SL_STR_ARG(protocol),
					  c->host ? c->host : "");
	return read_port(c, port, err);
}

/* Cuts text at the first sep: what is before stays in *text, what is behind is returned. */
static struct sl_str cut_behind(struct sl_str *text, char sep)
{
	ptrdiff_t at = sl_str_find(*text, sep);
	struct sl_str behind = SL_STR_NULL;

	if (at >= 0) {
		behind = sl_str_sub(*text, (size_t)at + 1, text->n);
		*text = sl_str_sub(*text, 0, (size_t)at);
	}
	return behind;
}

static bool read_uri(struct sl_conn *c, struct sl_arena *arena, struct sl_str uri,
		     struct sl_err *err)
{
	const char *colon = memmem(uri.p, uri.n, "://", 3);
	struct sl_str rest, protocol = SL_STR_NULL;

	if (!colon || colon == uri.p)
		return sl_err_set(err, SL_ERR_CONFIG,
				  "connection \"%s\" is neither a URI like "
				  "postgres://user@host:5432/db nor a JSON object",
				  c->id);
	c->type = type_name(arena, sl_str_sub(uri, 0, (size_t)(colon - uri.p)));
	rest = sl_str_sub(uri, (size_t)(colon - uri.p) + 3, uri.n);

	struct sl_str query = cut_behind(&rest, '?');
	const char *second = memmem(rest.p, rest.n, "://", 3);
	if (second) {
		protocol = sl_str_sub(rest, 0, (size_t)(second - rest.p));
		rest = sl_str_sub(rest, protocol.n + 3, rest.n);
	}
	/* as Airflow: or a password would be taken for a part of the host, and shown */
	if (sl_str_find(protocol, ':') >= 0 || sl_str_find(protocol, '@') >= 0)
		return sl_err_set(err, SL_ERR_CONFIG,
				  "connection \"%s\": login and password stand behind both schemes",
				  c->id);
	struct sl_str schema = cut_behind(&rest, '/');
	ptrdiff_t at = find_last(rest, '@');
	struct sl_str user = sl_str_sub(rest, 0, at < 0 ? 0 : (size_t)at);
	struct sl_str host = at < 0 ? rest : sl_str_sub(rest, (size_t)at + 1, rest.n);
	struct sl_str password = cut_behind(&user, ':');

	c->login = decode_or_null(arena, user);
	c->password.hidden = decode_or_null(arena, password);
	c->schema = decode_or_null(arena, schema);
	return read_host(c, arena, protocol, host, err) && read_query(c, arena, query, err);
}

static const char *text_member(struct sl_arena *arena, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? sl_arena_strdup(arena, text) : NULL;
}

static bool read_json(struct sl_conn *c, struct sl_arena *arena, const char *text,
		      struct sl_err *err)
{
	sl_cleanup(put_json) json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(object, "conn_type"));

	/* jansson's own message would quote the text, and with it perhaps the password */
	if (!json_is_object(object))
		return sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\" is not well-formed JSON",
				  c->id);
	if (!type)
		return sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\" has no \"conn_type\"",
				  c->id);
	c->type = type_name(arena, sl_str_of(type));
	c->host = text_member(arena, object, "host");
	c->login = text_member(arena, object, "login");
	c->password.hidden = text_member(arena, object, "password");
	c->schema = text_member(arena, object, "schema");

	const json_t *port = json_object_get(object, "port");
	char digits[24];
	snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(port));
	const char *port_text = json_is_integer(port) ? digits : json_string_value(port);
	if (port_text && !read_port(c, sl_str_of(port_text), err))
		return false;

	json_t *extra = json_object_get(object, "extra");
	if (json_is_object(extra))
		add_extra_object(c, arena, extra);
	const char *extra_text = json_string_value(extra);
	return !extra_text || !*extra_text || add_extra_text(c, arena, extra_text, err);
}

static char *variable_name(struct sl_arena *arena, const char *prefix, const char *id)
{
	char *name = sl_arena_printf(arena, "%s%s", prefix, id);

	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return name;
}

bool sl_conn_get(const char *id, struct sl_arena *arena, struct sl_conn *ret, struct sl_err *err)
{
	struct sl_conn c = {.id = sl_arena_strdup(arena, id)};
	const char *ours = variable_name(arena, "SLUICE_CONN_", id);
	const char *airflows = variable_name(arena, "AIRFLOW_CONN_", id);
	const char *value = getenv(ours);

	if (!value || !*value)
		value = getenv(airflows);
	if (!value || !*value) {
		sl_err_set(err, SL_ERR_CONFIG,
			   "unknown connection \"%s\": neither %s nor %s is set", id, ours,
			   airflows);
		return sl_err_hint(err,
				   "export %s='TYPE://user:password@host:port/…', TYPE postgres, "
				   "mongo, redis, https, aws or duckdb",
				   ours);
	}
	struct sl_str text = sl_str_trim(sl_str_of(value));
	bool ok = text.n && text.p[0] == '{' ? read_json(&c, arena, value, err)
					     : read_uri(&c, arena, text, err);
	if (ok)
		*ret = c;
	return ok;
}

const char *sl_conn_extra(const struct sl_conn *c, const char *key)
{
	for (size_t i = 0; i < c->n_extra; i++)
		if (strcmp(c->extra_key[i], key) == 0)
			return c->extra_value[i];
	return NULL;
}

const char *sl_conn_safe(const struct sl_conn *c, struct sl_arena *arena)
{
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;

	sl_buf_addf(&b, "%s://", c->type ? c->type : "");
	if (c->login)
		sl_buf_addf(&b, "%s@", c->login);
	sl_buf_adds(&b, c->host ? c->host : "");
	if (c->port)
		sl_buf_addf(&b, ":%d", c->port);
	if (c->schema && !strchr(c->schema, '@')) /* a login with a bare '/' in it */
		sl_buf_addf(&b, "/%s", c->schema);
	return sl_arena_strdup(arena, sl_buf_z(&b));
}
