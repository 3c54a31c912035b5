/*
 * The store's list of entries. "Oldest first" goes by entry number, then by the sources' order in
 * the file: a clock would make the order depend on when things ran.
 */
#include "tasks/store/worklist.h"

/* Entry numbers of one source, ascending; `at` goes through them as the numbers grow. */
struct numbers {
	uint64_t *v;
	size_t n, at;
};

static bool has(struct numbers *list, uint64_t n)
{
	while (list->at < list->n && list->v[list->at] < n)
		list->at++;
	return list->at < list->n && list->v[list->at] == n;
}

/* What one source has. */
struct of_source {
	struct numbers own, unmarked;
	uint64_t newest;
};

static void add(struct sl_worklist *list, size_t source, uint64_t n, bool own)
{
	list->v[list->n++] = (struct sl_work){.source = source, .n = n, .own = own};
	list->n_own += own;
}

/* Whose entries this run takes care of beside its own: an interval run's are those linked before it
 * began, which an attempt that nobody waited for may have left; any other run's are all. */
static bool reach(const struct sl_run *run, const char *source, uint64_t newest, uint64_t *ret,
		  struct sl_err *err)
{
	*ret = newest;
	return !run->has_interval || sl_run_begun(&run->home, run->run_id, source, ret, err);
}

static bool look_at(const struct sl_run *run, const char *source, const char *sink,
		    unsigned generation, struct sl_arena *arena, struct of_source *ret,
		    struct sl_err *err)
{
	uint64_t upto;

	return sl_log_newest(&run->home, source, &ret->newest, err) &&
	       reach(run, source, ret->newest, &upto, err) &&
	       sl_run_entries(&run->home, run->run_id, source, arena, &ret->own.v, &ret->own.n,
			      err) &&
	       sl_mark_missing(&run->home, sink, generation, source, upto, arena, &ret->unmarked.v,
			       &ret->unmarked.n, err);
}

/* Others' entries without a mark, or our own ones. */
static void add_all(struct sl_worklist *list, struct of_source *sources, size_t n_sources,
		    uint64_t most, bool own)
{
	for (size_t s = 0; s < n_sources; s++)
		sources[s].own.at = 0;
	for (uint64_t n = 1; n <= most; n++) {
		for (size_t s = 0; s < n_sources; s++) {
			const bool is_own = has(&sources[s].own, n);

			if (own ? is_own : !is_own && has(&sources[s].unmarked, n))
				add(list, s, n, own);
		}
	}
}

bool sl_worklist_make(const struct sl_run *run, const char *sink, unsigned generation,
		      struct sl_arena *arena, struct sl_worklist *ret, struct sl_err *err)
{
	const size_t n_sources = run->p->n_sources;
	struct of_source *sources = sl_arena_zalloc(arena, n_sources, sizeof(*sources));
	uint64_t most = 0;
	size_t total = 0;

	for (size_t s = 0; s < n_sources; s++) {
		struct of_source *of = &sources[s];

		if (!look_at(run, run->p->sources[s].name, sink, generation, arena, of, err))
			return false;
		most = of->newest > most ? of->newest : most;
		total += of->own.n + of->unmarked.n;
	}

	struct sl_worklist list = {.v = sl_arena_zalloc(arena, total + 1, sizeof(struct sl_work))};

	add_all(&list, sources, n_sources, most, false);
	add_all(&list, sources, n_sources, most, true);
	*ret = list;
	return true;
}

/* Rows that were adopted with a table (edition 0) are of no entry of this log. */
static bool is_ours(const struct sl_applied *a)
{
	return a->edition > 0;
}

/* Entry n is among the first of the list: it becomes the run's own. */
static bool is_listed(struct sl_worklist *list, size_t first, size_t source, uint64_t n)
{
	for (size_t i = 0; i < first; i++) {
		struct sl_work *w = &list->v[i];

		if (w->source != source || w->n != n)
			continue;
		list->n_own += !w->own;
		w->own = true;
		return true;
	}
	return false;
}

static bool of_one_entry(const struct sl_applied *a, const struct sl_applied *b)
{
	return strcmp(a->source, b->source) == 0 && a->edition == b->edition;
}

bool sl_worklist_add_old(const struct sl_run *run, struct sl_sink *sink, struct sl_arena *arena,
			 struct sl_worklist *list, struct sl_err *err)
{
	const size_t before = list->n;
	const struct sl_applied *last = NULL;
	struct sl_applied *held;
	struct sl_work *v;
	size_t n;

	if (!sl_sink_applied_all(sink, arena, &held, &n, err))
		return false;
	v = sl_arena_zalloc(arena, before + n + 1, sizeof(*v));
	if (before)
		memcpy(v, list->v, before * sizeof(*v));
	list->v = v;
	for (size_t i = 0; i < n; i++) {
		const struct sl_source *s = sl_pipeline_source(run->p, held[i].source);

		if (!s || !is_ours(&held[i]) || strcmp(held[i].rev, run->p->rev) == 0 ||
		    (last && of_one_entry(last, &held[i])))
			continue;
		last = &held[i];
		if (!is_listed(list, before, s->index, held[i].edition))
			add(list, s->index, held[i].edition, true);
	}
	return true;
}
