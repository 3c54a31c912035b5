/*
 * sluice run: collect, normalize (in parallel), store, aggregate, publish, report, as child
 * processes. The first stage that fails ends the run with its exit code; report runs whatever
 * happened.
 */
#include <sched.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/log.h"
#include "run/help.h"
#include "run/lock.h"
#include "tasks/sluice/cmd.h"
#include "tasks/sluice/ledger.h"
#include "tasks/sluice/plan_steps.h"
#include "tasks/sluice/run_child.h"
#include "tasks/sluice/summary.h"

#define NOTHING 99

struct params {
	bool replay;
	int64_t partitions;
};

static const struct sl_field fields[] = {
	SL_F_BOOL(struct params, replay, SL_F_FLAG, "false",
		  "run again every run whose inputs older rules made"),
	SL_F_INT(struct params, partitions, SL_F_FLAG, NULL, 0, 1024,
		 "most normalize processes; 0: one a core"),
	SL_F_END,
};

static uint32_t count_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (uint32_t)CPU_COUNT(&set);
}

/* What the stages have told of themselves so far. */
struct told {
	struct sl_result collect, normalize, store, aggregate, publish;
};

static bool execute(struct sl_drive *d, const char *stage, uint32_t n, struct sl_result *told,
		    struct sl_err *err)
{
	int code = 0;
	struct sl_err why = SL_ERR_INIT;

	if (!sl_child_run(d, stage, n, told, &code, &why, err))
		return false;
	if (code != 0 && d->failed == 0) {
		d->failed = code;
		d->why = why;
	}
	return true;
}

static uint32_t choose_partitions(const struct sl_drive *d, const struct sl_result *collect)
{
	const uint32_t wanted = collect->partitions ? collect->partitions : 1;

	return wanted < d->partitions_max ? wanted : d->partitions_max;
}

/* collect to publish. *ret_nothing: collect found nothing and nothing waits. */
static bool work(struct sl_drive *d, struct told *told, bool *ret_nothing, struct sl_err *err)
{
	if (!execute(d, "collect", 0, &told->collect, err))
		return false;
	*ret_nothing = d->failed == NOTHING;
	if (*ret_nothing) {
		d->failed = 0;
		d->run->error_logged = false;
	}
	if (d->failed == 0 && !*ret_nothing &&
	    !execute(d, "normalize", choose_partitions(d, &told->collect), &told->normalize, err))
		return false;
	if (d->failed == 0 && !*ret_nothing && !execute(d, "store", 0, &told->store, err))
		return false;
	if (d->failed == 0 && d->run->p->n_models > 0 &&
	    !execute(d, "aggregate", 0, &told->aggregate, err))
		return false;
	if (d->failed == 0 && d->run->p->n_documents > 0 &&
	    !execute(d, "publish", 0, &told->publish, err))
		return false;
	return true;
}

/* The last stage that opens the store reports as well: to open DuckDB takes longer than most of
 * what is done with it. Not when it failed, was not reached, or found nothing to make. */
static bool is_reported(const struct sl_drive *d, const struct told *told, bool nothing)
{
	if (d->failed != 0)
		return false;
	if (d->run->p->n_documents > 0)
		return told->publish.entries > 0;
	return d->run->p->n_models > 0 ? told->aggregate.written > 0 : !nothing;
}

/* A store that cannot be reached is told once: by the stage that needed it. What this run would have
 * recorded there is in its files until the next report. */
static bool is_out_of_reach(const struct sl_drive *d)
{
	return d->failed == sl_err_exit_code(SL_ERR_UNAVAILABLE) ||
	       d->failed == sl_err_exit_code(SL_ERR_PROTOCOL) ||
	       d->failed == sl_err_exit_code(SL_ERR_AUTH);
}

/* Telemetry fails no run. But when nothing was new, report alone has opened the store, and a table
 * that today's file does not fit stops every run to come. */
static bool report(struct sl_drive *d, struct sl_err *err)
{
	const bool logged = d->run->error_logged; /* of the stage that failed, if one has */
	struct sl_result ignored = {0};
	struct sl_err why = SL_ERR_INIT;
	int code = 0;

	if (!sl_child_run(d, "report", 0, &ignored, &code, &why, err))
		return false;
	if (code == sl_err_exit_code(SL_ERR_CONFIG) && d->failed == 0) {
		d->failed = code;
		d->why = why;
		return true;
	}
	d->run->error_logged = logged;
	if (code != 0)
		sl_log(SL_WARNING, "the run's executions are not recorded", "exit=%d", code);
	return true;
}

/* Records are counted where they were judged: by store, which may have taken up older entries, too.
 */
static void add_told(struct sl_result *total, const struct told *told)
{
	const struct sl_result *rows = told->store.n_in ? &told->store : &told->normalize;

	total->entries += told->collect.entries;
	if (total->partitions < told->collect.partitions)
		total->partitions = told->collect.partitions;
	total->n_in += rows->n_in;
	total->kept += rows->kept;
	total->dup += rows->dup;
	total->filtered += rows->filtered;
	total->rejected += rows->rejected;
	total->inserted += told->store.inserted;
	total->updated += told->store.updated;
	total->unchanged += told->store.unchanged;
	total->stale += told->store.stale;
	total->superseded += told->store.superseded;
	total->written += told->store.written;
	total->pending += told->store.entries ? told->store.pending : told->collect.pending;
	total->retry_after_us = told->collect.retry_after_us;
}

/* Nothing new, but are there rows that today's rules would make otherwise? */
static void name_old_runs(struct sl_run *run)
{
	sl_cleanup(sl_ledger_close) struct sl_ledger ledger = {0};
	struct sl_err err = SL_ERR_INIT;
	struct sl_old_run *runs = NULL;
	size_t n = 0;

	run->result.note = "nothing new";
	if (!sl_ledger_open(&ledger, run, &err) || !sl_ledger_old_runs(&ledger, &runs, &n, &err)) {
		sl_log(SL_WARNING, "cannot tell which runs older rules made", "reason=\"%s\"",
		       err.msg);
		return;
	}
	for (size_t i = 0; i < n; i++)
		sl_log(SL_INFO, "this run's rows were made by older rules", "run=%s", runs[i].run);
	if (n > 0)
		run->result.note =
			sl_arena_printf(&run->arena,
					"nothing new; %zu %s made by older rules: sluice "
					"run %s --replay",
					n, n == 1 ? "run was" : "runs were", run->pipeline_arg);
}

static bool drive_one(struct sl_run *run, struct sl_drive *d, struct sl_err *err)
{
	struct told told = {0};
	bool nothing = false;

	d->reporter = run->p->n_documents > 0 ? "publish"
		      : run->p->n_models > 0  ? "aggregate"
					      : "store";
	const bool worked = work(d, &told, &nothing, err);

	add_told(&run->result, &told);
	if (!worked)
		return false;
	if (!is_out_of_reach(d) && !is_reported(d, &told, nothing) && !report(d, err))
		return false;
	if (nothing && d->failed == 0)
		name_old_runs(run);
	return true;
}

static void add_rejects(struct sl_run *run, const char *run_id, struct sl_buf *out)
{
	sl_cleanup(sl_ledger_close) struct sl_ledger ledger = {0};
	struct sl_err err = SL_ERR_INIT;

	if (run->result.rejected == 0)
		return;
	if (!sl_ledger_open(&ledger, run, &err) || !sl_ledger_rejects(&ledger, run_id, out, &err))
		sl_log(SL_WARNING, "cannot read the rejects", "reason=\"%s\"", err.msg);
}

static bool summarize(struct sl_run *run, const struct sl_drive *d, int64_t begin,
		      struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf rejects = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	if (!is_out_of_reach(d) && !sl_cancel_signal())
		add_rejects(run, d->run_id, &rejects);
	sl_summary(run, d->run_id, &run->result, d->failed, sl_clock_monotonic() - begin, &rejects,
		   &out);
	return sl_stdout(sl_buf_str(&out), err);
}

/* Whoever stopped the run sees how far it came, and that nothing is lost. */
static void tell_stop(struct sl_run *run, struct sl_drive *d, int64_t begin)
{
	struct sl_err ignored = SL_ERR_INIT; /* the stop is what is told */

	if (!sl_cancel_signal())
		return;
	d->failed = 128 + sl_cancel_signal();
	(void)!summarize(run, d, begin, &ignored);
}

static bool old_runs(struct sl_run *run, struct sl_old_run **ret, size_t *ret_n, struct sl_err *err)
{
	sl_cleanup(sl_ledger_close) struct sl_ledger ledger = {0};

	return sl_ledger_open(&ledger, run, err) && sl_ledger_old_runs(&ledger, ret, ret_n, err);
}

/* A run of an interval is replayed with it: its paths may name the day. */
static void take_interval(struct sl_run *run, const struct sl_old_run *old)
{
	run->has_interval =
		old->from && old->to &&
		sl_time_parse(sl_str_of(old->from), NULL, &run->interval_start) == SL_TIME_OK &&
		sl_time_parse(sl_str_of(old->to), NULL, &run->interval_end) == SL_TIME_OK;
}

static bool replay(struct sl_run *run, struct sl_drive *d, struct sl_err *err)
{
	struct sl_old_run *runs = NULL;
	size_t n = 0;

	if (!old_runs(run, &runs, &n, err))
		return false;
	if (n == 0)
		run->result.note = "no run was made by older rules";
	for (size_t i = 0; i < n && d->failed == 0; i++) {
		sl_log(SL_INFO, "replaying", "run=%s number=%zu of=%zu", runs[i].run, i + 1, n);
		d->run_id = run->result.run = runs[i].run;
		take_interval(run, &runs[i]);
		if (!drive_one(run, d, err))
			return false;
	}
	return true;
}

static bool check_replay(const struct sl_run *run, struct sl_err *err)
{
	if (run->has_interval || run->again || run->source)
		return sl_err_set(err, SL_ERR_USAGE,
				  "--replay takes no interval, no --source and no --again");
	return true;
}

static bool tell_steps(const struct sl_drive *d, struct sl_err *err)
{
	static const char *const stages[] = {"collect",	  "normalize", "store",
					     "aggregate", "publish",   "report"};
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	for (size_t i = 0; i < SL_ARRAY_LEN(stages); i++) {
		if (sl_stage_is_idle(d->run->p, stages[i]))
			continue;
		const char *const *argv = sl_child_argv(d, stages[i], 1, 0);

		for (size_t w = 0; argv[w]; w++)
			sl_buf_addf(&out, "%s%s", w ? " " : "", argv[w]);
		sl_buf_addc(&out, '\n');
	}
	return sl_stdout(sl_buf_str(&out), err);
}

static bool run_run(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;
	const int64_t begin = sl_clock_monotonic();
	struct sl_drive d = {
		.run = run,
		.run_id = run->run_id,
		.partitions_max = p->partitions ? (uint32_t)p->partitions : count_cores(),
		.why = SL_ERR_INIT,
	};

	if (p->replay && !check_replay(run, err))
		return false;
	if (run->dry_run)
		return tell_steps(&d, err);
	if (!sl_store_lock_for_children(run, err))
		return false;
	const bool driven = p->replay ? replay(run, &d, err) : drive_one(run, &d, err);

	if (!driven) {
		tell_stop(run, &d, begin);
		return false;
	}
	if (!summarize(run, &d, begin, err))
		return false;
	if (d.failed == 0)
		return true;
	run->exit_code = d.failed;
	*err = d.why;
	return false;
}

const struct sl_stage sl_cmd_run = {
	.name = "run",
	.summary = "runs a pipeline: collect, normalize, store, aggregate, publish, report",
	.usage = "NAME|FILE [--run-id ID | --interval-start T --interval-end T | --replay] "
		 "[OPTION]…",
	.description =
		"Executes the stages that Airflow would execute, normalize once a core, and "
		"prints\n"
		"what became of the rows. Running it again changes nothing that is there already.\n"
		"After the rules were changed, --replay makes the rows of every older run anew.\n",
	.examples = "sluice run orders\n"
		    "sluice run orders --set drop.path='in/*.csv' --backend local\n"
		    "sluice run orders --replay\n",
	.needs = SL_NEEDS_PIPELINE | SL_PIPELINE_ARG | SL_NEEDS_HOME | SL_NEEDS_RUN |
		 SL_NEEDS_STORE | SL_TAKES_AGAIN | SL_QUIET_RESULT,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_run,
};
