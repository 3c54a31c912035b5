/*
 * What the verdicts say is done (see store/switch_judge.c): one UPDATE, one for owners alone, one
 * INSERT. Careful, when the engine refused a row: the same by ranges of verdicts, halved until only
 * the row at fault is left out.
 */
#include "base/num.h"
#include "store/sink_private.h"

static void add_insert(const struct sl_sink *s, struct sl_buf *sql)
{
	sl_buf_addf(sql, "insert into %s (", s->table);
	sl_sql_copy_columns(sql, &s->stored, true);
	sl_buf_adds(sql, ") select ");
}

/* What the contract no longer has is not kept in a row that is written anew. */
static void add_lost(const struct sl_sink *s, struct sl_buf *sql)
{
	for (size_t i = 0; i < s->lost.n; i++) {
		sl_sql_ident(sql, s->lost.v[i]);
		sl_buf_adds(sql, " = null, ");
	}
}

/* The verdicts with what they were passed on, the stage's rows. */
static void add_staged(const struct sl_sink *s, struct sl_buf *sql, const char *word)
{
	sl_buf_addf(sql,
		    " %s _sl_verdict v join " SL_STAGE " s on s.%s = v._sl_staged "
		    "and s._sl_input = v._sl_input where ",
		    word, s->eng->row_id);
}

void sl_latest_add_update(const struct sl_sink *s, struct sl_buf *sql, const char *from)
{
	sl_buf_addf(sql, "update %s as t set ", s->table);
	for (size_t i = 0; i < s->stored.n; i++) {
		if (sl_latest_is_key(s, s->stored.cols[i].name))
			continue;
		sl_sql_ident(sql, s->stored.cols[i].name);
		sl_buf_addf(sql, " = %s.", from);
		sl_sql_ident(sql, s->stored.cols[i].name);
		sl_buf_adds(sql, ", ");
	}
	add_lost(s, sql);
	sl_buf_addf(sql, "_sl_input = %s._sl_input, _sl_seq = %s._sl_seq", from, from);
}

static bool update_rows(struct sl_sink *s, const struct sl_plan *plan, const char *only,
			struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_latest_add_update(s, &sql, "s");
	sl_buf_addf(&sql, ", _sl_change = %" PRId64, plan->change);
	add_staged(s, &sql, "from");
	sl_buf_addf(&sql, "v._sl_verdict = %d and ", V_UPDATE);
	sl_latest_add_key_equal(s, &sql, "t", "s");
	sl_buf_adds(&sql, only);
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

static bool update_owners(struct sl_sink *s, const char *only, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_buf_addf(&sql, "update %s as t set ", s->table);
	add_lost(s, &sql);
	sl_buf_adds(&sql, "_sl_input = v._sl_input, _sl_seq = v._sl_seq");
	add_staged(s, &sql, "from");
	sl_buf_addf(&sql, "v._sl_verdict = %d and ", V_OWNER);
	sl_latest_add_key_equal(s, &sql, "t", "s");
	sl_buf_adds(&sql, only);
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

static bool insert_rows(struct sl_sink *s, const struct sl_plan *plan, const char *only,
			struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	add_insert(s, &sql);
	sl_sink_add_columns(s, &sql, "s.");
	sl_buf_addf(&sql, ", v._sl_input, v._sl_seq, %" PRId64, plan->change);
	add_staged(s, &sql, "from");
	sl_buf_addf(&sql, "v._sl_verdict = %d%s", V_INSERT, only);
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

static bool take_count(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		       const struct sl_str *cells, struct sl_err *err)
{
	uint64_t *counts = ctx, verdict, n;

	(void)cols;
	(void)n_cols;
	if (!sl_num_u64(cells[0], V_COUNT - 1, &verdict) || !sl_num_u64(cells[1], UINT64_MAX, &n))
		return sl_err_set(err, SL_ERR_BUG, "a verdict that is none");
	counts[verdict] = n;
	return true;
}

static bool count_verdicts(struct sl_sink *s, uint64_t counts[V_COUNT], struct sl_err *err)
{
	static const char sql[] =
		"select _sl_verdict, count(*) from _sl_verdict group by _sl_verdict";

	return s->eng->query(s->db, sql, NULL, 0, NULL, take_count, counts, err);
}

/* Instead of updates: the same rows are there afterwards. */
static bool rewrite_rows(struct sl_sink *s, const struct sl_plan *plan, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_buf_addf(&sql, "delete from %s as t", s->table);
	add_staged(s, &sql, "using");
	sl_buf_addf(&sql, "v._sl_verdict in (%d, %d) and ", V_UPDATE, V_OWNER);
	sl_latest_add_key_equal(s, &sql, "t", "s");
	sl_buf_adds(&sql, "; ");
	add_insert(s, &sql);
	sl_sink_add_columns(s, &sql, "s.");
	sl_buf_addf(&sql,
		    ", v._sl_input, v._sl_seq, "
		    "case when v._sl_verdict = %d then v._sl_change else %" PRId64 " end",
		    V_OWNER, plan->change);
	add_staged(s, &sql, "from");
	sl_buf_addf(&sql, "v._sl_verdict in (%d, %d)", V_UPDATE, V_OWNER);
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

static bool change_rows(struct sl_sink *s, const struct sl_plan *plan,
			const uint64_t counts[V_COUNT], struct sl_err *err)
{
	if (s->eng->rewrites)
		return !(counts[V_UPDATE] + counts[V_OWNER]) || rewrite_rows(s, plan, err);
	return (!counts[V_UPDATE] || update_rows(s, plan, "", err)) &&
	       (!counts[V_OWNER] || update_owners(s, "", err));
}

static bool apply_all(struct sl_sink *s, const struct sl_plan *plan, uint64_t counts[V_COUNT],
		      struct sl_err *err)
{
	return count_verdicts(s, counts, err) && change_rows(s, plan, counts, err) &&
	       (!counts[V_INSERT] || insert_rows(s, plan, "", err));
}

/* --- careful --- */

struct apply {
	struct sl_sink *s;
	struct sl_plan *plan;
	int64_t from, to;	   /* numbers of verdicts */
	struct sl_row_fault fault; /* of the row that is being refused */
};

static bool apply_range(void *ctx, struct sl_err *err)
{
	const struct apply *a = ctx;
	char only[80];

	snprintf(only, sizeof(only), " and v._sl_n >= %" PRId64 " and v._sl_n < %" PRId64, a->from,
		 a->to);
	return update_rows(a->s, a->plan, only, err) && update_owners(a->s, only, err) &&
	       insert_rows(a->s, a->plan, only, err);
}

static bool take_refused(void *ctx, const struct sl_db_col *cols, size_t n_cols,
			 const struct sl_str *cells, struct sl_err *err)
{
	struct apply *a = ctx;
	int64_t owner, seq;

	(void)cols;
	(void)n_cols;
	if (!sl_num_i64(cells[0], INT64_MIN, INT64_MAX, &owner) ||
	    !sl_num_i64(cells[1], 0, INT64_MAX, &seq))
		return sl_err_set(err, SL_ERR_BUG, "a verdict that is none");
	for (size_t i = 0; i < a->plan->n; i++)
		if (a->plan->owner[i] == owner)
			sl_refused_add(a->plan, i, seq, &a->fault);
	return true;
}

static bool refuse_verdict(struct apply *a, struct sl_err *err)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "update _sl_verdict set _sl_verdict = %d where _sl_n = %" PRId64
		 " returning _sl_input, _sl_seq",
		 V_REFUSED, a->from);
	return a->s->eng->query(a->s->db, sql, NULL, 0, NULL, take_refused, a, err);
}

static bool number_verdicts(struct sl_sink *s, int64_t *ret_n, struct sl_err *err)
{
	static const char sql[] = "alter table _sl_verdict add column _sl_n bigserial; "
				  "create unique index on _sl_verdict (_sl_n); "
				  "analyze _sl_verdict";
	struct sl_str cell;
	bool found;

	return s->eng->script(s->db, sql, err) &&
	       sl_sink_row(s, "select count(*) from _sl_verdict", NULL, 0, &s->arena, &cell, 1,
			   &found, err) &&
	       (sl_num_i64(cell, 0, INT64_MAX, ret_n) ||
		sl_err_set(err, SL_ERR_BUG, "a count that is none"));
}

static bool apply_halves(struct apply *a, int64_t n, struct sl_err *err)
{
	struct sl_halves halves = {.n = 0};
	bool taken;

	if (n)
		sl_halves_push(&halves, 1, n + 1);
	while (!sl_refused_enough(a->s, a->plan) && sl_halves_pop(&halves, &a->from, &a->to)) {
		const int64_t from = a->from, to = a->to;
		if (!sl_refused_try(a->s, apply_range, a, &taken, &a->fault, err))
			return false;
		if (taken)
			continue;
		if (to - from == 1 && !refuse_verdict(a, err))
			return false;
		if (to - from == 1)
			continue;
		sl_halves_push(&halves, (from + to) / 2, to);
		sl_halves_push(&halves, from, (from + to) / 2);
	}
	return true;
}

static bool apply_careful(struct sl_sink *s, struct sl_plan *plan, uint64_t counts[V_COUNT],
			  struct sl_err *err)
{
	struct apply a = {.s = s, .plan = plan};
	int64_t n = 0;

	return number_verdicts(s, &n, err) && apply_halves(&a, n, err) &&
	       count_verdicts(s, counts, err);
}

bool sl_latest_apply(struct sl_sink *s, struct sl_plan *plan, uint64_t counts[V_COUNT],
		     struct sl_err *err)
{
	return plan->careful ? apply_careful(s, plan, counts, err)
			     : apply_all(s, plan, counts, err);
}
