/*
 * Log lines on stderr: "WARNING 12:03:04.512 collect imo message key=value". One write(2) a line,
 * under 4 KiB, control characters escaped. Only tasks/ and run/ call it above debug; libraries
 * return errors instead.
 *
 *	sl_log(SL_WARNING, "http 429, waiting 3 s", "host=%s attempt=%d/5", host, n);
 */
#ifndef SL_BASE_LOG_H
#define SL_BASE_LOG_H

#include <stdbool.h>

#include "base/compiler.h"

enum sl_level { SL_DEBUG, SL_INFO, SL_WARNING, SL_ERROR };

/* who: "collect imo" (stage and pipeline), copied. json: one JSON object a line instead of text. */
void sl_log_setup(enum sl_level min, bool json, const char *who);
bool sl_log_enabled(enum sl_level level);

/*
 * message: plain words; pairs: printf format of "key=value key=value" or NULL. A value of several
 * words stands in quotes; those that it holds itself are "'" in a text line.
 */
void sl_log(enum sl_level level, const char *message, const char *pairs, ...) SL_PRINTF(3, 4);

/*
 * A line without its end that the next one is written over, for people who wait; nothing where
 * stderr is no terminal that can. text: cut to the terminal's width; NULL takes the line away, as every log
 * line does. Who writes to the terminal by other ways takes it away first.
 */
void sl_log_status(const char *text);

/* stderr is a terminal on which a line can be written over: TERM is set, and not to "dumb". */
bool sl_log_shows_status(void);

#endif
