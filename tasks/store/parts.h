/*
 * Clean parts as the store stage needs them: are all of an input's there, what do they count, hand
 * them to the switch, remove them once stored. A missing one is made again by executing
 * sluice-normalize --parts once for everything that is missing (docs/delivery.md, rule 4).
 */
#ifndef SL_STORE_PARTS_H
#define SL_STORE_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "run/progress.h"
#include "run/stage.h"
#include "store/sink.h"

/* What the feed of one entry works on. */
struct sl_parts {
	const struct sl_run *run;
	const char *source;
	const char *rev;
	struct sl_progress *progress; /* while parts are fed; may be NULL */
};

/* Makes the missing clean parts of inputs, then sums every input's counts into it. *ret_complete =
 * false when some are still missing afterwards. */
SL_NODISCARD bool sl_parts_gather(const struct sl_parts *parts, struct sl_sink_input *inputs,
				  size_t n_inputs, bool *ret_complete, struct sl_err *err);

/* The feed that the switch reads; parts is borrowed. */
struct sl_part_feed sl_parts_feed(struct sl_parts *parts);

/* Removes the clean parts of every input of an entry that is dealt with: also those of inputs that
 * were not stored again, which a rerun of normalize made for nothing. */
void sl_parts_remove(const struct sl_parts *parts, const struct sl_log_entry *entry);

void sl_parts_remove_chunks(const struct sl_parts *parts, const struct sl_log_chunk *chunks,
			    size_t n);

/* Judging: counts of inputs together, and whether they hold more rejects than the limit allows. */
void sl_counts_add(struct sl_counts *sum, const struct sl_counts *counts);
bool sl_beyond_limit(const struct sl_pipeline *p, const struct sl_counts *c);

#endif
