/*
 * Functions that do not compile here, each with the one to use instead. They are unbounded, depend
 * on the locale or the time zone of the machine, start a shell, or hide errors (git's banned.h).
 * System headers are included first so that only our own uses are refused.
 */
#ifndef SL_BASE_BANNED_H
#define SL_BASE_BANNED_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef __cplusplus
#undef sprintf /* macros when clang builds with _FORTIFY_SOURCE; a poisoned name must not be one   \
		*/
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strtok strtok_r /* base/buf.h */
#pragma GCC poison atoi atol atoll atof strtol strtoll strtoul strtoull strtod sscanf /* base/num.h \
										       */
#pragma GCC poison gmtime localtime gmtime_r localtime_r mktime strftime strptime /* base/clock.h  \
										   */
#pragma GCC poison system popen tmpnam mktemp					  /* run/spawn.h */
#endif

#endif
