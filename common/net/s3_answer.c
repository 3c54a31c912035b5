/*
 * What an answer of S3 means: whether another try may fare better, and else which kind of error it
 * is for the operator.
 */
#include <inttypes.h>

#include "base/mem.h"
#include "net/http_retry.h"
#include "net/s3_private.h"
#include "net/s3_xml.h"

#define SKEW_US (300 * SL_SECOND) /* what Amazon tolerates is 15 minutes; others less */

void sl_s3_text(struct sl_str doc, const char *tag, struct sl_buf *out)
{
	sl_buf_clear(out);
	sl_xml_text(sl_xml_first(doc, tag), out);
}

static bool is_one_of(const struct sl_buf *code, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(sl_buf_z(code), *list) == 0)
			return true;
	return false;
}

/* Refusals that another try may not meet: bytes were damaged or did not come on the way there, or
 * somebody else writes the same key this moment. */
bool sl_s3_may_pass(const struct sl_s3_call *c)
{
	static const char *const codes[] = {
		"BadDigest",
		"XAmzContentSHA256Mismatch",
		"XAmzContentChecksumMismatch",
		"InvalidDigest",
		"IncompleteBody",
		"RequestTimeout",
		"ConditionalRequestConflict",
		"OperationAborted",
		"SlowDown",
		"InternalError",
		"ServiceUnavailable",
		NULL,
	};

	return sl_retry_status(c->answer.status) || is_one_of(&c->code, codes);
}

/* A completed upload may answer 200 and then tell an error (CompleteMultipartUpload). */
void sl_s3_read_code(struct sl_s3_call *c)
{
	const struct sl_str body = sl_buf_str(&c->answer.body);
	const struct sl_str error = sl_xml_first(body, "Error");

	sl_buf_clear(&c->code);
	if (error.p)
		sl_s3_text(error, "Code", &c->code);
	else if (c->answer.status >= 300)
		sl_s3_text(body, "Code", &c->code);
}

/* µs that our clock is ahead of the store's; 0 when unknown. */
static int64_t skew(const struct sl_http_answer *a)
{
	const sl_time now = sl_clock_now();
	sl_time theirs;

	return sl_http_date(sl_http_header(a, "date"), now, &theirs) ? now - theirs : 0;
}

static bool fail_skew(const struct sl_s3 *s, int64_t ahead, struct sl_err *err)
{
	sl_err_set(err, SL_ERR_AUTH,
		   "this machine's clock is %" PRId64 " s %s that of \"%s\", which refuses the "
		   "signature",
		   (ahead < 0 ? -ahead : ahead) / SL_SECOND, ahead < 0 ? "behind" : "ahead of",
		   s->host);
	return sl_err_hint(err, "set the clock (NTP); a signature holds for 15 minutes at most");
}

static bool is_skewed(const struct sl_s3_call *c)
{
	const int64_t ahead = skew(&c->answer);

	return strcmp(sl_buf_z(&c->code), "RequestTimeTooSkewed") == 0 ||
	       (c->answer.status == 403 && (ahead > SKEW_US || ahead < -SKEW_US));
}

static enum sl_err_kind kind_of(const struct sl_s3_call *c)
{
	static const char *const auth[] = {"InvalidAccessKeyId",
					   "SignatureDoesNotMatch",
					   "AccessDenied",
					   "InvalidToken",
					   "ExpiredToken",
					   "AllAccessDisabled",
					   "XAdminUserNotFound" /* versitygw */,
					   NULL};
	static const char *const config[] = {
		"NoSuchBucket",	     "AuthorizationHeaderMalformed",	   "PermanentRedirect",
		"InvalidBucketName", "IllegalLocationConstraintException", NULL};
	static const char *const missing[] = {"NoSuchKey", "NoSuchUpload", NULL};
	const int status = c->answer.status;

	if (is_one_of(&c->code, auth) || status == 401 || status == 403)
		return SL_ERR_AUTH;
	if (is_one_of(&c->code, config) || status == 301 || status == 307)
		return SL_ERR_CONFIG;
	if (status == 404) /* of a page of some other server it says nothing */
		return c->key && (is_one_of(&c->code, missing) || strcmp(c->method, "HEAD") == 0)
			       ? SL_ERR_NO_INPUT
			       : SL_ERR_PROTOCOL;
	if (status == 412)
		return SL_ERR_AGAIN;
	if (status == 429 || status == 503 || strcmp(sl_buf_z(&c->code), "SlowDown") == 0)
		return SL_ERR_AGAIN;
	if (status >= 500 || status == 408)
		return SL_ERR_UNAVAILABLE;
	return sl_s3_may_pass(c) ? SL_ERR_IO : SL_ERR_PROTOCOL;
}

static void add_hint(const struct sl_s3 *s, enum sl_err_kind kind, struct sl_err *err)
{
	if (kind == SL_ERR_AUTH)
		sl_err_hint(err, "see the keys of connection \"%s\" and the rights of their user",
			    s->conn_id);
	else if (kind == SL_ERR_CONFIG)
		sl_err_hint(err, "see bucket \"%s\" and region_name \"%s\" of connection \"%s\"",
			    s->bucket, s->region, s->conn_id);
}

bool sl_s3_expect(const struct sl_s3 *s, const struct sl_s3_call *c, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *where = sl_s3_where(s, c->key ? c->key : "");
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf shown = SL_BUF_INIT;
	const int status = c->answer.status;

	if (status >= 200 && status < 300 && !c->code.n)
		return true;
	if (is_skewed(c))
		return fail_skew(s, skew(&c->answer), err);
	sl_s3_text(sl_buf_str(&c->answer.body), "Message", &text);
	sl_buf_add_escaped(&shown, sl_buf_str(&text), 300);
	const enum sl_err_kind kind = kind_of(c);

	sl_err_set(err, kind, "cannot %s \"%s\": status %d%s%s%s%s", c->what, where, status,
		   c->code.n ? ", " : "", sl_buf_z(&c->code), shown.n ? ": " : "",
		   sl_buf_z(&shown));
	add_hint(s, kind, err);
	return false;
}
