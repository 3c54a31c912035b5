/* Waiting times: Retry-After, HTTP's dates, full-jitter back-off. */
#include "net/http_retry.h"

#include <strings.h>

#include "base/num.h"

bool sl_retry_status(int status)
{
	return status == 408 || status == 425 || status == 429 || status == 500 ||
	       (status >= 502 && status <= 504);
}

bool sl_retry_method(const char *method)
{
	static const char *const idempotent[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};

	for (size_t i = 0; i < SL_ARRAY_LEN(idempotent); i++)
		if (strcmp(method, idempotent[i]) == 0)
			return true;
	return false;
}

int64_t sl_backoff(unsigned attempt, uint32_t chance)
{
	int64_t top = SL_BACKOFF_MAX_US;

	if (attempt < 16 && SL_BACKOFF_BASE_US << attempt < top)
		top = SL_BACKOFF_BASE_US << attempt;
	return 1 + (int64_t)(((uint64_t)(top - 1) * chance) >> 32);
}

/* --- dates --- */

static int month_of(struct sl_str s)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (s.n == 3 && strncasecmp(s.p, names + 3 * (size_t)i, 3) == 0)
			return i + 1;
	return 0;
}

static bool number(struct sl_str s, size_t digits, int *ret)
{
	uint64_t v;

	if (s.n != digits || s.p[0] == '+' || !sl_num_u64(s, 9999, &v))
		return false;
	*ret = (int)v;
	return true;
}

static bool read_clock(struct sl_str s, struct sl_civil *c)
{
	return s.n == 8 && s.p[2] == ':' && s.p[5] == ':' &&
	       number(sl_str_sub(s, 0, 2), 2, &c->hour) &&
	       number(sl_str_sub(s, 3, 2), 2, &c->minute) &&
	       number(sl_str_sub(s, 6, 2), 2, &c->second);
}

/* "25 Nov 2025 10:00:30 GMT" */
static bool read_fixdate(struct sl_str s, struct sl_civil *c)
{
	c->month = month_of(sl_str_sub(s, 3, 3));
	return s.n == 24 && s.p[2] == ' ' && s.p[6] == ' ' && s.p[11] == ' ' &&
	       number(sl_str_sub(s, 0, 2), 2, &c->day) &&
	       number(sl_str_sub(s, 7, 4), 4, &c->year) && read_clock(sl_str_sub(s, 12, 8), c) &&
	       sl_str_ends(s, " GMT");
}

/* "25-Nov-25 10:00:30 GMT": a year more than 50 years ahead is a past one */
static bool read_rfc850(struct sl_str s, sl_time now, struct sl_civil *c)
{
	struct sl_civil today;

	c->month = month_of(sl_str_sub(s, 3, 3));
	if (s.n != 22 || s.p[2] != '-' || s.p[6] != '-' || s.p[9] != ' ' ||
	    !number(sl_str_sub(s, 0, 2), 2, &c->day) || !number(sl_str_sub(s, 7, 2), 2, &c->year) ||
	    !read_clock(sl_str_sub(s, 10, 8), c) || !sl_str_ends(s, " GMT"))
		return false;
	sl_civil_from_time(now, &today);
	c->year += today.year / 100 * 100;
	if (c->year > today.year + 50)
		c->year -= 100;
	return true;
}

/* "Nov  6 08:49:37 1994", the day's name already gone */
static bool read_asctime(struct sl_str s, struct sl_civil *c)
{
	struct sl_str day = sl_str_trim(sl_str_sub(s, 4, 2));

	c->month = month_of(sl_str_sub(s, 0, 3));
	return s.n == 20 && s.p[3] == ' ' && s.p[6] == ' ' && s.p[15] == ' ' &&
	       number(day, day.n, &c->day) && number(sl_str_sub(s, 16, 4), 4, &c->year) &&
	       read_clock(sl_str_sub(s, 7, 8), c);
}

bool sl_http_date(struct sl_str text, sl_time now, sl_time *ret)
{
	struct sl_civil c = {0};
	struct sl_str rest = sl_str_trim(text), day;

	if (!sl_str_next(&rest, ' ', &day) || day.n < 3)
		return false;
	if (!(day.p[day.n - 1] == ',' ? read_fixdate(rest, &c) || read_rfc850(rest, now, &c)
				      : read_asctime(rest, &c)))
		return false;
	if (c.second == 60) /* a leap second is the one before */
		c.second = 59;
	if (!sl_civil_valid(&c))
		return false;
	*ret = sl_days_from_civil(c.year, c.month, c.day) * SL_DAY +
	       ((c.hour * 60 + c.minute) * INT64_C(60) + c.second) * SL_SECOND;
	return true;
}

/* --- Retry-After --- */

static bool is_digits(struct sl_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* Digits are right however many: it is a wait beyond any budget. */
static bool seconds(struct sl_str s, int64_t *ret)
{
	double v;

	if (!s.n || s.p[0] < '0' || s.p[0] > '9' || !sl_num_f64(s, &v))
		return false;
	if (v > 1e9 && !is_digits(s))
		return false;
	v = v > 1e9 ? 1e9 : v;
	*ret = (int64_t)(v * 1e6);
	return true;
}

int64_t sl_retry_after(struct sl_str value, struct sl_str date, sl_time now)
{
	struct sl_str v = sl_str_trim(value);
	int64_t wait;
	sl_time at, from;

	if (seconds(v, &wait))
		return wait > 0 ? wait : -1;
	if (!sl_http_date(v, now, &at))
		return -1;
	if (!sl_http_date(date, now, &from))
		from = now;
	return at > from ? at - from : -1;
}
