/*
 * The switch of one entry (see sink.h): everything in one transaction, so readers never see half a
 * collection, and a process killed anywhere leaves the table as it was. Rows for a temporary table
 * are copied before the lock is taken; who was overtaken meanwhile notices by era and `applied`.
 */
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/sink_private.h"

static void plan_release(struct sl_plan *plan)
{
	free(plan->owner);
	free(plan->fate);
	free(plan->parts);
	sl_refused_release(plan);
}

static void plan_init(struct sl_plan *plan, const char *run, uint64_t entry,
		      const struct sl_sink_input *inputs, size_t n, const struct sl_part_feed *feed)
{
	*plan = (struct sl_plan){.run = run,
				 .entry = entry,
				 .inputs = inputs,
				 .given = inputs,
				 .n = n,
				 .feed = feed};
	plan->owner = sl_xcalloc(n + 1, sizeof(*plan->owner));
	plan->fate = sl_xcalloc(n + 1, sizeof(*plan->fate));
	for (size_t i = 0; i < n; i++)
		plan->owner[i] = sl_sink_owner(inputs[i].source, inputs[i].name);
}

/* --- the entry's own row --- */

static void source_of(const struct sl_plan *plan, const char **ret, char entry[24])
{
	*ret = plan->n ? plan->inputs[0].source : "";
	snprintf(entry, 24, "%" PRIu64, plan->entry);
}

/* True in *ret when the entry was judged so already under our rules. */
static bool is_judged(struct sl_sink *s, const struct sl_plan *plan, const char *state, bool *ret,
		      struct sl_err *err)
{
	static const char sql[] = "select 1 from sluice.entry where pipeline = $1 and source = $2 "
				  "and entry = cast($3 as bigint) and state = $4 and rev = $5";
	const char *params[] = {s->p->name, NULL, NULL, state, s->p->rev};
	struct sl_str cell;
	char entry[24];

	source_of(plan, &params[1], entry);
	params[2] = entry;
	return sl_sink_row(s, sql, params, 5, &s->arena, &cell, 1, ret, err);
}

bool sl_plan_save_entry(struct sl_sink *s, const struct sl_plan *plan, const char *state,
			struct sl_err *err)
{
	static const char gone[] = "delete from sluice.entry where pipeline = $1 and source = $2 "
				   "and entry = cast($3 as bigint)";
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	const struct sl_outcome *o = &plan->out;
	struct sl_counts sum = {0};
	const char *params[] = {s->p->name, NULL, NULL, plan->run, s->p->rev, state};
	char entry[24];

	source_of(plan, &params[1], entry);
	params[2] = entry;
	for (size_t i = 0; i < plan->n; i++) {
		sum.n_in += plan->inputs[i].counts.n_in;
		sum.ok += plan->inputs[i].counts.ok;
		sum.bad += plan->inputs[i].counts.bad;
		sum.dup += plan->inputs[i].counts.dup;
		sum.filtered += plan->inputs[i].counts.filtered;
	}
	const uint64_t counts[] = {sum.n_in,	 sum.ok,	sum.bad,    sum.dup,
				   sum.filtered, o->inserted,	o->updated, o->unchanged,
				   o->stale,	 o->superseded, o->written};
	sl_buf_adds(&sql,
		    "insert into sluice.entry values ($1, $2, cast($3 as bigint), $4, $5, $6");
	for (size_t i = 0; i < SL_ARRAY_LEN(counts); i++)
		sl_buf_addf(&sql, ", %" PRIu64, counts[i]);
	sl_buf_adds(&sql, ")");
	return sl_sink_exec(s, gone, params, 3, NULL, err) &&
	       sl_sink_exec(s, sl_buf_z(&sql), params, 6, NULL, err);
}

/* --- under the lock --- */

/* Notes the next change number; SL_ERR_AGAIN when other rules are in force. */
static bool check_era(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	static const char sql[] =
		"select era, changes, rev from sluice.pipeline where pipeline = $1";
	struct sl_str cells[3];
	int64_t era = 0;
	bool found;

	if (!sl_sink_row(s, sql, &s->p->name, 1, &s->arena, cells, 3, &found, err))
		return false;
	if (found && sl_num_i64(cells[0], INT64_MIN, INT64_MAX, &era) && era == s->era &&
	    sl_num_i64(cells[1], 0, INT64_MAX - 1, &plan->change)) {
		plan->change++;
		return true;
	}
	sl_err_set(err, SL_ERR_AGAIN,
		   "the rules of pipeline \"%s\" changed while this store ran: ours are %.12s, in "
		   "force are %.12s",
		   s->p->name, s->p->rev, found ? cells[2].p : "none");
	return sl_err_hint(err, "run it again with the rules that are to hold");
}

static bool save_change(struct sl_sink *s, const struct sl_plan *plan, struct sl_err *err)
{
	static const char sql[] = "update sluice.pipeline set changes = cast($2 as bigint) "
				  "where pipeline = $1";
	char change[24];
	const char *params[] = {s->p->name, change};

	snprintf(change, sizeof(change), "%" PRId64, plan->change);
	return !s->latest || !plan->out.written || sl_sink_exec(s, sql, params, 2, NULL, err);
}

static bool replace_append(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	uint64_t removed = 0;
	bool duplicate;

	if (!sl_plan_delete(s, plan, s->table, "_sl_input", NULL, &removed, err) ||
	    !(plan->careful ? sl_refused_copy(s, plan, err)
			    : sl_plan_copy(s, plan, s->p->store.table, 0, &duplicate, err)) ||
	    !sl_sink_need_index(s, &duplicate, err))
		return false;
	plan->out.inserted += plan->rows_live - plan->n_refused;
	plan->out.written += plan->rows_live - plan->n_refused + removed;
	return true;
}

static bool replace_latest(struct sl_sink *s, struct sl_plan *plan, bool staged, struct sl_err *err)
{
	bool empty;

	if (staged)
		return sl_latest_unstage(s, plan, err) && sl_latest_replace(s, plan, err);
	if (!sl_latest_is_empty(s, &empty, err))
		return false;
	if (empty)
		return sl_latest_fill(s, plan, err);
	return sl_latest_stage(s, plan, err) && sl_latest_replace(s, plan, err);
}

/* Rejects of the live inputs that filter names go, those of the plan come. */
static bool replace_rejects(struct sl_sink *s, struct sl_plan *plan, const char *filter,
			    struct sl_err *err)
{
	return sl_plan_delete(s, plan, sl_state_reject.name, "input", filter, NULL, err) &&
	       sl_plan_copy_rejects(s, plan, err);
}

/* Older rejects of the inputs go, those of a refusal of this entry too. */
static bool replace_older_rejects(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	char filter[64];

	snprintf(filter, sizeof(filter), "pipeline = $1 and entry <= %" PRIu64, plan->entry);
	return replace_rejects(s, plan, filter, err);
}

static bool replace_rows(struct sl_sink *s, struct sl_plan *plan, bool staged, struct sl_err *err)
{
	if (!plan->n_live) /* another store was quicker; the next entry stages anew */
		return !staged || sl_latest_drop_stage(s, err);
	if (!(s->latest ? replace_latest(s, plan, staged, err) : replace_append(s, plan, err)))
		return false;
	if (plan->n_refused)
		sl_refused_judge(s, plan);
	if (plan->out.beyond)
		return true;
	const struct sl_outcome *o = &plan->out;
	uint64_t ok = 0;
	for (size_t i = 0; i < plan->n; i++)
		ok += plan->inputs[i].counts.ok;
	if (o->inserted + o->updated + o->unchanged + o->stale + o->superseded != ok)
		return sl_err_set(err, SL_ERR_BUG,
				  "the counts of entry %" PRIu64 " do not add up to %" PRIu64,
				  plan->entry, ok);
	return replace_older_rejects(s, plan, err);
}

/* --- a refused entry --- */

/* An earlier refusal's rejects go; those of rows that the table holds stay. */
static bool replace_refused_rejects(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf filter = SL_BUF_INIT;

	sl_buf_addf(&filter, "pipeline = $1 and entry = %" PRIu64 " and not " SL_REJECT_IS_HELD,
		    plan->entry);
	return replace_rejects(s, plan, sl_buf_z(&filter), err);
}

static bool refuse_in(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	if (!s->eng->lock(s->db, s->p->name, err) || !check_era(s, plan, err) ||
	    !sl_plan_load(s, plan, err))
		return false;
	const struct sl_outcome told = plan->out;
	plan->out = (struct sl_outcome){0}; /* nothing of it is visible */
	if (plan->n_live &&
	    (!sl_plan_find_rejects(plan, err) || !replace_refused_rejects(s, plan, err) ||
	     !sl_plan_save_entry(s, plan, "refused", err)))
		return false;
	plan->out.refused = told.refused;
	plan->out.beyond = told.beyond;
	memcpy(plan->out.refusal, told.refusal, sizeof(told.refusal));
	return s->eng->commit(s->db, err);
}

static bool refuse_plan(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	if (s->eng->begin(s->db, err) && refuse_in(s, plan, err))
		return true;
	s->eng->rollback(s->db);
	return false;
}

/* --- the transaction --- */

static bool switch_in(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	bool empty = true;

	if (s->latest && !sl_latest_is_empty(s, &empty, err))
		return false;
	/* What would be checked at the commit alone is checked with the row that is to blame. */
	if (plan->careful && !s->eng->script(s->db, "set constraints all immediate", err))
		return false;
	bool staged = (!empty || (s->latest && plan->careful)) && plan->n_live;
	if (staged && !sl_latest_stage(s, plan, err))
		return false;
	SL_FAULT("switch.before_lock", err);
	if (!s->eng->lock(s->db, s->p->name, err))
		return false;
	SL_FAULT("switch.after_lock", err);
	if (!check_era(s, plan, err) || !sl_plan_load(s, plan, err) ||
	    !replace_rows(s, plan, staged, err))
		return false;
	if (plan->out.beyond) /* what was tried so far is taken back */
		return true;
	if (!sl_plan_save(s, plan, err) || !sl_plan_save_entry(s, plan, "stored", err) ||
	    !save_change(s, plan, err))
		return false;
	SL_FAULT("switch.before_commit", err);
	if (!s->eng->commit(s->db, err))
		return false;
	SL_FAULT("switch.after_commit", err);
	return true;
}

static bool switch_once(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	const bool ok = s->eng->begin(s->db, err) && switch_in(s, plan, err);

	if (!ok || plan->out.beyond)
		s->eng->rollback(s->db);
	return ok;
}

/* The entry is stored already, and so is every input: nothing is left to write. */
static bool is_done(struct sl_sink *s, struct sl_plan *plan, bool *ret, struct sl_err *err)
{
	bool judged;

	if (!sl_plan_load(s, plan, err) || !is_judged(s, plan, "stored", &judged, err))
		return false;
	*ret = judged && !plan->n_live;
	return true;
}

/* Another store of the same entry was quicker, and removed clean parts that we were reading. */
static bool was_overtaken(struct sl_sink *s, struct sl_plan *plan, const struct sl_err *err)
{
	struct sl_err ignored = SL_ERR_INIT;
	bool done = false;

	plan->out = (struct sl_outcome){0};
	return err->kind == SL_ERR_AGAIN && is_done(s, plan, &done, &ignored) && done;
}

static bool switch_plan(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	struct sl_row_fault fault;
	bool done;

	if (!is_done(s, plan, &done, err))
		return false;
	if (done || switch_once(s, plan, err))
		return true;
	if (was_overtaken(s, plan, err)) {
		sl_err_clear(err);
		return true;
	}
	if (err->kind != SL_ERR_DATA || !s->eng->row_fault || !s->eng->row_fault(s->db, &fault))
		return false;
	sl_log(SL_DEBUG, "the store refuses a row: looking for it", "reason=\"%s\"", err->msg);
	sl_err_clear(err);
	sl_refused_begin(plan);
	return switch_once(s, plan, err) && (!plan->out.beyond || refuse_plan(s, plan, err));
}

bool sl_sink_switch(struct sl_sink *s, const char *run, uint64_t entry,
		    const struct sl_sink_input *inputs, size_t n_inputs,
		    const struct sl_part_feed *feed, struct sl_outcome *ret, struct sl_err *err)
{
	sl_cleanup(plan_release) struct sl_plan plan;

	plan_init(&plan, run, entry, inputs, n_inputs, feed);
	if (!switch_plan(s, &plan, err))
		return false;
	*ret = plan.out;
	return true;
}

bool sl_sink_refuse(struct sl_sink *s, const char *run, uint64_t entry,
		    const struct sl_sink_input *inputs, size_t n_inputs,
		    const struct sl_part_feed *feed, struct sl_err *err)
{
	sl_cleanup(plan_release) struct sl_plan plan;
	bool judged;

	plan_init(&plan, run, entry, inputs, n_inputs, feed);
	if (!is_judged(s, &plan, "refused", &judged, err))
		return false;
	if (judged)
		return true;
	return refuse_plan(s, &plan, err);
}
