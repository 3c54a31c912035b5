/*
 * The store's list of entries. "Oldest first" goes by entry number, then by the sources' order in
 * the file: a clock would make the order depend on when things ran.
 */
#include "tasks/store/worklist.h"

struct own_entries {
	uint64_t *v;
	size_t n;
};

static bool is_own(const struct own_entries *own, uint64_t n)
{
	for (size_t i = 0; i < own->n; i++) {
		if (own->v[i] == n)
			return true;
	}
	return false;
}

static void add(struct sl_worklist *list, size_t source, uint64_t n, bool own)
{
	list->v[list->n++] = (struct sl_work){.source = source, .n = n, .own = own};
	list->n_own += own;
}

bool sl_worklist_make(const struct sl_run *run, const char *sink, unsigned generation,
		      struct sl_arena *arena, struct sl_worklist *ret, struct sl_err *err)
{
	const size_t n_sources = run->p->n_sources;
	struct own_entries *own = sl_arena_zalloc(arena, n_sources, sizeof(*own));
	uint64_t *newest = sl_arena_zalloc(arena, n_sources, sizeof(*newest));
	uint64_t most = 0;
	size_t total = 0;

	for (size_t s = 0; s < n_sources; s++) {
		const char *name = run->p->sources[s].name;

		if (!sl_log_newest(&run->home, name, &newest[s], err) ||
		    !sl_run_entries(&run->home, run->run_id, name, arena, &own[s].v, &own[s].n,
				    err))
			return false;
		most = newest[s] > most ? newest[s] : most;
		total += newest[s];
	}

	struct sl_worklist list = {.v = sl_arena_zalloc(arena, total + 1, sizeof(struct sl_work))};

	for (uint64_t n = 1; n <= most && !run->has_interval; n++) {
		for (size_t s = 0; s < n_sources; s++) {
			if (n <= newest[s] && !is_own(&own[s], n) &&
			    !sl_mark_exists(&run->home, sink, generation, run->p->sources[s].name,
					    n))
				add(&list, s, n, false);
		}
	}
	for (uint64_t n = 1; n <= most; n++) {
		for (size_t s = 0; s < n_sources; s++) {
			if (is_own(&own[s], n))
				add(&list, s, n, true);
		}
	}
	*ret = list;
	return true;
}
