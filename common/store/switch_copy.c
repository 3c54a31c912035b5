/*
 * Clean parts on their way into tables: the live inputs' rows, and their rejects. Both passes open
 * one part at a time, so memory stays at one part.
 */
#include "base/cancel.h"
#include "base/mem.h"
#include "store/sink_private.h"

#define REJECT_ROWS 1024

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

static void note_rejects(struct sl_plan *plan, struct sl_reject_part at,
			 const struct sl_counts *counts)
{
	if (!counts->bad && !counts->dup)
		return;
	if (plan->n_rejects == plan->cap_rejects) {
		plan->cap_rejects = plan->cap_rejects ? plan->cap_rejects * 2 : 64;
		plan->rejects =
			sl_xrealloc(plan->rejects, plan->cap_rejects, sizeof(*plan->rejects));
	}
	plan->rejects[plan->n_rejects++] = at;
}

/* --- rows --- */

typedef bool (*part_fn)(struct sl_sink *s, struct sl_clean_reader *reader,
			struct sl_copy_extra *extra, struct sl_err *err);

static bool copy_part(struct sl_sink *s, struct sl_clean_reader *reader,
		      struct sl_copy_extra *extra, struct sl_err *err)
{
	sl_batch_reset(&s->rows);
	return sl_clean_rows(reader, &s->rows, err) &&
	       s->eng->copy_batch(s->db, &s->rows, extra, err);
}

static bool skip_part(struct sl_sink *s, struct sl_clean_reader *reader,
		      struct sl_copy_extra *extra, struct sl_err *err)
{
	(void)s;
	(void)err;
	extra->seq += (int64_t)sl_clean_counts(reader)->ok;
	return true;
}

static bool each_part(struct sl_sink *s, struct sl_plan *plan, size_t input, part_fn fn,
		      struct sl_err *err)
{
	const struct sl_sink_input *in = &plan->inputs[input];
	struct sl_copy_extra extra = {.input = plan->owner[input], .change = plan->change};

	for (size_t c = 0; c < in->n_chunks; c++)
		for (uint32_t k = 0; k < in->chunks[c].parts; k++) {
			sl_cleanup(put_reader) struct sl_clean_reader *reader = NULL;
			if (!open_part(plan, input, c, k, &reader, err))
				return false;
			note_rejects(plan, (struct sl_reject_part){input, c, k},
				     sl_clean_counts(reader));
			if (!fn(s, reader, &extra, err))
				return false;
		}
	/* What was judged is what is stored, or nothing is. */
	return (uint64_t)extra.seq == in->counts.ok ||
	       sl_err_set(err, SL_ERR_AGAIN,
			  "input \"%s\" has %" PRId64 " rows, %" PRIu64 " were judged", in->name,
			  extra.seq, in->counts.ok);
}

static bool each_live(struct sl_sink *s, struct sl_plan *plan, part_fn fn, struct sl_err *err)
{
	plan->n_rejects = 0;
	for (size_t i = 0; i < plan->n; i++)
		if (plan->fate[i] == SL_FATE_LIVE && !each_part(s, plan, i, fn, err))
			return false;
	return true;
}

bool sl_plan_copy(struct sl_sink *s, struct sl_plan *plan, const char *table, bool with_change,
		  bool *ret_duplicate, struct sl_err *err)
{
	*ret_duplicate = false;
	if (!s->eng->copy_begin(s->db, table, &s->stored, with_change, err))
		return false;
	if (!each_live(s, plan, copy_part, err)) {
		s->eng->copy_abort(s->db, ret_duplicate);
		return false;
	}
	return s->eng->copy_end(s->db, NULL, ret_duplicate, err);
}

bool sl_plan_find_rejects(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	return each_live(s, plan, skip_part, err);
}

/* --- rejects --- */

static void set_text(struct sl_batch *b, size_t row, size_t col, struct sl_str text)
{
	b->cols[col].valid[row] = text.p != NULL;
	b->cols[col].u.str[row] = text;
}

static void set_int(struct sl_batch *b, size_t row, size_t col, uint64_t value)
{
	b->cols[col].valid[row] = 1;
	b->cols[col].u.i64[row] = (int64_t)value;
}

/* Columns as in state.c. */
static void fill_reject(struct sl_batch *b, const struct sl_sink *s, const struct sl_plan *plan,
			struct sl_reject_part at, const struct sl_clean_reject *r)
{
	const struct sl_sink_input *in = &plan->inputs[at.input];
	size_t row = sl_batch_add_row(b, (struct sl_pos){0, 0});

	set_text(b, row, 0, sl_str_of(s->p->name));
	set_text(b, row, 1, sl_str_of(in->source));
	set_text(b, row, 2, sl_str_of(in->name));
	set_int(b, row, 3, in->edition);
	set_int(b, row, 4, in->edition);
	set_text(b, row, 5, sl_str_of(s->p->rev));
	set_text(b, row, 6, sl_str_of(in->chunks[at.chunk].id));
	set_int(b, row, 7, at.part);
	set_int(b, row, 8, r->offset);
	set_int(b, row, 9, r->length);
	set_text(b, row, 10, r->field);
	set_text(b, row, 11, r->rule);
	set_text(b, row, 12, r->reason);
	set_text(b, row, 13, r->excerpt);
}

static bool copy_part_rejects(struct sl_sink *s, struct sl_plan *plan, struct sl_reject_part at,
			      struct sl_batch *b, struct sl_copy_extra *extra, struct sl_err *err)
{
	sl_cleanup(put_reader) struct sl_clean_reader *reader = NULL;
	struct sl_clean_reject *rejects;
	size_t n;

	if (!open_part(plan, at.input, at.chunk, at.part, &reader, err) ||
	    !sl_clean_rejects(reader, &rejects, &n, err))
		return false;
	for (size_t i = 0; i < n;) {
		sl_batch_reset(b);
		while (i < n && b->rows < REJECT_ROWS)
			fill_reject(b, s, plan, at, &rejects[i++]);
		if (!s->eng->copy_batch(s->db, b, extra, err))
			return false;
	}
	return true;
}

static bool copy_rejects(struct sl_sink *s, struct sl_plan *plan, struct sl_batch *b,
			 struct sl_err *err)
{
	struct sl_copy_extra extra = {.input = 0};
	bool duplicate;

	if (!s->eng->copy_begin(s->db, sl_state_reject.name, b->schema, false, err))
		return false;
	for (size_t i = 0; i < plan->n_rejects; i++) {
		int64_t owner = plan->owner[plan->rejects[i].input];
		if (owner != extra.input)
			extra = (struct sl_copy_extra){.input = owner};
		if (!copy_part_rejects(s, plan, plan->rejects[i], b, &extra, err)) {
			s->eng->copy_abort(s->db, NULL);
			return false;
		}
	}
	return s->eng->copy_end(s->db, NULL, &duplicate, err);
}

bool sl_plan_copy_rejects(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	sl_cleanup(sl_schema_release) struct sl_schema schema = SL_SCHEMA_INIT;
	struct sl_batch b;

	if (!plan->n_rejects)
		return true;
	for (size_t i = 0; i < sl_state_reject.n; i++)
		sl_schema_add(&schema, sl_state_reject.cols[i].name, sl_state_reject.cols[i].type);
	sl_batch_init(&b, &schema, REJECT_ROWS);
	bool ok = copy_rejects(s, plan, &b, err);
	sl_batch_release(&b);
	return ok;
}
