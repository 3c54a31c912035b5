/*
 * sluice plan --explain: every value in force and where it came from.
 */
#ifndef SL_SLUICE_PLAN_EXPLAIN_H
#define SL_SLUICE_PLAN_EXPLAIN_H

#include "base/buf.h"
#include "run/stage.h"

/* One line each: "path = value  # flag, --set, variable, file:line:column or default". A secret is
 * never shown. */
void sl_plan_explain(struct sl_run *run, struct sl_buf *out);

#endif
