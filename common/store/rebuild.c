/*
 * A table made anew (docs/delivery.md): the inputs that it holds, at the editions that it
 * holds them, by today's rules, contract, key and order. All rows are copied beside it before the
 * lock is taken, because a store that waits too long for the lock ends whoever holds it; then, if
 * nothing came between, everything is exchanged at once.
 */
#include "base/fault.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/models.h"
#include "store/sink_private.h"

#define SUFFIX "_sl_new"

struct rebuilding {
	struct sl_sink *s;
	const struct sl_rebuild *r;
	struct sl_plan plan;	  /* all inputs live; change: of rows that are new or differ */
	struct sl_held held;	  /* when it began */
	const char *name, *table; /* beside the target; plain and quoted */
	bool keep;		  /* the target has the same columns and keys */
	uint64_t *rows;		  /* per input: in the new table */
};

/* --- what the table holds --- */

struct list {
	struct sl_arena *arena;
	struct sl_applied *v;
	size_t n, cap;
};

static bool add_applied(void *ctx, const struct sl_db_col *cols, size_t n_cols,
			const struct sl_str *cells, struct sl_err *err)
{
	struct list *list = ctx;
	struct sl_applied a = {NULL, NULL, 0, 0, ""};

	(void)cols;
	(void)n_cols;
	if (!sl_num_u64(cells[2], INT64_MAX, &a.edition) ||
	    !sl_num_u64(cells[3], INT64_MAX, &a.place))
		return sl_err_set(err, SL_ERR_CONFIG, "table sluice.applied is damaged");
	a.source = sl_arena_str(list->arena, cells[0]).p;
	a.name = sl_arena_str(list->arena, cells[1]).p;
	snprintf(a.rev, sizeof(a.rev), SL_STR_FMT, SL_STR_ARG(cells[4]));
	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 64;
		list->v = sl_xrealloc(list->v, list->cap, sizeof(*list->v));
	}
	list->v[list->n++] = a;
	return true;
}

bool sl_sink_applied_all(struct sl_sink *s, struct sl_arena *arena, struct sl_applied **ret,
			 size_t *ret_n, struct sl_err *err)
{
	static const char sql[] = "select source, name, edition, place, rev from sluice.applied"
				  " where pipeline = $1 order by source, edition, place, name";
	struct list list = {.arena = arena};
	const bool ok = s->eng->query(s->db, sql, &s->p->name, 1, NULL, add_applied, &list, err);

	*ret = sl_arena_zalloc(arena, list.n + 1, sizeof(**ret));
	*ret_n = list.n;
	if (list.n)
		memcpy(*ret, list.v, list.n * sizeof(**ret));
	free(list.v);
	return ok;
}

static bool same_applied(const struct sl_applied *a, const struct sl_applied *b)
{
	return a->edition == b->edition && a->place == b->place && strcmp(a->rev, b->rev) == 0 &&
	       strcmp(a->source, b->source) == 0 && strcmp(a->name, b->name) == 0;
}

/* Under the lock: is everything as it was when the copying began? */
static bool check_still(struct rebuilding *x, struct sl_err *err)
{
	struct sl_held now = {.found = false};
	struct sl_applied *v = NULL;
	size_t n = 0;

	if (!sl_sink_held(x->s, &now, err) || !sl_sink_applied_all(x->s, &x->s->arena, &v, &n, err))
		return false;
	bool same = now.found && now.era == x->held.era && now.changes == x->held.changes &&
		    n == x->r->n_held;

	for (size_t i = 0; same && i < n; i++)
		same = same_applied(&v[i], &x->r->held[i]);
	if (same)
		return true;
	sl_err_set(err, SL_ERR_AGAIN, "a store changed table \"%s\" while it was made anew",
		   x->s->p->store.table);
	return sl_err_hint(err, "rebuild it again when no run is under way");
}

/* --- the new table --- */

static bool copy_append(struct rebuilding *x, struct sl_err *err)
{
	bool duplicate;

	return sl_plan_copy(x->s, &x->plan, x->name, 0, &duplicate, err);
}

static bool fill(struct rebuilding *x, struct sl_err *err)
{
	struct sl_sink *s = x->s;

	return sl_sink_make_table(s, x->table, err) && sl_plan_make_live(s, &x->plan, err) &&
	       (s->latest ? sl_latest_beside(s, &x->plan, x->table, x->keep, err)
			  : copy_append(x, err)) &&
	       sl_sink_make_index(s, x->table, err);
}

static bool take_rows(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		      const struct sl_str *cells, struct sl_err *err)
{
	struct rebuilding *x = ctx;
	int64_t owner;
	uint64_t rows;

	(void)cols;
	(void)n_cols;
	if (!sl_num_i64(cells[0], INT64_MIN, INT64_MAX, &owner) ||
	    !sl_num_u64(cells[1], UINT64_MAX, &rows))
		return sl_err_set(err, SL_ERR_BUG, "a count that is none");
	for (size_t i = 0; i < x->plan.n; i++) {
		if (x->plan.owner[i] == owner)
			x->rows[i] = rows;
	}
	return true;
}

static bool count_rows(struct rebuilding *x, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_buf_addf(&sql, "select _sl_input, count(*) from %s group by _sl_input", x->table);
	return x->s->eng->query(x->s->db, sl_buf_z(&sql), NULL, 0, NULL, take_rows, x, err);
}

/* --- the ledger --- */

static bool replace_applied(struct rebuilding *x, struct sl_err *err)
{
	const char *const *pipeline = &x->s->p->name;

	return sl_sink_exec(x->s, "delete from sluice.applied where pipeline = $1", pipeline, 1,
			    NULL, err) &&
	       sl_sink_exec(x->s, "delete from sluice.part where pipeline = $1", pipeline, 1, NULL,
			    err) &&
	       sl_plan_save(x->s, &x->plan, err);
}

/* Rejects of refused entries, which are not in the table, stay as they are. */
static bool replace_rejects(struct rebuilding *x, struct sl_err *err)
{
	static const char sql[] = "delete from sluice.reject where pipeline = $1 and exists "
				  "(select 1 from _sl_live l where l.input = reject.input"
				  " and l.edition >= reject.edition)";

	return sl_sink_exec(x->s, sql, &x->s->p->name, 1, NULL, err) &&
	       sl_plan_copy_rejects(x->s, &x->plan, err);
}

/* One entry's inputs, first to first + n - 1: what they have in the table now was inserted, the
 * rest was beaten. */
static bool save_entry(struct rebuilding *x, size_t first, size_t n, struct sl_err *err)
{
	struct sl_plan part = x->plan;
	struct sl_outcome *out = &part.out;

	part.run = x->r->runs[first];
	part.entry = x->r->inputs[first].edition;
	part.inputs += first;
	part.n = n;
	*out = (struct sl_outcome){0};
	for (size_t i = first; i < first + n; i++) {
		out->inserted += x->rows[i];
		out->stale += x->r->inputs[i].counts.ok - x->rows[i];
	}
	out->written = out->inserted;
	x->plan.out.inserted += out->inserted;
	x->plan.out.stale += out->stale;
	x->plan.out.written += out->written;
	return sl_plan_save_entry(x->s, &part, "stored", err);
}

static bool same_entry(const struct sl_sink_input *a, const struct sl_sink_input *b)
{
	return a->source_index == b->source_index && a->edition == b->edition;
}

static bool save_entries(struct rebuilding *x, struct sl_err *err)
{
	const struct sl_sink_input *v = x->r->inputs;

	for (size_t i = 0; i < x->r->n;) {
		size_t n = 1;

		while (i + n < x->r->n && same_entry(&v[i], &v[i + n]))
			n++;
		if (!save_entry(x, i, n, err))
			return false;
		i += n;
	}
	return true;
}

static bool save_pipeline(struct rebuilding *x, struct sl_err *err)
{
	static const char sql[] =
		"update sluice.pipeline set rev = $2, era = cast($3 as bigint), shape = $4, "
		"target = $5, changes = cast($6 as bigint) where pipeline = $1";
	const struct sl_pipeline *p = x->s->p;
	char era_text[24], change[24];
	const char *params[] = {p->name, p->rev, era_text, p->shape, p->store.table, change};
	int64_t era;

	if (!sl_sink_draw_era(&era, err))
		return false;
	snprintf(era_text, sizeof(era_text), "%" PRId64, era);
	snprintf(change, sizeof(change), "%" PRId64, x->plan.change);
	return sl_sink_exec(x->s, sql, params, SL_ARRAY_LEN(params), NULL, err);
}

/* --- the swap --- */

static bool refuse_foreign(const struct sl_sink *s, struct sl_err *err)
{
	sl_err_set(err, SL_ERR_CONFIG,
		   "there is a \"%s\" already, which pipeline \"%s\" has not made",
		   s->p->store.table, s->p->name);
	return sl_err_hint(err, "store into another table, or take that one away");
}

/* The old table goes, unless the pipeline stored under another name so far: that one stays. */
static bool make_way(struct rebuilding *x, struct sl_err *err)
{
	const struct sl_sink *s = x->s;
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	enum sl_relation kind;

	if (!sl_models_kind(x->r->models, s->p->store.table, &kind, err))
		return false;
	if (kind == SL_RELATION_NONE)
		return true;
	if (kind == SL_RELATION_VIEW || !sl_str_eqz(x->held.target, s->p->store.table))
		return refuse_foreign(s, err);
	sl_buf_addf(&sql, "drop table %s", s->table);
	return s->eng->script(s->db, sl_buf_z(&sql), err) ||
	       sl_err_hint(err, "something that is no model of this pipeline may depend on it");
}

static bool rename_new(struct rebuilding *x, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_buf_addf(&sql, "alter table %s rename to ", x->table);
	sl_sql_ident(&sql, x->s->p->store.name);
	return x->s->eng->script(x->s->db, sl_buf_z(&sql), err);
}

static bool exchange(struct rebuilding *x, struct sl_err *err)
{
	return sl_models_drop_views(x->r->models, err) && make_way(x, err) && rename_new(x, err) &&
	       sl_models_make(x->r->models, false, err);
}

static bool rebuild_in(struct rebuilding *x, struct sl_err *err)
{
	struct sl_sink *s = x->s;

	if (!fill(x, err))
		return false;
	SL_FAULT("rebuild.before_lock", err);
	if (!s->eng->lock(s->db, s->p->name, err) || !check_still(x, err) ||
	    !sl_sink_alone(s, err) || !count_rows(x, err) || !replace_applied(x, err) ||
	    !replace_rejects(x, err) || !save_entries(x, err) || !save_pipeline(x, err) ||
	    !s->eng->script(s->db, "drop table _sl_live", err) || !exchange(x, err))
		return false;
	SL_FAULT("rebuild.before_commit", err);
	if (!s->eng->commit(s->db, err))
		return false;
	SL_FAULT("rebuild.after_commit", err);
	return true;
}

/* A name that no contract can give. */
static void name_table(struct rebuilding *x)
{
	sl_cleanup(sl_buf_release) struct sl_buf quoted = SL_BUF_INIT;
	const struct sl_store *store = &x->s->p->store;

	x->name = sl_arena_printf(&x->s->arena, "%s%s%.55s" SUFFIX,
				  store->schema ? store->schema : "", store->schema ? "." : "",
				  store->name);
	sl_sql_ident(&quoted, x->name);
	x->table = sl_arena_strdup(&x->s->arena, sl_buf_z(&quoted));
}

/* Change numbers stay where the old row of a key can be compared with the new one. */
static bool look_at_target(struct rebuilding *x, struct sl_err *err)
{
	struct sl_err other = SL_ERR_INIT;
	struct sl_fit fit;

	if (!sl_sink_held(x->s, &x->held, err))
		return false;
	x->keep = sl_sink_look(x->s, &fit, &other) && sl_fit_is_exact(x->s, &fit) &&
		  sl_str_eqz(x->held.shape, x->s->p->shape);
	x->plan.change = x->held.changes + 1;
	if (other.kind == SL_ERR_NONE || other.kind == SL_ERR_CONFIG)
		return true;
	*err = other;
	return false;
}

static void plan_all(struct rebuilding *x)
{
	struct sl_plan *plan = &x->plan;
	const size_t n = x->r->n;

	*plan = (struct sl_plan){.inputs = x->r->inputs,
				 .given = x->r->inputs,
				 .n = n,
				 .feed = x->r->feed,
				 .n_live = n};
	plan->owner = sl_arena_zalloc(&x->s->arena, n + 1, sizeof(*plan->owner));
	plan->fate = sl_arena_zalloc(&x->s->arena, n + 1, sizeof(*plan->fate));
	x->rows = sl_arena_zalloc(&x->s->arena, n + 1, sizeof(*x->rows));
	for (size_t i = 0; i < n; i++) {
		plan->owner[i] = sl_sink_owner(x->r->inputs[i].source, x->r->inputs[i].name);
		plan->fate[i] = SL_FATE_LIVE;
		plan->rows_live += x->r->inputs[i].counts.ok;
	}
}

bool sl_sink_rebuild(struct sl_sink *s, const struct sl_rebuild *r, struct sl_outcome *ret,
		     struct sl_err *err)
{
	struct rebuilding x = {.s = s, .r = r};

	plan_all(&x);
	name_table(&x);
	bool ok = look_at_target(&x, err) && s->eng->begin(s->db, err);

	if (ok && !rebuild_in(&x, err)) {
		s->eng->rollback(s->db);
		ok = false;
	}
	free(x.plan.parts);
	*ret = x.plan.out;
	return ok;
}
