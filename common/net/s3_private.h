/*
 * Private to net/s3*.c: the open store, and one request with its tries.
 */
#ifndef SL_NET_S3_PRIVATE_H
#define SL_NET_S3_PRIVATE_H

#include "base/arena.h"
#include "net/aws_sign.h"
#include "net/crypto.h"
#include "net/http.h"
#include "net/s3.h"

#define SL_S3_PARAMS 6
#define SL_S3_HEADERS 10
#define SL_S3_PART_BYTES ((uint64_t)8 << 20) /* of an upload in parts; S3 wants 5 MiB at least */
#define SL_S3_PARTS_MAX 10000
#define SL_S3_TOKEN 40 /* "0123456789abcdef-17" and a NUL */

struct sl_s3 {
	struct sl_arena arena;
	struct sl_http *http;		/* opened with the first request */
	const struct sl_crypto *crypto; /* the same */
	const char *conn_id, *bucket, *region, *key_id, *session_token, *ca_file;
	struct sl_secret key;
	const char *url;  /* "https://lake.s3.eu-west-3.amazonaws.com": scheme and host */
	const char *host; /* as the Host header says it */
	const char *path; /* "/lake", or "" where the host names the bucket */
	const char *base; /* "prefix/orders/" */
	uint64_t puts;	  /* counts tokens */
};

/* Gathers a body as it comes, over several tries. */
struct sl_s3_taking {
	struct sl_buf *out;
	size_t begin;	/* out->n before the first byte */
	size_t max;	/* most bytes */
	uint64_t at, n; /* the range asked for; n = 0: all */
	uint64_t from;	/* where the try at hand begins */
	char *etag;	/* SL_S3_ETAG bytes; "" until known */
	uint64_t total; /* of the object, once answered */
	bool checked;	/* compare with the checksum that put left: a whole object */
};

/* One request. The texts are borrowed until it is done; params and headers sorted by name. */
struct sl_s3_call {
	const char *method;
	const char *what; /* for messages: "put", "list" */
	const char *key;  /* below base; NULL: the bucket itself */
	struct sl_aws_header params[SL_S3_PARAMS];
	size_t n_params;
	struct sl_aws_header headers[SL_S3_HEADERS];
	size_t n_headers;
	struct sl_str body;
	struct sl_s3_taking *taking;
	bool easy; /* few tries */
	/* filled by sl_s3_do */
	struct sl_http_answer answer;
	struct sl_buf code; /* of a refusing answer: "SlowDown", or "" */
};

#define SL_S3_CALL(m, w, k) {.method = (m), .what = (w), .key = (k), .code = SL_BUF_INIT}

void sl_s3_param(struct sl_s3_call *c, const char *name, const char *value);
void sl_s3_header(struct sl_s3_call *c, const char *name, const char *value);

/* Sends it, again and again where that may help. True: an answer that is final, whatever its
 * status; then sl_s3_expect, or the caller knows what a 404 or 412 means. */
SL_NODISCARD bool sl_s3_do(struct sl_s3 *s, struct sl_s3_call *c, struct sl_err *err);
/* s3_answer.c: fills code. Whether the same request may be answered otherwise later. */
void sl_s3_read_code(struct sl_s3_call *c);
bool sl_s3_may_pass(const struct sl_s3_call *c);
/* True for a 2xx status. */
SL_NODISCARD bool sl_s3_expect(const struct sl_s3 *s, const struct sl_s3_call *c,
			       struct sl_err *err);
/* Both. */
SL_NODISCARD bool sl_s3_call(struct sl_s3 *s, struct sl_s3_call *c, struct sl_err *err);
void sl_s3_call_release(struct sl_s3_call *c);

/* s3_object.c: a put's mark, by which its own object is known again when an answer was lost. */
void sl_s3_token(struct sl_s3 *s, char out[SL_S3_TOKEN]);
/* Whether the object at key carries that mark: after a refusal that may be due to ourselves. */
SL_NODISCARD bool sl_s3_is_ours(struct sl_s3 *s, const char *key, const char *token, bool *ret,
				struct sl_err *err);
#define SL_S3_TOKEN_HEADER "x-amz-meta-sluice-put"
#define SL_S3_SUM_HEADER "x-amz-meta-sluice-xxh3"

/* s3_list.c: one listing on its way. */
struct sl_s3_listing {
	struct sl_s3 *s;
	const char *prefix; /* with base */
	bool dirs;
	sl_s3_item_fn fn;
	void *ctx;
	struct sl_buf name, token;
	bool stopped;
};

/* Tells what a page of the listing holds, and whether another one follows, at l->token.
 * SL_ERR_PROTOCOL: it is no listing, or the one before again. */
SL_NODISCARD bool sl_s3_take_page(struct sl_s3_listing *l, struct sl_str doc, bool *ret_more,
				  struct sl_err *err);
void sl_s3_listing_release(struct sl_s3_listing *l);

/* out: the text of the first such element, entities undone. */
void sl_s3_text(struct sl_str doc, const char *tag, struct sl_buf *out);

#endif
