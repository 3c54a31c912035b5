/*
 * `mode: latest`: per key the row that is greatest by (version, source's order, edition, place,
 * row). Rows go into a temporary table of this attempt first; one join with the target gives each
 * key its verdict; then one UPDATE and one INSERT (store/switch_apply.c). The verdicts:
 *
 *	insert	the table has no such key
 *	update	the owner staged the key itself, or ours is greater; some column differs
 *	owner	the same, but only the owner differs: written, yet the row counts as unchanged
 *	same	nothing differs: nothing is written
 *	stale	the table's row is greater
 *	refused	the engine does not take ours (store/switch_refused.c)
 *
 * The SQL is what PostgreSQL and DuckDB share. NULL versions are smallest everywhere.
 */
#include "base/num.h"
#include "store/sink_private.h"

#define STAGE "_sl_stage"
#define LIVE_STEP 500

/* "a"."k1" = "b"."k1" and … */
void sl_latest_add_key_equal(const struct sl_sink *s, struct sl_buf *sql, const char *a,
			     const char *b)
{
	for (size_t i = 0; i < s->p->store.key.n; i++) {
		sl_buf_addf(sql, "%s%s.", i ? " and " : "", a);
		sl_sql_ident(sql, s->p->store.key.v[i]);
		sl_buf_addf(sql, " = %s.", b);
		sl_sql_ident(sql, s->p->store.key.v[i]);
	}
}

static void add_keys(const struct sl_sink *s, struct sl_buf *sql, const char *prefix)
{
	for (size_t i = 0; i < s->p->store.key.n; i++) {
		sl_buf_addf(sql, "%s%s", i ? ", " : "", prefix);
		sl_sql_ident(sql, s->p->store.key.v[i]);
	}
}

bool sl_latest_is_key(const struct sl_sink *s, const char *column)
{
	for (size_t i = 0; i < s->p->store.key.n; i++)
		if (strcmp(s->p->store.key.v[i], column) == 0)
			return true;
	return false;
}

bool sl_latest_is_empty(struct sl_sink *s, bool *ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	struct sl_str cell;
	bool found;

	sl_buf_addf(&sql, "select 1 from %s limit 1", s->table);
	if (!sl_sink_row(s, sl_buf_z(&sql), NULL, 0, &s->arena, &cell, 1, &found, err))
		return false;
	*ret = !found;
	return true;
}

static bool find_duplicate(struct sl_sink *s, const char *table, bool *ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	struct sl_str cell;

	/* PostgreSQL sorts for this, which takes a quarter of the time of its groups. */
	sl_buf_addf(&sql, "select 1 from %s having count(*) > count(distinct (", table);
	add_keys(s, &sql, "");
	sl_buf_adds(&sql, "))");
	return sl_sink_row(s, sl_buf_z(&sql), NULL, 0, &s->arena, &cell, 1, ret, err);
}

/* --- staging --- */

static bool make_stage(struct sl_sink *s, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	char type[32];

	sl_buf_adds(&sql, "create temp table " STAGE " (");
	for (size_t i = 0; i < s->stored.n; i++) {
		s->eng->type_name(s->stored.cols[i].type, type);
		sl_sql_ident(&sql, s->stored.cols[i].name);
		sl_buf_addf(&sql, " %s, ", type);
	}
	sl_buf_adds(&sql, "_sl_input bigint, _sl_seq bigint)");
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

/* For PostgreSQL's planner, which needs to know of the keys alone. DuckDB knows how large its tables
 * are; there it costs more than the join. */
static bool analyze_stage(struct sl_sink *s, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	if (!s->eng->unique_keys)
		return true;
	sl_buf_adds(&sql, "analyze " STAGE " (");
	add_keys(s, &sql, "");
	sl_buf_addc(&sql, ')');
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

bool sl_latest_stage(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	bool duplicate;

	return make_stage(s, err) && sl_plan_copy(s, plan, STAGE, false, &duplicate, err) &&
	       analyze_stage(s, err);
}

bool sl_latest_drop_stage(struct sl_sink *s, struct sl_err *err)
{
	return s->eng->script(s->db, "drop table " STAGE, err);
}

/* Rows of inputs that another store made visible while ours were being staged. */
bool sl_latest_unstage(struct sl_sink *s, const struct sl_plan *plan, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	for (size_t i = 0; i < plan->n; i++) {
		if (plan->fate[i] == SL_FATE_LIVE)
			continue;
		sl_buf_clear(&sql);
		sl_buf_addf(&sql, "delete from " STAGE " where _sl_input = %" PRId64,
			    plan->owner[i]);
		if (!s->eng->script(s->db, sl_buf_z(&sql), err))
			return false;
	}
	return true;
}

/* --- verdicts --- */

bool sl_plan_make_live(struct sl_sink *s, const struct sl_plan *plan, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	size_t n = 0;

	sl_buf_adds(&sql, "create temp table _sl_live "
			  "(input bigint, source_index bigint, edition bigint, place bigint);");
	for (size_t i = 0; i < plan->n; i++) {
		const struct sl_sink_input *in = &plan->inputs[i];
		if (plan->fate[i] != SL_FATE_LIVE)
			continue;
		sl_buf_adds(&sql, n % LIVE_STEP ? "," : ";insert into _sl_live values ");
		sl_buf_addf(&sql, "(%" PRId64 ",%zu,%" PRIu64 ",%zu)", plan->owner[i],
			    in->source_index, in->edition, in->place);
		n++;
	}
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

/* What the verdicts' statement looks like depends on what is staged: the plain case is the fast
 * one. */
struct shape {
	bool ranked;			  /* some key is staged more than once */
	bool several;			  /* more than one input is live */
	const struct sl_sink_input *only; /* the live input, when not several */
};

static bool find_shape(struct sl_sink *s, const struct sl_plan *plan, struct shape *ret,
		       struct sl_err *err)
{
	*ret = (struct shape){.several = plan->n_live > 1};
	for (size_t i = 0; i < plan->n; i++)
		if (plan->fate[i] == SL_FATE_LIVE)
			ret->only = &plan->inputs[i];
	return find_duplicate(s, STAGE, &ret->ranked, err);
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
		add_keys(s, sql, "s.");
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
	sl_buf_adds(sql, " from " STAGE " s");
	if (shape->several)
		sl_buf_adds(sql, " join _sl_live l on l.input = s._sl_input");
	sl_buf_adds(sql, ") b");
}

/* b's row is greater than t's. The owner's place in the order is that of applied(owner). */
static void add_greater(const struct sl_sink *s, struct sl_buf *sql)
{
	sl_cleanup(sl_buf_release) struct sl_buf version = SL_BUF_INIT;
	static const char order[] = "(b.source_index, b.edition, b.place) > "
				    "(coalesce(a.source_index, -1), coalesce(a.edition, -1), "
				    "coalesce(a.place, -1))";

	if (!s->p->store.version) {
		sl_buf_adds(sql, order);
		return;
	}
	sl_sql_ident(&version, s->p->store.version);
	const char *v = sl_buf_z(&version);
	sl_buf_addf(sql,
		    "b.%s > t.%s or (b.%s is not null and t.%s is null) or "
		    "(b.%s is not distinct from t.%s and %s)",
		    v, v, v, v, v, v, order);
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

/* With one live input the owner has staged the key only if it is b's owner. */
static void add_verdict(const struct sl_sink *s, struct sl_buf *sql, bool several)
{
	sl_buf_addf(sql,
		    "case when t._sl_input is null then %d "
		    "when t._sl_input = b._sl_input%s or ",
		    V_INSERT, several ? " or o._sl_input is not null" : "");
	add_greater(s, sql);
	sl_buf_adds(sql, " then case when ");
	add_differs(s, sql);
	sl_buf_addf(sql,
		    " then %d when t._sl_input <> b._sl_input then %d else %d end "
		    "else %d end as _sl_verdict",
		    V_UPDATE, V_OWNER, V_SAME, V_STALE);
}

static void add_joins(const struct sl_sink *s, struct sl_buf *sql, bool several)
{
	sl_buf_addf(sql, " left join %s t on ", s->table);
	sl_latest_add_key_equal(s, sql, "t", "b");
	sl_buf_adds(sql, " left join sluice.applied a on a.pipeline = ");
	sl_sql_literal(sql, s->p->name);
	sl_buf_adds(sql, " and a.input = t._sl_input");
	if (!several)
		return;
	sl_buf_adds(sql, " left join (select distinct ");
	add_keys(s, sql, "");
	sl_buf_adds(sql, ", _sl_input from " STAGE ") o on o._sl_input = t._sl_input and ");
	sl_latest_add_key_equal(s, sql, "o", "b");
}

/* A verdict says where its rows are; their columns stay there. */
static bool make_verdicts(struct sl_sink *s, const struct sl_plan *plan, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	struct shape shape;

	if (!find_shape(s, plan, &shape, err))
		return false;
	sl_buf_adds(&sql, "create temp table _sl_verdict as select "
			  "b._sl_input, b._sl_seq, b._sl_staged, t._sl_change, ");
	add_verdict(s, &sql, shape.several);
	sl_buf_adds(&sql, " from ");
	add_best(s, &sql, &shape);
	add_joins(s, &sql, shape.several);
	sl_buf_adds(&sql, shape.ranked ? " where b._sl_rank = 1" : "");
	/* An index is written much faster in its own order. */
	if (s->eng->unique_keys) {
		sl_buf_adds(&sql, " order by ");
		add_keys(s, &sql, "b.");
	}
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

/* --- what the verdicts say is done --- */

/* `input: whole`: what the new edition no longer holds loses its rows. */
static bool delete_gone(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	uint64_t gone;

	for (size_t i = 0; i < plan->n; i++) {
		const struct sl_source *source = &s->p->sources[plan->inputs[i].source_index];
		if (plan->fate[i] != SL_FATE_LIVE || source->input != SL_INPUT_WHOLE)
			continue;
		sl_buf_clear(&sql);
		sl_buf_addf(&sql,
			    "delete from %s where _sl_input = %" PRId64
			    " and not exists (select 1 from " STAGE " s where ",
			    s->table, plan->owner[i]);
		sl_latest_add_key_equal(s, &sql, "s", s->table);
		sl_buf_adds(&sql, ")");
		if (!sl_sink_exec(s, sl_buf_z(&sql), NULL, 0, &gone, err))
			return false;
		plan->out.written += gone;
	}
	return true;
}

bool sl_latest_replace(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	return delete_gone(s, plan, err) && sl_plan_make_live(s, plan, err) &&
	       make_verdicts(s, plan, err) && sl_latest_apply(s, plan, err) &&
	       s->eng->script(s->db,
			      "drop table _sl_verdict; drop table _sl_live; drop table " STAGE,
			      err);
}

/* --- into an empty table --- */

/* Takes back what was copied; the table was empty before. */
static bool undo_fill(struct sl_sink *s, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	if (s->eng->unique_keys)
		return s->eng->script(s->db, "rollback to savepoint sl_fill", err);
	sl_buf_addf(&sql, "delete from %s", s->table);
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

bool sl_latest_fill(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err)
{
	bool duplicate = false;

	if (s->eng->unique_keys && !s->eng->script(s->db, "savepoint sl_fill", err))
		return false;
	bool copied = sl_plan_copy(s, plan, s->p->store.table, true, &duplicate, err);
	if (!copied && !duplicate)
		return false;
	if (copied && !s->eng->unique_keys && !find_duplicate(s, s->table, &duplicate, err))
		return false;
	if (duplicate) {
		sl_err_clear(err);
		return undo_fill(s, err) && sl_latest_stage(s, plan, err) &&
		       sl_latest_replace(s, plan, err);
	}
	const uint64_t taken = plan->rows_live - sl_plan_left_out(plan);
	plan->out.inserted += taken;
	plan->out.written += taken;
	return true;
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
