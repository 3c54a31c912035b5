/*
 * The index: see csv_index.h.
 */
#include "data/csv_index.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* One bit a byte of a block of 64. */
struct masks {
	uint64_t quote, delimiter, line;
};

/* What one block leaves to the next. */
struct carry {
	uint64_t inside;  /* all ones inside quotes, else 0 */
	uint64_t at_cell; /* 1: the next byte begins a cell, or follows a closing quote */
	uint64_t closed;  /* 1: the last byte closed a quote, so something must end here */
};

typedef void (*masks_fn)(const char *p, struct sl_csv_marks m, struct masks *ret);
typedef uint64_t (*parity_fn)(uint64_t bits);

#define INLINE static inline __attribute__((always_inline))

/* Writes base + the place of each bit; up to 64 entries behind out may be scribbled on. */
INLINE uint32_t *put_bits(uint32_t *out, uint64_t bits, uint32_t base)
{
	const int n = __builtin_popcountll(bits);

	for (int done = 0; done < n; done += 8)
		for (int i = 0; i < 8; i++) {
			out[done + i] = base + (bits ? (uint32_t)__builtin_ctzll(bits) : 0);
			bits &= bits - 1;
		}
	return out + n;
}

/* The cells' ends in a block of which the valid bytes count; false: a quote stands where parity does
 * not hold. */
INLINE bool take_block(const struct masks *k, uint64_t valid, struct carry *c, parity_fn parity,
		       uint64_t *ret_ends)
{
	const uint64_t quote = k->quote & valid;
	const uint64_t inside = parity(quote) ^ c->inside;
	const uint64_t ends = (k->delimiter | k->line) & ~inside & valid;
	const uint64_t open = quote & inside, close = quote & ~inside;
	const uint64_t may_open = (ends | close) << 1 | c->at_cell;
	const uint64_t must_end = close << 1 | c->closed;

	c->inside = 0 - (inside >> 63);
	c->at_cell = (ends | close) >> 63;
	c->closed = close >> 63;
	*ret_ends = ends;
	return (open & ~may_open) == 0 && (must_end & valid & ~(ends | open)) == 0;
}

INLINE bool index_with(masks_fn masks, parity_fn parity, struct sl_csv_marks m, struct sl_str s,
		       uint32_t *ends, size_t *ret_n)
{
	struct carry c = {.at_cell = 1};
	uint32_t *out = ends;

	for (size_t at = 0; at < s.n; at += 64) {
		const uint64_t valid =
			s.n - at < 64 ? (UINT64_C(1) << (s.n - at)) - 1 : ~UINT64_C(0);
		struct masks k;
		uint64_t bits;

		masks(s.p + at, m, &k);
		if (!take_block(&k, valid, &c, parity, &bits))
			return false;
		out = put_bits(out, bits, (uint32_t)at);
	}
	*ret_n = (size_t)(out - ends);
	return c.inside == 0;
}

/* --- any machine --- */

/* Bit i: are there an odd number of bits up to and with i? */
INLINE uint64_t parity_by_shifts(uint64_t bits)
{
	for (unsigned n = 1; n < 64; n *= 2)
		bits ^= bits << n;
	return bits;
}

#ifdef __SSE2__
INLINE uint64_t equal_16(const __m128i *b, char c)
{
	const __m128i wanted = _mm_set1_epi8(c);
	uint64_t bits = 0;

	for (int i = 0; i < 4; i++)
		bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(b[i], wanted))
			<< 16 * i;
	return bits;
}

INLINE void masks_any(const char *p, struct sl_csv_marks m, struct masks *ret)
{
	__m128i b[4];

	for (int i = 0; i < 4; i++)
		b[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
	ret->quote = m.quote < 0 ? 0 : equal_16(b, (char)m.quote);
	ret->delimiter = equal_16(b, m.delimiter);
	ret->line = equal_16(b, '\n') | equal_16(b, '\r');
}
#else
INLINE void masks_any(const char *p, struct sl_csv_marks m, struct masks *ret)
{
	*ret = (struct masks){0};
	for (unsigned i = 0; i < 64; i++) {
		const unsigned char c = (unsigned char)p[i];

		ret->quote |= (uint64_t)(c == m.quote) << i;
		ret->delimiter |= (uint64_t)(p[i] == m.delimiter) << i;
		ret->line |= (uint64_t)(c == '\n' || c == '\r') << i;
	}
}
#endif

static bool index_any(struct sl_csv_marks m, struct sl_str bytes, uint32_t *ends, size_t *ret_n)
{
	return index_with(masks_any, parity_by_shifts, m, bytes, ends, ret_n);
}

/* --- AVX2 --- */

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,pclmul,popcnt,bmi")))

INLINE AVX2 uint64_t equal_32(const __m256i *b, char c)
{
	const __m256i wanted = _mm256_set1_epi8(c);
	const uint32_t low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b[0], wanted));
	const uint32_t high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b[1], wanted));

	return (uint64_t)high << 32 | low;
}

INLINE AVX2 void masks_avx2(const char *p, struct sl_csv_marks m, struct masks *ret)
{
	const __m256i b[2] = {_mm256_loadu_si256((const __m256i *)(const void *)p),
			      _mm256_loadu_si256((const __m256i *)(const void *)(p + 32))};

	ret->quote = m.quote < 0 ? 0 : equal_32(b, (char)m.quote);
	ret->delimiter = equal_32(b, m.delimiter);
	ret->line = equal_32(b, '\n') | equal_32(b, '\r');
}

/* A product without carries by all ones is the running parity. */
INLINE AVX2 uint64_t parity_by_product(uint64_t bits)
{
	const __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)bits),
						     _mm_set1_epi8((char)0xff), 0);

	return (uint64_t)_mm_cvtsi128_si64(product);
}

static AVX2 bool index_avx2(struct sl_csv_marks m, struct sl_str bytes, uint32_t *ends,
			    size_t *ret_n)
{
	return index_with(masks_avx2, parity_by_product, m, bytes, ends, ret_n);
}
#endif

/* --- choice --- */

const sl_csv_index_fn *sl_csv_index_variants(void)
{
	static const sl_csv_index_fn any[] = {index_any, NULL};
#if defined(__x86_64__)
	static const sl_csv_index_fn both[] = {index_avx2, index_any, NULL};

	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
	    __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi"))
		return both;
#endif
	return any;
}

bool sl_csv_index(struct sl_csv_marks m, struct sl_str bytes, uint32_t *ends, size_t *ret_n)
{
	return sl_csv_index_variants()[0](m, bytes, ends, ret_n);
}
