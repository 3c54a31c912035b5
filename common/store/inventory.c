/*
 * The inventory: the newest edition of every input, folded from the log's entries. A snapshot of it
 * every few hundred entries keeps the fold short; it is made from the log and only saves time.
 */
#include "base/mem.h"
#include "store/log.h"
#include "store/log_json.h"

static int by_name(const void *a, const void *b)
{
	const struct sl_edition *x = a, *y = b;

	return strcmp(x->input->name, y->input->name);
}

static bool same_name(const struct sl_edition *a, const struct sl_edition *b)
{
	return strcmp(a->input->name, b->input->name) == 0;
}

/* Both lists are sorted by name; of two editions of one input the one in `more` stays. */
static void merge(struct sl_inventory *inv, const struct sl_edition *more, size_t n,
		  struct sl_arena *arena)
{
	struct sl_edition *out = sl_arena_zalloc(arena, inv->n + n, sizeof(*out));
	size_t i = 0, j = 0, k = 0;

	while (i < inv->n || j < n) {
		int c = i == inv->n ? 1 : j == n ? -1 : by_name(&inv->v[i], &more[j]);

		if (c < 0) {
			out[k++] = inv->v[i++];
			continue;
		}
		i += c == 0;
		out[k++] = more[j++];
	}
	inv->v = out;
	inv->n = k;
}

/* Editions of the entries gathered since the last merge; later ones stand behind earlier ones. */
struct pending {
	struct sl_edition *v;
	size_t n, cap;
};

static void release_pending(struct pending *p)
{
	free(p->v);
}

static void add_pending(struct pending *p, struct sl_edition e)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 256;
		p->v = sl_xrealloc(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = e;
}

static int by_name_then_newest(const void *a, const void *b)
{
	const struct sl_edition *x = a, *y = b;
	int c = by_name(x, y);

	return c ? c : x->n > y->n ? -1 : x->n < y->n;
}

/* One sort and one merge for all entries, so that many small ones cost no more than one large. */
static void fold(struct sl_inventory *inv, struct pending *p, struct sl_arena *arena)
{
	size_t k = 0;

	if (p->n == 0)
		return;
	qsort(p->v, p->n, sizeof(*p->v), by_name_then_newest);
	for (size_t i = 0; i < p->n; i++)
		if (k == 0 || !same_name(&p->v[k - 1], &p->v[i]))
			p->v[k++] = p->v[i];
	merge(inv, p->v, k, arena);
}

static bool get_edition(const json_t *o, struct sl_arena *arena, struct sl_edition *ret)
{
	struct sl_log_input *in = sl_arena_alloc(arena, sizeof(*in));
	uint64_t place;

	if (!sl_log_get_input(o, arena, in) || !sl_log_get_u64(o, "edition", &ret->n) ||
	    !sl_log_get_u64(o, "place", &place))
		return false;
	ret->place = place;
	ret->input = in;
	return true;
}

static char *snapshot_name(const char *source, uint64_t n)
{
	return sl_xasprintf("log/%s/snapshot-%" PRIu64 ".json", source, n);
}

static bool get_snapshot(const json_t *o, uint64_t n, struct sl_arena *arena,
			 struct sl_inventory *inv)
{
	const json_t *inputs = json_object_get(o, "inputs");
	size_t count = json_array_size(inputs);
	uint64_t upto;

	if (!sl_log_get_u64(o, "upto", &upto) || upto != n || !json_is_array(inputs))
		return false;
	struct sl_edition *v = sl_arena_zalloc(arena, count, sizeof(*v));
	for (size_t i = 0; i < count; i++)
		if (!get_edition(json_array_get(inputs, i), arena, &v[i]))
			return false;
	*inv = (struct sl_inventory){.v = v, .n = count, .newest = n};
	return true;
}

/* False when it cannot be used: the log itself is read then. */
static bool read_snapshot(const struct sl_home *h, const char *source, uint64_t n,
			  struct sl_arena *arena, struct sl_inventory *inv)
{
	sl_cleanup(sl_freep) char *name = snapshot_name(source, n);
	sl_cleanup(sl_log_decref) json_t *o = NULL;
	struct sl_err ignored = SL_ERR_INIT;

	return sl_log_load(h->shared, name, SL_LOG_FILE_MAX, &o, &ignored) &&
	       get_snapshot(o, n, arena, inv);
}

static bool gather(const struct sl_home *h, const char *source, uint64_t n, struct sl_arena *arena,
		   struct pending *p, struct sl_err *err)
{
	struct sl_log_entry e;

	if (!sl_log_read(h, source, n, arena, &e, err))
		return false;
	for (size_t i = 0; i < e.n_inputs; i++)
		add_pending(p, (struct sl_edition){.n = n, .place = i, .input = &e.inputs[i]});
	return true;
}

bool sl_log_inventory(const struct sl_home *h, const char *source, uint64_t upto,
		      struct sl_arena *arena, struct sl_inventory *ret, struct sl_err *err)
{
	sl_cleanup(release_pending) struct pending p = {NULL, 0, 0};
	struct sl_inventory inv = {NULL, 0, 0};
	struct sl_log_numbers found;

	if (!sl_log_numbers(h, source, upto, &found, err))
		return false;
	if (upto == 0 || upto > found.entry)
		upto = found.entry;
	if (found.snapshot && !read_snapshot(h, source, found.snapshot, arena, &inv))
		inv = (struct sl_inventory){NULL, 0, 0};
	for (uint64_t n = inv.newest + 1; n <= upto; n++)
		if (!gather(h, source, n, arena, &p, err))
			return false;
	fold(&inv, &p, arena);
	inv.newest = upto;
	*ret = inv;
	return true;
}

const struct sl_edition *sl_inventory_find(const struct sl_inventory *inv, const char *name)
{
	const struct sl_log_input in = {.name = name};
	const struct sl_edition key = {.input = &in};

	return inv->n ? bsearch(&key, inv->v, inv->n, sizeof(key), by_name) : NULL;
}

static void put_snapshot(struct sl_buf *b, const struct sl_inventory *inv)
{
	sl_buf_addf(b, "{\"sluice\":1,\"upto\":%" PRIu64 ",\"inputs\":[", inv->newest);
	for (size_t i = 0; i < inv->n; i++) {
		sl_buf_addf(b, "%s\n{\"edition\":%" PRIu64 ",\"place\":%zu,", i ? "," : "",
			    inv->v[i].n, inv->v[i].place);
		sl_log_put_input(b, inv->v[i].input);
		sl_buf_addc(b, '}');
	}
	sl_buf_adds(b, "]}\n");
}

bool sl_log_snapshot(const struct sl_home *h, const char *source, uint64_t n, struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	sl_cleanup(sl_freep) char *name = snapshot_name(source, n);
	struct sl_inventory inv;

	if (!sl_log_inventory(h, source, n, &arena, &inv, err))
		return false;
	put_snapshot(&b, &inv);
	return sl_depot_put(h->shared, name, sl_buf_str(&b), SL_DURABLE, NULL, err);
}
