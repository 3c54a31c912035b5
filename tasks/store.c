/*
 * sluice-store: judges log entries and switches them into the table, one transaction each
 * (docs/delivery.md, rule 4). Everything may be repeated: `applied` says what the table holds,
 * marks are a cache.
 *
 *	for each entry: newest inputs -> clean parts there? -> judge -> switch -> mark
 */
#include <stdio.h>

#include "base/cancel.h"
#include "base/fault.h"
#include "base/log.h"
#include "run/lock.h"
#include "run/progress.h"
#include "run/stage.h"
#include "run/tickets.h"
#include "store/log.h"
#include "store/sink.h"
#include "tasks/store/parts.h"
#include "tasks/store/rebuild.h"
#include "tasks/store/sweep.h"
#include "tasks/store/waiting.h"
#include "tasks/store/worklist.h"

struct params {
	bool rebuild, report, adopt, replay;
};

static const struct sl_field fields[] = {
	SL_F_BOOL(struct params, report, SL_F_FLAG, "false",
		  "also do what sluice-report does, while the store is open"),
	SL_F_BOOL(struct params, replay, SL_F_FLAG, "false",
		  "also make anew what older rules made, whatever run it is of"),
	SL_F_BOOL(struct params, rebuild, SL_F_FLAG, "false",
		  "make the table anew from bronze beside it, and swap"),
	SL_F_BOOL(struct params, adopt, SL_F_FLAG, "false",
		  "the HOME that the table was made with is lost: store what this one has anew"),
	SL_F_END,
};

/* What one execution knows. */
struct store {
	struct sl_run *run;
	struct sl_sink *sink;
	unsigned generation; /* of marks, noted at the start: a rescan meanwhile is not undone by us
			      */
	struct sl_inventory *inventory; /* per source */
	struct sl_waiting waiting;
	struct sl_progress progress;
};

/* One entry on its way. */
struct entry {
	const struct sl_source *source;
	struct sl_log_entry log;
	bool own;
	struct sl_sink_input *inputs; /* newest ones that the table does not hold yet */
	size_t n_inputs;
};

static bool is_newest(const struct store *st, const struct entry *e, const struct sl_log_input *in)
{
	const struct sl_edition *ed = sl_inventory_find(&st->inventory[e->source->index], in->name);

	return ed && ed->n == e->log.n;
}

static void add_counts(struct sl_result *r, const struct sl_counts *c)
{
	r->n_in += c->n_in;
	r->kept += c->ok;
	r->dup += c->dup;
	r->filtered += c->filtered;
	r->rejected += c->bad;
}

static struct sl_parts parts_of(struct store *st, const struct entry *e)
{
	return (struct sl_parts){
		.run = st->run,
		.source = e->source->name,
		.rev = st->run->p->rev,
		.progress = &st->progress,
	};
}

static struct sl_sink_input sink_input(const struct entry *e, size_t place)
{
	const struct sl_log_input *in = &e->log.inputs[place];

	return (struct sl_sink_input){
		.source = e->source->name,
		.source_index = e->source->index,
		.name = in->name,
		.edition = e->log.n,
		.place = place,
		.chunks = in->chunks,
		.n_chunks = in->n_chunks,
	};
}

/* One input: to be stored, in the table already (unchanged), or superseded by a newer edition. */
static bool pick_input(struct store *st, struct entry *e, size_t place, bool *held,
		       struct sl_err *err)
{
	const struct sl_log_input *in = &e->log.inputs[place];
	struct sl_counts counts;
	char rev[SL_HASH_HEX];
	uint64_t edition = 0;

	if (!sl_sink_applied(st->sink, e->source->name, in->name, &edition, rev, &counts, err))
		return false;
	*held = *held && edition >= e->log.n;
	if (!is_newest(st, e, in) || edition > e->log.n)
		return true; /* passed over, as normalize does */
	if (edition < e->log.n || strcmp(rev, st->run->p->rev) != 0) {
		e->inputs[e->n_inputs++] = sink_input(e, place);
		return true;
	}
	add_counts(&st->run->result, &counts);
	st->run->result.unchanged += counts.ok;
	return true;
}

/*
 * Picks the inputs that count: the newest edition, not applied at (edition, rev). *ret_held = every
 * input of the entry is in the table at its edition or a higher one.
 */
static bool pick_inputs(struct store *st, struct entry *e, bool *ret_held, struct sl_err *err)
{
	*ret_held = true;
	e->inputs = sl_arena_zalloc(&st->run->arena, e->log.n_inputs + 1, sizeof(*e->inputs));
	for (size_t i = 0; i < e->log.n_inputs; i++)
		if (!pick_input(st, e, i, ret_held, err))
			return false;
	return true;
}

static struct sl_counts sum_counts(const struct entry *e)
{
	struct sl_counts sum = {0};

	for (size_t i = 0; i < e->n_inputs; i++)
		sl_counts_add(&sum, &e->inputs[i].counts);
	return sum;
}

static void add_outcome(struct sl_result *r, const struct sl_outcome *o)
{
	r->inserted += o->inserted;
	r->updated += o->updated;
	r->unchanged += o->unchanged;
	r->stale += o->stale;
	r->superseded += o->superseded;
	r->written += o->written;
}

/* The entry is dealt with: mark it, and drop the clean parts that nobody needs any more. */
static bool finish(struct store *st, const struct entry *e, struct sl_err *err)
{
	const struct sl_parts parts = parts_of(st, e);

	SL_FAULT("store.before_mark", err);
	if (!sl_sink_note_origin(st->sink, &st->run->home, &e->log, err) ||
	    !sl_mark_link(&st->run->home, sl_sink_name(st->sink), st->generation, e->source->name,
			  e->log.n, err))
		return false;
	SL_FAULT("store.after_mark", err);
	sl_parts_remove(&parts, &e->log);
	return true;
}

/* Rows that the engine refused were good until now; too many of them refuse the entry. */
static void add_refused(struct store *st, const struct entry *e, const struct sl_outcome *o,
			const struct sl_counts *counts)
{
	struct sl_counts judged = *counts;

	judged.ok -= o->refused;
	judged.bad += o->refused;
	st->run->result.kept -= o->refused;
	st->run->result.rejected += o->refused;
	const bool told =
		o->beyond && !e->own && sl_waiting_was_refused(&st->waiting, &e->log, &judged);
	sl_log(told ? SL_INFO : SL_WARNING, "the store refuses rows: they are rejects",
	       "source=%s entry=%" PRIu64 " rows=%" PRIu64 " first=\"%s\"", e->source->name,
	       e->log.n, o->refused, o->refusal);
	if (o->beyond)
		sl_waiting_refused(&st->waiting, &e->log, e->own, &judged);
}

/* Of an entry that could not be read before: normalize would only tell its errors once more. */
static bool still_lost(struct store *st, const struct entry *e, bool *ret_lost, struct sl_err *err)
{
	const struct sl_parts parts = parts_of(st, e);

	*ret_lost = false;
	return !sl_waiting_was_unreadable(&st->waiting, &e->log) ||
	       sl_parts_lost(&parts, e->inputs, e->n_inputs, ret_lost, err);
}

static bool store_inputs(struct store *st, struct entry *e, struct sl_err *err)
{
	struct sl_parts parts = parts_of(st, e);
	const struct sl_part_feed feed = sl_parts_feed(&parts);
	struct sl_outcome outcome = {0};
	bool complete = false, lost = false;

	if (!e->own && !still_lost(st, e, &lost, err))
		return false;
	if (!lost && !sl_parts_gather(&parts, e->inputs, e->n_inputs, &complete, err))
		return false;
	if (!complete && !e->own) {
		sl_waiting_unreadable(&st->waiting, &e->log);
		return true;
	}
	if (!complete)
		return sl_err_set(err, SL_ERR_AGAIN,
				  "some parts of entry %" PRIu64
				  " of \"%s\" cannot be normalized now",
				  e->log.n, e->source->name);

	const struct sl_counts counts = sum_counts(e);

	add_counts(&st->run->result, &counts);
	if (sl_beyond_limit(st->run->p, &counts)) {
		sl_waiting_refused(&st->waiting, &e->log, e->own, &counts);
		return sl_sink_refuse(st->sink, e->log.run, e->log.n, e->inputs, e->n_inputs, &feed,
				      err);
	}
	SL_FAULT("store.before_switch", err);
	const bool ok = sl_sink_switch(st->sink, e->log.run, e->log.n, e->inputs, e->n_inputs,
				       &feed, &outcome, err);
	sl_arena_release(&parts.texts);
	if (!ok)
		return false;
	if (outcome.refused)
		add_refused(st, e, &outcome, &counts);
	if (outcome.beyond)
		return true;
	add_outcome(&st->run->result, &outcome);
	return finish(st, e, err);
}

static bool store_entry(struct store *st, const struct sl_work *work, struct sl_err *err)
{
	struct entry e = {.source = &st->run->p->sources[work->source], .own = work->own};
	bool held = false;

	if (!sl_cancel_check(err) ||
	    !sl_log_read(&st->run->home, e.source->name, work->n, &st->run->arena, &e.log, err) ||
	    !pick_inputs(st, &e, &held, err))
		return false;
	st->run->result.entries++;
	if (e.n_inputs == 0 || (!e.own && held))
		return sl_sink_settle(st->sink, e.source->name, e.log.run, e.log.n, err) &&
		       finish(st, &e, err);
	return store_inputs(st, &e, err);
}

static bool read_inventories(struct store *st, struct sl_err *err)
{
	const struct sl_pipeline *p = st->run->p;

	st->inventory = sl_arena_zalloc(&st->run->arena, p->n_sources, sizeof(*st->inventory));
	for (size_t s = 0; s < p->n_sources; s++) {
		if (!sl_log_inventory(&st->run->home, p->sources[s].name, 0, &st->run->arena,
				      &st->inventory[s], err))
			return false;
	}
	return true;
}

/* The table's entries must be those of our log: see store/origin.c. */
static bool check_origins(const struct store *st, struct sl_err *err)
{
	const struct sl_run *run = st->run;

	for (size_t s = 0; s < run->p->n_sources; s++)
		if (!sl_sink_check_origin(st->sink, &run->home, run->p->sources[s].name, err))
			return false;
	return true;
}

/* Every entry of our log is judged again, against a table that knows none of them. */
static bool adopt(const struct store *st, struct sl_err *err)
{
	unsigned generation;

	return sl_sink_adopt(st->sink, err) &&
	       sl_mark_rescan(&st->run->home, sl_sink_name(st->sink), &generation, err);
}

static void log_rule_change(const struct store *st)
{
	const char *old = sl_sink_old_rev(st->sink);

	if (old[0] && strcmp(old, st->run->p->rev) != 0)
		sl_log(SL_INFO, "rules changed since the last store", "from=%.12s to=%.12s", old,
		       st->run->p->rev);
}

/* A run that had entries of its own answers for them; one that had none for the others', but an
 * interval run for its interval alone. */
static bool verdict(const struct store *st, const struct sl_worklist *work, struct sl_err *err)
{
	if (st->waiting.own_refused ||
	    (work->n_own == 0 && !st->run->has_interval && st->waiting.other_refused)) {
		*err = st->waiting.refusal;
		return false;
	}
	return true;
}

static void log_table(const struct store *st)
{
	const char *changes = sl_sink_changes(st->sink), *lacks = sl_sink_lacks(st->sink);

	if (changes[0])
		sl_log(SL_INFO, "the table follows the contract", "sql=\"%s\"", changes);
	if (lacks[0] && st->run->p->store.evolve == SL_EVOLVE_IGNORE)
		sl_log(SL_WARNING, "the table lacks columns: their values are not stored",
		       "columns=\"%s\"", lacks);
}

static bool store_all(struct store *st, bool replay, struct sl_err *err)
{
	struct sl_run *run = st->run;
	struct sl_worklist work = {0};

	log_rule_change(st);
	log_table(st);
	if (!sl_run_rules_still(run, err) || !check_origins(st, err) ||
	    !sl_mark_generation(&run->home, sl_sink_name(st->sink), &st->generation, err) ||
	    !sl_worklist_make(run, sl_sink_name(st->sink), st->generation, &run->arena, &work,
			      err) ||
	    (replay && !sl_worklist_add_old(run, st->sink, &run->arena, &work, err)) ||
	    !read_inventories(st, err))
		return false;
	for (size_t i = 0; i < work.n; i++) {
		if (!store_entry(st, &work.v[i], err))
			return false;
	}
	return sl_sink_complete(st->sink, err) && verdict(st, &work, err);
}

static bool run_store(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;
	struct store st = {
		.run = run,
		.waiting = {.run = run, .refusal = SL_ERR_INIT},
		.progress = sl_progress_begin("storing"),
	};

	if (run->dry_run) {
		run->result.note = "dry run: nothing was looked at";
		return true;
	}
	if (!sl_store_lock(run, err))
		return false;
	if (p->rebuild)
		return sl_rebuild(run, err);
	if (!sl_sink_open(run->p, &run->home, &st.sink, err))
		return false;
	st.waiting.sink = sl_sink_name(st.sink);

	const bool ok = (!p->adopt || adopt(&st, err)) && store_all(&st, p->replay, err);

	if (st.waiting.names.n)
		run->result.note = sl_arena_strdup(&run->arena, sl_buf_z(&st.waiting.names));
	sl_buf_release(&st.waiting.names);
	sl_progress_end(&st.progress);
	if (ok) {
		sl_tickets_drop_run(run);
		sl_sweep(run);
	}
	if (!ok || !p->report) {
		sl_sink_close(st.sink);
		return ok;
	}
	run->engine = sl_sink_engine(st.sink);
	run->db = sl_sink_detach(st.sink);
	return true;
}

static const struct sl_stage stage = {
	.name = "store",
	.summary = "judges collected entries and makes them visible in the table, all at once",
	.usage = "--pipeline NAME|FILE [--run-id ID] [OPTION]…",
	.description = "Takes the run's log entries (and, unless the run has an interval, every "
		       "entry of any\n"
		       "run that waits), judges their rejects against rejects.limit, and replaces "
		       "the rows of\n"
		       "each input in one transaction per entry. An exact rerun writes nothing. A "
		       "refused\n"
		       "entry stays pending; its rejects can be read in sluice.reject.\n"
		       "--rebuild recomputes from bronze what the table holds, beside it, and "
		       "swaps, with the\n"
		       "models, in one transaction: after table, key, version or columns "
		       "changed.\n"
		       "A table that was made with another HOME is refused: its entries have the "
		       "numbers of\n"
		       "ours. --adopt takes it over; rows of inputs that are not collected again "
		       "stay.\n",
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_HOME | SL_NEEDS_RUN | SL_NEEDS_STORE,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_store,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
