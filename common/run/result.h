/*
 * The result line: one compact JSON object of at most 8 KiB, the last line on stderr, on success
 * and on failure (docs/contract.md). Its keys are an interface: they are only added to.
 */
#ifndef SL_RUN_RESULT_H
#define SL_RUN_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct sl_result {
	const char *stage, *pipeline, *source, *run; /* NULL: left out */
	uint64_t entries;			     /* log entries linked or handled */
	uint32_t partitions; /* n of --partition k/n: how many mapped tasks the work falls into */
	uint64_t n_in, kept, dup, filtered, rejected;
	uint64_t inserted, updated, unchanged, stale, superseded;
	uint64_t removed;	/* documents made tombstones */
	uint64_t written;	/* what this execution made new: chunks, clean parts, or rows */
	uint64_t pending;	/* entries that wait to be stored */
	const char *note;	/* one short remark for people, or NULL */
	int64_t retry_after_us; /* 0: none */
};

/* exit_code and err (may be NULL) complete it; seconds and peak_kib are of this process. */
void sl_result_json(const struct sl_result *r, int exit_code, const struct sl_err *err,
		    int64_t wall_us, struct sl_buf *out);

#endif
