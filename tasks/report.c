/*
 * sluice-report: folds what the run's executions told of themselves (runs/<run>/stages/) into table
 * sluice.stage_run. The last task of every DAG, whatever happened before it; folding twice changes
 * nothing.
 */
#include "run/lock.h"
#include "run/telemetry.h"
#include "run/tickets.h"
#include "store/sink.h"

static bool run_report(struct sl_run *run, const void *params, struct sl_err *err)
{
	struct sl_sink *sink = NULL;
	struct sl_records records;

	(void)params;
	if (!sl_telemetry_read(run, &records, err))
		return false;
	if (!run->dry_run)
		sl_tickets_drop_run(run);
	if (records.n == 0 || run->dry_run)
		return true;
	if (!sl_store_lock(run, err) || !sl_sink_open(run->p, &run->home, &sink, err))
		return false;

	const bool ok = sl_stage_runs_fold(sl_sink_engine(sink), sl_sink_db(sink), run->p->name,
					   records.json, records.n, err);

	sl_sink_close(sink);
	if (ok)
		run->result.written = records.n;
	return ok;
}

static const struct sl_stage stage = {
	.name = "report",
	.summary = "records the run's executions (times, counts, exits) in table sluice.stage_run",
	.usage = "--pipeline NAME|FILE --run-id ID [OPTION]…",
	.description =
		"Reads what each stage of the run wrote about itself and folds it into the "
		"store, where\ndashboards find it. Run it last, whatever happened before it; "
		"again changes nothing.\n",
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_HOME | SL_NEEDS_RUN | SL_NEEDS_STORE,
	.run = run_report,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
