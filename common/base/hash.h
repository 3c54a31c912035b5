/*
 * BLAKE2b-256 (RFC 7693, libsodium): every identity of the design is one of these. Fields are length-
 * prefixed, so that ("ab","c") and ("a","bc") differ.
 */
#ifndef SL_BASE_HASH_H
#define SL_BASE_HASH_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"

#define SL_HASH_HEX 65 /* 64 hex digits and a NUL */

struct sl_hash {
	unsigned char room[448]; /* opaque; not to be copied: its content depends on its address */
};

void sl_hash_init(struct sl_hash *h);
void sl_hash_bytes(struct sl_hash *h, const void *p, size_t n); /* raw, no length in front */
void sl_hash_str(struct sl_hash *h, struct sl_str s); /* 8-byte little-endian length, then bytes */
void sl_hash_strz(struct sl_hash *h, const char *z);  /* NULL differs from "" */
void sl_hash_u64(struct sl_hash *h, uint64_t v);
void sl_hash_hex(struct sl_hash *h, char out[SL_HASH_HEX]); /* ends the hash */
int64_t sl_hash_i64(struct sl_hash *h); /* ends the hash: its first 8 bytes, little-endian */
void sl_hash_first(struct sl_hash *h, uint8_t *out, size_t n); /* ends the hash: n <= 32 bytes */

#endif
