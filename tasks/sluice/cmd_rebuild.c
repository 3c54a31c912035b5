/*
 * sluice rebuild: the table made anew from bronze by today's file, and swapped in with its models.
 * What executes it is sluice-store --rebuild.
 */
#include "run/help.h"
#include "run/lock.h"
#include "tasks/sluice/audit.h"
#include "tasks/sluice/cmd.h"
#include "tasks/sluice/run_child.h"

static bool check_table(const struct sl_run *run, struct sl_err *err)
{
	const char *table = run->p->store.table;

	if (run->args.n > 1)
		return sl_err_set(err, SL_ERR_USAGE, "unexpected argument \"%s\"", run->args.v[1]);
	if (run->args.n == 0 || strcmp(run->args.v[0], table) == 0)
		return true;
	sl_err_set(err, SL_ERR_USAGE, "pipeline \"%s\" does not store into \"%s\"", run->p->name,
		   run->args.v[0]);
	return sl_err_hint(err, "its table is \"%s\"", table);
}

/* Like a run of its own in the ledger; the same rules give the same name. */
static const char *name_run(struct sl_run *run)
{
	return sl_arena_printf(&run->arena, "rebuild-%.12s", run->p->rev);
}

static bool note_change(struct sl_run *run, struct sl_err *err)
{
	return sl_audit(run, "rebuild",
			sl_arena_printf(&run->arena, "table %s by rules %.12s", run->p->store.table,
					run->p->rev),
			err);
}

static bool tell(struct sl_run *run, struct sl_err *err)
{
	const struct sl_result *r = &run->result;
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	if (r->entries == 0)
		sl_buf_addf(&out, "%s: nothing is stored yet\n", run->p->name);
	else
		sl_buf_addf(&out,
			    "%s: table %s made anew: %" PRIu64 " records of %" PRIu64
			    " entries, %" PRIu64 " rows, %" PRIu64 " beaten by later ones, %" PRIu64
			    " rejected\n",
			    run->p->name, run->p->store.table, r->n_in, r->entries, r->written,
			    r->stale, r->rejected);
	return sl_stdout(sl_buf_str(&out), err);
}

static bool execute(struct sl_drive *d, struct sl_err *err)
{
	struct sl_result ignored = {0};
	struct sl_err lost = SL_ERR_INIT;
	int code = 0;

	return sl_child_run(d, "store", 0, &d->run->result, &d->failed, &d->why, err) &&
	       sl_child_run(d, "report", 0, &ignored, &code, &lost, err);
}

static bool run_rebuild(struct sl_run *run, const void *params, struct sl_err *err)
{
	struct sl_drive d = {
		.run = run,
		.run_id = name_run(run),
		.extra = "--rebuild",
		.partitions_max = 1,
		.why = SL_ERR_INIT,
	};

	(void)params;
	if (!check_table(run, err) || !sl_store_lock_for_children(run, err) ||
	    !note_change(run, err) || !execute(&d, err))
		return false;
	if (d.failed == 0)
		return tell(run, err);
	run->exit_code = d.failed;
	*err = d.why;
	return false;
}

const struct sl_stage sl_cmd_rebuild = {
	.name = "rebuild",
	.summary = "makes a pipeline's table anew from bronze, and swaps it in",
	.usage = "NAME|FILE [TABLE] [OPTION]…",
	.description =
		"For when table, mode, key, version, columns or the order of sources changed, and "
		"for\n"
		"mode latest when rows that no rule makes any more should go. What the table holds "
		"is\n"
		"normalized by today's file, copied beside the table, and swapped in with the "
		"models in\n"
		"one transaction: readers see the old table or the new one. More rejects than\n"
		"rejects.limit allows, or a store that comes between, change nothing.\n",
	.examples = "sluice rebuild orders\nsluice rebuild orders orders --backend local\n",
	.needs = SL_NEEDS_PIPELINE | SL_PIPELINE_ARG | SL_TAKES_ARGS | SL_NEEDS_HOME |
		 SL_NEEDS_STORE | SL_QUIET_RESULT,
	.run = run_rebuild,
};
