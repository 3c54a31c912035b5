/*
 * Opening a store: what the connection says, where requests go, and the names of objects.
 */
#include "net/s3.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/mem.h"
#include "net/conn.h"
#include "net/http_guard.h"
#include "net/s3_private.h"

#define REGION "us-east-1"
#define DOMAIN ".amazonaws.com"

static bool lacks(const struct sl_conn *c, const char *what, struct sl_err *err)
{
	sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\" names no %s", c->id, what);
	return sl_err_hint(err, "aws://KEY:SECRET@/BUCKET?endpoint_url=https%%3A%%2F%%2FHOST"
				"&region_name=REGION");
}

/* What we do not do, and must not pass over: the keys alone would act as somebody else. */
static bool check_extras(const struct sl_conn *c, struct sl_err *err)
{
	const char *verify = sl_conn_extra(c, "verify");

	if (sl_conn_extra(c, "role_arn"))
		return sl_err_set(err, SL_ERR_CONFIG,
				  "connection \"%s\": role_arn is not supported, give it keys",
				  c->id);
	if (verify && (strcasecmp(verify, "false") == 0 || strcmp(verify, "0") == 0)) {
		sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\": TLS is always verified", c->id);
		return sl_err_hint(err, "give the file of its authority: verify=/path/ca.pem");
	}
	return true;
}

static const char *extra_or(const struct sl_conn *c, const char *key, const char *other)
{
	const char *value = sl_conn_extra(c, key);

	return value && value[0] ? value : other;
}

/* Of schema, or of the extra's fields that Airflow and others use. */
static const char *bucket_of(const struct sl_conn *c)
{
	return c->schema && c->schema[0] ? c->schema
					 : extra_or(c, "bucket_name", extra_or(c, "bucket", NULL));
}

/* host:port without the port that the scheme implies: so it stands in the Host header. */
static const char *host_of(struct sl_s3 *s, struct sl_str rest, bool tls)
{
	if (sl_str_ends(rest, tls ? ":443" : ":80"))
		rest.n -= tls ? strlen(":443") : strlen(":80");
	return sl_arena_str(&s->arena, rest).p;
}

/* "https://minio.example.org:9000"; a path below it is not supported by S3 itself. */
static bool use_endpoint(struct sl_s3 *s, const char *url, struct sl_err *err)
{
	struct sl_str rest = sl_str_of(url);
	const bool tls = sl_str_starts(rest, "https://");
	const size_t scheme = tls ? strlen("https://") : strlen("http://");

	while (sl_str_ends(rest, "/"))
		rest.n--;
	if ((!tls && !sl_str_starts(rest, "http://")) || rest.n <= scheme ||
	    memchr(rest.p + scheme, '/', rest.n - scheme))
		return sl_err_set(err, SL_ERR_CONFIG,
				  "connection \"%s\": endpoint \"%s\" is not http(s)://host[:port]",
				  s->conn_id, url);
	s->url = sl_arena_str(&s->arena, rest).p;
	s->host = host_of(s, sl_str_sub(rest, scheme, rest.n), tls);
	s->path = sl_arena_printf(&s->arena, "/%s", s->bucket);
	return true;
}

/* Names with dots do not fit the certificate of Amazon's hosts. */
static void use_amazon(struct sl_s3 *s)
{
	const bool in_host = !strchr(s->bucket, '.');

	s->host = sl_arena_printf(&s->arena, "%s%ss3.%s" DOMAIN, in_host ? s->bucket : "",
				  in_host ? "." : "", s->region);
	s->url = sl_arena_printf(&s->arena, "https://%s", s->host);
	s->path = in_host ? "" : sl_arena_printf(&s->arena, "/%s", s->bucket);
}

/* A host in the connection itself: "s3://http://key:secret@127.0.0.1:7070/bucket". */
static const char *endpoint_of(struct sl_s3 *s, const struct sl_conn *c)
{
	const char *scheme;

	if (!c->host || !c->host[0])
		return extra_or(c, "endpoint_url", NULL);
	scheme = strstr(c->host, "://") ? "" : "https://";
	return extra_or(c, "endpoint_url",
			c->port ? sl_arena_printf(&s->arena, "%s%s:%d", scheme, c->host, c->port)
				: sl_arena_printf(&s->arena, "%s%s", scheme, c->host));
}

/* "a/b" + "orders" → "a/b/orders/". */
static const char *base_of(struct sl_s3 *s, const char *prefix, const char *below)
{
	struct sl_str p = sl_str_of(prefix);

	while (p.n && p.p[0] == '/')
		p = sl_str_sub(p, 1, p.n);
	while (sl_str_ends(p, "/"))
		p.n--;
	return sl_arena_printf(&s->arena, SL_STR_FMT "%s%s%s", SL_STR_ARG(p), p.n ? "/" : "", below,
			       below[0] ? "/" : "");
}

static bool read_conn(struct sl_s3 *s, const struct sl_conn *c, const char *below,
		      struct sl_err *err)
{
	const char *endpoint;

	s->conn_id = c->id;
	s->bucket = bucket_of(c);
	s->region = extra_or(c, "region_name", REGION);
	s->key_id = c->login;
	s->key = c->password;
	s->session_token = extra_or(c, "aws_session_token", NULL);
	s->ca_file = extra_or(c, "verify", NULL);
	if (s->ca_file && strcasecmp(s->ca_file, "true") == 0)
		s->ca_file = NULL;
	if (!s->bucket)
		return lacks(c, "bucket", err);
	if (!c->login || !sl_secret_given(c->password))
		return lacks(c, "access key and secret key", err);
	s->base = base_of(s, extra_or(c, "prefix", ""), below);
	endpoint = endpoint_of(s, c);
	if (endpoint)
		return use_endpoint(s, endpoint, err);
	use_amazon(s);
	return true;
}

bool sl_s3_open(const char *conn_id, const char *below, struct sl_s3 **ret, struct sl_err *err)
{
	struct sl_s3 *s = sl_xcalloc(1, sizeof(*s));
	struct sl_conn c;

	if (!sl_conn_get(conn_id, &s->arena, &c, err) || !check_extras(&c, err) ||
	    !read_conn(s, &c, below, err)) {
		sl_s3_close(s);
		return false;
	}
	*ret = s;
	return true;
}

void sl_s3_close(struct sl_s3 *s)
{
	if (!s)
		return;
	sl_http_close(s->http);
	sl_arena_release(&s->arena);
	free(s);
}

char *sl_s3_where(const struct sl_s3 *s, const char *key)
{
	return sl_xasprintf("s3://%s/%s%s", s->bucket, s->base, key);
}

void sl_s3_token(struct sl_s3 *s, char out[SL_S3_TOKEN])
{
	uint64_t word = 0;

	if (getrandom(&word, sizeof(word), 0) != sizeof(word))
		SL_BUG("no random numbers");
	snprintf(out, SL_S3_TOKEN, "%016" PRIx64 "-%" PRIu64, word, ++s->puts);
}
