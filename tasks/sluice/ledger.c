/*
 * Questions to the state tables. Statements are the same for every engine; a store that nobody has
 * written to yet answers none of them, and that is no error.
 */
#include "tasks/sluice/ledger.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/log.h"
#include "store/sink.h"

#define WAIT (10 * SL_SECOND)

/* ledger_rejects: of the entries of one run as they were judged last, most frequent first. */
static const char rejects_sql[] =
	"select r.field, r.rule, count(*) from sluice.reject r join sluice.entry e"
	" on e.pipeline = r.pipeline and e.source = r.source and e.entry = r.entry"
	" and e.rev = r.rev"
	" where r.pipeline = $1 and e.run = $2 group by r.field, r.rule"
	" order by count(*) desc, r.field, r.rule limit 5";

/* ledger_old_runs: what older rules made. */
static const char old_sql[] = "select source, name, edition from sluice.applied"
			      " where pipeline = $1 and rev <> $2";

/* ledger_refused: what is visible of one entry. */
static const char refused_sql[] = "select 1 from sluice.entry where pipeline = $1 and source = $2"
				  " and entry = cast($3 as bigint) and state = 'refused'";

bool sl_ledger_open(struct sl_ledger *l, struct sl_run *run, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *file = sl_home_path(&run->home, "data.db");
	bool there = false;

	*l = (struct sl_ledger){.run = run};
	if (!run->p->backend.store_conn && !sl_file_exists(file))
		return true;
	if (!sl_store_connect(run->p, &run->home, true, WAIT, &l->engine, &l->db, err))
		return false;
	if (!sl_state_exists(l->engine, l->db, &there, err))
		return false;
	if (!there)
		sl_ledger_close(l);
	return true;
}

void sl_ledger_close(struct sl_ledger *l)
{
	if (l->db)
		l->engine->close(l->db);
	l->db = NULL;
	l->engine = NULL;
}

static bool add_reject(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		       const struct sl_str *cells, struct sl_err *err)
{
	struct sl_buf *out = ctx;

	(void)cols;
	(void)n_cols;
	(void)err;
	sl_buf_addf(out, "    %20.*s  ", SL_STR_ARG(cells[2]));
	sl_buf_add_escaped(out, cells[0].n ? cells[0] : SL_STR("(record)"), 60);
	sl_buf_adds(out, ": ");
	sl_buf_add_escaped(out, cells[1], 60);
	sl_buf_addc(out, '\n');
	return true;
}

bool sl_ledger_rejects(struct sl_ledger *l, const char *run_id, struct sl_buf *out,
		       struct sl_err *err)
{
	const char *params[] = {l->run->p->name, run_id};

	return !l->engine ||
	       l->engine->query(l->db, rejects_sql, params, 2, NULL, add_reject, out, err);
}

bool sl_ledger_refused(struct sl_ledger *l, const char *source, uint64_t entry, bool *ret,
		       struct sl_err *err)
{
	char number[24];
	const char *params[] = {l->run->p->name, source, number};

	*ret = false;
	snprintf(number, sizeof(number), "%" PRIu64, entry);
	return !l->engine ||
	       l->engine->query(l->db, refused_sql, params, 3, NULL, sl_db_any, ret, err);
}

/* Entries whose inputs older rules made, while the rows come. */
struct old {
	struct sl_ledger *l;
	struct sl_inventory *inventory; /* per source */
	struct old_entry {
		uint64_t n;
		size_t source;
	} *entries;
	size_t n, cap;
};

static bool note_old(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		     const struct sl_str *cells, struct sl_err *err)
{
	struct old *o = ctx;
	struct sl_arena *arena = &o->l->run->arena;
	const struct sl_source *source =
		sl_pipeline_source(o->l->run->p, sl_arena_str(arena, cells[0]).p);
	const struct sl_edition *newest =
		source ? sl_inventory_find(&o->inventory[source->index],
					   sl_arena_str(arena, cells[1]).p)
		       : NULL;
	uint64_t edition = 0;

	(void)cols;
	(void)n_cols;
	(void)err;
	if (!newest || !sl_num_u64(cells[2], INT64_MAX, &edition) || newest->n != edition)
		return true;
	if (o->n == o->cap) {
		o->cap = o->cap ? o->cap * 2 : 64;
		o->entries = sl_xrealloc(o->entries, o->cap, sizeof(*o->entries));
	}
	o->entries[o->n++] = (struct old_entry){.n = edition, .source = source->index};
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct old_entry *x = a;
	const struct old_entry *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return (x->source > y->source) - (x->source < y->source);
}

static bool is_listed(const struct sl_old_run *runs, size_t n, const char *run)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(runs[i].run, run) == 0)
			return true;
	}
	return false;
}

/* Entries to their runs, each once, in the order of the entries. */
static bool name_runs(struct old *o, struct sl_old_run **ret, size_t *ret_n, struct sl_err *err)
{
	struct sl_run *run = o->l->run;

	if (o->n)
		qsort(o->entries, o->n, sizeof(*o->entries), compare);
	*ret = sl_arena_zalloc(&run->arena, o->n + 1, sizeof(**ret));
	for (size_t i = 0; i < o->n; i++) {
		const struct sl_source *source = &run->p->sources[o->entries[i].source];
		struct sl_log_entry entry;

		if (i > 0 && compare(&o->entries[i], &o->entries[i - 1]) == 0)
			continue;
		if (!sl_log_read(&run->home, source->name, o->entries[i].n, &run->arena, &entry,
				 err))
			return false;
		if (!is_listed(*ret, *ret_n, entry.run))
			(*ret)[(*ret_n)++] = (struct sl_old_run){entry.run, entry.from, entry.to};
	}
	return true;
}

static bool read_inventories(struct old *o, struct sl_err *err)
{
	struct sl_run *run = o->l->run;

	o->inventory = sl_arena_zalloc(&run->arena, run->p->n_sources + 1, sizeof(*o->inventory));
	for (size_t i = 0; i < run->p->n_sources; i++) {
		if (!sl_log_inventory(&run->home, run->p->sources[i].name, 0, &run->arena,
				      &o->inventory[i], err))
			return false;
	}
	return true;
}

bool sl_ledger_old_runs(struct sl_ledger *l, struct sl_old_run **ret, size_t *ret_n,
			struct sl_err *err)
{
	struct old o = {.l = l};
	const char *params[] = {l->run->p->name, l->run->p->rev};

	*ret = NULL;
	*ret_n = 0;
	if (!l->engine)
		return true;
	const bool ok = read_inventories(&o, err) &&
			l->engine->query(l->db, old_sql, params, 2, NULL, note_old, &o, err) &&
			name_runs(&o, ret, ret_n, err);

	free(o.entries);
	return ok;
}
