/* Private to the URI parser and writer: letters and views. */
#ifndef SL_NET_URI_PRIVATE_H
#define SL_NET_URI_PRIVATE_H

#include <ctype.h>

#include "base/num.h"
#include "net/uri.h"

static inline bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_unreserved(char c)
{
	return is_alpha(c) || is_digit(c) || (c && strchr("-._~", c));
}

/* pchar of §3.3 without its escapes, and more characters that the part allows. */
static inline bool is_part(char c, const char *more)
{
	return is_unreserved(c) || (c && (strchr("!$&'()*+,;=:@", c) || strchr(more, c)));
}

/* The byte that the escape at s[i] stands for, or -1. */
static inline int escaped_byte(struct sl_str s, size_t i)
{
	if (i + 2 >= s.n || s.p[i] != '%')
		return -1;
	int high = sl_hex_digit(s.p[i + 1]), low = sl_hex_digit(s.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static inline size_t span_until(struct sl_str s, const char *stop)
{
	size_t n = 0;

	while (n < s.n && !(s.p[n] && strchr(stop, s.p[n])))
		n++;
	return n;
}

static inline struct sl_str cut(struct sl_str *s, size_t n, size_t skip)
{
	struct sl_str head = sl_str_sub(*s, 0, n);

	*s = sl_str_sub(*s, n + skip, s->n);
	return head;
}

#endif
