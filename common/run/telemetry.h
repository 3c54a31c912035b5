/*
 * One small file per execution under runs/<run>/stages/: times, counts, host, Airflow's ids. It is
 * telemetry, not truth: failing to write it never fails a stage. sluice-report and store fold the
 * files into table sluice.stage_run.
 */
#ifndef SL_RUN_TELEMETRY_H
#define SL_RUN_TELEMETRY_H

#include "base/clock.h"
#include "base/str.h"
#include "run/stage.h"

/* result: the result line; its object is extended by "id", "started", "finished", … */
void sl_telemetry_write(const struct sl_run *run, sl_time started, struct sl_str result);

#endif
