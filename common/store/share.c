/*
 * The chunks of a run and their owners: see share.h.
 */
#include "store/share.h"

#include "base/mem.h"

/* Gathered over sources and entries. */
struct gathered {
	struct sl_shared *v;
	size_t n, cap;
};

static void release_gathered(struct gathered *g)
{
	free(g->v);
}

static void add_chunk(struct gathered *g, struct sl_shared s)
{
	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 64;
		g->v = sl_xrealloc(g->v, g->cap, sizeof(*g->v));
	}
	g->v[g->n++] = s;
}

static void add_input(struct gathered *g, const struct sl_source *source,
		      const struct sl_log_entry *e, size_t place,
		      const struct sl_inventory *inventory)
{
	const struct sl_log_input *in = &e->inputs[place];
	const struct sl_edition *newest = sl_inventory_find(inventory, in->name);
	const bool wanted = newest && newest->n == e->n;

	for (size_t k = 0; k < in->n_chunks; k++)
		add_chunk(g, (struct sl_shared){&in->chunks[k], source, e->n, place, k, wanted, 0});
}

static bool gather_source(const struct sl_home *h, const char *run, const struct sl_source *source,
			  struct sl_arena *arena, struct gathered *g, uint64_t *entries,
			  struct sl_err *err)
{
	struct sl_inventory inventory;
	struct sl_log_entry e;
	uint64_t *own;
	size_t n_own;

	if (!sl_run_entries(h, run, source->name, arena, &own, &n_own, err) ||
	    !sl_log_inventory(h, source->name, 0, arena, &inventory, err))
		return false;
	*entries += n_own;
	for (size_t i = 0; i < n_own; i++) {
		if (!sl_log_read(h, source->name, own[i], arena, &e, err))
			return false;
		for (size_t k = 0; k < e.n_inputs; k++)
			add_input(g, source, &e, k, &inventory);
	}
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct sl_shared *x = a, *y = b;

	return strcmp(x->chunk->id, y->chunk->id);
}

/* An input collected anew within the run, unchanged, stands in two entries with the same chunk. */
static void drop_repeated(struct gathered *g)
{
	size_t n = 0;

	if (g->n)
		qsort(g->v, g->n, sizeof(*g->v), by_id);
	for (size_t i = 0; i < g->n; i++) {
		if (n > 0 && by_id(&g->v[n - 1], &g->v[i]) == 0)
			g->v[n - 1].wanted |= g->v[i].wanted;
		else
			g->v[n++] = g->v[i];
	}
	g->n = n;
}

static void divide(struct gathered *g, uint32_t n)
{
	sl_cleanup(sl_freep) const struct sl_log_chunk **chunks =
		sl_xcalloc(g->n + 1, sizeof(*chunks));
	sl_cleanup(sl_freep) uint32_t *owner = sl_xcalloc(g->n + 1, sizeof(*owner));

	for (size_t i = 0; i < g->n; i++)
		chunks[i] = g->v[i].chunk;
	sl_partition(chunks, g->n, n, owner);
	for (size_t i = 0; i < g->n; i++)
		g->v[i].owner = owner[i];
}

bool sl_share_read(const struct sl_pipeline *p, const struct sl_home *h, const char *run,
		   const char *source, uint32_t n, struct sl_arena *arena, struct sl_share *ret,
		   struct sl_err *err)
{
	sl_cleanup(release_gathered) struct gathered g = {NULL, 0, 0};

	*ret = (struct sl_share){.n = 0};
	for (size_t i = 0; i < p->n_sources; i++) {
		const struct sl_source *s = &p->sources[i];

		if (source && strcmp(source, s->name) != 0)
			continue;
		if (!gather_source(h, run, s, arena, &g, &ret->entries, err))
			return false;
	}
	drop_repeated(&g);
	divide(&g, n);
	ret->v = sl_arena_zalloc(arena, g.n + 1, sizeof(*ret->v));
	if (g.n)
		memcpy(ret->v, g.v, g.n * sizeof(*g.v));
	ret->n = g.n;
	return true;
}
