/*
 * Instants and civil dates: parsing and writing. Zones are in zone.c; nothing here asks the machine
 * for its time zone.
 */
#include "base/clock.h"

#include "base/buf.h"

#define YEAR_MIN 1
#define YEAR_MAX 9999

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * SL_SECOND + now.tv_nsec / 1000;
}

sl_time sl_clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t sl_clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* Years begin in March here, so that the leap day is the last of its year; 400 years are one era of
 * 146,097 days; 719,468 days lie between 0000-03-01 and 1970-01-01. */
int64_t sl_days_from_civil(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, struct sl_civil *ret)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t month = (5 * doy + 2) / 153;

	ret->day = (int)(doy - (153 * month + 2) / 5 + 1);
	ret->month = (int)(month < 10 ? month + 3 : month - 9);
	ret->year = (int)(yoe + era * 400 + (ret->month <= 2));
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

void sl_civil_from_time(sl_time t, struct sl_civil *ret)
{
	int64_t days = floor_div(t, SL_DAY);
	int64_t rest = t - days * SL_DAY;

	civil_from_days(days, ret);
	ret->micro = (int)(rest % SL_SECOND);
	rest /= SL_SECOND;
	ret->hour = (int)(rest / 3600);
	ret->minute = (int)(rest / 60 % 60);
	ret->second = (int)(rest % 60);
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

bool sl_civil_valid(const struct sl_civil *c)
{
	if (c->year < YEAR_MIN || c->year > YEAR_MAX || c->month < 1 || c->month > 12)
		return false;
	if (c->day < 1 || c->day > days_in_month(c->year, c->month))
		return false;
	return c->hour >= 0 && c->hour <= 23 && c->minute >= 0 && c->minute <= 59 &&
	       c->second >= 0 && c->second <= 59 && c->micro >= 0 && c->micro <= 999999;
}

/* Takes exactly n digits from the front of s. */
static bool take_digits(struct sl_str *s, size_t n, int *ret)
{
	int v = 0;

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->n -= n;
	*ret = v;
	return true;
}

static bool take_char(struct sl_str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

static bool take_date(struct sl_str *s, struct sl_civil *c)
{
	return take_digits(s, 4, &c->year) && take_char(s, '-') && take_digits(s, 2, &c->month) &&
	       take_char(s, '-') && take_digits(s, 2, &c->day);
}

bool sl_date_parse(struct sl_str s, int32_t *ret)
{
	struct sl_civil c = {0};

	if (!take_date(&s, &c) || s.n > 0 || !sl_civil_valid(&c))
		return false;
	*ret = (int32_t)sl_days_from_civil(c.year, c.month, c.day);
	return true;
}

size_t sl_date_text(int32_t days, char out[16])
{
	struct sl_civil c;

	civil_from_days(days, &c);
	return (size_t)snprintf(out, 16, "%04d-%02d-%02d", c.year, c.month, c.day);
}

/* Digits beyond the sixth are read and dropped. */
static bool take_fraction(struct sl_str *s, int *micro)
{
	int v = 0, unit = 100000, digit;
	bool any = false;

	while (take_digits(s, 1, &digit)) {
		v += digit * unit;
		unit /= 10;
		any = true;
	}
	*micro = v;
	return any;
}

static bool take_time_of_day(struct sl_str *s, struct sl_civil *c)
{
	if (!take_digits(s, 2, &c->hour) || !take_char(s, ':') || !take_digits(s, 2, &c->minute) ||
	    !take_char(s, ':') || !take_digits(s, 2, &c->second))
		return false;
	return !take_char(s, '.') || take_fraction(s, &c->micro);
}

struct offset {
	bool given;
	int hours, minutes, sign;
};

/* Z, ±HH:MM, ±HHMM, ±HH or nothing. */
static bool take_offset(struct sl_str *s, struct offset *o)
{
	*o = (struct offset){false, 0, 0, 1};
	if (s->n == 0)
		return true;
	o->given = true;
	if (take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	if (take_char(s, '-'))
		o->sign = -1;
	else if (!take_char(s, '+'))
		return false;
	if (!take_digits(s, 2, &o->hours))
		return false;
	if (s->n == 0)
		return true;
	take_char(s, ':');
	return take_digits(s, 2, &o->minutes);
}

static bool parse_fields(struct sl_str s, struct sl_civil *c, struct offset *o)
{
	if (!take_date(&s, c))
		return false;
	if (s.n > 0) {
		if (!take_char(&s, 'T') && !take_char(&s, 't') && !take_char(&s, ' '))
			return false;
		if (!take_time_of_day(&s, c))
			return false;
		return take_offset(&s, o) && s.n == 0;
	}
	return take_offset(&s, o);
}

static sl_time time_as_utc(const struct sl_civil *c)
{
	int64_t seconds = sl_days_from_civil(c->year, c->month, c->day) * 86400 + c->hour * 3600 +
			  c->minute * 60 + c->second;

	return seconds * SL_SECOND + c->micro;
}

/* The days of YEAR_MIN-01-01 and of the day after YEAR_MAX-12-31. */
#define DAYS_MIN INT64_C(-719162)
#define DAYS_END INT64_C(2932897)

static bool in_range(sl_time t)
{
	return t >= DAYS_MIN * 86400 * SL_SECOND && t < DAYS_END * 86400 * SL_SECOND;
}

/* t is the second before a leap second: moves it on when one can be there, which is at the end of a
 * month in UTC only (RFC 3339 §5.7). */
static bool leap_over(sl_time *t)
{
	struct sl_civil c;

	sl_civil_from_time(*t + SL_SECOND, &c);
	if (c.day != 1 || c.hour != 0 || c.minute != 0 || c.second != 0)
		return false;
	*t += SL_SECOND;
	return true;
}

static enum sl_time_result resolve(const struct sl_civil *c, const struct offset *o,
				   const struct sl_zone *zone, sl_time *ret, sl_time *later)
{
	if (o->given) {
		*ret = *later =
			time_as_utc(c) - o->sign * (o->hours * 60 + o->minutes) * 60 * SL_SECOND;
		return SL_TIME_OK;
	}
	if (!zone)
		return SL_TIME_NAIVE;
	switch (sl_zone_to_utc(zone, c, ret, later)) {
	case SL_LOCAL_OK:
		return SL_TIME_OK;
	case SL_LOCAL_GAP:
		return SL_TIME_GAP;
	case SL_LOCAL_AMBIGUOUS:
		return SL_TIME_AMBIGUOUS;
	}
	return SL_TIME_SYNTAX;
}

static enum sl_time_result to_time(struct sl_civil c, const struct offset *o,
				   const struct sl_zone *zone, sl_time *ret, sl_time *later)
{
	enum sl_time_result result;
	sl_time first = 0, second = 0;
	bool leap = c.second == 60;

	if (leap)
		c.second = 59;
	if (!sl_civil_valid(&c) || o->hours > 23 || o->minutes > 59)
		return SL_TIME_RANGE;
	result = resolve(&c, o, zone, &first, &second);
	if (result != SL_TIME_OK && result != SL_TIME_AMBIGUOUS)
		return result;
	if (leap && (!leap_over(&first) || !leap_over(&second)))
		return SL_TIME_RANGE;
	if (!in_range(first) || !in_range(second))
		return SL_TIME_RANGE;
	*ret = first;
	*later = second;
	return result;
}

enum sl_time_result sl_time_parse_both(struct sl_str s, const struct sl_zone *zone, sl_time *ret,
				       sl_time *later)
{
	struct sl_civil c = {0};
	struct offset o;

	if (!parse_fields(s, &c, &o))
		return SL_TIME_SYNTAX;
	return to_time(c, &o, zone, ret, later);
}

enum sl_time_result sl_time_from_civil(const struct sl_civil *c, struct sl_str offset,
				       const struct sl_zone *zone, sl_time *ret, sl_time *later)
{
	struct offset o;

	if (!take_offset(&offset, &o) || offset.n > 0)
		return SL_TIME_SYNTAX;
	return to_time(*c, &o, zone, ret, later);
}

enum sl_time_result sl_time_parse(struct sl_str s, const struct sl_zone *zone, sl_time *ret)
{
	sl_time later;

	return sl_time_parse_both(s, zone, ret, &later);
}

const char *sl_time_result_text(enum sl_time_result r)
{
	switch (r) {
	case SL_TIME_OK:
		return "ok";
	case SL_TIME_SYNTAX:
		return "not a date and time";
	case SL_TIME_RANGE:
		return "no such date or time of day";
	case SL_TIME_NAIVE:
		return "no offset in the text and no zone given";
	case SL_TIME_GAP:
		return "skipped by the clock change in this zone";
	case SL_TIME_AMBIGUOUS:
		return "happened twice in this zone";
	}
	return "unknown";
}

size_t sl_time_text(sl_time t, char out[32])
{
	struct sl_civil c;
	size_t n;

	sl_civil_from_time(t, &c);
	n = (size_t)snprintf(out, 32, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day,
			     c.hour, c.minute, c.second);
	if (c.micro && n < 24)
		n += (size_t)snprintf(out + n, 32 - n, ".%06d", c.micro);
	out[n++] = 'Z';
	out[n] = '\0';
	return n;
}

static bool add_letter(const struct sl_civil *c, char letter, struct sl_buf *out)
{
	switch (letter) {
	case 'Y':
		sl_buf_addf(out, "%04d", c->year);
		return true;
	case 'm':
		sl_buf_addf(out, "%02d", c->month);
		return true;
	case 'd':
		sl_buf_addf(out, "%02d", c->day);
		return true;
	case 'H':
		sl_buf_addf(out, "%02d", c->hour);
		return true;
	case 'M':
		sl_buf_addf(out, "%02d", c->minute);
		return true;
	case 'S':
		sl_buf_addf(out, "%02d", c->second);
		return true;
	case 'j':
		sl_buf_addf(out, "%03d",
			    (int)(sl_days_from_civil(c->year, c->month, c->day) -
				  sl_days_from_civil(c->year, 1, 1)) +
				    1);
		return true;
	case '%':
		sl_buf_addc(out, '%');
		return true;
	default:
		return false;
	}
}

bool sl_time_format(sl_time t, const char *fmt, struct sl_buf *out, struct sl_err *err)
{
	size_t before = out->n;
	struct sl_civil c;

	sl_civil_from_time(t, &c);
	for (const char *p = fmt; *p; p++) {
		if (*p != '%') {
			sl_buf_addc(out, *p);
			continue;
		}
		p++;
		if (*p && add_letter(&c, *p, out))
			continue;
		out->n = before;
		sl_buf_grew(out, 0);
		sl_err_set(err, SL_ERR_CONFIG,
			   "cannot use the time format \"%s\": \"%%%.1s\" is unknown", fmt, p);
		return sl_err_hint(err, "letters are %%Y %%m %%d %%H %%M %%S %%j and %%%%");
	}
	return true;
}
