/*
 * sluice plan --json.
 */
#ifndef SL_SLUICE_PLAN_JSON_H
#define SL_SLUICE_PLAN_JSON_H

#include "base/buf.h"
#include "run/stage.h"

/* One JSON object: what a pipeline is, when it runs, and each stage's argv. */
void sl_plan_json(struct sl_run *run, struct sl_buf *out);

#endif
