/*
 * `applied`: which edition of every input a table holds, made under which rules. From it comes each
 * input's fate in a switch, and nothing else is believed.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/sink_private.h"

#define STEP 500 /* owners in one statement */

int64_t sl_sink_owner(const char *source, const char *input)
{
	struct sl_hash h;

	sl_hash_init(&h);
	sl_hash_strz(&h, source);
	sl_hash_strz(&h, input);
	return sl_hash_i64(&h);
}

bool sl_sink_applied(struct sl_sink *s, const char *source, const char *input,
		     uint64_t *ret_edition, char ret_rev[SL_HASH_HEX], struct sl_counts *ret_counts,
		     struct sl_err *err)
{
	static const char sql[] = "select rev, edition, n_in, ok, bad, dup, filtered "
				  "from sluice.applied "
				  "where pipeline = $1 and input = cast($2 as bigint)";
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_counts *c = ret_counts;
	uint64_t *numbers[] = {ret_edition, &c->n_in, &c->ok, &c->bad, &c->dup, &c->filtered};
	char owner[24];
	const char *params[] = {s->p->name, owner};
	struct sl_str cells[1 + SL_ARRAY_LEN(numbers)];
	bool found;

	snprintf(owner, sizeof(owner), "%" PRId64, sl_sink_owner(source, input));
	if (!sl_sink_row(s, sql, params, 2, &arena, cells, SL_ARRAY_LEN(cells), &found, err))
		return false;
	*ret_edition = 0;
	*ret_counts = (struct sl_counts){0};
	ret_rev[0] = '\0';
	if (!found)
		return true;
	snprintf(ret_rev, SL_HASH_HEX, SL_STR_FMT, SL_STR_ARG(cells[0]));
	for (size_t i = 0; i < SL_ARRAY_LEN(numbers); i++)
		if (!sl_num_u64(cells[1 + i], UINT64_MAX, numbers[i]))
			return sl_err_set(err, SL_ERR_CONFIG, "table sluice.applied is damaged");
	return true;
}

/* --- the inputs of a plan --- */

struct by_owner {
	int64_t owner;
	size_t input;
};

static int cmp_owner(const void *a, const void *b)
{
	int64_t x = ((const struct by_owner *)a)->owner, y = ((const struct by_owner *)b)->owner;

	return (x > y) - (x < y);
}

struct load {
	struct sl_sink *s;
	struct sl_plan *plan;
	const struct by_owner *sorted;
};

static bool load_row(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		     const struct sl_str *cells, struct sl_err *err)
{
	struct load *load = ctx;
	struct by_owner key = {0, 0};
	uint64_t edition;

	(void)cols;
	(void)n_cols;
	if (!sl_num_i64(cells[0], INT64_MIN, INT64_MAX, &key.owner) ||
	    !sl_num_u64(cells[1], UINT64_MAX, &edition))
		return sl_err_set(err, SL_ERR_CONFIG, "table sluice.applied is damaged");
	const struct by_owner *found =
		bsearch(&key, load->sorted, load->plan->n, sizeof(key), cmp_owner);
	if (!found)
		return true;
	uint64_t ours = load->plan->inputs[found->input].edition;
	enum sl_fate *fate = &load->plan->fate[found->input];
	if (edition > ours)
		*fate = SL_FATE_SUPERSEDED;
	else if (edition == ours && sl_str_eqz(cells[2], load->s->p->rev))
		*fate = SL_FATE_SAME;
	return true;
}

static void add_owners(struct sl_buf *sql, const int64_t *owners, size_t n)
{
	sl_buf_adds(sql, " in (");
	for (size_t i = 0; i < n; i++)
		sl_buf_addf(sql, "%s%" PRId64, i ? "," : "", owners[i]);
	sl_buf_addc(sql, ')');
}

static bool load_all(struct load *load, struct sl_err *err)
{
	struct sl_plan *plan = load->plan;
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	for (size_t at = 0; at < plan->n; at += STEP) {
		size_t n = plan->n - at < STEP ? plan->n - at : STEP;
		sl_buf_clear(&sql);
		sl_buf_adds(&sql, "select input, edition, rev from sluice.applied "
				  "where pipeline = $1 and input");
		add_owners(&sql, plan->owner + at, n);
		if (!load->s->eng->query(load->s->db, sl_buf_z(&sql), &load->s->p->name, 1, NULL,
					 load_row, load, err))
			return false;
	}
	return true;
}

bool sl_plan_load(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	sl_cleanup(sl_freep) struct by_owner *sorted = sl_xcalloc(plan->n + 1, sizeof(*sorted));
	struct load load = {s, plan, sorted};

	for (size_t i = 0; i < plan->n; i++) {
		sorted[i] = (struct by_owner){plan->owner[i], i};
		plan->fate[i] = SL_FATE_LIVE;
	}
	qsort(sorted, plan->n, sizeof(*sorted), cmp_owner);
	if (!load_all(&load, err))
		return false;
	plan->n_live = 0;
	plan->rows_live = 0;
	plan->out.unchanged = 0;
	plan->out.superseded = 0;
	for (size_t i = 0; i < plan->n; i++) {
		uint64_t ok = plan->inputs[i].counts.ok;
		bool live = plan->fate[i] == SL_FATE_LIVE;
		plan->n_live += live;
		plan->rows_live += live ? ok : 0;
		plan->out.unchanged += plan->fate[i] == SL_FATE_SAME ? ok : 0;
		plan->out.superseded += plan->fate[i] == SL_FATE_SUPERSEDED ? ok : 0;
	}
	return true;
}

/* Live owners in the order of inputs. */
static int64_t *live_owners(const struct sl_plan *plan)
{
	int64_t *v = sl_xcalloc(plan->n_live + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++)
		if (plan->fate[i] == SL_FATE_LIVE)
			v[n++] = plan->owner[i];
	return v;
}

bool sl_plan_delete(struct sl_sink *s, const struct sl_plan *plan, const char *table,
		    const char *column, const char *filter, uint64_t *removed, struct sl_err *err)
{
	sl_cleanup(sl_freep) int64_t *owners = live_owners(plan);
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	size_t n_params = filter ? 1 : 0;

	for (size_t at = 0; at < plan->n_live; at += STEP) {
		size_t n = plan->n_live - at < STEP ? plan->n_live - at : STEP;
		uint64_t gone = 0;
		sl_buf_clear(&sql);
		sl_buf_addf(&sql, "delete from %s where %s%s%s", table, filter ? filter : "",
			    filter ? " and " : "", column);
		add_owners(&sql, owners + at, n);
		if (!sl_sink_exec(s, sl_buf_z(&sql), &s->p->name, n_params, &gone, err))
			return false;
		if (removed)
			*removed += gone;
	}
	return true;
}

/* Columns as in state.c. */
static void add_applied(struct sl_batch *b, const struct sl_sink *s, const struct sl_sink_input *in)
{
	const struct sl_counts *c = &in->counts;

	sl_batch_reset(b);
	size_t row = sl_batch_add_row(b, (struct sl_pos){0, 0});

	sl_state_set_text(b, row, 0, sl_str_of(s->p->name));
	sl_state_set_text(b, row, 1, sl_str_of(in->source));
	sl_state_set_int(b, row, 2, in->source_index);
	sl_state_set_text(b, row, 3, sl_str_of(in->name));
	sl_state_set_int(b, row, 4, in->edition);
	sl_state_set_int(b, row, 5, in->place);
	sl_state_set_text(b, row, 6, sl_str_of(s->p->rev));
	sl_state_set_int(b, row, 7, c->n_in);
	sl_state_set_int(b, row, 8, c->ok);
	sl_state_set_int(b, row, 9, c->bad);
	sl_state_set_int(b, row, 10, c->dup);
	sl_state_set_int(b, row, 11, c->filtered);
}

static bool copy_applied(struct sl_sink *s, struct sl_plan *plan, struct sl_batch *b,
			 struct sl_err *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct sl_copy_extra extra = {.input = plan->owner[i]};
		if (plan->fate[i] != SL_FATE_LIVE)
			continue;
		add_applied(b, s, &plan->inputs[i]);
		if (!s->eng->copy_batch(s->db, b, &extra, err))
			return false;
	}
	return true;
}

bool sl_plan_save(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	return !plan->n_live ||
	       (sl_plan_delete(s, plan, sl_state_applied.name, "input", "pipeline = $1", NULL,
			       err) &&
		sl_plan_delete(s, plan, sl_state_part.name, "input", "pipeline = $1", NULL, err) &&
		sl_state_copy(s, plan, &sl_state_applied, copy_applied, err) &&
		sl_plan_copy_parts(s, plan, err));
}
