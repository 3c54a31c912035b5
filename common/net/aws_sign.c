/*
 * The four steps of Signature Version 4: canonical request, text to sign, key of the day, signature.
 */
#include "net/aws_sign.h"

#include <stdio.h>

#include "base/mem.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DAY_DIGITS 8

void sl_aws_date(sl_time now, char out[SL_AWS_DATE])
{
	char text[32]; /* "2026-11-25T21:02:03Z" */
	size_t n = 0;

	sl_time_text(now - now % SL_SECOND, text);
	for (const char *p = text; *p && n + 1 < SL_AWS_DATE; p++)
		if (*p != '-' && *p != ':')
			out[n++] = *p;
	out[n] = '\0';
}

static void to_hex(const unsigned char *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

void sl_aws_sha256_hex(const struct sl_crypto *c, struct sl_str bytes, char out[SL_AWS_SHA256_HEX])
{
	unsigned char digest[SL_SHA256_BYTES];

	c->sha256(bytes, digest);
	to_hex(digest, sizeof(digest), out);
}

static bool stays(char c, bool keep_slash)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.' || c == '~' || (keep_slash && c == '/');
}

void sl_aws_encode(struct sl_str text, bool keep_slash, struct sl_buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (stays(text.p[i], keep_slash))
			sl_buf_addc(out, text.p[i]);
		else
			sl_buf_addf(out, "%%%02X", (unsigned char)text.p[i]);
	}
}

static void add_names(const struct sl_aws_request *r, struct sl_buf *out)
{
	for (size_t i = 0; i < r->n_headers; i++)
		sl_buf_addf(out, "%s%s", i ? ";" : "", r->headers[i].name);
}

static void add_canonical(const struct sl_aws_request *r, struct sl_buf *out)
{
	sl_buf_addf(out, "%s\n%s\n%s\n", r->method, r->path, r->query);
	for (size_t i = 0; i < r->n_headers; i++)
		sl_buf_addf(out, "%s:%s\n", r->headers[i].name, r->headers[i].value);
	sl_buf_addc(out, '\n');
	add_names(r, out);
	sl_buf_addf(out, "\n%s", r->body_sha256);
}

/* "20261125/eu-west-3/s3/aws4_request" */
static void add_scope(const struct sl_aws_request *r, struct sl_buf *out)
{
	sl_buf_addf(out, "%.*s/%s/%s/aws4_request", DAY_DIGITS, r->date, r->region, r->service);
}

static void sign_text(const struct sl_crypto *c, const struct sl_aws_request *r, struct sl_str text,
		      unsigned char out[SL_SHA256_BYTES])
{
	sl_cleanup(sl_buf_release) struct sl_buf secret = SL_BUF_INIT;
	const struct sl_str steps[] = {
		{r->date, DAY_DIGITS},
		sl_str_of(r->region),
		sl_str_of(r->service),
		SL_STR("aws4_request"),
		text,
	};
	struct sl_str key;

	sl_buf_addf(&secret, "AWS4%s", sl_secret_reveal(r->key));
	key = sl_buf_str(&secret);
	for (size_t i = 0; i < SL_ARRAY_LEN(steps); i++) {
		unsigned char next[SL_SHA256_BYTES];

		c->hmac_sha256(key, steps[i], next);
		memcpy(out, next, sizeof(next));
		key = (struct sl_str){(const char *)out, SL_SHA256_BYTES};
	}
	explicit_bzero(secret.p, secret.n);
}

void sl_aws_sign(const struct sl_crypto *c, const struct sl_aws_request *r, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf canonical = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	unsigned char signature[SL_SHA256_BYTES];
	char hex[SL_AWS_SHA256_HEX];

	add_canonical(r, &canonical);
	sl_aws_sha256_hex(c, sl_buf_str(&canonical), hex);
	sl_buf_addf(&text, ALGORITHM "\n%s\n", r->date);
	add_scope(r, &text);
	sl_buf_addf(&text, "\n%s", hex);
	sign_text(c, r, sl_buf_str(&text), signature);
	to_hex(signature, sizeof(signature), hex);
	sl_buf_addf(out, ALGORITHM " Credential=%s/", r->key_id);
	add_scope(r, out);
	sl_buf_adds(out, ", SignedHeaders=");
	add_names(r, out);
	sl_buf_addf(out, ", Signature=%s", hex);
}
