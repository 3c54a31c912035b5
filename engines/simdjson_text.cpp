/*
 * Escapes and the grammar of numbers, by hand: simdjson finds where a text ends, the rest is here,
 * so that half a surrogate pair and a number's every digit are seen as they stand.
 */
#include "simdjson_text.h"

namespace
{

bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int hex4(const char *p)
{
	int v = 0;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int d = is_digit(c)			     ? c - '0'
			: (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
							     : -1;
		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

char *put_utf8(char *to, uint32_t u)
{
	if (u < 0x80) {
		*to++ = char(u);
	} else if (u < 0x800) {
		*to++ = char(0xc0 | u >> 6);
		*to++ = char(0x80 | (u & 63));
	} else if (u < 0x10000) {
		*to++ = char(0xe0 | u >> 12);
		*to++ = char(0x80 | (u >> 6 & 63));
		*to++ = char(0x80 | (u & 63));
	} else {
		*to++ = char(0xf0 | u >> 18);
		*to++ = char(0x80 | (u >> 12 & 63));
		*to++ = char(0x80 | (u >> 6 & 63));
		*to++ = char(0x80 | (u & 63));
	}
	return to;
}

/* \uXXXX, or two that make one letter, from behind the u. Half a pair becomes U+FFFD and is told.
 */
escape unescape_unicode(const char **p, const char *end, char **to)
{
	int u = end - *p >= 4 ? hex4(*p) : -1;
	if (u < 0)
		return escape::wrong;
	*p += 4;
	uint32_t letter = uint32_t(u);
	if (u >= 0xd800 && u < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
		int low = hex4(*p + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			*p += 6;
			letter =
				0x10000 + ((uint32_t(u) - 0xd800) << 10) + (uint32_t(low) - 0xdc00);
		}
	}
	bool half = letter >= 0xd800 && letter < 0xe000;
	*to = put_utf8(*to, half ? 0xfffd : letter);
	return half ? escape::surrogate : escape::fine;
}

} // namespace

escape unescape(sl_str s, char *to, size_t *ret)
{
	static const char names[] = "\"\\/bfnrt", letters[] = "\"\\/\b\f\n\r\t";
	const char *p = s.p, *end = s.p + s.n;
	char *out = to;
	escape result = escape::fine;
	while (p < end) {
		if (*p != '\\') {
			*out++ = *p++;
			continue;
		}
		if (++p == end)
			return escape::wrong;
		char c = *p++;
		if (c == 'u') {
			escape e = unescape_unicode(&p, end, &out);
			if (e == escape::wrong)
				return e;
			if (e == escape::surrogate)
				result = e;
			continue;
		}
		const char *name = c ? strchr(names, c) : nullptr;
		if (!name)
			return escape::wrong;
		*out++ = letters[name - names];
	}
	*ret = size_t(out - to);
	return result;
}

bool is_number(sl_str s)
{
	size_t i = s.n > 0 && s.p[0] == '-';
	auto digits = [&] {
		size_t from = i;
		while (i < s.n && is_digit(s.p[i]))
			i++;
		return i > from;
	};
	bool zero = i < s.n && s.p[i] == '0';
	size_t first = i;
	if (!digits() || (zero && i > first + 1))
		return false;
	if (i < s.n && s.p[i] == '.') {
		i++;
		if (!digits())
			return false;
	}
	if (i < s.n && (s.p[i] | 32) == 'e') {
		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
			i++;
		if (!digits())
			return false;
	}
	return i == s.n;
}
