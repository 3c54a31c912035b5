/*
 * Time. sl_time is µs since 1970-01-01T00:00:00Z, proleptic Gregorian, no leap seconds; it covers
 * the years 1 to 9999. The wall clock serves telemetry alone, never data: time is an
 * argument. Zones are read from the system's TZif files (RFC 8536), never from TZ.
 */
#ifndef SL_BASE_CLOCK_H
#define SL_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

typedef int64_t sl_time;

#define SL_SECOND INT64_C(1000000)
#define SL_DAY (INT64_C(86400) * SL_SECOND)

sl_time sl_clock_now(void);	  /* wall clock: log lines and telemetry only */
int64_t sl_clock_monotonic(void); /* µs, for durations */

struct sl_civil {
	int year, month, day, hour, minute, second, micro; /* month 1-12 */
};

/* Days since 1970-01-01 of a civil date; and back (algorithm: H. Hinnant, "days_from_civil"). */
int64_t sl_days_from_civil(int year, int month, int day);
void sl_civil_from_time(sl_time t, struct sl_civil *ret);
bool sl_civil_valid(const struct sl_civil *c);

/* YYYY-MM-DD → days since 1970-01-01. */
SL_NODISCARD bool sl_date_parse(struct sl_str s, int32_t *ret);
size_t sl_date_text(int32_t days, char out[16]);

struct sl_zone; /* one named time zone */

/* Loads zone "Europe/Paris" or "UTC". SL_ERR_CONFIG when it does not exist. Zones are cached for
 * the life of the process; the pointer stays valid until exit. */
SL_NODISCARD bool sl_zone_get(const char *name, const struct sl_zone **ret, struct sl_err *err);
const char *sl_zone_name(const struct sl_zone *z);

enum sl_local { SL_LOCAL_OK, SL_LOCAL_GAP, SL_LOCAL_AMBIGUOUS };

/* Civil time in a zone → UTC. GAP: the clock skipped it. AMBIGUOUS: it happened twice, *ret is the
 * earlier, *later (if not NULL) the later instant. */
enum sl_local sl_zone_to_utc(const struct sl_zone *z, const struct sl_civil *c, sl_time *ret,
			     sl_time *later);

enum sl_time_result {
	SL_TIME_OK,
	SL_TIME_SYNTAX,	   /* not a date and time */
	SL_TIME_RANGE,	   /* no such day or hour, or a leap second where none can be */
	SL_TIME_NAIVE,	   /* no offset in the text and no zone given */
	SL_TIME_GAP,	   /* skipped by the clock change */
	SL_TIME_AMBIGUOUS, /* happened twice */
};

/*
 * "2026-11-25T17:52:40[.ffffff](Z|±HH[:]MM)", 'T' or one blank between date and time; also a bare
 * date (midnight) when zone is given. Without offset the zone (may be NULL) decides. Second 60 is
 * taken as the next minute when it is 23:59:60 UTC on a month's last day, else RANGE. More than 6
 * digits of fraction are cut. On AMBIGUOUS *ret is the earlier instant. Source: RFC 3339 §5.6.
 */
enum sl_time_result sl_time_parse(struct sl_str s, const struct sl_zone *zone, sl_time *ret);

/* As sl_time_parse; after AMBIGUOUS *ret is the earlier and *later the later instant, after OK both
 * are the same. */
enum sl_time_result sl_time_parse_both(struct sl_str s, const struct sl_zone *zone, sl_time *ret,
				       sl_time *later);

/* The same from the parts of a local time and the text of its offset ("" when none is stated). */
enum sl_time_result sl_time_from_civil(const struct sl_civil *c, struct sl_str offset,
				       const struct sl_zone *zone, sl_time *ret, sl_time *later);
const char *sl_time_result_text(enum sl_time_result r); /* for reject rows */

/* "2026-11-25T17:52:40Z", with ".ffffff" only when µs ≠ 0. At most 32 bytes; returns length. */
size_t sl_time_text(sl_time t, char out[32]);

/* Formats with the strftime letters %Y %m %d %H %M %S %j (and %%) only, in UTC; for path templates.
 * SL_ERR_CONFIG on any other letter. */
struct sl_buf;
SL_NODISCARD bool sl_time_format(sl_time t, const char *fmt, struct sl_buf *out,
				 struct sl_err *err);

#endif
