/*
 * How far a long stage is: one line on a terminal that is written over, else a log line now and
 * then. Nothing is said of work that takes no second.
 *
 *	struct sl_progress p = sl_progress_begin("collecting");
 *	…	sl_progress(&p, "files=%zu mib=%" PRIu64, files, mib);
 *	sl_progress_end(&p);
 */
#ifndef SL_RUN_PROGRESS_H
#define SL_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct sl_progress {
	const char *what;
	int64_t begun, next; /* monotonic µs */
	bool terminal;
};

struct sl_progress sl_progress_begin(const char *what); /* what: borrowed */

/* Cheap enough for every part or thousand rows. pairs: "key=value key=value". */
void sl_progress(struct sl_progress *p, const char *pairs, ...) SL_PRINTF(2, 3);

void sl_progress_end(struct sl_progress *p);

#endif
