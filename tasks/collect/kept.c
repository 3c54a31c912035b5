/* Small chunks kept for their tickets: see kept.h. */
#include "tasks/collect/kept.h"

#include "base/mem.h"

struct item {
	struct sl_chunk chunk;
	struct sl_str frames;
};

struct sl_kept {
	struct sl_arena arena;
	uint64_t left; /* bytes */
	struct item *v;
	size_t n, cap;
	bool sorted;
};

struct sl_kept *sl_kept_new(uint64_t max)
{
	struct sl_kept *k = max ? sl_xcalloc(1, sizeof(*k)) : NULL;

	if (k)
		k->left = max;
	return k;
}

void sl_kept_free(struct sl_kept **k)
{
	if (!*k)
		return;
	sl_arena_release(&(*k)->arena);
	free((*k)->v);
	free(*k);
	*k = NULL;
}

static struct item copy(struct sl_arena *arena, const struct sl_chunk *c, struct sl_str frames)
{
	struct item ret = {.chunk = *c, .frames = sl_arena_str(arena, frames)};
	struct sl_part *parts = sl_arena_zalloc(arena, c->n_parts + 1, sizeof(*parts));

	memcpy(parts, c->parts, c->n_parts * sizeof(*parts));
	ret.chunk.parts = parts;
	ret.chunk.source = ret.chunk.codec = NULL; /* nobody asks */
	ret.chunk.input = sl_arena_strdup(arena, c->input);
	if (c->header.p)
		ret.chunk.header = sl_arena_str(arena, c->header);
	return ret;
}

void sl_kept_add(struct sl_kept *k, const struct sl_chunk *c, struct sl_str frames)
{
	const uint64_t size = frames.n + c->header.n + strlen(c->input) +
			      c->n_parts * sizeof(*c->parts) + sizeof(struct item);

	if (size > k->left || k->sorted)
		return;
	k->left -= size;
	if (k->n == k->cap) {
		k->cap = k->cap ? 2 * k->cap : 64;
		k->v = sl_xrealloc(k->v, k->cap, sizeof(*k->v));
	}
	k->v[k->n++] = copy(&k->arena, c, frames);
}

static int by_id(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return strcmp(x->chunk.id, y->chunk.id);
}

static int by_key(const void *key, const void *item)
{
	return strcmp(key, ((const struct item *)item)->chunk.id);
}

const struct sl_chunk *sl_kept_find(struct sl_kept *k, const char *id, struct sl_str *ret_frames)
{
	if (!k || k->n == 0)
		return NULL;
	if (!k->sorted)
		qsort(k->v, k->n, sizeof(*k->v), by_id);
	k->sorted = true;

	const struct item *found = bsearch(id, k->v, k->n, sizeof(*k->v), by_key);

	if (!found)
		return NULL;
	*ret_frames = found->frames;
	return &found->chunk;
}
