/*
 * One source becomes one log entry. The entry's number is read before the source is listed: whoever
 * loses the link has listed too early to know what the winner saw, and starts over.
 */
#include "base/fault.h"
#include "base/log.h"
#include "tasks/collect/session.h"
#include "tasks/collect/twin.h"

#define ATTEMPTS 10

static bool link_entry(struct sl_collect *c, uint64_t n, bool *ret_won, struct sl_err *err)
{
	struct sl_run *run = c->run;
	char from[32], to[32];
	struct sl_totals totals;
	struct sl_log_entry e = {
		.n = n,
		.source = c->source->name,
		.run = run->run_id,
		.complete = c->complete,
		.inputs = c->inputs,
		.n_inputs = c->n_inputs,
	};

	if (c->range != SL_RANGE_INTERVAL) {
		e.range = c->range;
		e.from = c->from;
		e.to = c->to;
	} else if (run->has_interval) {
		sl_time_text(run->interval_start, from);
		sl_time_text(run->interval_end, to);
		e.from = from;
		e.to = to;
	}
	if (!sl_totals_read(run, &totals, err))
		return false;
	for (size_t i = 0; i < e.n_inputs; i++)
		for (size_t k = 0; k < e.inputs[i].n_chunks; k++) {
			totals.chunks++;
			totals.bytes += e.inputs[i].chunks[k].bytes;
		}
	e.partitions = sl_totals_partitions(run, &totals);
	return sl_log_link(&run->home, &e, ret_won, err);
}

/* The rows of an input stay until a newer edition of that very input replaces them: those of files
 * and those of all files as one would stand side by side. */
static bool check_input(const struct sl_collect *c, struct sl_err *err)
{
	const bool whole = c->source->input == SL_INPUT_WHOLE;
	const bool was_whole = c->inventory.n == 1 && sl_inventory_find(&c->inventory, SL_WHOLE);

	if (c->inventory.n == 0 || whole == was_whole)
		return true;
	sl_err_set(err, SL_ERR_CONFIG,
		   "source \"%s\" was collected with \"input: %s\" so far, now it is \"%s\"",
		   c->source->name, was_whole ? "whole" : "each", whole ? "whole" : "each");
	return sl_err_hint(err, "set it back, or begin a new pipeline and table");
}

/* *ret_done = false: another collection took the number. */
static bool attempt(struct sl_collect *c, bool *ret_done, struct sl_err *err)
{
	struct sl_run *run = c->run;
	const char *source = c->source->name;
	uint64_t newest, begin;

	*ret_done = true;
	if (!sl_log_newest(&run->home, source, &newest, err) ||
	    (!run->dry_run && !sl_run_begin(&run->home, run->run_id, source, newest, &begin, err)))
		return false;
	SL_FAULT("collect.after_begin", err);
	if (!sl_collect_restart(c, newest, err) || !check_input(c, err) ||
	    !c->source->kind->collect(c->source->params, c, err) || !sl_collect_close(c, err))
		return false;
	sl_collect_keep_changed(c);
	if (c->n_inputs > 0 && !link_entry(c, newest + 1, ret_done, err))
		return false;
	if (*ret_done && run->p->store.mode == SL_MODE_APPEND)
		sl_collect_warn_twins(c);
	if (*ret_done && !run->dry_run) /* last: it ends a reset */
		sl_seen_write(&run->home, source, &c->seen, &c->inventory);
	return !*ret_done || run->dry_run || !c->source->kind->linked ||
	       c->source->kind->linked(c->source->params, c, err);
}

static bool attempts(struct sl_collect *c, struct sl_err *err)
{
	bool done = false;

	for (int i = 0; i < ATTEMPTS; i++) {
		if (!attempt(c, &done, err))
			return false;
		if (done)
			return true;
		sl_log(SL_INFO, "another collection came first, starting over", "source=%s",
		       c->source->name);
	}
	sl_err_set(err, SL_ERR_AGAIN,
		   "cannot collect source \"%s\": others collect it all the time", c->source->name);
	return sl_err_hint(err, "let one run at a time collect a source");
}

bool sl_collect_one(struct sl_run *run, const struct sl_source *source, struct sl_kept *kept,
		    uint64_t *ret_chunks, struct sl_err *err)
{
	struct sl_collect c;

	sl_collect_init(&c, run, source);
	c.pack.kept = kept;
	bool ok = attempts(&c, err);
	*ret_chunks = c.pack.new_chunks;
	sl_collect_release(&c);
	return ok;
}
