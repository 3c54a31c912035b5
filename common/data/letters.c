/* Letters of UTF-8 text: see letters.h. */
#include "data/letters.h"

#include "data/case_table.h"

uint32_t sl_letter_next(const char **p)
{
	const unsigned char *s = (const unsigned char *)*p;

	if (s[0] < 0x80) {
		*p += 1;
		return s[0];
	}
	if (s[0] < 0xe0) {
		*p += 2;
		return (s[0] & 0x1fU) << 6 | (s[1] & 0x3fU);
	}
	if (s[0] < 0xf0) {
		*p += 3;
		return (s[0] & 0xfU) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3fU);
	}
	*p += 4;
	return (s[0] & 7U) << 18 | (s[1] & 0x3fU) << 12 | (s[2] & 0x3fU) << 6 | (s[3] & 0x3fU);
}

size_t sl_letter_put(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The range that maps c, or NULL. */
static const struct case_range *find_range(const struct case_range *table, size_t n, uint32_t c)
{
	size_t lo = 0, hi = n;

	while (lo < hi) { /* lo becomes the first range that ends at or behind c */
		size_t mid = lo + (hi - lo) / 2;

		if (table[mid].last < c)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == n || c < table[lo].first || (c - table[lo].first) % table[lo].step != 0)
		return NULL;
	return &table[lo];
}

static uint32_t map(const struct case_range *table, size_t n, uint32_t c)
{
	const struct case_range *r = find_range(table, n, c);

	return r ? c + (uint32_t)r->delta : c;
}

uint32_t sl_letter_lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	return map(to_lower, SL_ARRAY_LEN(to_lower), c);
}

uint32_t sl_letter_upper(uint32_t c)
{
	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	return map(to_upper, SL_ARRAY_LEN(to_upper), c);
}

uint32_t sl_letter_title(uint32_t c)
{
	const struct case_range *r = find_range(to_title, SL_ARRAY_LEN(to_title), c);

	return r ? c + (uint32_t)r->delta : sl_letter_upper(c);
}

bool sl_letter_blank(uint32_t c)
{
	if (c < 0x80)
		return c == ' ' || (c >= '\t' && c <= '\r');
	return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200b) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 ||
	       c == 0xfeff;
}

static uint32_t fold(uint32_t c)
{
	return sl_letter_lower(sl_letter_upper(c));
}

bool sl_text_same(struct sl_str a, struct sl_str b)
{
	const char *end_a = a.p + a.n, *end_b = b.p + b.n;

	while (a.p < end_a && b.p < end_b)
		if (fold(sl_letter_next(&a.p)) != fold(sl_letter_next(&b.p)))
			return false;
	return a.p == end_a && b.p == end_b;
}

void sl_text_fold(struct sl_str s, struct sl_buf *out)
{
	const char *p = s.p, *end = s.p + s.n;
	const size_t begin = out->n;
	bool blank = false;

	while (p < end) {
		const uint32_t c = sl_letter_next(&p);
		char utf8[4];

		if (sl_letter_blank(c)) {
			blank = out->n > begin;
			continue;
		}
		if (blank)
			sl_buf_addc(out, ' ');
		blank = false;
		sl_buf_add(out, utf8, sl_letter_put(sl_letter_lower(c), utf8));
	}
}
