/*
 * BLAKE2b-256 through libsodium. This file alone knows its header, so that struct sl_hash stays
 * opaque. sodium_init is not called: all that it could do here is to choose the code for vectors of
 * 256 bits, which current processors execute at half the pace of the plain one (docs/performance.md).
 */
#include "base/hash.h"

#include <sodium/crypto_generichash_blake2b.h>

#include "base/err.h"

#define DIGEST 32

#define ALIGN 64
typedef crypto_generichash_blake2b_state b2_state;

_Static_assert(sizeof(b2_state) + ALIGN <= sizeof(struct sl_hash) && _Alignof(b2_state) == ALIGN,
	       "struct sl_hash holds libsodium's state, wherever it lies");

/* Inside h at the next multiple of 64, which neither the heap nor an arena gives by itself. */
static b2_state *state(struct sl_hash *h)
{
	const uintptr_t at = ((uintptr_t)h->room + ALIGN - 1) / ALIGN * ALIGN;

	return (b2_state *)(void *)(h->room + (at - (uintptr_t)h->room));
}

void sl_hash_init(struct sl_hash *h)
{
	if (crypto_generichash_blake2b_init(state(h), NULL, 0, DIGEST) != 0)
		SL_BUG("blake2b cannot be initialised");
}

void sl_hash_bytes(struct sl_hash *h, const void *p, size_t n)
{
	if (n)
		(void)crypto_generichash_blake2b_update(state(h), p, n); /* never fails */
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
	if (crypto_generichash_blake2b_final(state(h), digest, DIGEST) != 0)
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
