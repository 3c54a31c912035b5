/*
 * Slices: comparing, cutting, trimming, UTF-8.
 */
#include "base/str.h"

#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define DISTANCE_MAX 64

bool sl_str_eqz(struct sl_str s, const char *z)
{
	return sl_str_eq(s, sl_str_of(z));
}

int sl_str_cmp(struct sl_str a, struct sl_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	if (order)
		return order < 0 ? -1 : 1;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool sl_str_starts(struct sl_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && (n == 0 || memcmp(s.p, prefix, n) == 0);
}

bool sl_str_ends(struct sl_str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && (n == 0 || memcmp(s.p + s.n - n, suffix, n) == 0);
}

ptrdiff_t sl_str_find(struct sl_str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

#ifdef __SSE2__
/* One bit for each of 16 places from p that holds c. */
static inline unsigned places_of(const char *p, __m128i c)
{
	const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);

	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, c));
}
#endif

const char *sl_str_search(struct sl_str s, struct sl_str wanted)
{
#ifdef __SSE2__
	const size_t span = wanted.n - 1; /* from its first byte to its last */
	const __m128i first = _mm_set1_epi8(wanted.p[0]), last = _mm_set1_epi8(wanted.p[span]);

	for (; s.n >= wanted.n + 15; s.p += 16, s.n -= 16) {
		unsigned maybe = places_of(s.p, first) & places_of(s.p + span, last);

		for (; maybe; maybe &= maybe - 1) {
			const char *at = s.p + __builtin_ctz(maybe);

			if (memcmp(at, wanted.p, wanted.n) == 0)
				return at;
		}
	}
#endif
	return s.n >= wanted.n ? memmem(s.p, s.n, wanted.p, wanted.n) : NULL;
}

struct sl_str sl_str_sub(struct sl_str s, size_t from, size_t n)
{
	if (!s.p)
		return s;
	if (from > s.n)
		from = s.n;
	if (n > s.n - from)
		n = s.n - from;
	return (struct sl_str){s.p + from, n};
}

static bool is_ascii_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Blanks of two and three bytes that spreadsheets and web pages leave around values: U+00A0 no-break
 * space; U+2007 figure space, U+202F narrow no-break space, U+FEFF byte order mark. */
static bool is_blank_2(const char *p)
{
	return memcmp(p, "\xc2\xa0", 2) == 0;
}

static bool is_blank_3(const char *p)
{
	return memcmp(p, "\xe2\x80\x87", 3) == 0 || memcmp(p, "\xe2\x80\xaf", 3) == 0 ||
	       memcmp(p, "\xef\xbb\xbf", 3) == 0;
}

/* Bytes of the blank that s begins with; 0: it begins with none. */
static size_t blank_at_start(struct sl_str s)
{
	if (s.n == 0)
		return 0;
	if ((unsigned char)s.p[0] < 0x80)
		return is_ascii_blank(s.p[0]);
	if (s.n >= 2 && is_blank_2(s.p))
		return 2;
	return s.n >= 3 && is_blank_3(s.p) ? 3 : 0;
}

static size_t blank_at_end(struct sl_str s)
{
	if (s.n == 0)
		return 0;
	if ((unsigned char)s.p[s.n - 1] < 0x80)
		return is_ascii_blank(s.p[s.n - 1]);
	if (s.n >= 2 && is_blank_2(s.p + s.n - 2))
		return 2;
	return s.n >= 3 && is_blank_3(s.p + s.n - 3) ? 3 : 0;
}

struct sl_str sl_str_trim(struct sl_str s)
{
	size_t n;

	while ((n = blank_at_start(s)) > 0) {
		s.p += n;
		s.n -= n;
	}
	while ((n = blank_at_end(s)) > 0)
		s.n -= n;
	return s;
}

bool sl_str_next(struct sl_str *s, char sep, struct sl_str *head)
{
	ptrdiff_t at;

	if (!s->p)
		return false;
	at = sl_str_find(*s, sep);
	if (at < 0) {
		*head = *s;
		*s = SL_STR_NULL;
		return true;
	}
	*head = (struct sl_str){s->p, (size_t)at};
	s->p += at + 1;
	s->n -= (size_t)at + 1;
	return true;
}

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The second byte's range is what refuses overlong forms, surrogates and values above U+10FFFF
 * (Unicode 15, table 3-7). */
size_t sl_utf8_len(const char *z, size_t n)
{
	const unsigned char *p = (const unsigned char *)z;
	unsigned char lo = 0x80, hi = 0xbf;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	if (p[0] < 0xe0)
		return n >= 2 && is_tail(p[1]) ? 2 : 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (n < 3 || p[1] < lo || p[1] > hi || !is_tail(p[2]))
		return 0;
	if (p[0] < 0xf0)
		return 3;
	return n >= 4 && is_tail(p[3]) ? 4 : 0;
}

bool sl_utf8_valid(struct sl_str s, size_t *bad)
{
	size_t i = 0;

	while (i < s.n) {
		uint64_t word;
		size_t len;

		if (s.n - i >= sizeof(word)) { /* most text is ASCII: eight bytes at a time */
			memcpy(&word, s.p + i, sizeof(word));
			if (!(word & UINT64_C(0x8080808080808080))) {
				i += sizeof(word);
				continue;
			}
		}
		len = sl_utf8_len(s.p + i, s.n - i);
		if (len == 0) {
			if (bad)
				*bad = i;
			return false;
		}
		i += len;
	}
	return true;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: three rows of the table are enough, for the swap looks two rows back.
 */
size_t sl_str_distance(const char *a, const char *b)
{
	size_t rows[3][DISTANCE_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	size_t na = strnlen(a, DISTANCE_MAX), nb = strnlen(b, DISTANCE_MAX);

	for (size_t j = 0; j <= nb; j++)
		before[j] = above[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t cost = above[j - 1] + (a[i - 1] != b[j - 1]);

			cost = least(cost, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost = least(cost, before[j - 2] + 1);
			row[j] = cost;
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[nb];
}
