/*
 * What one execution of normalize has to do: see work.h. The chunks of a run and their owners are a
 * pure function of the log, so that clearing one mapped task does exactly its share again.
 */
#include "tasks/normalize/work.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/log.h"

#define LIST_BYTES_MAX ((size_t)64 << 20)

struct found {
	const struct sl_log_chunk *chunk;
	const struct sl_source *source;
	bool wanted; /* of an input's newest edition: store takes no other */
};

/* The run's chunks, gathered over sources and entries. */
struct gathered {
	struct found *v;
	size_t n, cap;
};

static void release_gathered(struct gathered *g)
{
	free(g->v);
}

static void add_chunk(struct gathered *g, struct found f)
{
	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 64;
		g->v = sl_xrealloc(g->v, g->cap, sizeof(*g->v));
	}
	g->v[g->n++] = f;
}

static void add_input(struct gathered *g, const struct sl_source *source, uint64_t n,
		      const struct sl_log_input *in, const struct sl_inventory *inventory)
{
	const struct sl_edition *newest = sl_inventory_find(inventory, in->name);
	const bool wanted = newest && newest->n == n;

	for (size_t k = 0; k < in->n_chunks; k++)
		add_chunk(g, (struct found){&in->chunks[k], source, wanted});
}

static bool gather_entry(struct sl_run *run, const struct sl_source *source, uint64_t n,
			 const struct sl_inventory *inventory, struct gathered *g,
			 struct sl_err *err)
{
	struct sl_log_entry entry;

	if (!sl_log_read(&run->home, source->name, n, &run->arena, &entry, err))
		return false;
	for (size_t i = 0; i < entry.n_inputs; i++)
		add_input(g, source, n, &entry.inputs[i], inventory);
	return true;
}

static bool gather_source(struct sl_run *run, const struct sl_source *source, struct gathered *g,
			  uint64_t *entries, struct sl_err *err)
{
	struct sl_inventory inventory;
	uint64_t *own;
	size_t n_own;

	if (!sl_run_entries(&run->home, run->run_id, source->name, &run->arena, &own, &n_own,
			    err) ||
	    !sl_log_inventory(&run->home, source->name, 0, &run->arena, &inventory, err))
		return false;
	*entries += n_own;
	for (size_t i = 0; i < n_own; i++)
		if (!gather_entry(run, source, own[i], &inventory, g, err))
			return false;
	return true;
}

static bool gather_run(struct sl_run *run, struct gathered *g, uint64_t *entries,
		       struct sl_err *err)
{
	for (size_t i = 0; i < run->p->n_sources; i++) {
		const struct sl_source *source = &run->p->sources[i];

		if (run->source && strcmp(run->source, source->name) != 0)
			continue;
		if (!gather_source(run, source, g, entries, err))
			return false;
	}
	return true;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->chunk->id, ((const struct found *)b)->chunk->id);
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

bool sl_work_of_run(struct sl_run *run, struct sl_work *ret, struct sl_err *err)
{
	sl_cleanup(release_gathered) struct gathered g = {NULL, 0, 0};
	const struct sl_log_chunk **chunks;
	uint32_t *owner;

	*ret = (struct sl_work){NULL, 0, 0};
	if (!gather_run(run, &g, &ret->entries, err))
		return false;
	drop_repeated(&g);
	chunks = sl_arena_zalloc(&run->arena, g.n + 1, sizeof(*chunks));
	owner = sl_arena_zalloc(&run->arena, g.n + 1, sizeof(*owner));
	ret->v = sl_arena_zalloc(&run->arena, g.n + 1, sizeof(*ret->v));
	for (size_t i = 0; i < g.n; i++)
		chunks[i] = g.v[i].chunk;
	sl_partition(chunks, g.n, run->part_n, owner);
	for (size_t i = 0; i < g.n; i++)
		if (owner[i] == run->part_k - 1 && g.v[i].wanted)
			ret->v[ret->n++] = (struct sl_work_item){g.v[i].source, chunks[i]->id, 0,
								 chunks[i]->parts};
	return true;
}

static bool is_chunk_id(struct sl_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdef", s.p[i]) || !s.p[i])
			return false;
	return s.n == SL_HASH_HEX - 1;
}

static bool read_item(struct sl_run *run, struct sl_str text, struct sl_work_item *ret,
		      struct sl_err *err)
{
	struct sl_str rest = text, source, chunk;
	uint64_t part;

	if (!sl_str_next(&rest, ':', &source) || !sl_str_next(&rest, ':', &chunk) ||
	    !is_chunk_id(chunk) || !sl_num_u64(rest, UINT32_MAX, &part))
		return sl_err_set(err, SL_ERR_USAGE,
				  "\"" SL_STR_FMT "\" in --parts is not SOURCE:CHUNK:PART",
				  SL_STR_ARG(sl_str_sub(text, 0, 200)));
	ret->source = sl_pipeline_source(run->p, sl_arena_str(&run->arena, source).p);
	if (!ret->source)
		return sl_err_set(err, SL_ERR_USAGE,
				  "pipeline \"%s\" has no source \"" SL_STR_FMT "\"", run->p->name,
				  SL_STR_ARG(source));
	ret->chunk = sl_arena_str(&run->arena, chunk).p;
	ret->first = (uint32_t)part;
	ret->n = 1;
	return true;
}

static size_t count_items(struct sl_str list)
{
	size_t n = 1;

	for (size_t i = 0; i < list.n; i++)
		n += list.p[i] == ',' || list.p[i] == '\n';
	return n;
}

bool sl_work_of_list(struct sl_run *run, const char *text, struct sl_work *ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf file = SL_BUF_INIT;
	struct sl_str list = sl_str_of(text), line, item;

	*ret = (struct sl_work){NULL, 0, 0};
	if (text[0] == '@') {
		if (!sl_file_read(text + 1, LIST_BYTES_MAX, &file, err))
			return false;
		list = sl_buf_str(&file);
	}
	ret->v = sl_arena_zalloc(&run->arena, count_items(list), sizeof(*ret->v));
	while (sl_str_next(&list, '\n', &line)) {
		while (sl_str_next(&line, ',', &item)) {
			item = sl_str_trim(item);
			if (item.n && !read_item(run, item, &ret->v[ret->n++], err))
				return false;
		}
	}
	return true;
}
