/*
 * AWS Signature Version 4: what one request's Authorization header must say. Our own, because what
 * libcurl signs differs from version to version (7.88 signs the query as it stands and hashes no
 * body from a file), while the digests that it needs are needed for the bodies anyway.
 * Source: AWS, "Create a signed AWS API request"; for S3 the path is encoded once.
 */
#ifndef SL_NET_AWS_SIGN_H
#define SL_NET_AWS_SIGN_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/crypto.h"
#include "net/secret.h"

struct sl_aws_header {
	const char *name; /* lower case */
	const char *value;
};

struct sl_aws_request {
	const char *method;
	const char *path;  /* encoded, from the slash on */
	const char *query; /* encoded and sorted, "name=" for a name without value; "": none */
	const struct sl_aws_header
		*headers; /* those to sign, sorted by name; host is one of them */
	size_t n_headers;
	const char *body_sha256; /* hex */
	const char *date;	 /* of sl_aws_date; sent as x-amz-date */
	const char *region, *service;
	const char *key_id;
	struct sl_secret key;
};

#define SL_AWS_DATE 17 /* "20261125T210203Z" and a NUL */
#define SL_AWS_SHA256_HEX 65

void sl_aws_date(sl_time now, char out[SL_AWS_DATE]);
void sl_aws_sha256_hex(const struct sl_crypto *c, struct sl_str bytes, char out[SL_AWS_SHA256_HEX]);
/* Appends the value of Authorization. */
void sl_aws_sign(const struct sl_crypto *c, const struct sl_aws_request *r, struct sl_buf *out);
/* Appends text percent-encoded (RFC 3986 unreserved bytes stay, and slashes when asked for). */
void sl_aws_encode(struct sl_str text, bool keep_slash, struct sl_buf *out);

#endif
