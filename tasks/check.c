/*
 * sluice-check: is everything there that a run of this pipeline needs? For deployments, and as the
 * first task of a DAG. It changes nothing but the making of HOME.
 */
#include <stdio.h>

#include "run/help.h"
#include "run/stage.h"
#include "tasks/check/check.h"

static bool check_all(struct sl_check *c, struct sl_err *err)
{
	const struct sl_pipeline *p = c->run->p;

	sl_check_ok(c, "pipeline",
		    sl_arena_printf(&c->run->arena, "%s, rules %.12s", p->path, p->rev));
	return sl_check_home(c, err) && sl_check_bronze(c, err) && sl_check_sources(c, err) &&
	       sl_check_queue(c, err) && sl_check_store(c, err) && sl_check_sql(c, err) &&
	       sl_check_documents(c, err);
}

static void release(struct sl_check *c)
{
	sl_buf_release(&c->out);
}

static bool run_check(struct sl_run *run, const void *params, struct sl_err *err)
{
	sl_cleanup(release) struct sl_check c = {.run = run, .first = SL_ERR_INIT};

	(void)params;
	if (!check_all(&c, err) || !sl_stdout(sl_buf_str(&c.out), err))
		return false;
	run->result.n_in = c.ok + c.failed + c.skipped;
	run->result.kept = c.ok;
	run->result.filtered = c.skipped;
	run->result.rejected = c.failed;
	if (c.failed == 0)
		return true;
	*err = c.first;
	return false;
}

static const struct sl_stage stage = {
	.name = "check",
	.summary = "looks whether everything is there that a run needs, and tells the cures",
	.usage = "--pipeline NAME|FILE [--source S] [--backend B] [OPTION]…",
	.description =
		"One line each on standard output, ok, failed or skipped: the pipeline file; HOME "
		"can be\n"
		"written; bronze in a bucket can be listed, written, read and removed; every "
		"source's\n"
		"inputs can be opened; the queue takes tickets; the store answers, lets us in, and "
		"its\n"
		"table fits the contract; models and queries can be planned by the engine; the "
		"documents'\n"
		"server takes writes. Nothing is collected or stored. The first failure decides "
		"the "
		"exit\n"
		"code. In the result, n_in is the number of checks: kept are ok, filtered skipped, "
		"rejected\nfailed.\n",
	.examples = "sluice check orders\nsluice check orders --backend local\n",
	.needs = SL_NEEDS_PIPELINE | SL_FINDS_HOME | SL_TAKES_INTERVAL | SL_NEEDS_STORE |
		 SL_QUIET_RESULT,
	.run = run_check,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
