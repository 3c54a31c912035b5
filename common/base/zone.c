/*
 * Time zones from the system's TZif files (RFC 8536, version 2 or later): the table of changes,
 * then the POSIX rule of the footer for all time behind it. Local time is turned into UTC by
 * walking the spans of constant offset around it, so that gaps and doubled hours come out without
 * special cases.
 */
#include "base/clock.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#define ZONE_DIR "/usr/share/zoneinfo/"
#define ZONE_FILE_MAX (1 << 20)
#define HEADER 44
#define WINDOW (26 * 3600) /* seconds; no offset is larger than this (RFC 8536 §3.2: 26 h) */
#define RULE_SPANS 6	   /* two changes in each of three years */

/* "M3.5.0/2": when a rule's change happens within a year, in local seconds. */
struct change {
	char kind; /* 'M' month.week.day, 'J' day 1-365 without leap day, 'N' day 0-365 */
	int month, week, day;
	int time; /* s after midnight, may be negative or beyond a day */
};

struct rule {
	bool given, has_dst;
	int std, dst; /* offsets east of UTC, s */
	struct change start, end;
};

struct sl_zone {
	struct sl_zone *next;
	char *name;
	size_t n;    /* changes */
	int64_t *at; /* s since 1970, rising */
	int *offset; /* n + 1: offset[i] holds before at[i], offset[n] behind the last */
	struct rule rule;
};

struct span {
	int64_t start, end; /* s since 1970, end excluded */
	int offset;
};

/* ---- the footer: std offset [dst [offset] [,start[/time],end[/time]]] ---- */

static bool skip_name(const char **p)
{
	const char *start = *p;

	if (**p == '<') {
		while (**p && **p != '>')
			(*p)++;
		if (**p != '>')
			return false;
		(*p)++;
		return true;
	}
	while ((**p >= 'A' && **p <= 'Z') || (**p >= 'a' && **p <= 'z'))
		(*p)++;
	return *p > start;
}

static bool read_int(const char **p, int max, int *ret)
{
	int v = 0;

	if (**p < '0' || **p > '9')
		return false;
	while (**p >= '0' && **p <= '9') {
		v = v * 10 + (**p - '0');
		if (v > max)
			return false;
		(*p)++;
	}
	*ret = v;
	return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool read_hms(const char **p, int *ret)
{
	int sign = **p == '-' ? -1 : 1, h, m = 0, s = 0;

	if (**p == '-' || **p == '+')
		(*p)++;
	if (!read_int(p, 167, &h))
		return false;
	if (**p == ':') {
		(*p)++;
		if (!read_int(p, 59, &m))
			return false;
	}
	if (**p == ':') {
		(*p)++;
		if (!read_int(p, 59, &s))
			return false;
	}
	*ret = sign * (h * 3600 + m * 60 + s);
	return true;
}

static bool read_dot(const char **p, int max, int *ret)
{
	if (**p != '.')
		return false;
	(*p)++;
	return read_int(p, max, ret);
}

static bool read_day(const char **p, struct change *c)
{
	if (**p == 'M') {
		(*p)++;
		c->kind = 'M';
		return read_int(p, 12, &c->month) && c->month > 0 && read_dot(p, 5, &c->week) &&
		       c->week > 0 && read_dot(p, 6, &c->day);
	}
	c->kind = 'N';
	if (**p == 'J') {
		(*p)++;
		c->kind = 'J';
	}
	return read_int(p, 365, &c->day);
}

static bool read_change(const char **p, struct change *c)
{
	*c = (struct change){.time = 2 * 3600};
	if (**p != ',')
		return false;
	(*p)++;
	if (!read_day(p, c))
		return false;
	if (**p != '/')
		return true;
	(*p)++;
	return read_hms(p, &c->time);
}

static bool read_rule(const char *p, struct rule *r)
{
	*r = (struct rule){0};
	if (*p == '\0')
		return true; /* no rule: the last offset stays */
	if (!skip_name(&p) || !read_hms(&p, &r->std))
		return false;
	r->given = true;
	r->std = -r->std; /* POSIX counts west of UTC */
	if (*p == '\0')
		return true;
	r->has_dst = true;
	r->dst = r->std + 3600;
	if (!skip_name(&p))
		return false;
	if (*p != ',') {
		if (!read_hms(&p, &r->dst))
			return false;
		r->dst = -r->dst;
	}
	return read_change(&p, &r->start) && read_change(&p, &r->end) && *p == '\0';
}

/* ---- the file ---- */

struct cursor {
	const unsigned char *p, *end;
};

static int64_t read_be(const unsigned char *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return n == 4 ? (int32_t)(uint32_t)v : (int64_t)v;
}

/* isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt in the order of the header. */
enum { ISUT, ISSTD, LEAPS, TIMES, TYPES, CHARS, COUNTS };

static bool read_header(struct cursor *c, size_t counts[COUNTS])
{
	if (c->end - c->p < HEADER || memcmp(c->p, "TZif", 4) != 0 || c->p[4] < '2')
		return false;
	for (unsigned i = 0; i < COUNTS; i++) {
		int64_t v = read_be(c->p + 20 + 4 * i, 4);

		if (v < 0 || v > ZONE_FILE_MAX)
			return false;
		counts[i] = (size_t)v;
	}
	c->p += HEADER;
	return true;
}

static bool fits(const struct cursor *c, const size_t counts[COUNTS], size_t time_size)
{
	size_t bytes = counts[TIMES] * (time_size + 1) + counts[TYPES] * 6 + counts[CHARS] +
		       counts[LEAPS] * (time_size + 4) + counts[ISSTD] + counts[ISUT];

	return (size_t)(c->end - c->p) >= bytes;
}

static void skip_data(struct cursor *c, const size_t counts[COUNTS], size_t time_size)
{
	c->p += counts[TIMES] * (time_size + 1) + counts[TYPES] * 6 + counts[CHARS] +
		counts[LEAPS] * (time_size + 4) + counts[ISSTD] + counts[ISUT];
}

static bool read_table(const struct cursor *c, const size_t counts[COUNTS], struct sl_zone *z)
{
	const unsigned char *at = c->p, *index = at + counts[TIMES] * 8;
	const unsigned char *types = index + counts[TIMES];

	if (counts[TYPES] == 0 || counts[LEAPS] > 0)
		return false;
	z->n = counts[TIMES];
	z->at = sl_xcalloc(z->n, sizeof(*z->at));
	z->offset = sl_xcalloc(z->n + 1, sizeof(*z->offset));
	z->offset[0] = (int)read_be(types, 4); /* RFC 8536 §3.2: type 0 before the first change */
	for (size_t i = 0; i < z->n; i++) {
		int64_t offset;

		if (index[i] >= counts[TYPES])
			return false;
		offset = read_be(types + (size_t)index[i] * 6, 4);
		z->at[i] = read_be(at + i * 8, 8);
		if (offset < -WINDOW || offset > WINDOW || (i > 0 && z->at[i] <= z->at[i - 1]))
			return false;
		z->offset[i + 1] = (int)offset;
	}
	return true;
}

static bool read_footer(const struct cursor *c, struct rule *rule)
{
	struct sl_str rest = {(const char *)c->p, (size_t)(c->end - c->p)};
	struct sl_str line;
	char text[128];

	if (rest.n < 2 || rest.p[0] != '\n')
		return false;
	rest = sl_str_sub(rest, 1, rest.n);
	if (sl_str_find(rest, '\n') < 0 || !sl_str_next(&rest, '\n', &line) ||
	    line.n >= sizeof(text))
		return false;
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	return read_rule(text, rule);
}

static bool read_tzif(const struct sl_buf *file, struct sl_zone *z)
{
	struct cursor c = {(const unsigned char *)file->p,
			   (const unsigned char *)file->p + file->n};
	size_t counts[COUNTS];

	if (!read_header(&c, counts) || !fits(&c, counts, 4))
		return false;
	skip_data(&c, counts, 4); /* the 32-bit block is for old readers */
	if (!read_header(&c, counts) || !fits(&c, counts, 8) || !read_table(&c, counts, z))
		return false;
	skip_data(&c, counts, 8);
	return read_footer(&c, &z->rule);
}

/* ---- spans of constant offset ---- */

static int64_t change_in_year(const struct change *c, int year)
{
	int64_t jan1 = sl_days_from_civil(year, 1, 1), day;
	bool leap = sl_days_from_civil(year + 1, 1, 1) - jan1 == 366;

	if (c->kind == 'M') {
		int64_t first = sl_days_from_civil(year, c->month, 1);
		int64_t next = sl_days_from_civil(year + c->month / 12, c->month % 12 + 1, 1);
		int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */

		day = first + (c->day - weekday + 7) % 7 + 7 * (c->week - 1);
		while (day >= next) /* week 5 is the last */
			day -= 7;
	} else if (c->kind == 'J') {
		day = jan1 + c->day - 1 + (leap && c->day >= 60);
	} else {
		day = jan1 + c->day;
	}
	return day * 86400 + c->time;
}

/* The span of the rule around t: cut from the six changes of three years, in order of time. */
static struct span rule_span(const struct rule *r, int64_t t)
{
	struct span now = {INT64_MIN, INT64_MAX, r->std};
	struct sl_civil c;

	if (!r->has_dst)
		return now;
	sl_civil_from_time((t + r->std) * SL_SECOND, &c);
	for (int i = 0; i < RULE_SPANS; i++) {
		bool to_dst = i % 2 == 0;
		int year = c.year - 1 + i / 2;
		int64_t at = to_dst ? change_in_year(&r->start, year) - r->std
				    : change_in_year(&r->end, year) - r->dst;

		if (at <= t && at >= now.start) {
			now.start = at;
			now.offset = to_dst ? r->dst : r->std;
		}
		if (at > t && at < now.end)
			now.end = at;
	}
	return now;
}

static struct span span_at(const struct sl_zone *z, int64_t t)
{
	size_t lo = 0, hi = z->n;
	struct span s;

	while (lo < hi) { /* lo becomes the number of changes at or before t */
		size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == z->n && z->rule.given) {
		s = rule_span(&z->rule, t);
		if (z->n > 0 && s.start < z->at[z->n - 1])
			s.start = z->at[z->n - 1];
		return s;
	}
	s.start = lo > 0 ? z->at[lo - 1] : INT64_MIN;
	s.end = lo < z->n ? z->at[lo] : INT64_MAX;
	s.offset = z->offset[lo];
	return s;
}

enum sl_local sl_zone_to_utc(const struct sl_zone *z, const struct sl_civil *c, sl_time *ret,
			     sl_time *later)
{
	int64_t local = sl_days_from_civil(c->year, c->month, c->day) * 86400 + c->hour * 3600 +
			c->minute * 60 + c->second;
	int64_t t = local - WINDOW, first = 0, last = 0;
	unsigned found = 0;

	while (t <= local + WINDOW) {
		struct span s = span_at(z, t);
		int64_t utc = local - s.offset;

		if (utc >= s.start && utc < s.end) {
			first = found ? first : utc;
			last = utc;
			found++;
		}
		t = s.end;
	}
	if (found == 0)
		return SL_LOCAL_GAP;
	*ret = first * SL_SECOND + c->micro;
	if (later)
		*later = last * SL_SECOND + c->micro;
	return found == 1 ? SL_LOCAL_OK : SL_LOCAL_AMBIGUOUS;
}

const char *sl_zone_name(const struct sl_zone *z)
{
	return z->name;
}

/* ---- names ---- */

static struct sl_zone *zones; /* those already loaded; they live as long as the process */
static pthread_mutex_t zones_lock = PTHREAD_MUTEX_INITIALIZER;

static void free_zone(struct sl_zone *z)
{
	free(z->name);
	free(z->at);
	free(z->offset);
	free(z);
}

static bool is_zone_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+-_/";
	size_t n = strlen(name);

	return n > 0 && n <= 64 && name[0] != '/' && strspn(name, letters) == n;
}

static bool no_zone(struct sl_err *err, const char *name, const char *why)
{
	sl_err_set(err, SL_ERR_CONFIG, "cannot use time zone \"%s\": %s", name, why);
	return sl_err_hint(err, "names are those of the IANA database, like \"Europe/Paris\" or "
				"\"UTC\"; the system's package is tzdata");
}

static bool load_zone(const char *name, struct sl_zone **ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf file = SL_BUF_INIT;
	char path[sizeof(ZONE_DIR) + 64];
	struct sl_err cause = SL_ERR_INIT;
	struct sl_zone *z;

	if (!is_zone_name(name))
		return no_zone(err, name, "this is no zone's name");
	z = sl_xcalloc(1, sizeof(*z));
	z->name = sl_xstrdup(name);
	if (strcmp(name, "UTC") == 0) { /* needs no file, so that a bare container has it too */
		z->offset = sl_xcalloc(1, sizeof(*z->offset));
		*ret = z;
		return true;
	}
	snprintf(path, sizeof(path), ZONE_DIR "%s", name);
	if (!sl_file_read(path, ZONE_FILE_MAX, &file, &cause)) {
		free_zone(z);
		return no_zone(err, name,
			       cause.kind == SL_ERR_NO_INPUT ? "there is no such zone" : cause.msg);
	}
	if (!read_tzif(&file, z)) {
		free_zone(z);
		return no_zone(err, name, "its file is not a TZif file of version 2 or later");
	}
	*ret = z;
	return true;
}

bool sl_zone_get(const char *name, const struct sl_zone **ret, struct sl_err *err)
{
	struct sl_zone *z;
	bool ok = true;

	pthread_mutex_lock(&zones_lock);
	for (z = zones; z && strcmp(z->name, name) != 0; z = z->next)
		;
	if (!z) {
		ok = load_zone(name, &z, err);
		if (ok) {
			z->next = zones;
			zones = z;
		}
	}
	pthread_mutex_unlock(&zones_lock);
	if (ok)
		*ret = z;
	return ok;
}
