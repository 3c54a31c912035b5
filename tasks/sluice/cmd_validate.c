/*
 * sluice validate: reads pipeline files as every stage would, and tells all that is wrong with
 * them.
 */
#include "run/command.h"
#include "run/help.h"
#include "tasks/sluice/cmd.h"
#include "tasks/sluice/plan_jobs.h"

/* Their stages say which flags they take. */
static void check_jobs(struct sl_run *run, const struct sl_pipeline *p, struct sl_diags *diags)
{
	const struct sl_step *steps;

	for (size_t i = 0; i < p->n_jobs; i++)
		(void)sl_job_steps(&p->jobs[i], &run->arena, &steps, diags);
}

static bool check(struct sl_run *run, const char *name, struct sl_buf *out)
{
	const struct sl_pipeline_opts opts = {
		.backend = run->backend,
		.overrides = run->overrides,
		.n_overrides = run->n_overrides,
	};
	struct sl_diags diags = SL_DIAGS_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_pipeline *p = sl_pipeline_open(name, &opts, &diags, &err);

	if (p)
		check_jobs(run, p, &diags);
	const bool ok = p && diags.n == 0;

	if (ok)
		sl_buf_addf(out,
			    "%s: ok (pipeline %s, sources %zu, rules %zu, models %zu, rev %.12s)\n",
			    p->file, p->name, p->n_sources, p->n_rules, p->n_models, p->rev);
	else if (diags.n > 0)
		sl_buf_addf(out, "%s: %zu %s\n", name, diags.total,
			    diags.total == 1 ? "error" : "errors");
	else
		sl_buf_addf(out, "%s: %s\n", name, err.msg);
	sl_print_diags(&diags);
	sl_diags_release(&diags);

	sl_pipeline_close(p);
	return ok;
}

static bool run_validate(struct sl_run *run, const void *params, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	size_t bad = 0;

	(void)params;
	if (run->args.n == 0) {
		sl_err_set(err, SL_ERR_USAGE, "no pipeline is named");
		return sl_err_hint(err, "name it: sluice validate PIPELINE…");
	}
	for (size_t i = 0; i < run->args.n; i++)
		bad += !check(run, run->args.v[i], &out);
	if (!sl_stdout(sl_buf_str(&out), err))
		return false;
	if (bad == 0)
		return true;
	return sl_err_set(err, SL_ERR_CONFIG, "%zu of %zu pipelines cannot be used", bad,
			  run->args.n);
}

const struct sl_stage sl_cmd_validate = {
	.name = "validate",
	.summary = "checks pipeline files and tells every error with its place",
	.usage = "NAME|FILE… [--set KEY=VALUE]… [--backend B]",
	.description = "Reads each file as every stage would, in one pass, with all its rules, "
		       "models and\n"
		       "queries. No connection is opened.\n",
	.examples = "sluice validate orders\nsluice validate pipelines/*/pipeline.yaml\n",
	.needs = SL_TAKES_ARGS | SL_TAKES_BACKEND | SL_QUIET_RESULT,
	.run = run_validate,
};
