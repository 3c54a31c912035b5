/* Dates by formats: see date_format.h. */
#include "tasks/normalize/date_format.h"

#include <stdio.h>

#include "data/letters.h"

#define LETTERS "YmdHMSfBz"
#define MONTH_MAX 10 /* letters of the longest name, and one */

static const struct {
	const char *name; /* small letters, without accents */
	int month;
} months[] = {
	{"janvier", 1},	  {"janv", 1},	    {"january", 1},  {"jan", 1},       {"fevrier", 2},
	{"fevr", 2},	  {"fev", 2},	    {"february", 2}, {"feb", 2},       {"mars", 3},
	{"march", 3},	  {"mar", 3},	    {"avril", 4},    {"avr", 4},       {"april", 4},
	{"apr", 4},	  {"mai", 5},	    {"may", 5},	     {"juin", 6},      {"june", 6},
	{"jun", 6},	  {"juillet", 7},   {"juil", 7},     {"july", 7},      {"jul", 7},
	{"aout", 8},	  {"august", 8},    {"aug", 8},	     {"septembre", 9}, {"september", 9},
	{"sept", 9},	  {"sep", 9},	    {"octobre", 10}, {"october", 10},  {"oct", 10},
	{"novembre", 11}, {"november", 11}, {"nov", 11},     {"decembre", 12}, {"december", 12},
	{"dec", 12},
};

const char *sl_date_format_check(const char *format, bool *has_offset)
{
	unsigned seen = 0;

	for (const char *p = format; *p; p++) {
		const char *letter;

		if (*p != '%')
			continue;
		p++;
		if (*p == '%')
			continue;
		letter = *p ? strchr(LETTERS, *p) : NULL;
		if (!letter)
			return "letters are %Y %m %d %H %M %S %f %B %z and %%";
		if (seen & 1U << (letter - LETTERS))
			return "a letter stands twice";
		seen |= 1U << (letter - LETTERS);
	}
	*has_offset = seen & 1U << 8;
	if (!(seen & 1U << 0) || !(seen & 1U << 2) || !(seen & (1U << 1 | 1U << 7)))
		return "it needs %Y, %d, and %m or %B";
	return seen & 1U << 1 && seen & 1U << 7 ? "%m and %B both say the month" : NULL;
}

/* What reading works on. */
struct cursor {
	const char *p, *end;
};

static bool is_digit(const struct cursor *c)
{
	return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

static bool read_number(struct cursor *c, int min_digits, int max_digits, int *ret)
{
	int n = 0, v = 0;

	for (; n < max_digits && is_digit(c); n++)
		v = v * 10 + (*c->p++ - '0');
	*ret = v;
	return n >= min_digits;
}

static bool read_fraction(struct cursor *c, int *ret)
{
	int digits = 0, v = 0;

	for (; digits < 6 && is_digit(c); digits++)
		v = v * 10 + (*c->p++ - '0');
	if (digits == 0 || is_digit(c))
		return false;
	for (; digits < 6; digits++)
		v *= 10;
	*ret = v;
	return true;
}

/* A letter of a month's name without capital and accent; 0: none. */
static char plain_letter(uint32_t c)
{
	c = sl_letter_lower(c);
	if (c == 0xe9 || c == 0xe8 || c == 0xea) /* é è ê */
		return 'e';
	if (c == 0xfb) /* û */
		return 'u';
	return c >= 'a' && c <= 'z' ? (char)c : 0;
}

static bool read_month(struct cursor *c, int *ret)
{
	char name[MONTH_MAX + 1];
	size_t n = 0;

	while (c->p < c->end) {
		const char *next = c->p;
		char letter = plain_letter(sl_letter_next(&next));

		if (!letter)
			break;
		if (n == MONTH_MAX)
			return false;
		name[n++] = letter;
		c->p = next;
	}
	name[n] = '\0';
	if (c->p < c->end && *c->p == '.')
		c->p++;
	for (size_t i = 0; i < SL_ARRAY_LEN(months); i++) {
		if (strcmp(months[i].name, name) == 0) {
			*ret = months[i].month;
			return true;
		}
	}
	return false;
}

static bool read_day(struct cursor *c, int min_digits, int *ret)
{
	if (!read_number(c, min_digits, 2, ret))
		return false;
	if (*ret == 1 && c->end - c->p >= 2 && memcmp(c->p, "er", 2) == 0)
		c->p += 2; /* "1er janvier" */
	return true;
}

static bool read_offset(struct cursor *c, char out[8])
{
	int h, m = 0;
	char sign;

	if (c->p == c->end)
		return false;
	sign = *c->p++;
	if (sign == 'Z' || sign == 'z') {
		memcpy(out, "Z", 2);
		return true;
	}
	if ((sign != '+' && sign != '-') || !read_number(c, 2, 2, &h))
		return false;
	if (c->p < c->end && (*c->p == ':' || is_digit(c))) {
		c->p += *c->p == ':';
		if (!read_number(c, 2, 2, &m))
			return false;
	}
	snprintf(out, 8, "%c%02u:%02u", sign, (unsigned)h % 100, (unsigned)m % 100);
	return true;
}

static bool read_letter(struct cursor *c, char letter, bool tight, struct sl_date_parts *d)
{
	const int min = tight ? 2 : 1;

	switch (letter) {
	case 'Y':
		return read_number(c, 4, 4, &d->civil.year);
	case 'm':
		return read_number(c, min, 2, &d->civil.month);
	case 'd':
		return read_day(c, min, &d->civil.day);
	case 'H':
		return read_number(c, min, 2, &d->civil.hour);
	case 'M':
		return read_number(c, min, 2, &d->civil.minute);
	case 'S':
		return read_number(c, min, 2, &d->civil.second);
	case 'f':
		return read_fraction(c, &d->civil.micro);
	case 'B':
		return read_month(c, &d->civil.month);
	case 'z':
		return read_offset(c, d->offset);
	default: /* "%%" */
		return c->p < c->end && *c->p++ == '%';
	}
}

static bool skip_blanks(struct cursor *c)
{
	const char *begin = c->p;

	while (c->p < c->end) {
		const char *next = c->p;

		if (!sl_letter_blank(sl_letter_next(&next)))
			break;
		c->p = next;
	}
	return c->p > begin;
}

static bool numeric(const char *p)
{
	return p[0] == '%' && p[1] && strchr("YmdHMSf", p[1]);
}

bool sl_date_format_read(const char *format, struct sl_str text, struct sl_date_parts *ret)
{
	struct cursor c = {text.p, text.p + text.n};
	bool after_number = false;

	*ret = (struct sl_date_parts){.offset = ""};
	for (const char *f = format; *f; f++) {
		bool number = numeric(f);

		if (*f == '%') {
			f++;
			if (!read_letter(&c, *f, number && (after_number || numeric(f + 1)), ret))
				return false;
		} else if (*f == ' ') {
			if (!skip_blanks(&c))
				return false;
		} else if (c.p == c.end || *c.p++ != *f) {
			return false;
		}
		after_number = number;
	}
	return c.p == c.end;
}
