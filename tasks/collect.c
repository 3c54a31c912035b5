/*
 * sluice-collect: source → bronze chunks and one log entry a source. Opens no database and parses
 * no record; whatever happens, a later call continues where this one stopped.
 */
#include "run/stage.h"
#include "tasks/collect/session.h"

static bool run(struct sl_run *r, const void *params, struct sl_err *err)
{
	(void)params;
	return sl_collect_all(r, err);
}

static const struct sl_stage stage = {
	.name = "collect",
	.summary = "read what is new in the sources into bronze",
	.usage = "--pipeline NAME [OPTION]…",
	.description = "Lists every source (or the one of --source), reads inputs that are new or "
		       "changed,\n"
		       "keeps their bytes in immutable chunks, and links one log entry a source. "
		       "The result\n"
		       "says into how many partitions normalize may be split. Exit 99: there is "
		       "nothing new\n"
		       "and no entry waits to be stored.\n"
		       "\n"
		       "A rerun with the same run id lists again: what changed makes a further "
		       "entry of that\n"
		       "run, else nothing is written. --again reads everything anew. --dry-run "
		       "prints what\n"
		       "would be read and writes nothing. Sources may be collected at the same "
		       "time, each\n"
		       "with --source: result and partitions are then those of that source.\n",
	.examples = "sluice-collect --pipeline orders\n"
		    "sluice-collect --pipeline orders --source drop --dry-run\n",
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_HOME | SL_NEEDS_RUN | SL_NEEDS_STORE | SL_TAKES_AGAIN,
	.run = run,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
