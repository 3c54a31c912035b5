/*
 * Rows that the engine refuses: a constraint or a trigger that somebody put on the table, a value
 * that only this server cannot hold. One such row must not keep its entry out for ever. The switch
 * is done once more: what is written is tried in a savepoint, halved where something is at fault,
 * and a single row that is left becomes a reject. The halves are taken in order, so of two rows that
 * exclude one another the first stays. The counts follow: what is refused is bad and no longer ok.
 */
#include "base/mem.h"
#include "store/sink_private.h"

#define REASON_MAX 256
#define SHOWN 20 /* refused rows that are looked for although the limit is passed */

void sl_halves_push(struct sl_halves *h, int64_t from, int64_t to)
{
	SL_ASSERT(h->n < SL_ARRAY_LEN(h->from));
	h->from[h->n] = from;
	h->to[h->n++] = to;
}

bool sl_halves_pop(struct sl_halves *h, int64_t *from, int64_t *to)
{
	if (!h->n)
		return false;
	*from = h->from[--h->n];
	*to = h->to[h->n];
	return true;
}

void sl_refused_begin(struct sl_plan *plan)
{
	plan->careful = true;
	plan->n_refused = 0;
	plan->inputs = plan->given;
	free(plan->judged);
	plan->judged = NULL;
	plan->out = (struct sl_outcome){0};
}

void sl_refused_release(struct sl_plan *plan)
{
	free(plan->judged);
	free(plan->refused);
}

bool sl_refused_try(struct sl_sink *s, sl_try_fn fn, void *ctx, bool *ret_taken,
		    struct sl_row_fault *fault, struct sl_err *err)
{
	struct sl_err why = SL_ERR_INIT;

	if (!s->eng->script(s->db, "savepoint sl_row", err))
		return false;
	*ret_taken = fn(ctx, &why);
	if (*ret_taken)
		return s->eng->script(s->db, "release savepoint sl_row", err);
	if (why.kind == SL_ERR_DATA && s->eng->row_fault(s->db, fault))
		return s->eng->script(
			s->db, "rollback to savepoint sl_row; release savepoint sl_row", err);
	*err = why;
	return false;
}

void sl_refused_add(struct sl_plan *plan, size_t input, int64_t seq,
		    const struct sl_row_fault *fault)
{
	if (plan->n_refused == plan->cap_refused) {
		plan->cap_refused = plan->cap_refused ? plan->cap_refused * 2 : 64;
		plan->refused =
			sl_xrealloc(plan->refused, plan->cap_refused, sizeof(*plan->refused));
	}
	plan->refused[plan->n_refused++] = (struct sl_refused){input, seq, *fault};
}

static struct sl_counts sum_counts(const struct sl_plan *plan)
{
	struct sl_counts sum = {0};

	for (size_t i = 0; i < plan->n; i++)
		sl_counts_add(&sum, &plan->inputs[i].counts);
	return sum;
}

bool sl_refused_enough(const struct sl_sink *s, const struct sl_plan *plan)
{
	struct sl_counts sum = sum_counts(plan);

	sum.bad += plan->n_refused;
	return plan->n_refused >= SHOWN && sl_beyond_limit(s->p, &sum);
}

static int by_place(const void *a, const void *b)
{
	const struct sl_refused *x = a, *y = b;

	if (x->input != y->input)
		return x->input < y->input ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static void reason_of(const struct sl_row_fault *f, char out[REASON_MAX])
{
	if (f->sqlstate[0])
		snprintf(out, REASON_MAX, "%s (SQLSTATE %s)", f->text, f->sqlstate);
	else
		snprintf(out, REASON_MAX, "%s", f->text);
}

/* Of inputs that another store made visible meanwhile there is nothing to tell. */
static void drop_dead(struct sl_plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_refused; i++)
		if (plan->fate[plan->refused[i].input] == SL_FATE_LIVE)
			plan->refused[n++] = plan->refused[i];
	plan->n_refused = n;
}

void sl_refused_judge(const struct sl_sink *s, struct sl_plan *plan)
{
	char reason[REASON_MAX];

	drop_dead(plan);
	if (!plan->n_refused)
		return;
	qsort(plan->refused, plan->n_refused, sizeof(*plan->refused), by_place);
	plan->judged = sl_xcalloc(plan->n + 1, sizeof(*plan->judged));
	memcpy(plan->judged, plan->inputs, plan->n * sizeof(*plan->judged));
	for (size_t i = 0; i < plan->n_refused; i++) {
		struct sl_counts *c = &plan->judged[plan->refused[i].input].counts;
		c->ok--;
		c->bad++;
	}
	plan->inputs = plan->judged;
	const struct sl_counts sum = sum_counts(plan);
	plan->out.beyond = sl_beyond_limit(s->p, &sum);
	plan->out.refused = plan->n_refused;
	const struct sl_row_fault *first = &plan->refused[0].fault;
	reason_of(first, reason);
	snprintf(plan->out.refusal, sizeof(plan->out.refusal), "%s%s%s", first->column,
		 first->column[0] ? ": " : "", reason);
}

/* --- copying --- */

struct part_copy {
	struct sl_sink *s;
	struct sl_plan *plan;
	const struct sl_part_visit *visit;
	size_t from, to; /* rows of the part */
	uint8_t *state;	 /* of the part's rows, before ranges are tried */
};

static bool copy_range(void *ctx, struct sl_err *err)
{
	struct part_copy *c = ctx;
	struct sl_sink *s = c->s;
	struct sl_copy_extra extra = {.input = c->plan->owner[c->visit->input],
				      .seq = c->visit->seq,
				      .change = c->plan->change};
	bool duplicate;

	for (size_t i = 0; i < s->rows.rows; i++)
		s->rows.state[i] = i >= c->from && i < c->to ? c->state[i] : SL_ROW_FILTERED;
	if (!s->eng->copy_begin(s->db, s->p->store.table, &s->stored,
				s->by_name ? SL_COPY_BY_NAME : 0, err))
		return false;
	if (!s->eng->copy_batch(s->db, sl_sink_out(s), &extra, err)) {
		s->eng->copy_abort(s->db, NULL);
		return false;
	}
	return s->eng->copy_end(s->db, NULL, &duplicate, err);
}

static bool copy_part(void *ctx, const struct sl_part_visit *visit, struct sl_err *err)
{
	struct part_copy *c = ctx;
	struct sl_halves halves = {.n = 0};
	struct sl_row_fault fault;
	int64_t from, to;
	bool taken;

	c->visit = visit;
	sl_batch_reset(&c->s->rows);
	if (!sl_clean_rows(visit->reader, &c->s->rows, err))
		return false;
	sl_plan_leave_out(c->s, c->plan, visit);
	memcpy(c->state, c->s->rows.state, c->s->rows.rows);
	if (c->s->rows.rows)
		sl_halves_push(&halves, 0, (int64_t)c->s->rows.rows);
	while (!sl_refused_enough(c->s, c->plan) && sl_halves_pop(&halves, &from, &to)) {
		c->from = (size_t)from;
		c->to = (size_t)to;
		if (!sl_refused_try(c->s, copy_range, c, &taken, &fault, err))
			return false;
		if (!taken && to - from == 1) {
			sl_refused_add(c->plan, visit->input, visit->seq + from, &fault);
		} else if (!taken) {
			sl_halves_push(&halves, (from + to) / 2, to);
			sl_halves_push(&halves, from, (from + to) / 2);
		}
	}
	return true;
}

bool sl_refused_copy(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	sl_cleanup(sl_freep) uint8_t *state = sl_xcalloc(SL_PART_ROWS, sizeof(*state));
	struct part_copy c = {.s = s, .plan = plan, .state = state};

	return sl_plan_each_part(plan, copy_part, &c, err);
}

/* --- rejects --- */

struct placing {
	struct sl_sink *s;
	struct sl_plan *plan;
	struct sl_batch *b;
	size_t next; /* of the refused rows */
};

/* The refused rows of one part, from x->next on. */
static bool reject_rows(struct placing *x, const struct sl_part_visit *visit, size_t n,
			struct sl_err *err)
{
	const struct sl_plan *plan = x->plan;
	const struct sl_refused *refused = plan->refused + x->next;
	const struct sl_log_chunk *chunk = &plan->inputs[visit->input].chunks[visit->chunk];
	sl_cleanup(sl_freep) uint32_t *rows = sl_xcalloc(n, sizeof(*rows));
	sl_cleanup(sl_freep) struct sl_clean_reject *rejects = sl_xcalloc(n, sizeof(*rejects));
	struct sl_copy_extra extra = {.input = plan->owner[visit->input]};
	char reason[REASON_MAX];

	for (size_t i = 0; i < n; i++)
		rows[i] = (uint32_t)(refused[i].seq - visit->seq);
	if (!plan->feed->places(plan->feed->ctx, chunk, visit->part, rows, n, rejects, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		reason_of(&refused[i].fault, reason);
		rejects[i].field = sl_str_of(refused[i].fault.column);
		rejects[i].rule = SL_STR("store");
		rejects[i].reason = sl_str_of(reason);
		sl_batch_reset(x->b);
		sl_plan_add_reject(x->b, x->s, plan,
				   &(struct sl_plan_part){.input = visit->input,
							  .chunk = visit->chunk,
							  .part = visit->part},
				   &rejects[i]);
		if (!x->s->eng->copy_batch(x->s->db, x->b, &extra, err))
			return false;
	}
	x->next += n;
	return true;
}

static bool place_part(void *ctx, const struct sl_part_visit *visit, struct sl_err *err)
{
	struct placing *x = ctx;
	const struct sl_refused *refused = x->plan->refused;
	const int64_t end = visit->seq + (int64_t)sl_clean_counts(visit->reader)->ok;
	size_t n = 0;

	while (x->next + n < x->plan->n_refused && refused[x->next + n].input == visit->input &&
	       refused[x->next + n].seq < end)
		n++;
	return !n || reject_rows(x, visit, n, err);
}

bool sl_refused_copy_rejects(struct sl_sink *s, struct sl_plan *plan, struct sl_batch *b,
			     struct sl_err *err)
{
	struct placing x = {.s = s, .plan = plan, .b = b};

	return sl_plan_each_part(plan, place_part, &x, err);
}
