/*
 * sluice-report: folds what the run's executions told of themselves (runs/<run>/stages/) into table
 * sluice.stage_run. The last task of every DAG, whatever happened before it; folding twice changes
 * nothing.
 */
#include <stdio.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/lock.h"
#include "run/stage.h"
#include "store/sink.h"

#define FILE_MAX ((size_t)64 << 10)

struct executions {
	struct sl_str *json;
	size_t n;
};

/* A record that cannot be read is left out: telemetry fails nobody. */
static void read_one(struct sl_run *run, const char *dir, const char *name, struct executions *e)
{
	sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/%s", dir, name);
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	if (!sl_str_ends(sl_str_of(name), ".json"))
		return;
	if (!sl_file_read(path, FILE_MAX, &text, &err)) {
		sl_log(SL_WARNING, "an execution's record is left out", "reason=\"%s\"", err.msg);
		return;
	}
	e->json[e->n++] = sl_arena_str(&run->arena, sl_str_trim(sl_buf_str(&text)));
}

static bool read_all(struct sl_run *run, struct executions *e, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *id = sl_home_run_dir(run->run_id);
	sl_cleanup(sl_freep) char *dir = sl_home_path(&run->home, "runs/%s/stages", id);
	sl_cleanup(sl_names_release) struct sl_names names = {0};

	if (!sl_dir_list(dir, &names, err))
		return false;
	e->json = sl_arena_zalloc(&run->arena, names.n + 1, sizeof(*e->json));
	for (size_t i = 0; i < names.n; i++)
		read_one(run, dir, names.v[i], e);
	return true;
}

static bool run_report(struct sl_run *run, const void *params, struct sl_err *err)
{
	struct executions e = {0};
	struct sl_sink *sink = NULL;

	(void)params;
	if (!read_all(run, &e, err))
		return false;
	if (e.n == 0 || run->dry_run)
		return true;
	if (!sl_store_lock(run, err) || !sl_sink_open(run->p, &run->home, &sink, err))
		return false;

	const bool ok = sl_sink_stage_runs(sink, e.json, e.n, err);

	sl_sink_close(sink);
	if (ok)
		run->result.written = e.n;
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
