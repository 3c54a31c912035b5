/*
 * sluice plan --json.
 */
#ifndef SL_SLUICE_PLAN_JSON_H
#define SL_SLUICE_PLAN_JSON_H

#include "base/buf.h"
#include "data/diag.h"
#include "run/stage.h"

/* One JSON object: what a pipeline is, when it and its jobs run, and each stage's argv. What is
 * wrong with a job goes to diags. */
void sl_plan_json(struct sl_run *run, struct sl_buf *out, struct sl_diags *diags);

#endif
