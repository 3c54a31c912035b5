/*
 * Dates as people and programs write them, by formats after strptime(3): "%d %B %Y à %Hh%M" reads
 * "1er févr. 2026 à 9h05". A format only takes a text apart; whether there is such a day, and which
 * instant it is, the clock decides (base/clock.h), the same way as for every other timestamp.
 *
 *	%Y four digits      %m %d %H %M %S one or two (two where numbers touch: "%Y%m%d")
 *	%f 1-6 digits of a second          %B month's name, French or English, whole or short
 *	%z Z, +02:00, +0200, +02           %% a percent sign
 *	a blank: one blank or more, of any kind; everything else: itself
 */
#ifndef SL_NORMALIZE_DATE_FORMAT_H
#define SL_NORMALIZE_DATE_FORMAT_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/str.h"

struct sl_date_parts {
	struct sl_civil civil; /* as written: the day may not exist */
	char offset[8];	       /* "Z", "+02:00"; "" when the format has none */
};

/* NULL, or what is wrong with a format. *has_offset: it holds %z. */
const char *sl_date_format_check(const char *format, bool *has_offset);

/* True when the whole of text fits format, which must be a good one. */
bool sl_date_format_read(const char *format, struct sl_str text, struct sl_date_parts *ret);

#endif
