/*
 * Amounts as people write them. The text is peeled from outside to inside (brackets, signs,
 * currency or unit), then the digits are copied without their thousands marks into a plain decimal,
 * which sl_num_decimal turns into a scaled integer: no double on the way, and zero has no sign.
 */
#include "tasks/normalize/amount.h"

#include "base/num.h"

#define DIGITS_MAX 40 /* more than any column holds */

const char *const sl_amount_locales[] = {"fr", "en", "plain", NULL};

/* One byte tells most texts apart, which is far cheaper than to compare with each mark there is. */
static inline bool take_front(struct sl_str *s, const char *z)
{
	size_t n;

	if (s->n == 0 || s->p[0] != z[0])
		return false;
	n = strlen(z);
	if (s->n < n || memcmp(s->p, z, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

static inline bool take_back(struct sl_str *s, const char *z)
{
	size_t n = strlen(z);

	if (s->n < n || s->p[s->n - n] != z[0] || memcmp(s->p + s->n - n, z, n) != 0)
		return false;
	s->n -= n;
	return true;
}

static bool take_blank(struct sl_str *s)
{
	if (s->n > 0 && (unsigned char)s->p[0] < 0x80)
		return take_front(s, " ");
	return take_front(s, "\u00a0") || take_front(s, "\u202f") || take_front(s, "\u2009") ||
	       take_front(s, "\u2007");
}

static bool take_blank_back(struct sl_str *s)
{
	if (s->n > 0 && (unsigned char)s->p[s->n - 1] < 0x80)
		return take_back(s, " ");
	return take_back(s, "\u00a0") || take_back(s, "\u202f") || take_back(s, "\u2009") ||
	       take_back(s, "\u2007");
}

static void trim(struct sl_str *s)
{
	while (take_blank(s))
		;
	while (take_blank_back(s))
		;
	*s = sl_str_trim(*s); /* tabs and line ends */
}

/* What has been peeled off so far. */
struct peeled {
	unsigned signs; /* signs and brackets seen */
	bool negative;
	bool word;
};

static bool peel_sign(struct sl_str *s, struct peeled *p,
		      bool (*take)(struct sl_str *, const char *))
{
	bool minus = take(s, "-") || take(s, "\u2212");

	if (!minus && !take(s, "+"))
		return false;
	p->signs++;
	p->negative = minus;
	trim(s);
	return true;
}

static void peel_word(struct sl_str *s, struct peeled *p, const struct sl_amount_style *style,
		      bool (*take)(struct sl_str *, const char *))
{
	for (size_t i = 0; !p->word && i < style->n_words; i++) {
		if (take(s, style->words[i])) {
			p->word = true;
			trim(s);
		}
	}
}

static const char *peel_brackets(struct sl_str *s, struct peeled *p)
{
	if (!take_front(s, "("))
		return NULL;
	if (!take_back(s, ")"))
		return "bracket that is not closed";
	p->signs++;
	p->negative = true;
	trim(s);
	return NULL;
}

static void peel_words(struct sl_str *s, struct peeled *p, const struct sl_amount_style *style)
{
	if (style->before)
		peel_word(s, p, style, take_front);
	peel_word(s, p, style, take_back);
}

/* Takes everything around the digits away; a word may stand inside or outside of sign and brackets.
 */
static const char *peel(struct sl_str *s, const struct sl_amount_style *style, struct peeled *p)
{
	const char *why = NULL;

	trim(s);
	peel_words(s, p, style);
	if (style->accounting)
		why = peel_brackets(s, p);
	while (peel_sign(s, p, take_front) || (style->accounting && peel_sign(s, p, take_back)))
		;
	peel_words(s, p, style);
	if (!why && p->signs > 1)
		why = "more than one sign";
	return why;
}

struct plain {
	char digits[DIGITS_MAX + 2]; /* [-]digits[.digits] */
	size_t n;
};

static bool put(struct plain *out, char c)
{
	if (out->n >= DIGITS_MAX)
		return false;
	out->digits[out->n++] = c;
	return true;
}

/* Digits up to something else; returns how many, or SIZE_MAX when they are too many. */
static size_t take_digits(struct sl_str *s, struct plain *out)
{
	size_t n = 0;

	for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; s->p++, s->n--, n++)
		if (!put(out, s->p[0]))
			return SIZE_MAX;
	return n;
}

static bool take_thousands_mark(struct sl_str *s, int locale)
{
	if (locale == SL_AMOUNT_FR)
		return take_blank(s);
	return locale == SL_AMOUNT_EN && take_front(s, ",");
}

static const char *read_digits(struct sl_str s, int locale, struct plain *out)
{
	size_t n = take_digits(&s, out);
	bool grouped = false;

	if (n == 0)
		return "no digits where a number is expected";
	while (n != SIZE_MAX && take_thousands_mark(&s, locale)) {
		if (!grouped && n > 3)
			return "more than three digits in front of a thousands mark";
		grouped = true;
		n = take_digits(&s, out);
		if (n != 3 && n != SIZE_MAX)
			return "thousands group that has not three digits";
	}
	if (n != SIZE_MAX && take_front(&s, locale == SL_AMOUNT_FR ? "," : ".")) {
		if (!put(out, '.'))
			return "too many digits";
		n = take_digits(&s, out);
		if (n == 0)
			return "no digits behind the decimal mark";
	}
	if (n == SIZE_MAX)
		return "too many digits";
	return s.n ? "something else than a number" : NULL;
}

static const char *to_value(struct sl_str plain, struct sl_type t, int64_t *ret)
{
	unsigned precision = t.kind == SL_DECIMAL ? t.precision : 18;
	unsigned scale = t.kind == SL_DECIMAL ? t.scale : 0;

	if (t.kind == SL_INT64 && sl_num_i64(plain, INT64_MIN, INT64_MAX, ret))
		return NULL;
	switch (sl_num_decimal(plain, precision, scale, ret)) {
	case SL_DEC_OK:
		return NULL;
	case SL_DEC_SYNTAX:
		return "something else than a number";
	case SL_DEC_RANGE:
		return "too large for the column";
	case SL_DEC_SCALE:
		return "more decimals than the column has";
	}
	return "something else than a number";
}

const char *sl_amount_read(struct sl_str text, const struct sl_amount_style *style,
			   struct sl_type t, int64_t *ret)
{
	struct plain plain = {.n = 0};
	struct peeled p = {0};
	const char *why = peel(&text, style, &p);

	if (why)
		return why;
	if (p.negative)
		put(&plain, '-');
	why = read_digits(text, style->locale, &plain);
	if (why)
		return why;
	return to_value((struct sl_str){plain.digits, plain.n}, t, ret);
}
