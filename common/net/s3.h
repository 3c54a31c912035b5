/*
 * Objects in a bucket of anything that speaks Amazon's S3: what a depot of files needs of it.
 *
 * The connection is Airflow's of type "aws" or "s3": login = access key, password = secret key,
 * schema (or extra bucket_name) = bucket, extra prefix, endpoint_url, region_name (us-east-1),
 * aws_session_token, verify (a PEM file; TLS is always verified). Without endpoint_url: Amazon's.
 *
 * Every request is signed (net/aws_sign.h) with the digest of its body, so that what arrives
 * damaged is refused; whole objects carry a checksum of ours that is compared when they are read.
 * What may succeed later is tried again with growing pauses, a transfer that was cut goes on where
 * it ended. Errors of all calls:
 *
 *	SL_ERR_AUTH		wrong key, missing right, or this machine's clock is off
 *	SL_ERR_CONFIG		no such bucket, wrong region, a setting that is missing
 *	SL_ERR_AGAIN		the store stayed busy (503 SlowDown, 429), or an object was replaced
 *	SL_ERR_UNAVAILABLE	it does not answer, or fails again and again
 *	SL_ERR_IO		what it hands out is not what was put
 *	SL_ERR_PROTOCOL		it is no S3
 *
 * Source: Amazon S3 API reference; conditional writes: "Preventing object overwrites".
 */
#ifndef SL_NET_S3_H
#define SL_NET_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/err.h"

struct sl_s3;

/* below: all keys of this handle are below the connection's prefix and that path. No request is
 * made yet. */
SL_NODISCARD bool sl_s3_open(const char *conn_id, const char *below, struct sl_s3 **ret,
			     struct sl_err *err);
void sl_s3_close(struct sl_s3 *s); /* NULL is fine */
/* "s3://lake/orders/log/drop/1.json"; returns owned. */
char *sl_s3_where(const struct sl_s3 *s, const char *key);

/* How put goes about a key that is there already. */
enum sl_s3_put {
	SL_S3_FIRST,	/* the first one wins: *ret_won = false, no error */
	SL_S3_LAST,	/* the last one wins */
	SL_S3_LAST_EASY /* the same, but give up soon: nobody will miss it */
};
/* Fault points s3.before_put, s3.after_put. */
SL_NODISCARD bool sl_s3_put(struct sl_s3 *s, const char *key, struct sl_str bytes,
			    enum sl_s3_put how, bool *ret_won, struct sl_err *err);
/* The first one wins. size bytes of a file; large ones in several parts, which are given up when
 * it fails. Fault points s3.before_part, s3.before_complete, s3.after_complete. */
SL_NODISCARD bool sl_s3_put_file(struct sl_s3 *s, const char *key, int fd, uint64_t size,
				 bool *ret_won, struct sl_err *err);

/* Appended to out; more than max bytes is SL_ERR_DATA, none SL_ERR_NO_INPUT. */
SL_NODISCARD bool sl_s3_get(struct sl_s3 *s, const char *key, size_t max, struct sl_buf *out,
			    struct sl_err *err);

#define SL_S3_ETAG 128
/* An object that is read in pieces. Zeroed before the first. */
struct sl_s3_object {
	uint64_t size;
	char etag[SL_S3_ETAG]; /* SL_ERR_AGAIN when another one has come in its place */
};
/* Appends n > 0 bytes from an offset, fewer at the end. */
SL_NODISCARD bool sl_s3_read(struct sl_s3 *s, const char *key, struct sl_s3_object *object,
			     uint64_t at, size_t n, struct sl_buf *out, struct sl_err *err);

SL_NODISCARD bool sl_s3_exists(struct sl_s3 *s, const char *key, bool *ret, struct sl_err *err);
/* Missing ones are no error. */
SL_NODISCARD bool sl_s3_remove(struct sl_s3 *s, const char *const *keys, size_t n,
			       struct sl_err *err);

/* A key, or with is_dir what stands before the next slash (without it). */
struct sl_s3_item {
	const char *key;
	bool is_dir;
	sl_time changed;
};
/* Calls fn by bytes of the key for what begins with prefix and comes after `after` (NULL: all),
 * until it returns false. dirs: what lies behind a slash is told once, as a directory. */
typedef bool (*sl_s3_item_fn)(void *ctx, const struct sl_s3_item *item);
SL_NODISCARD bool sl_s3_list(struct sl_s3 *s, const char *prefix, const char *after, bool dirs,
			     sl_s3_item_fn fn, void *ctx, struct sl_err *err);

/* Gives up uploads in parts that were begun before that time; *ret_n counts them. */
SL_NODISCARD bool sl_s3_sweep(struct sl_s3 *s, sl_time before, size_t *ret_n, struct sl_err *err);

#endif
