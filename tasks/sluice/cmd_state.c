/*
 * sluice state: what was collected, what of it is stored, what waits and why; and rescan, after a
 * database was restored from a backup.
 */
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "run/help.h"
#include "store/log.h"
#include "store/seen.h"
#include "tasks/sluice/audit.h"
#include "tasks/sluice/cmd.h"
#include "tasks/sluice/ledger.h"

struct params {
	int64_t entries;
};

static const struct sl_field fields[] = {
	SL_F_INT(struct params, entries, SL_F_FLAG, "20", 1, 1000000,
		 "how many of the newest entries (history: changes) are shown"),
	SL_F_END,
};

/* What is needed to say how an entry stands. */
struct state {
	struct sl_run *run;
	struct sl_ledger ledger;
	char *sink;
	unsigned generation;
	uint64_t shown;	    /* entries at most */
	uint64_t *unmarked; /* entries without a mark of the source at hand, ascending */
	size_t n_unmarked;
};

static bool standing(struct state *st, const struct sl_log_entry *e, const char **ret,
		     struct sl_err *err)
{
	bool refused = false;

	*ret = "stored";
	if (!sl_mark_is_missing(st->unmarked, st->n_unmarked, e->n))
		return true;
	if (!sl_ledger_refused(&st->ledger, e->source, e->n, &refused, err))
		return false;
	*ret = refused ? "refused" : "pending";
	return true;
}

static bool add_entry(struct state *st, const char *source, uint64_t n, struct sl_buf *out,
		      struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_log_entry e;
	const char *how = NULL;

	if (!sl_log_read(&st->run->home, source, n, &arena, &e, err) ||
	    !standing(st, &e, &how, err))
		return false;
	sl_buf_addf(out, "  %6" PRIu64 "  %-8s %7zu %s  ", e.n, how, e.n_inputs,
		    e.n_inputs == 1 ? "input " : "inputs");
	sl_buf_add_escaped(out, sl_str_of(e.run), 80);
	if (e.to)
		sl_buf_addf(out, "  %s to %s", e.from ? e.from : "", e.to);
	sl_buf_addc(out, '\n');
	return true;
}

/* The watermark is the greatest end of all entries, whatever their order. */
static bool watermark(struct state *st, const char *source, uint64_t newest, char out[64],
		      struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;

	out[0] = '\0';
	for (uint64_t n = 1; n <= newest; n++) {
		struct sl_log_entry e;

		if (!sl_log_read(&st->run->home, source, n, &arena, &e, err))
			return false;
		if (e.to && strcmp(e.to, out) > 0)
			snprintf(out, 64, "%s", e.to);
		sl_arena_reset(&arena);
	}
	return true;
}

static bool add_source(struct state *st, const char *source, struct sl_buf *out, struct sl_err *err)
{
	uint64_t newest = 0;
	char to[64];

	if (!sl_log_newest(&st->run->home, source, &newest, err) ||
	    !watermark(st, source, newest, to, err) ||
	    !sl_mark_missing(&st->run->home, st->sink, st->generation, source, newest,
			     &st->run->arena, &st->unmarked, &st->n_unmarked, err))
		return false;
	if (newest == 0)
		sl_buf_addf(out, "source %s: nothing collected yet\n", source);
	else
		sl_buf_addf(out, "source %s: newest entry %" PRIu64 "%s%s\n", source, newest,
			    to[0] ? ", collected up to " : "", to);

	const uint64_t first = newest > st->shown ? newest - st->shown + 1 : 1;

	if (first > 1)
		sl_buf_addf(out, "  … %" PRIu64 " older: --entries N shows more\n", first - 1);
	for (uint64_t n = first; n <= newest; n++) {
		if (!add_entry(st, source, n, out, err))
			return false;
	}
	return true;
}

static bool add_old_runs(struct state *st, struct sl_buf *out, struct sl_err *err)
{
	struct sl_old_run *runs = NULL;
	size_t n = 0;

	if (!sl_ledger_old_runs(&st->ledger, &runs, &n, err))
		return false;
	if (n == 0)
		return true;
	sl_buf_addf(out, "made by older rules (sluice run %s --replay makes them anew):\n",
		    st->run->pipeline_arg);
	for (size_t i = 0; i < n; i++)
		sl_buf_addf(out, "  %s\n", runs[i].run);
	return true;
}

static bool show(struct state *st, struct sl_buf *out, struct sl_err *err)
{
	const struct sl_pipeline *p = st->run->p;

	sl_buf_addf(out, "%s: rules %.12s, store %s, marks of generation %u\n", p->name, p->rev,
		    st->sink, st->generation);
	if (!sl_ledger_open(&st->ledger, st->run, err))
		return false;
	for (size_t i = 0; i < p->n_sources; i++) {
		if (st->run->source && strcmp(st->run->source, p->sources[i].name) != 0)
			continue;
		if (!add_source(st, p->sources[i].name, out, err))
			return false;
	}
	return add_old_runs(st, out, err);
}

static bool is_known(const struct sl_names *runs, const char *run)
{
	for (size_t i = 0; i < runs->n; i++) {
		if (strcmp(runs->v[i], run) == 0)
			return true;
	}
	return false;
}

/* Every run that owns an entry of the source, each once. */
static bool add_runs(struct state *st, const char *source, struct sl_names *runs,
		     struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	uint64_t newest = 0;

	if (!sl_log_newest(&st->run->home, source, &newest, err))
		return false;
	for (uint64_t n = 1; n <= newest; n++) {
		struct sl_log_entry e;

		if (!sl_log_read(&st->run->home, source, n, &arena, &e, err))
			return false;
		if (!is_known(runs, e.run)) {
			runs->v = sl_xrealloc(runs->v, runs->n + 1, sizeof(*runs->v));
			runs->v[runs->n++] = sl_xstrdup(e.run);
		}
		sl_arena_reset(&arena);
	}
	return true;
}

static bool rescan(struct state *st, struct sl_buf *out, struct sl_err *err)
{
	sl_cleanup(sl_names_release) struct sl_names runs = {0};
	unsigned generation = 0;

	for (size_t i = 0; i < st->run->p->n_sources; i++) {
		if (!add_runs(st, st->run->p->sources[i].name, &runs, err))
			return false;
	}
	if (!sl_audit(st->run, "rescan",
		      sl_arena_printf(&st->run->arena, "marks of %s after generation %u begin anew",
				      st->sink, st->generation),
		      err) ||
	    !sl_mark_rescan(&st->run->home, st->sink, &generation, err))
		return false;
	sl_buf_addf(out,
		    "marks of %s begin anew (generation %u); every entry will be judged again.\n",
		    st->sink, generation);
	sl_buf_adds(out, runs.n ? "Clear these runs, or run the pipeline once:\n" : "");
	for (size_t i = 0; i < runs.n; i++)
		sl_buf_addf(out, "  %s\n", runs.v[i]);
	return true;
}

/* --- changes by hand --- */

/* "drop/3" → the source's name and 3. */
static bool read_entry_name(struct state *st, const char *text, const char **ret_source,
			    uint64_t *ret_n, struct sl_err *err)
{
	struct sl_str rest = sl_str_of(text), name;
	uint64_t newest = 0;

	sl_str_next(&rest, '/', &name);
	*ret_source = sl_arena_str(&st->run->arena, name).p;
	if (!sl_pipeline_source(st->run->p, *ret_source) || !sl_num_u64(rest, INT64_MAX, ret_n)) {
		sl_err_set(err, SL_ERR_USAGE, "\"%s\" names no entry", text);
		return sl_err_hint(err, "SOURCE/N, as sluice state shows them: %s/1",
				   st->run->p->sources[0].name);
	}
	if (!sl_log_newest(&st->run->home, *ret_source, &newest, err))
		return false;
	return (*ret_n >= 1 && *ret_n <= newest) ||
	       sl_err_set(err, SL_ERR_USAGE,
			  "source \"%s\" has no entry %" PRIu64 ", its newest is %" PRIu64,
			  *ret_source, *ret_n, newest);
}

/* A mark by hand: an entry that nobody will mend is passed over, or one is judged again. */
static bool set(struct state *st, const char *entry, const char *standing, struct sl_buf *out,
		struct sl_err *err)
{
	const bool stored = strcmp(standing, "stored") == 0;
	const char *source = NULL;
	uint64_t n = 0;

	if (!stored && strcmp(standing, "pending") != 0) {
		sl_err_set(err, SL_ERR_USAGE, "an entry cannot be set to \"%s\"", standing);
		return sl_err_hint(err,
				   "stored (it is passed over) or pending (it is judged again)");
	}
	if (!read_entry_name(st, entry, &source, &n, err) ||
	    !sl_audit(st->run, "set",
		      sl_arena_printf(&st->run->arena, "%s/%" PRIu64 " is %s for %s", source, n,
				      standing, st->sink),
		      err))
		return false;
	if (!(stored ? sl_mark_link : sl_mark_remove)(&st->run->home, st->sink, st->generation,
						      source, n, err))
		return false;
	sl_buf_addf(out, "%s/%" PRIu64 ": %s\n", source, n,
		    stored ? "passed over from now on" : "judged again by the next run");
	return true;
}

/* Fingerprints are forgotten: the next collection reads every input, unchanged or not. */
static bool reset(struct state *st, struct sl_buf *out, struct sl_err *err)
{
	const struct sl_pipeline *p = st->run->p;

	for (size_t i = 0; i < p->n_sources; i++) {
		const char *source = p->sources[i].name;

		if (st->run->source && strcmp(st->run->source, source) != 0)
			continue;
		if (!sl_audit(st->run, "reset",
			      sl_arena_printf(&st->run->arena, "every input of %s is read again",
					      source),
			      err) ||
		    !sl_seen_reset(&st->run->home, source, err))
			return false;
		sl_buf_addf(out, "%s: the next collection reads every input again\n", source);
	}
	return true;
}

static bool choose(struct state *st, struct sl_buf *out, struct sl_err *err)
{
	const struct sl_texts *args = &st->run->args;

	if (args->n == 0)
		return show(st, out, err);
	if (args->n == 1 && strcmp(args->v[0], "rescan") == 0)
		return rescan(st, out, err);
	if (args->n == 1 && strcmp(args->v[0], "history") == 0)
		return sl_audit_show(st->run, st->shown, out, err);
	if (args->n == 1 && strcmp(args->v[0], "reset") == 0)
		return reset(st, out, err);
	if (args->n == 3 && strcmp(args->v[0], "set") == 0)
		return set(st, args->v[1], args->v[2], out, err);
	sl_err_set(err, SL_ERR_USAGE, "unexpected argument \"%s\"", args->v[0]);
	return sl_err_hint(err, "sluice state PIPELINE [rescan | history | reset | "
				"set SOURCE/N stored|pending]");
}

static bool run_state(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	struct state st = {
		.run = run,
		.sink = sl_mark_sink(run->p->backend.store, run->p->backend.store_conn),
		.shown = (uint64_t)p->entries,
	};
	const bool ok = sl_mark_generation(&run->home, st.sink, &st.generation, err) &&
			choose(&st, &out, err) && sl_stdout(sl_buf_str(&out), err);

	sl_ledger_close(&st.ledger);
	free(st.sink);
	return ok;
}

const struct sl_stage sl_cmd_state = {
	.name = "state",
	.summary = "shows what was collected, what of it is stored, and what waits",
	.usage = "NAME|FILE [rescan | history | reset | set SOURCE/N stored|pending] "
		 "[--source S] [--entries N] [OPTION]…",
	.description =
		"Per source the newest entries: stored, pending, or refused (too many rejects); "
		"then\n"
		"the runs whose rows older rules made. rescan forgets which entries are stored, "
		"for\n"
		"when the database was restored from a backup, and prints the runs to clear. "
		"set\n"
		"passes over an entry that nobody will mend (stored), until a rescan, or has one\n"
		"judged again (pending). reset has the next collection read every input, "
		"unchanged\n"
		"or not. history shows what was changed by hand (files in audit/).\n",
	.examples =
		"sluice state orders\nsluice state orders rescan\nsluice state orders history\n"
		"sluice state orders set drop/3 stored\nsluice state orders reset --source drop\n",
	.needs = SL_NEEDS_PIPELINE | SL_PIPELINE_ARG | SL_TAKES_ARGS | SL_NEEDS_HOME |
		 SL_NEEDS_STORE | SL_QUIET_RESULT,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_state,
};
