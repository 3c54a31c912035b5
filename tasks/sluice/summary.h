/*
 * What a run did, for people: counts, rejects, where things lie, what to type next.
 */
#ifndef SL_SLUICE_SUMMARY_H
#define SL_SLUICE_SUMMARY_H

#include "base/buf.h"
#include "run/stage.h"

/* total: of the run; code: its exit code; us: how long it took; rejects: lines ready to print. */
void sl_summary(const struct sl_run *run, const char *run_id, const struct sl_result *total,
		int code, int64_t us, const struct sl_buf *rejects, struct sl_buf *out);

#endif
