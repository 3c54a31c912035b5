/*
 * sluice plan: what would be executed, for people, for Airflow (--json: it never reads YAML
 * itself), and with --explain each value and where it came from.
 */
#include "base/mem.h"
#include "run/command.h"
#include "run/help.h"
#include "store/sink.h"
#include "tasks/sluice/cmd.h"
#include "tasks/sluice/plan_explain.h"
#include "tasks/sluice/plan_jobs.h"
#include "tasks/sluice/plan_json.h"

struct plan {
	bool json, explain, ddl;
};

static const struct sl_field fields[] = {
	SL_F_BOOL(struct plan, json, SL_F_FLAG, "false", "one JSON object, for Airflow"),
	SL_F_BOOL(struct plan, explain, SL_F_FLAG, "false", "each value and where it came from"),
	SL_F_BOOL(struct plan, ddl, SL_F_FLAG, "false",
		  "asks the store: what its table would be changed by before the next rows"),
	SL_F_END,
};

/* Which engine serves which role, with its connection: "pg (warehouse)". */
static void backend_text(const struct sl_pipeline *p, struct sl_buf *out)
{
	const struct sl_backend *b = &p->backend;
	const struct {
		const char *role, *engine, *conn;
	} roles[] = {
		{"bronze", b->bronze, b->bronze_conn},
		{"queue", b->queue, b->queue_conn},
		{"store", b->store, b->store_conn},
		{"documents", p->n_documents ? b->documents : NULL, b->documents_conn},
	};

	const char *before = ":";

	sl_buf_addf(out, "  backend   %s", b->name);
	for (size_t i = 0; i < SL_ARRAY_LEN(roles); i++) {
		if (!roles[i].engine)
			continue;
		sl_buf_addf(out, "%s %s %s", before, roles[i].role, roles[i].engine);
		before = ",";
		if (roles[i].conn)
			sl_buf_addf(out, " (%s)", roles[i].conn);
	}
	sl_buf_addc(out, '\n');
}

static void steps_text(struct sl_run *run, const struct sl_step *steps, size_t n,
		       struct sl_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		sl_buf_adds(out, "    ");
		sl_step_text(run, &steps[i], out);
		sl_buf_addc(out, '\n');
	}
}

static void job_text(struct sl_run *run, const struct sl_job *job, struct sl_buf *out,
		     struct sl_diags *diags)
{
	const struct sl_step *steps;
	const size_t n = sl_job_steps(job, &run->arena, &steps, diags);

	sl_buf_addf(out, "  job       %s", job->name);
	if (job->schedule.cron)
		sl_buf_addf(out, ": %s %s", job->schedule.cron, job->schedule.timezone);
	sl_buf_addc(out, '\n');
	steps_text(run, steps, n, out);
}

static void plan_text(struct sl_run *run, struct sl_buf *out, struct sl_diags *diags)
{
	const struct sl_pipeline *p = run->p;
	const struct sl_step *steps;
	const size_t n = sl_steps_of(run, &steps);

	sl_buf_addf(out, "%s: %s\n", p->name, p->description ? p->description : "(no description)");
	if (p->schedule.cron)
		sl_buf_addf(out, "  schedule  %s %s\n", p->schedule.cron,
			    p->schedule.timezone ? p->schedule.timezone : "");
	for (size_t i = 0; i < p->n_sources; i++)
		sl_buf_addf(out, "  source    %s (%s, %s)\n", p->sources[i].name,
			    p->sources[i].kind->name, p->sources[i].codec->name);
	sl_buf_addf(out, "  table     %s, %s\n", p->store.table,
		    p->store.mode == SL_MODE_LATEST ? "latest row per key" : "append");
	for (size_t i = 0; i < p->n_models; i++)
		sl_buf_addf(out, "  model     %s (%s)\n", p->models[i].name,
			    p->models[i].as == SL_MODEL_VIEW ? "view" : "table");
	for (size_t i = 0; i < p->n_documents; i++)
		sl_buf_addf(out, "  documents %s (from %s)\n", p->documents[i].collection,
			    p->documents[i].from);
	backend_text(p, out);
	sl_buf_addf(out, "  rev       %.12s\n  stages\n", p->rev);
	steps_text(run, steps, n, out);
	for (size_t i = 0; i < p->n_jobs; i++)
		job_text(run, &p->jobs[i], out, diags);
}

/* Nothing where nothing is to be changed. */
static bool plan_ddl(struct sl_run *run, struct sl_buf *out, struct sl_err *err)
{
	bool exists;

	if (sl_sink_check(run->p, &run->home, out, &exists, err))
		return true;
	if (err->kind != SL_ERR_NO_INPUT)
		return false;
	sl_err_clear(err);
	sl_buf_addf(out, "-- nothing is stored yet: the first run makes table %s\n",
		    run->p->store.table);
	return true;
}

static bool run_plan(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct plan *plan = params;
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	sl_cleanup(sl_diags_release) struct sl_diags diags = SL_DIAGS_INIT;

	if (plan->ddl && !plan_ddl(run, &out, err))
		return false;
	if (plan->ddl)
		return sl_stdout(sl_buf_str(&out), err);
	if (plan->explain)
		sl_plan_explain(run, &out);
	else if (plan->json)
		sl_plan_json(run, &out, &diags);
	else
		plan_text(run, &out, &diags);
	sl_print_diags(&diags);
	return sl_diags_ok(&diags, err) && sl_stdout(sl_buf_str(&out), err);
}

const struct sl_stage sl_cmd_plan = {
	.name = "plan",
	.summary = "shows what a pipeline is and which stages it would execute",
	.usage = "NAME|FILE [--json | --explain | --ddl] [OPTION]…",
	.description =
		"With --json the plan as Airflow takes it: per stage the argv, to which the\n"
		"operator adds --run-id or an interval, and --partition where it is mapped.\n"
		"With --ddl the SQL that a store would execute first, as store.evolve allows.\n",
	.examples = "sluice plan orders\nsluice plan orders --json\nsluice plan orders --explain\n",
	.needs = SL_NEEDS_PIPELINE | SL_PIPELINE_ARG | SL_NEEDS_STORE | SL_TAKES_BACKEND |
		 SL_QUIET_RESULT | SL_FINDS_HOME,
	.params = fields,
	.params_size = sizeof(struct plan),
	.run = run_plan,
};
