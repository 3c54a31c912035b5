/*
 * Clean parts on their way into tables: the live inputs' rows, and their rejects. Both passes open
 * one part at a time, so memory stays at one part.
 */
#include "base/cancel.h"
#include "base/mem.h"
#include "store/sink_private.h"

static void put_reader(struct sl_clean_reader **reader)
{
	sl_clean_close(*reader);
}

static bool open_part(const struct sl_plan *plan, size_t input, size_t chunk, uint32_t part,
		      struct sl_clean_reader **ret, struct sl_err *err)
{
	const struct sl_log_chunk *c = &plan->inputs[input].chunks[chunk];

	if (!sl_cancel_check(err) || !plan->feed->part(plan->feed->ctx, c, part, ret, err))
		return false;
	return *ret || sl_err_set(err, SL_ERR_AGAIN,
				  "part %" PRIu32 " of chunk %.12s is not normalized", part, c->id);
}

static void note_part(struct sl_plan *plan, const struct sl_part_visit *visit)
{
	if (plan->n_parts == plan->cap_parts) {
		plan->cap_parts = plan->cap_parts ? plan->cap_parts * 2 : 64;
		plan->parts = sl_xrealloc(plan->parts, plan->cap_parts, sizeof(*plan->parts));
	}
	plan->parts[plan->n_parts++] = (struct sl_plan_part){
		visit->input, visit->chunk, visit->part, *sl_clean_counts(visit->reader)};
}

/* --- rows --- */

/* Rows that are counted as bad by now. */
static uint64_t refused_of(const struct sl_plan *plan, size_t input)
{
	uint64_t n = 0;

	for (size_t i = 0; plan->judged && i < plan->n_refused; i++)
		n += plan->refused[i].input == input;
	return n;
}

static bool each_part(struct sl_plan *plan, size_t input, sl_visit_fn fn, void *ctx,
		      struct sl_err *err)
{
	const struct sl_sink_input *in = &plan->inputs[input];
	struct sl_part_visit visit = {.input = input};

	for (visit.chunk = 0; visit.chunk < in->n_chunks; visit.chunk++)
		for (visit.part = 0; visit.part < in->chunks[visit.chunk].parts; visit.part++) {
			sl_cleanup(put_reader) struct sl_clean_reader *reader = NULL;
			if (!open_part(plan, input, visit.chunk, visit.part, &reader, err))
				return false;
			visit.reader = reader;
			note_part(plan, &visit);
			if (!fn(ctx, &visit, err))
				return false;
			visit.seq += (int64_t)sl_clean_counts(reader)->ok;
		}
	/* What was judged is what is stored, or nothing is. */
	return (uint64_t)visit.seq == in->counts.ok + refused_of(plan, input) ||
	       sl_err_set(err, SL_ERR_AGAIN,
			  "input \"%s\" has %" PRId64 " rows, %" PRIu64 " were judged", in->name,
			  visit.seq, in->counts.ok);
}

bool sl_plan_each_part(struct sl_plan *plan, sl_visit_fn fn, void *ctx, struct sl_err *err)
{
	plan->n_parts = 0;
	for (size_t i = 0; i < plan->n; i++)
		if (plan->fate[i] == SL_FATE_LIVE && !each_part(plan, i, fn, ctx, err))
			return false;
	return true;
}

/* --- rows that have values the table has no column for --- */

uint64_t sl_plan_left_out(const struct sl_plan *plan)
{
	uint64_t n = 0;

	for (size_t i = 0; i < plan->n_refused; i++)
		n += !plan->refused[i].fault.sqlstate[0] &&
		     plan->fate[plan->refused[i].input] == SL_FATE_LIVE;
	return n;
}

static bool is_lacking(const struct sl_sink *s, const char *name)
{
	for (size_t i = 0; i < s->lacking.n; i++)
		if (strcmp(s->lacking.v[i], name) == 0)
			return true;
	return false;
}

static void leave_out(struct sl_sink *s, struct sl_plan *plan, const struct sl_part_visit *visit,
		      size_t col)
{
	struct sl_row_fault fault = {.text = "the table has no such column"};

	snprintf(fault.column, sizeof(fault.column), "%s", s->contract.cols[col].name);
	for (size_t row = 0; row < s->rows.rows; row++) {
		if (!s->rows.cols[col].valid[row] || s->rows.state[row] != SL_ROW_KEPT)
			continue;
		s->rows.state[row] = SL_ROW_REJECTED;
		sl_refused_add(plan, visit->input, visit->seq + (int64_t)row, &fault);
	}
}

void sl_plan_leave_out(struct sl_sink *s, struct sl_plan *plan, const struct sl_part_visit *visit)
{
	if (s->p->store.evolve != SL_EVOLVE_REJECT || !s->lacking.n)
		return;
	for (size_t col = 0; col < s->contract.n; col++)
		if (is_lacking(s, s->contract.cols[col].name))
			leave_out(s, plan, visit, col);
}

/* --- copying --- */

struct copying {
	struct sl_sink *s;
	struct sl_plan *plan;
};

static bool copy_part(void *ctx, const struct sl_part_visit *visit, struct sl_err *err)
{
	const struct copying *c = ctx;
	struct sl_copy_extra extra = {.input = c->plan->owner[visit->input],
				      .seq = visit->seq,
				      .change = c->plan->change};

	sl_batch_reset(&c->s->rows);
	if (!sl_clean_rows(visit->reader, &c->s->rows, err))
		return false;
	sl_plan_leave_out(c->s, c->plan, visit);
	return c->s->eng->copy_batch(c->s->db, sl_sink_out(c->s), &extra, err);
}

static bool skip_part(void *ctx, const struct sl_part_visit *visit, struct sl_err *err)
{
	(void)ctx;
	(void)visit;
	(void)err;
	return true;
}

bool sl_plan_copy(struct sl_sink *s, struct sl_plan *plan, const char *table, unsigned how,
		  bool *ret_duplicate, struct sl_err *err)
{
	struct copying copying = {s, plan};

	if (s->by_name && strcmp(table, s->p->store.table) == 0)
		how |= SL_COPY_BY_NAME;
	*ret_duplicate = false;
	plan->n_refused = 0;
	if (!s->eng->copy_begin(s->db, table, &s->stored, how, err))
		return false;
	if (!sl_plan_each_part(plan, copy_part, &copying, err)) {
		s->eng->copy_abort(s->db, ret_duplicate);
		return false;
	}
	return s->eng->copy_end(s->db, NULL, ret_duplicate, err);
}

bool sl_plan_find_rejects(struct sl_plan *plan, struct sl_err *err)
{
	return sl_plan_each_part(plan, skip_part, NULL, err);
}

/* --- rejects --- */

/* Columns as in state.c. */
void sl_plan_add_reject(struct sl_batch *b, const struct sl_sink *s, const struct sl_plan *plan,
			const struct sl_plan_part *at, const struct sl_clean_reject *r)
{
	const struct sl_sink_input *in = &plan->inputs[at->input];
	size_t row = sl_batch_add_row(b, (struct sl_pos){0, 0});

	sl_state_set_text(b, row, 0, sl_str_of(s->p->name));
	sl_state_set_text(b, row, 1, sl_str_of(in->source));
	sl_state_set_text(b, row, 2, sl_str_of(in->name));
	sl_state_set_int(b, row, 3, in->edition);
	sl_state_set_int(b, row, 4, in->edition);
	sl_state_set_text(b, row, 5, sl_str_of(s->p->rev));
	sl_state_set_text(b, row, 6, sl_str_of(in->chunks[at->chunk].id));
	sl_state_set_int(b, row, 7, at->part);
	sl_state_set_int(b, row, 8, r->offset);
	sl_state_set_int(b, row, 9, r->length);
	sl_state_set_text(b, row, 10, r->field);
	sl_state_set_text(b, row, 11, r->rule);
	sl_state_set_text(b, row, 12, r->reason);
	sl_state_set_text(b, row, 13, r->excerpt);
}

static bool copy_part_rejects(struct sl_sink *s, const struct sl_plan *plan,
			      const struct sl_plan_part *at, struct sl_batch *b,
			      struct sl_copy_extra *extra, struct sl_err *err)
{
	sl_cleanup(put_reader) struct sl_clean_reader *reader = NULL;
	struct sl_clean_reject *rejects;
	size_t n;

	if (!open_part(plan, at->input, at->chunk, at->part, &reader, err) ||
	    !sl_clean_rejects(reader, &rejects, &n, err))
		return false;
	for (size_t i = 0; i < n;) {
		sl_batch_reset(b);
		while (i < n && b->rows < SL_STATE_ROWS)
			sl_plan_add_reject(b, s, plan, at, &rejects[i++]);
		if (!s->eng->copy_batch(s->db, b, extra, err))
			return false;
	}
	return true;
}

/* What another store made visible since it was read is not ours to tell of. */
static bool has_rejects(const struct sl_plan *plan, const struct sl_plan_part *part)
{
	return plan->fate[part->input] == SL_FATE_LIVE && (part->counts.bad || part->counts.dup);
}

static bool copy_rejects(struct sl_sink *s, struct sl_plan *plan, struct sl_batch *b,
			 struct sl_err *err)
{
	struct sl_copy_extra extra = {.input = 0};

	for (size_t i = 0; i < plan->n_parts; i++) {
		const struct sl_plan_part *part = &plan->parts[i];
		int64_t owner = plan->owner[part->input];
		if (!has_rejects(plan, part))
			continue;
		if (owner != extra.input)
			extra = (struct sl_copy_extra){.input = owner};
		if (!copy_part_rejects(s, plan, part, b, &extra, err))
			return false;
	}
	return !plan->n_refused || sl_refused_copy_rejects(s, plan, b, err);
}

static bool any_rejects(const struct sl_plan *plan)
{
	for (size_t i = 0; i < plan->n_parts; i++)
		if (has_rejects(plan, &plan->parts[i]))
			return true;
	return plan->n_refused > 0;
}

bool sl_plan_copy_rejects(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	return !any_rejects(plan) || sl_state_copy(s, plan, &sl_state_reject, copy_rejects, err);
}

/* --- counts of parts --- */

/* Columns as in state.c. */
static void add_part(struct sl_batch *b, const struct sl_sink *s, const struct sl_plan *plan,
		     const struct sl_plan_part *part, uint64_t refused)
{
	const struct sl_sink_input *in = &plan->inputs[part->input];
	const struct sl_counts *c = &part->counts;
	size_t row = sl_batch_add_row(b, (struct sl_pos){0, 0});

	sl_state_set_text(b, row, 0, sl_str_of(s->p->name));
	sl_state_set_text(b, row, 1, sl_str_of(in->source));
	sl_state_set_text(b, row, 2, sl_str_of(in->name));
	sl_state_set_text(b, row, 3, sl_str_of(in->chunks[part->chunk].id));
	sl_state_set_int(b, row, 4, part->part);
	sl_state_set_int(b, row, 5, c->n_in);
	sl_state_set_int(b, row, 6, c->ok - refused);
	sl_state_set_int(b, row, 7, c->bad + refused);
	sl_state_set_int(b, row, 8, c->dup);
	sl_state_set_int(b, row, 9, c->filtered);
}

/* How many rows of a part, whose first one is seq, the engine refused: they stand in the same order
 * from *next on. */
static uint64_t take_refused(const struct sl_plan *plan, const struct sl_plan_part *part,
			     int64_t seq, size_t *next)
{
	const int64_t end = seq + (int64_t)part->counts.ok;
	const size_t first = *next;

	while (*next < plan->n_refused && plan->refused[*next].input == part->input &&
	       plan->refused[*next].seq < end)
		++*next;
	return *next - first;
}

/* A batch holds parts of one input. */
static bool copy_parts(struct sl_sink *s, struct sl_plan *plan, struct sl_batch *b,
		       struct sl_err *err)
{
	struct sl_copy_extra extra = {.input = 0};
	size_t next = 0;
	int64_t seq = 0;

	for (size_t i = 0; i < plan->n_parts; i++) {
		const struct sl_plan_part *part = &plan->parts[i];
		if (plan->fate[part->input] != SL_FATE_LIVE)
			continue;
		const int64_t owner = plan->owner[part->input];
		if ((b->rows == SL_STATE_ROWS || owner != extra.input) && b->rows) {
			if (!s->eng->copy_batch(s->db, b, &extra, err))
				return false;
			sl_batch_reset(b);
		}
		if (owner != extra.input) {
			extra = (struct sl_copy_extra){.input = owner};
			seq = 0;
		}
		add_part(b, s, plan, part, take_refused(plan, part, seq, &next));
		seq += (int64_t)part->counts.ok;
	}
	return !b->rows || s->eng->copy_batch(s->db, b, &extra, err);
}

bool sl_plan_copy_parts(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	return sl_state_copy(s, plan, &sl_state_part, copy_parts, err);
}
