/*
 * Names of columns: see identifier.h.
 */
#include "tasks/sluice/identifier.h"

#include "data/letters.h"

#define MOST 48 /* characters */

/* U+00C0 to U+017F without their accents; a blank is none of a word. */
static const char plain[] = "aaaaaaaceeeeiiiidnooooo ouuuuyts"
			    "aaaaaaaceeeeiiiidnooooo ouuuuyty"
			    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkk"
			    "llllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuu"
			    "wwyyyzzzzzzs";

_Static_assert(sizeof(plain) - 1 == 0x180 - 0xc0, "one for each letter");

/* The letters of one code point; "": it ends a word. */
static const char *spelled(uint32_t c, char one[2])
{
	if (c == 0xe6 || c == 0xc6)
		return "ae";
	if (c == 0x153 || c == 0x152)
		return "oe";
	if (c == 0xdf)
		return "ss";
	if (c >= 0xc0 && c < 0x180)
		c = (unsigned char)plain[c - 0xc0];
	if (c >= 0x80)
		return "";
	one[0] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	return (one[0] >= 'a' && one[0] <= 'z') || (one[0] >= '0' && one[0] <= '9') ? one : "";
}

static bool is_accent(uint32_t c) /* one that stands alone behind its letter */
{
	return c >= 0x300 && c < 0x370;
}

void sl_identifier_put(struct sl_str from, struct sl_buf *out)
{
	const size_t begin = out->n;
	const char *p = from.p, *end = from.p + from.n;

	if (!sl_utf8_valid(from, NULL))
		p = end;
	while (p < end && out->n - begin < MOST) {
		char one[2] = "";
		const uint32_t c = sl_letter_next(&p);
		const char *text = spelled(c, one);
		const bool digit_first = out->n == begin && text[0] >= '0' && text[0] <= '9';

		if (is_accent(c))
			continue;
		if (text[0] && !digit_first)
			sl_buf_adds(out, text);
		else if (out->n > begin && out->p[out->n - 1] != '_')
			sl_buf_addc(out, '_');
	}
	while (out->n > begin && out->p[out->n - 1] == '_')
		out->n--;
	if (out->n == begin)
		sl_buf_adds(out, "column");
}
