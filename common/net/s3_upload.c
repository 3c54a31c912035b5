/*
 * A file as an object: in one request when it is small, else in parts. An upload in parts is
 * invisible until it is completed, and completing is conditional: of two hosts that upload the same
 * key the first to complete wins. One that fails is given up; what a kill leaves is swept.
 */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "net/s3_private.h"
#include "net/s3_xml.h"

struct upload {
	struct sl_s3 *s;
	const char *key;
	char token[SL_S3_TOKEN];
	struct sl_buf id;
	struct sl_buf part;	/* one part's bytes */
	struct sl_buf complete; /* the list of parts, as it grows */
};

static void release_call(struct sl_s3_call *c)
{
	sl_s3_call_release(c);
}

static void release_upload(struct upload *u)
{
	sl_buf_release(&u->id);
	sl_buf_release(&u->part);
	sl_buf_release(&u->complete);
}

static bool read_part(struct upload *u, int fd, uint64_t at, size_t n, struct sl_err *err)
{
	char *to;

	sl_buf_clear(&u->part);
	to = sl_buf_room(&u->part, n);
	for (size_t done = 0; done < n;) {
		const ssize_t got = pread(fd, to + done, n - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return sl_err_errno(err, SL_ERR_IO, got ? errno : EIO,
					    "cannot read back what goes to \"%s\"", u->key);
		done += (size_t)got;
	}
	sl_buf_grew(&u->part, n);
	return true;
}

static bool begin(struct upload *u, struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("POST", "put", u->key);

	sl_s3_param(&c, "uploads", "");
	sl_s3_header(&c, SL_S3_TOKEN_HEADER, u->token);
	if (!sl_s3_call(u->s, &c, err))
		return false;
	sl_s3_text(sl_buf_str(&c.answer.body), "UploadId", &u->id);
	return u->id.n || sl_err_set(err, SL_ERR_PROTOCOL,
				     "\"%s\" begins no upload in parts as S3 does", u->s->host);
}

static bool put_part(struct upload *u, unsigned number, struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("PUT", "put a part of", u->key);
	char digits[16];
	struct sl_str etag;

	SL_FAULT("s3.before_part", err);
	snprintf(digits, sizeof(digits), "%u", number);
	c.body = sl_buf_str(&u->part);
	sl_s3_param(&c, "partNumber", digits);
	sl_s3_param(&c, "uploadId", sl_buf_z(&u->id));
	if (!sl_s3_call(u->s, &c, err))
		return false;
	etag = sl_http_header(&c.answer, "etag");
	if (!etag.n)
		return sl_err_set(err, SL_ERR_PROTOCOL, "\"%s\" gives a part no ETag", u->s->host);
	sl_buf_addf(&u->complete, "<Part><PartNumber>%u</PartNumber><ETag>", number);
	sl_xml_add(etag, &u->complete);
	sl_buf_adds(&u->complete, "</ETag></Part>");
	return true;
}

static bool put_parts(struct upload *u, int fd, uint64_t size, struct sl_err *err)
{
	uint64_t each = SL_S3_PART_BYTES;
	unsigned number = 0;

	while (size / each >= SL_S3_PARTS_MAX)
		each *= 2;
	sl_buf_adds(&u->complete, "<CompleteMultipartUpload>");
	for (uint64_t at = 0; at < size; at += each) {
		const size_t n = size - at < each ? (size_t)(size - at) : (size_t)each;

		if (!read_part(u, fd, at, n, err) || !put_part(u, ++number, err))
			return false;
	}
	sl_buf_adds(&u->complete, "</CompleteMultipartUpload>");
	return true;
}

/* A refusal may be due to our own try before, whose answer was lost: then the object is ours. */
static bool complete(struct upload *u, bool *ret_won, struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("POST", "put", u->key);

	SL_FAULT("s3.before_complete", err);
	c.body = sl_buf_str(&u->complete);
	sl_s3_param(&c, "uploadId", sl_buf_z(&u->id));
	sl_s3_header(&c, "if-none-match", "*");
	if (!sl_s3_do(u->s, &c, err))
		return false;
	SL_FAULT("s3.after_complete", err);
	*ret_won = true;
	if (c.answer.status != 412 && c.answer.status != 404)
		return sl_s3_expect(u->s, &c, err);
	if (!sl_s3_is_ours(u->s, u->key, u->token, ret_won, err))
		return false;
	return *ret_won || c.answer.status == 412 || sl_s3_expect(u->s, &c, err);
}

/* Its parts cost money until somebody does; who cannot now leaves them to the sweep. */
static void give_up(struct upload *u)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("DELETE", "give up", u->key);
	struct sl_err ignored = SL_ERR_INIT;

	c.easy = true;
	sl_s3_param(&c, "uploadId", sl_buf_z(&u->id));
	if (!sl_s3_do(u->s, &c, &ignored))
		sl_err_clear(&ignored);
}

bool sl_s3_put_file(struct sl_s3 *s, const char *key, int fd, uint64_t size, bool *ret_won,
		    struct sl_err *err)
{
	sl_cleanup(release_upload) struct upload u = {.s = s, .key = key};
	bool won = false;

	if (size <= SL_S3_PART_BYTES)
		return read_part(&u, fd, 0, (size_t)size, err) &&
		       sl_s3_put(s, key, sl_buf_str(&u.part), SL_S3_FIRST, ret_won, err);
	sl_s3_token(s, u.token);
	if (!begin(&u, err))
		return false;
	const bool ok = put_parts(&u, fd, size, err) && complete(&u, &won, err);

	if (!ok || !won)
		give_up(&u);
	*ret_won = won;
	return ok;
}
