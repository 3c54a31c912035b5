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
	struct sl_arena texts;	      /* of places; released by the caller */
};

/* places.c: as struct sl_part_feed says. */
bool sl_parts_places(void *ctx, const struct sl_log_chunk *chunk, uint32_t part,
		     const uint32_t *rows, size_t n, struct sl_clean_reject *ret,
		     struct sl_err *err);

/* Makes the missing clean parts of inputs, then sums every input's counts into it. *ret_complete =
 * false when some are still missing afterwards. */
SL_NODISCARD bool sl_parts_gather(const struct sl_parts *parts, struct sl_sink_input *inputs,
				  size_t n_inputs, bool *ret_complete, struct sl_err *err);

/* Whether a clean part is missing that nobody can make, since its chunk cannot be opened. */
SL_NODISCARD bool sl_parts_lost(const struct sl_parts *parts, const struct sl_sink_input *inputs,
				size_t n_inputs, bool *ret_lost, struct sl_err *err);

/* The feed that the switch reads; parts is borrowed. */
struct sl_part_feed sl_parts_feed(struct sl_parts *parts);

/* Removes the clean parts of every input of an entry that is dealt with: also those of inputs that
 * were not stored again, which a rerun of normalize made for nothing. */
void sl_parts_remove(const struct sl_parts *parts, const struct sl_log_entry *entry);

void sl_parts_remove_chunks(const struct sl_parts *parts, const struct sl_log_chunk *chunks,
			    size_t n);

#endif
