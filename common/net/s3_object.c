/*
 * Whole objects, pieces of them, and many keys at once.
 */
#include <inttypes.h>

#include <xxhash.h>

#include "base/fault.h"
#include "base/mem.h"
#include "net/s3_private.h"
#include "net/s3_xml.h"

#define REMOVE_MAX 1000 /* keys of one request */

static void release_call(struct sl_s3_call *c)
{
	sl_s3_call_release(c);
}

bool sl_s3_is_ours(struct sl_s3 *s, const char *key, const char *token, bool *ret,
		   struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("HEAD", "look at", key);

	if (!sl_s3_do(s, &c, err))
		return false;
	*ret = c.answer.status == 200 &&
	       sl_str_eqz(sl_http_header(&c.answer, SL_S3_TOKEN_HEADER), token);
	return c.answer.status == 404 || sl_s3_expect(s, &c, err);
}

/* 412 says that the key is there: by another's hand, or by our own whose answer was lost. */
static bool judge_put(struct sl_s3 *s, const struct sl_s3_call *c, const char *token, bool *ret_won,
		      struct sl_err *err)
{
	if (c->answer.status == 412)
		return sl_s3_is_ours(s, c->key, token, ret_won, err);
	*ret_won = true;
	return sl_s3_expect(s, c, err);
}

bool sl_s3_put(struct sl_s3 *s, const char *key, struct sl_str bytes, enum sl_s3_put how,
	       bool *ret_won, struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("PUT", "put", key);
	char token[SL_S3_TOKEN], sum[17];
	bool won = true;

	sl_s3_token(s, token);
	snprintf(sum, sizeof(sum), "%016" PRIx64, (uint64_t)XXH3_64bits(bytes.p, bytes.n));
	c.body = bytes;
	c.easy = how == SL_S3_LAST_EASY;
	if (how == SL_S3_FIRST)
		sl_s3_header(&c, "if-none-match", "*");
	sl_s3_header(&c, SL_S3_TOKEN_HEADER, token);
	sl_s3_header(&c, SL_S3_SUM_HEADER, sum);
	SL_FAULT("s3.before_put", err);
	if (!sl_s3_do(s, &c, err) || !judge_put(s, &c, token, &won, err))
		return false;
	SL_FAULT("s3.after_put", err);
	if (ret_won)
		*ret_won = won;
	return true;
}

bool sl_s3_get(struct sl_s3 *s, const char *key, size_t max, struct sl_buf *out, struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("GET", "read", key);
	char etag[SL_S3_ETAG] = "";
	struct sl_s3_taking k = {
		.out = out, .begin = out->n, .max = max, .etag = etag, .checked = true};

	c.taking = &k;
	const bool ok = sl_s3_call(s, &c, err);
	if (!ok)
		out->n = k.begin;
	sl_buf_adds(out, ""); /* its NUL, also behind nothing */
	return ok;
}

bool sl_s3_read(struct sl_s3 *s, const char *key, struct sl_s3_object *object, uint64_t at,
		size_t n, struct sl_buf *out, struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("GET", "read", key);
	struct sl_s3_taking k = {
		.out = out, .begin = out->n, .max = n, .at = at, .n = n, .etag = object->etag};

	c.taking = &k;
	if (!sl_s3_do(s, &c, err)) {
		out->n = k.begin;
		sl_buf_adds(out, "");
		return false;
	}
	if (c.answer.status == 416) /* it ends before, perhaps it is empty */
		return true;
	if (!sl_s3_expect(s, &c, err))
		return false;
	object->size = k.total;
	return true;
}

bool sl_s3_exists(struct sl_s3 *s, const char *key, bool *ret, struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("HEAD", "look at", key);

	if (!sl_s3_do(s, &c, err))
		return false;
	*ret = c.answer.status == 200;
	return c.answer.status == 404 || sl_s3_expect(s, &c, err);
}

/* --- removing --- */

static void put_list(const struct sl_s3 *s, const char *const *keys, size_t n, struct sl_buf *out)
{
	sl_buf_adds(out, "<Delete><Quiet>true</Quiet>");
	for (size_t i = 0; i < n; i++) {
		sl_buf_adds(out, "<Object><Key>");
		sl_xml_add(sl_str_of(s->base), out);
		sl_xml_add(sl_str_of(keys[i]), out);
		sl_buf_adds(out, "</Key></Object>");
	}
	sl_buf_adds(out, "</Delete>");
}

/* The list comes back with what could not be removed. */
static bool check_removed(const struct sl_s3 *s, const struct sl_s3_call *c, struct sl_err *err)
{
	struct sl_str doc = sl_buf_str(&c->answer.body), error;
	sl_cleanup(sl_buf_release) struct sl_buf key = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf code = SL_BUF_INIT;

	while (sl_xml_next(&doc, "Error", &error)) {
		sl_s3_text(error, "Code", &code);
		sl_s3_text(error, "Key", &key);
		if (strcmp(sl_buf_z(&code), "NoSuchKey") == 0)
			continue;
		return sl_err_set(err,
				  strcmp(sl_buf_z(&code), "AccessDenied") == 0 ? SL_ERR_AUTH
									       : SL_ERR_UNAVAILABLE,
				  "cannot remove \"s3://%s/%s\": %s", s->bucket, sl_buf_z(&key),
				  sl_buf_z(&code));
	}
	return true;
}

/* Content-MD5 is what every S3 asks for here. */
static bool remove_some(struct sl_s3 *s, const char *const *keys, size_t n, struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("POST", "remove from", NULL);
	sl_cleanup(sl_buf_release) struct sl_buf body = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf sum = SL_BUF_INIT;
	unsigned char md5[SL_MD5_BYTES];

	if (!s->crypto && !sl_crypto_get(&s->crypto, err))
		return false;
	put_list(s, keys, n, &body);
	c.body = sl_buf_str(&body);
	sl_s3_param(&c, "delete", "");
	if (s->crypto->md5(c.body, md5)) {
		sl_buf_add_base64(&sum, (struct sl_str){(const char *)md5, sizeof(md5)});
		sl_s3_header(&c, "content-md5", sl_buf_z(&sum));
	}
	if (!sl_s3_do(s, &c, err))
		return false;
	if (c.answer.status == 200) /* its Errors are of single keys */
		return check_removed(s, &c, err);
	return sl_s3_expect(s, &c, err);
}

bool sl_s3_remove(struct sl_s3 *s, const char *const *keys, size_t n, struct sl_err *err)
{
	for (size_t i = 0; i < n; i += REMOVE_MAX)
		if (!remove_some(s, keys + i, n - i < REMOVE_MAX ? n - i : REMOVE_MAX, err))
			return false;
	return true;
}
