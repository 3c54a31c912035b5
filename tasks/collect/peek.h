/*
 * Looks at a source that write nothing: which inputs it lists, and the first records of one. The
 * source works as in sluice-collect; only what it hands over goes elsewhere.
 */
#ifndef SL_COLLECT_PEEK_H
#define SL_COLLECT_PEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "run/stage.h"

/* The first records of one input. Release it also after a failure. */
struct sl_peek {
	struct sl_buf input;  /* its name */
	struct sl_buf header; /* the header record, where the codec has one */
	struct sl_buf bytes;  /* whole records, SL_DECODE_PADDING bytes behind them */
	uint64_t offset;      /* of bytes in the input */
	size_t records;
	bool last;   /* the input has no more */
	bool listed; /* the source has an input at all, known or not */
};

/*
 * Up to limit records of the source's first input that is new, or of its first one at all (any).
 * run->home.shared may be NULL: then everything is new. *ret_found = false when there is none.
 * SL_ERR_DATA when the first record is larger than a part; and what the source says.
 */
SL_NODISCARD bool sl_peek_first(struct sl_run *run, const struct sl_source *source, size_t limit,
				bool any, struct sl_peek *ret, bool *ret_found, struct sl_err *err);
void sl_peek_release(struct sl_peek *p);

/* How many inputs the source lists, and how many of them are new or changed. */
SL_NODISCARD bool sl_peek_count(struct sl_run *run, const struct sl_source *source,
				size_t *ret_inputs, size_t *ret_new, struct sl_err *err);

#endif
