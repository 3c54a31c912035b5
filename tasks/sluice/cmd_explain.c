/*
 * sluice explain CODE: what a diagnostic, an exit code or a kind means.
 */
#include "run/help.h"
#include "tasks/sluice/cmd.h"

static bool run_explain(struct sl_run *run, const void *params, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	(void)params;
	if (run->args.n != 1)
		return sl_err_set(err, SL_ERR_USAGE, "give one code, for example E1003 or 65");
	return sl_explain(run->args.v[0], &out, err) && sl_stdout(sl_buf_str(&out), err);
}

const struct sl_stage sl_cmd_explain = {
	.name = "explain",
	.summary = "tells what an error code or exit code means, and the cure",
	.usage = "CODE",
	.examples = "sluice explain E1003\nsluice explain 75\n",
	.needs = SL_TAKES_ARGS | SL_QUIET_RESULT,
	.run = run_explain,
};
