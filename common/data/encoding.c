/*
 * Encodings: see encoding.h.
 */
#include "data/encoding.h"

#include "data/letters.h"

const char *const sl_encoding_names[] = {"auto",	 "utf-8",      "utf-16le",    "utf-16be",
					 "windows-1252", "iso-8859-1", "iso-8859-15", NULL};

/* --- UTF-16 --- */

static void add_letter(struct sl_buf *out, uint32_t c)
{
	char utf8[4];

	sl_buf_add(out, utf8, sl_letter_put(c, utf8));
}

static void add_unit(struct sl_recoder *r, uint32_t unit, struct sl_buf *out)
{
	const uint32_t high = r->high;

	r->high = 0;
	if (high && unit >= 0xdc00 && unit < 0xe000) {
		add_letter(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
		return;
	}
	if (high)
		add_letter(out, high);
	if (unit >= 0xd800 && unit < 0xdc00)
		r->high = unit;
	else
		add_letter(out, unit);
}

/* Looks at the first two bytes, which the mark would be. False: one more is needed. */
static bool decide(struct sl_recoder *r, struct sl_str bytes, bool last, size_t *ret_mark)
{
	unsigned char head[2] = {0, 0};
	size_t n = 0;

	for (; n < r->n_odd; n++)
		head[n] = r->odd[n];
	for (size_t i = 0; n < 2 && i < bytes.n; i++)
		head[n++] = (unsigned char)bytes.p[i];
	if (n < 2 && !last)
		return false;
	const bool little_mark = head[0] == 0xff && head[1] == 0xfe;
	const bool big_mark = head[0] == 0xfe && head[1] == 0xff;
	r->decided = true;
	r->big =
		r->encoding == SL_ENCODING_UTF16BE || (r->encoding == SL_ENCODING_AUTO && big_mark);
	r->utf16 = r->big || r->encoding == SL_ENCODING_UTF16LE ||
		   (r->encoding == SL_ENCODING_AUTO && little_mark);
	*ret_mark = r->utf16 && (r->big ? big_mark : little_mark) ? 2 : 0;
	return true;
}

static void add_byte(struct sl_recoder *r, unsigned char c, struct sl_buf *out)
{
	r->odd[r->n_odd++] = c;
	if (r->n_odd < 2)
		return;
	r->n_odd = 0;
	add_unit(r,
		 r->big ? (uint32_t)r->odd[0] << 8 | r->odd[1]
			: (uint32_t)r->odd[1] << 8 | r->odd[0],
		 out);
}

static void end_utf16(struct sl_recoder *r, struct sl_buf *out)
{
	if (r->high)
		add_letter(out, r->high);
	if (r->n_odd)
		sl_buf_addc(out, (char)0xff);
	r->high = 0;
	r->n_odd = 0;
}

/* Few enough bytes that nothing can be told of them yet are kept. */
static struct sl_str hold(struct sl_recoder *r, struct sl_str bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		r->odd[r->n_odd++] = (unsigned char)bytes.p[i];
	return (struct sl_str){bytes.p, 0};
}

struct sl_str sl_recode(struct sl_recoder *r, struct sl_str bytes, bool last, struct sl_buf *out)
{
	size_t skip = 0;

	sl_buf_clear(out);
	if (!r->decided && !decide(r, bytes, last, &skip))
		return hold(r, bytes);
	if (!r->utf16 && r->n_odd == 0)
		return bytes;
	if (!r->utf16) { /* a byte was held back */
		sl_buf_add(out, r->odd, r->n_odd);
		r->n_odd = 0;
		sl_buf_addstr(out, bytes);
		return sl_buf_str(out);
	}
	if (skip) {
		skip -= r->n_odd;
		r->n_odd = 0;
	}
	for (size_t i = skip; i < bytes.n; i++)
		add_byte(r, (unsigned char)bytes.p[i], out);
	if (last)
		end_utf16(r, out);
	return sl_buf_str(out);
}

/* --- one byte a letter --- */

/* windows-1252 0x80…0x9f; what it leaves open is the control of the same number. */
static const uint16_t windows_1252[32] = {
	0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

/* Where ISO 8859-15 differs from ISO 8859-1. */
static uint32_t latin_9(unsigned char c)
{
	switch (c) {
	case 0xa4:
		return 0x20ac;
	case 0xa6:
		return 0x0160;
	case 0xa8:
		return 0x0161;
	case 0xb4:
		return 0x017d;
	case 0xb8:
		return 0x017e;
	case 0xbc:
		return 0x0152;
	case 0xbd:
		return 0x0153;
	case 0xbe:
		return 0x0178;
	default:
		return c;
	}
}

static uint32_t letter_of(enum sl_encoding e, unsigned char c)
{
	if (e == SL_ENCODING_WINDOWS_1252 && c >= 0x80 && c < 0xa0)
		return windows_1252[c - 0x80];
	return e == SL_ENCODING_ISO_8859_15 ? latin_9(c) : c;
}

static bool is_ascii(struct sl_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

struct sl_str sl_encoding_text(enum sl_encoding e, struct sl_str s, struct sl_arena *arena)
{
	if (is_ascii(s))
		return s;
	char *to = sl_arena_alloc(arena, 3 * s.n);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += sl_letter_put(letter_of(e, (unsigned char)s.p[i]), to + n);
	return (struct sl_str){to, n};
}

/* --- repairs --- */

/* Bytes of the longest begin of s that a letter could have. s does not begin with a whole one. */
static size_t broken_length(struct sl_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t want = p[0] >= 0xf0 && p[0] <= 0xf4   ? 3
		      : p[0] >= 0xe0 && p[0] <= 0xef ? 2
		      : p[0] >= 0xc2 && p[0] <= 0xdf ? 1
						     : 0;
	size_t n = 1;

	while (n <= want && n < s.n) {
		unsigned char low = 0x80, high = 0xbf;

		if (n == 1) {
			low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
			high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
		}
		if (p[n] < low || p[n] > high)
			break;
		n++;
	}
	return n;
}

struct sl_str sl_utf8_repaired(struct sl_str s, struct sl_arena *arena)
{
	char *to = sl_arena_alloc(arena, 3 * s.n);
	size_t n = 0, bad = 0;

	while (!sl_utf8_valid(s, &bad)) {
		memcpy(to + n, s.p, bad);
		n += bad;
		memcpy(to + n, "\xef\xbf\xbd", 3);
		n += 3;
		s = sl_str_sub(s, bad, s.n);
		s = sl_str_sub(s, broken_length(s), s.n);
	}
	memcpy(to + n, s.p, s.n);
	return (struct sl_str){to, n + s.n};
}
