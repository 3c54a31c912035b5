/*
 * `mode: latest`: the staged rows beside the target's. One join gives each key its verdict; then one
 * UPDATE and one INSERT (store/switch_apply.c). The verdicts:
 *
 *	insert	the table has no such key
 *	update	the owner staged the key itself, or ours is greater; some column differs
 *	owner	the same, but only the owner differs: written, yet the row counts as unchanged
 *	same	nothing differs: nothing is written, not even a verdict
 *	stale	the table's row is greater
 *	refused	the engine does not take ours (store/switch_refused.c)
 *
 * Where an UPDATE may be as large as it likes, what is to be updated is so before any verdict: the
 * join is the UPDATE's own, and when it took every staged key there is nothing left to judge.
 */
#include "base/num.h"
#include "store/sink_private.h"

/* What the verdicts' statement looks like depends on what is staged: the plain case is the fast
 * one. */
struct shape {
	uint64_t keys;			  /* staged ones */
	bool ranked;			  /* some key is staged more than once */
	bool several;			  /* more than one input is live */
	bool contested;			  /* a key's owner may have staged a smaller row of it */
	bool direct;			  /* updated before there are verdicts */
	const struct sl_sink_input *only; /* the live input, when not several */
};

static bool find_shape(struct sl_sink *s, const struct sl_plan *plan, struct shape *ret,
		       struct sl_err *err)
{
	uint64_t rows;

	*ret = (struct shape){.several = plan->n_live > 1};
	for (size_t i = 0; i < plan->n; i++)
		if (plan->fate[i] == SL_FATE_LIVE)
			ret->only = &plan->inputs[i];
	if (!sl_latest_count_keys(s, SL_STAGE, &rows, &ret->keys, err))
		return false;
	ret->ranked = rows > ret->keys;
	ret->contested = ret->ranked && ret->several;
	ret->direct = !s->eng->rewrites && !plan->careful && !ret->contested;
	return true;
}

/* The greatest staged row of every key, with what its owner compares by. */
static void add_best(const struct sl_sink *s, struct sl_buf *sql, const struct shape *shape)
{
	sl_buf_adds(sql, "(select ");
	sl_sink_add_columns(s, sql, "s.");
	sl_buf_addf(sql, ", s._sl_input, s._sl_seq, s.%s as _sl_staged, ", s->eng->row_id);
	if (shape->several)
		sl_buf_adds(sql, "l.source_index, l.edition, l.place");
	else
		sl_buf_addf(sql, "%zu as source_index, %" PRIu64 " as edition, %zu as place",
			    shape->only->source_index, shape->only->edition, shape->only->place);
	if (shape->ranked) {
		sl_buf_adds(sql, ", row_number() over (partition by ");
		sl_latest_add_keys(s, sql, "s.");
		sl_buf_adds(sql, " order by ");
		if (s->p->store.version) {
			sl_buf_adds(sql, "s.");
			sl_sql_ident(sql, s->p->store.version);
			sl_buf_adds(sql, " desc nulls last, ");
		}
		sl_buf_adds(sql, shape->several
					 ? "l.source_index desc, l.edition desc, l.place desc, "
					 : "");
		sl_buf_adds(sql, "s._sl_seq desc) as _sl_rank");
	}
	sl_buf_adds(sql, " from " SL_STAGE " s");
	if (shape->several)
		sl_buf_adds(sql, " join _sl_live l on l.input = s._sl_input");
	sl_buf_adds(sql, ") b");
}

/* The owner of t's row stands before b in the order. An UPDATE cannot join with its target's own
 * columns: there applied(owner) is looked up, and only for rows of equal versions. DuckDB joins. */
static void add_later(const struct sl_sink *s, struct sl_buf *sql, bool joined)
{
	static const char ours[] = "(b.source_index, b.edition, b.place)";

	if (joined) {
		sl_buf_addf(sql,
			    "%s > (coalesce(a.source_index, -1), coalesce(a.edition, -1), "
			    "coalesce(a.place, -1))",
			    ours);
		return;
	}
	sl_buf_adds(sql, "not exists (select 1 from sluice.applied a where a.pipeline = ");
	sl_sql_literal(sql, s->p->name);
	sl_buf_addf(sql,
		    " and a.input = t._sl_input and (a.source_index, a.edition, a.place) >= %s)",
		    ours);
}

/* b's row is greater than t's. The owner's place in the order is that of applied(owner). */
static void add_greater(const struct sl_sink *s, struct sl_buf *sql, bool joined)
{
	sl_cleanup(sl_buf_release) struct sl_buf version = SL_BUF_INIT;

	if (!s->p->store.version) {
		add_later(s, sql, joined);
		return;
	}
	sl_sql_ident(&version, s->p->store.version);
	const char *v = sl_buf_z(&version);
	sl_buf_addf(sql,
		    "b.%s > t.%s or (b.%s is not null and t.%s is null) or "
		    "(b.%s is not distinct from t.%s and ",
		    v, v, v, v, v, v);
	add_later(s, sql, joined);
	sl_buf_addc(sql, ')');
}

static void add_differs(const struct sl_sink *s, struct sl_buf *sql)
{
	size_t n = 0;

	for (size_t i = 0; i < s->stored.n; i++) {
		if (sl_latest_is_key(s, s->stored.cols[i].name))
			continue;
		sl_buf_addf(sql, "%sb.", n++ ? " or " : "");
		sl_sql_ident(sql, s->stored.cols[i].name);
		sl_buf_adds(sql, " is distinct from t.");
		sl_sql_ident(sql, s->stored.cols[i].name);
	}
	if (!n)
		sl_buf_adds(sql, "false");
}

static void add_verdict(const struct sl_sink *s, struct sl_buf *sql, const struct shape *shape)
{
	sl_buf_addf(sql,
		    "case when t._sl_input is null then %d when t._sl_input = b._sl_input%s or ",
		    V_INSERT, shape->contested ? " or o._sl_input is not null" : "");
	add_greater(s, sql, s->eng->rewrites);
	sl_buf_adds(sql, " then case when ");
	if (shape->direct) /* done already, wherever it is so */
		sl_buf_adds(sql, "false");
	else
		add_differs(s, sql);
	sl_buf_addf(sql,
		    " then %d when t._sl_input <> b._sl_input then %d else %d end "
		    "else %d end as _sl_verdict",
		    V_UPDATE, V_OWNER, V_SAME, V_STALE);
}

static void add_joins(const struct sl_sink *s, struct sl_buf *sql, bool contested)
{
	sl_buf_addf(sql, " left join %s t on ", s->table);
	sl_latest_add_key_equal(s, sql, "t", "b");
	if (s->eng->rewrites) {
		sl_buf_adds(sql, " left join sluice.applied a on a.pipeline = ");
		sl_sql_literal(sql, s->p->name);
		sl_buf_adds(sql, " and a.input = t._sl_input");
	}
	if (!contested)
		return;
	sl_buf_adds(sql, " left join (select distinct ");
	sl_latest_add_keys(s, sql, "");
	sl_buf_adds(sql, ", _sl_input from " SL_STAGE ") o on o._sl_input = t._sl_input and ");
	sl_latest_add_key_equal(s, sql, "o", "b");
}

/* A verdict says where its rows are; their columns stay there. */
static bool make_verdicts(struct sl_sink *s, const struct shape *shape, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_buf_adds(&sql, "create temp table _sl_verdict as select _sl_input, _sl_seq, _sl_staged, "
			  "_sl_change, _sl_verdict from (select ");
	sl_latest_add_keys(s, &sql, "b.");
	sl_buf_adds(&sql, ", b._sl_input, b._sl_seq, b._sl_staged, t._sl_change, ");
	add_verdict(s, &sql, shape);
	sl_buf_adds(&sql, " from ");
	add_best(s, &sql, shape);
	add_joins(s, &sql, shape->contested);
	sl_buf_addf(&sql, "%s) v where _sl_verdict <> %d",
		    shape->ranked ? " where b._sl_rank = 1" : "", V_SAME);
	/* An index is written much faster in its own order. */
	if (s->eng->unique_keys) {
		sl_buf_adds(&sql, " order by ");
		sl_latest_add_keys(s, &sql, "");
	}
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

/* --- what they say is done --- */

/* Updates what is to be, and differs. */
static bool update_directly(struct sl_sink *s, const struct sl_plan *plan,
			    const struct shape *shape, uint64_t *ret_n, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_latest_add_update(s, &sql, "b");
	sl_buf_addf(&sql, ", _sl_change = %" PRId64 " from ", plan->change);
	add_best(s, &sql, shape);
	sl_buf_addf(&sql, " where %s", shape->ranked ? "b._sl_rank = 1 and " : "");
	sl_latest_add_key_equal(s, &sql, "t", "b");
	sl_buf_adds(&sql, " and (t._sl_input = b._sl_input or ");
	add_greater(s, &sql, false);
	sl_buf_adds(&sql, ") and (");
	add_differs(s, &sql);
	sl_buf_addc(&sql, ')');
	return sl_sink_exec(s, sl_buf_z(&sql), NULL, 0, ret_n, err);
}

static bool judge(struct sl_sink *s, struct sl_plan *plan, const struct shape *shape,
		  uint64_t counts[V_COUNT], struct sl_err *err)
{
	return make_verdicts(s, shape, err) && sl_latest_apply(s, plan, counts, err) &&
	       s->eng->script(s->db, "drop table _sl_verdict", err);
}

static bool count_rows(struct sl_plan *plan, uint64_t keys, const uint64_t counts[V_COUNT],
		       struct sl_err *err)
{
	const uint64_t given = plan->rows_live - sl_plan_left_out(plan);
	struct sl_outcome *out = &plan->out;
	uint64_t judged = 0;

	for (size_t i = 0; i < V_COUNT; i++)
		judged += counts[i];
	if (judged > keys || keys > given)
		return sl_err_set(err, SL_ERR_BUG, "more keys than rows");
	out->inserted += counts[V_INSERT];
	out->updated += counts[V_UPDATE];
	out->unchanged += counts[V_OWNER] + (keys - judged);
	out->stale += counts[V_STALE] + (given - keys); /* beaten inside the stage */
	out->written += counts[V_INSERT] + counts[V_UPDATE] + counts[V_OWNER];
	return true;
}

bool sl_latest_judge(struct sl_sink *s, struct sl_plan *plan, uint64_t *ret_kept,
		     struct sl_err *err)
{
	uint64_t counts[V_COUNT] = {0}, updated = 0;
	struct shape shape;

	if (!find_shape(s, plan, &shape, err) ||
	    (shape.direct && !update_directly(s, plan, &shape, &updated, err)) ||
	    (updated < shape.keys && !judge(s, plan, &shape, counts, err)))
		return false;
	counts[V_UPDATE] += updated;
	*ret_kept = shape.keys - counts[V_STALE];
	return count_rows(plan, shape.keys, counts, err);
}

/* --- a table made anew --- */

/* The change number of the target's row t where it is just as b's, else a new one. That they differ
 * stands here and not beside the keys of the join: DuckDB would then compare every row with every
 * other. */
static void add_change(const struct sl_sink *s, const struct sl_plan *plan, bool keep,
		       struct sl_buf *sql)
{
	if (!keep) {
		sl_buf_addf(sql, "%" PRId64, plan->change);
		return;
	}
	sl_buf_adds(sql, "case when t._sl_input is null or ");
	add_differs(s, sql);
	sl_buf_addf(sql, " then %" PRId64 " else t._sl_change end", plan->change);
}

static void add_beside(const struct sl_sink *s, const struct sl_plan *plan, const char *table,
		       bool keep, struct sl_buf *sql)
{
	const struct shape shape = {.ranked = true, .several = true};

	sl_buf_addf(sql, "insert into %s (", table);
	sl_sql_copy_columns(sql, &s->stored, true);
	sl_buf_adds(sql, ") select ");
	sl_sink_add_columns(s, sql, "b.");
	sl_buf_adds(sql, ", b._sl_input, b._sl_seq, ");
	add_change(s, plan, keep, sql);
	sl_buf_adds(sql, " from ");
	add_best(s, sql, &shape);
	if (keep) {
		sl_buf_addf(sql, " left join %s t on ", s->table);
		sl_latest_add_key_equal(s, sql, "t", "b");
	}
	sl_buf_adds(sql, " where b._sl_rank = 1");
}

bool sl_latest_beside(struct sl_sink *s, struct sl_plan *plan, const char *table, bool keep,
		      struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	add_beside(s, plan, table, keep, &sql);
	return sl_latest_stage(s, plan, err) && s->eng->script(s->db, sl_buf_z(&sql), err) &&
	       sl_latest_drop_stage(s, err);
}
