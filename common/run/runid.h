/*
 * The name of a run that was given none: a pure function of what it will work on, so that the same
 * call repeated is the same run (docs/delivery.md, names).
 */
#ifndef SL_RUN_RUNID_H
#define SL_RUN_RUNID_H

#include "base/err.h"
#include "run/stage.h"

/* "2026-11-25T00:00:00Z-<16 hex>" of an interval, else "n<next entry>-<16 hex>". Sets run->run_id.
 */
SL_NODISCARD bool sl_runid_derive(struct sl_run *run, struct sl_err *err);

#endif
