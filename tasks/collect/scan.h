/*
 * Reads all records of a source and writes nothing: for whoever wants to know what is in them
 * before there is a pipeline. The source works as in sluice-collect.
 */
#ifndef SL_COLLECT_SCAN_H
#define SL_COLLECT_SCAN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "run/stage.h"

struct sl_scan_part {
	const char *input;    /* name */
	struct sl_str header; /* header record, or SL_STR_NULL */
	struct sl_str bytes;  /* whole records, SL_DECODE_PADDING bytes behind them */
	bool last;	      /* the input has no more */
};

/*
 * Hands every input's records to take, a part at a time, in order; an input without any comes as
 * one empty part. False of take ends the scan. Errors: take's and the source's; SL_ERR_DATA when a
 * record is larger than a part.
 */
SL_NODISCARD bool sl_scan(struct sl_run *run, const struct sl_source *source,
			  bool (*take)(void *ctx, const struct sl_scan_part *part,
				       struct sl_err *err),
			  void *ctx, struct sl_err *err);

#endif
