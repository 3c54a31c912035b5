/*
 * One small file per execution under runs/<run>/stages/: times, counts, host, Airflow's ids. It is
 * telemetry, not truth: failing to write it never fails a stage. sluice-report, or the last stage
 * of a run that has the store open, folds the files into table sluice.stage_run.
 */
#ifndef SL_RUN_TELEMETRY_H
#define SL_RUN_TELEMETRY_H

#include "base/clock.h"
#include "base/str.h"
#include "run/stage.h"

/* result: the result line; its object is extended by "id", "started", "finished", … */
void sl_telemetry_write(const struct sl_run *run, sl_time started, struct sl_str result);

/* The records of a run's executions so far, one JSON object each. */
struct sl_records {
	struct sl_str *json; /* in the run's arena */
	size_t n;
};

/* One that cannot be read is left out. */
SL_NODISCARD bool sl_telemetry_read(struct sl_run *run, struct sl_records *ret, struct sl_err *err);

#endif
