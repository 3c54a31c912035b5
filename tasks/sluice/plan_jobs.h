/*
 * The jobs of a pipeline as steps of a plan. Their stages are asked which flags they take, so that a
 * job with a stage that this version does not have, or with a wrong flag, is told with its place in
 * the file before it ever runs.
 */
#ifndef SL_SLUICE_PLAN_JOBS_H
#define SL_SLUICE_PLAN_JOBS_H

#include "data/diag.h"
#include "tasks/sluice/plan_steps.h"

/* The job's steps, and a report behind them; how many. They live as long as arena. What is wrong
 * goes to diags. */
size_t sl_job_steps(const struct sl_job *job, struct sl_arena *arena, const struct sl_step **ret,
		    struct sl_diags *diags);

#endif
