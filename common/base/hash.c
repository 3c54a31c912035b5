/*
 * BLAKE2b-256 through libb2. This file alone knows its header, so that struct sl_hash stays opaque.
 */
#include "base/hash.h"

#include <blake2.h>

#include "base/err.h"

#define DIGEST 32

_Static_assert(sizeof(blake2b_state) <= sizeof(((struct sl_hash *)NULL)->state),
	       "struct sl_hash holds libb2's state");

static blake2b_state *state(struct sl_hash *h)
{
	return (blake2b_state *)(void *)h->state;
}

void sl_hash_init(struct sl_hash *h)
{
	if (blake2b_init(state(h), DIGEST) != 0)
		SL_BUG("blake2b cannot be initialised");
}

void sl_hash_bytes(struct sl_hash *h, const void *p, size_t n)
{
	if (n)
		blake2b_update(state(h), p, n);
}

void sl_hash_str(struct sl_hash *h, struct sl_str s)
{
	sl_hash_u64(h, s.n);
	sl_hash_bytes(h, s.p, s.n);
}

void sl_hash_strz(struct sl_hash *h, const char *z)
{
	if (z)
		sl_hash_str(h, sl_str_of(z));
	else
		sl_hash_u64(h, UINT64_MAX); /* a length that no text has */
}

void sl_hash_u64(struct sl_hash *h, uint64_t v)
{
	unsigned char bytes[8];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(v >> (8 * i));
	sl_hash_bytes(h, bytes, sizeof(bytes));
}

static void finish(struct sl_hash *h, unsigned char digest[DIGEST])
{
	if (blake2b_final(state(h), digest, DIGEST) != 0)
		SL_BUG("blake2b was ended twice");
}

void sl_hash_hex(struct sl_hash *h, char out[SL_HASH_HEX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[DIGEST];

	finish(h, digest);
	for (size_t i = 0; i < DIGEST; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * DIGEST] = '\0';
}

int64_t sl_hash_i64(struct sl_hash *h)
{
	unsigned char digest[DIGEST];
	uint64_t v = 0;

	finish(h, digest);
	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)digest[i] << (8 * i);
	return (int64_t)v;
}

void sl_hash_first(struct sl_hash *h, uint8_t *out, size_t n)
{
	unsigned char digest[DIGEST];

	SL_ASSERT(n <= DIGEST);
	finish(h, digest);
	memcpy(out, digest, n);
}
