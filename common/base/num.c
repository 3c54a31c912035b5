/*
 * Numbers from text and back. Doubles go through an own grammar check, then a path that is exact
 * for short numbers, then strtod_l in the C locale: the user's locale never decides what "1,5"
 * means.
 */
#include "base/num.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>

#include "base/err.h"
#include "base/mem.h"

#define DIGITS_MAX 18 /* of an exact decimal: 10^18 - 1 fits int64 */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes a sign from the front of s. */
static bool take_sign(struct sl_str *s)
{
	bool negative = s->n > 0 && s->p[0] == '-';

	if (s->n > 0 && (s->p[0] == '-' || s->p[0] == '+'))
		*s = sl_str_sub(*s, 1, s->n);
	return negative;
}

static bool parse_digits(struct sl_str s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t digit = (uint64_t)(unsigned char)s.p[i] - '0';

		if (!is_digit(s.p[i]))
			return false;
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v > max)
		return false;
	*ret = v;
	return true;
}

bool sl_num_i64(struct sl_str s, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = take_sign(&s);
	uint64_t v;
	int64_t value;

	if (!parse_digits(s, (uint64_t)INT64_MAX + negative, &v))
		return false;
	value = negative ? (int64_t)(0 - v) : (int64_t)v;
	if (value < min || value > max)
		return false;
	*ret = value;
	return true;
}

bool sl_num_u64(struct sl_str s, uint64_t max, uint64_t *ret)
{
	if (s.n > 0 && s.p[0] == '+')
		s = sl_str_sub(s, 1, s.n);
	return parse_digits(s, max, ret);
}

static size_t count_digits(struct sl_str s, size_t i)
{
	size_t start = i;

	while (i < s.n && is_digit(s.p[i]))
		i++;
	return i - start;
}

/* RFC 8259 §6, without the sign, which the caller has taken. */
static bool is_json_number(struct sl_str s)
{
	size_t i = count_digits(s, 0), n;

	if (i == 0 || (i > 1 && s.p[0] == '0'))
		return false;
	if (i < s.n && s.p[i] == '.') {
		n = count_digits(s, i + 1);
		if (n == 0)
			return false;
		i += 1 + n;
	}
	if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
			i++;
		n = count_digits(s, i);
		if (n == 0)
			return false;
		i += n;
	}
	return i == s.n;
}

/* With a fraction there are at most 15 digits here, an exact double, as is 10^15; IEEE division
 * rounds once (W. Clinger, "How to read floating point numbers accurately", 1990). Without one the
 * conversion of the integer rounds once. s is digits[.digits]. */
static bool read_short(struct sl_str s, double *ret)
{
	static const double powers[] = {1e0, 1e1, 1e2,	1e3,  1e4,  1e5,  1e6,	1e7,
					1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	size_t fraction = 0;
	bool in_fraction = false;
	int64_t v = 0;

	if (FLT_EVAL_METHOD != 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.') {
			in_fraction = true;
			continue;
		}
		if (!is_digit(s.p[i]))
			return false;
		v = v * 10 + (s.p[i] - '0');
		fraction += in_fraction;
	}
	*ret = (double)v / powers[fraction];
	return true;
}

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", NULL);
	if (!c_locale)
		SL_BUG("the C locale cannot be opened");
}

static double read_long(struct sl_str s)
{
	char small[64];
	char *copy = s.n < sizeof(small) ? small : sl_xmalloc(s.n + 1);
	double v;

	memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	pthread_once(&c_locale_once, make_c_locale);
	v = strtod_l(copy, NULL, c_locale);
	if (copy != small)
		free(copy);
	return v;
}

bool sl_num_f64(struct sl_str s, double *ret)
{
	bool negative = take_sign(&s);
	double v;

	if (!is_json_number(s))
		return false;
	if (!read_short(s, &v))
		v = read_long(s);
	if (!isfinite(v))
		return false;
	*ret = negative ? -v : v;
	return true;
}

int64_t sl_num_pow10(unsigned n)
{
	static const int64_t powers[DIGITS_MAX + 1] = {INT64_C(1),
						       INT64_C(10),
						       INT64_C(100),
						       INT64_C(1000),
						       INT64_C(10000),
						       INT64_C(100000),
						       INT64_C(1000000),
						       INT64_C(10000000),
						       INT64_C(100000000),
						       INT64_C(1000000000),
						       INT64_C(10000000000),
						       INT64_C(100000000000),
						       INT64_C(1000000000000),
						       INT64_C(10000000000000),
						       INT64_C(100000000000000),
						       INT64_C(1000000000000000),
						       INT64_C(10000000000000000),
						       INT64_C(100000000000000000),
						       INT64_C(1000000000000000000)};

	SL_ASSERT(n <= DIGITS_MAX);
	return powers[n];
}

/* A decimal as its significant digits × 10^exponent, without zeros at either end. */
struct digits {
	uint64_t value; /* of the first DIGITS_MAX digits */
	int64_t count;
	int64_t exponent;
};

static void push_digit(struct digits *d, unsigned digit, int64_t zeros)
{
	if (d->count == 0)
		zeros = 0;
	d->count += zeros + 1;
	if (d->count > DIGITS_MAX)
		return; /* out of every range; only the count matters now */
	for (; zeros > 0; zeros--)
		d->value *= 10;
	d->value = d->value * 10 + digit;
}

static size_t scan_mantissa(struct sl_str s, struct digits *d)
{
	int64_t zeros = 0, fraction = 0;
	size_t whole = count_digits(s, 0), end = whole;

	if (whole == 0)
		return 0;
	if (whole < s.n && s.p[whole] == '.') {
		fraction = (int64_t)count_digits(s, whole + 1);
		if (fraction == 0)
			return 0;
		end = whole + 1 + (size_t)fraction;
	}
	for (size_t i = 0; i < end; i++) {
		if (i == whole)
			continue;
		if (s.p[i] == '0') {
			zeros++;
			continue;
		}
		push_digit(d, (unsigned)(s.p[i] - '0'), zeros);
		zeros = 0;
	}
	d->exponent = zeros - fraction;
	return end;
}

/* "e[+-]digits" from i to the end; far beyond any range the value is kept at a bound. */
static bool scan_exponent(struct sl_str s, size_t i, int64_t *ret)
{
	struct sl_str rest = sl_str_sub(s, i + 1, s.n);
	bool negative = take_sign(&rest);
	int64_t v = 0;

	if (rest.n == 0)
		return false;
	for (size_t k = 0; k < rest.n; k++) {
		if (!is_digit(rest.p[k]))
			return false;
		if (v < INT64_C(1000000000000000))
			v = v * 10 + (rest.p[k] - '0');
	}
	*ret = negative ? -v : v;
	return true;
}

/* digits[.digits] that fit as they stand; false: read it step by step, or say why it does not. */
static bool read_plain_decimal(struct sl_str s, unsigned precision, unsigned scale, int64_t *ret)
{
	size_t whole = s.n; /* digits before the point */
	int64_t v = 0;
	unsigned fraction;

	if (s.n == 0 || s.n > DIGITS_MAX || !is_digit(s.p[0]) || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (is_digit(s.p[i]))
			v = v * 10 + (s.p[i] - '0');
		else if (s.p[i] == '.' && whole == s.n)
			whole = i;
		else
			return false;
	}
	fraction = whole < s.n ? (unsigned)(s.n - whole - 1) : 0;
	if (fraction > scale || __builtin_mul_overflow(v, sl_num_pow10(scale - fraction), &v) ||
	    v >= sl_num_pow10(precision))
		return false;
	*ret = v;
	return true;
}

enum sl_dec_result sl_num_decimal(struct sl_str s, unsigned precision, unsigned scale, int64_t *ret)
{
	bool negative = take_sign(&s);
	int64_t plain;
	struct digits d = {0, 0, 0};
	int64_t exponent = 0, shift;
	size_t end;

	SL_ASSERT(precision <= DIGITS_MAX && scale <= precision);
	if (read_plain_decimal(s, precision, scale, &plain)) {
		*ret = negative ? -plain : plain;
		return SL_DEC_OK;
	}
	end = scan_mantissa(s, &d);
	if (end == 0)
		return SL_DEC_SYNTAX;
	if (end < s.n &&
	    ((s.p[end] != 'e' && s.p[end] != 'E') || !scan_exponent(s, end, &exponent)))
		return SL_DEC_SYNTAX;
	if (d.count == 0) {
		*ret = 0;
		return SL_DEC_OK;
	}
	shift = d.exponent + exponent + scale;
	if (d.count + shift > precision)
		return SL_DEC_RANGE;
	if (shift < 0)
		return SL_DEC_SCALE;
	*ret = (int64_t)d.value * sl_num_pow10((unsigned)shift) * (negative ? -1 : 1);
	return SL_DEC_OK;
}

size_t sl_num_decimal_text(int64_t value, unsigned scale, char out[24])
{
	uint64_t v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char text[24];
	size_t at = sizeof(text), n;

	SL_ASSERT(scale <= DIGITS_MAX);
	for (unsigned i = 0; v > 0 || i <= scale; i++) {
		if (i == scale && scale > 0)
			text[--at] = '.';
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	}
	if (value < 0)
		text[--at] = '-';
	n = sizeof(text) - at;
	memcpy(out, text + at, n);
	out[n] = '\0';
	return n;
}

size_t sl_num_f64_text(double value, char out[32])
{
	if (!isfinite(value))
		return (size_t)snprintf(out, 32, "null");
	for (int digits = 15; digits <= 17; digits++) {
		int n = snprintf(out, 32, "%.*g", digits, value);

		if (digits == 17 || read_long((struct sl_str){out, (size_t)n}) == value)
			return (size_t)n;
	}
	SL_BUG("17 digits do not read back");
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* digits, one blank at most, unit. */
static bool parse_unit(struct sl_str s, const struct unit *units, size_t n, uint64_t max,
		       uint64_t *ret)
{
	size_t digits = count_digits(s, 0);
	struct sl_str name = sl_str_sub(s, digits, s.n);
	uint64_t v;

	if (name.n > 1 && name.p[0] == ' ')
		name = sl_str_sub(name, 1, name.n);
	if (!parse_digits(sl_str_sub(s, 0, digits), UINT64_MAX, &v))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!sl_str_eqz(name, units[i].name))
			continue;
		if (__builtin_mul_overflow(v, units[i].factor, &v) || v > max)
			return false;
		*ret = v;
		return true;
	}
	return false;
}

bool sl_num_size(struct sl_str s, uint64_t *ret)
{
	static const struct unit units[] = {
		{"", 1},
		{"B", 1},
		{"kB", 1000},
		{"KB", 1000},
		{"MB", 1000000},
		{"GB", 1000000000},
		{"TB", UINT64_C(1000000000000)},
		{"KiB", 1 << 10},
		{"MiB", 1 << 20},
		{"GiB", 1 << 30},
		{"TiB", UINT64_C(1) << 40},
	};

	return parse_unit(s, units, SL_ARRAY_LEN(units), UINT64_MAX, ret);
}

bool sl_num_duration(struct sl_str s, int64_t *ret)
{
	static const struct unit units[] = {
		{"us", 1},
		{"ms", 1000},
		{"s", 1000000},
		{"m", 60 * UINT64_C(1000000)},
		{"h", 3600 * UINT64_C(1000000)},
		{"d", 86400 * UINT64_C(1000000)},
	};
	uint64_t v;

	if (!parse_unit(s, units, SL_ARRAY_LEN(units), INT64_MAX, &v))
		return false;
	*ret = (int64_t)v;
	return true;
}
