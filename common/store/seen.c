/*
 * The list of seen.h as a file: seen/<source>.json, replaced as a whole. Of two collections that
 * write it at once one loses what it noted, and reads those inputs again.
 */
#include "store/seen.h"

#include "base/mem.h"
#include "store/log_json.h"

static char *seen_name(const char *source)
{
	return sl_xasprintf("seen/%s.json", source);
}

static void add(struct sl_seen *seen, struct sl_seen_stat s)
{
	if (seen->n == seen->cap) {
		seen->cap = seen->cap ? 2 * seen->cap : 64;
		seen->v = sl_xrealloc(seen->v, seen->cap, sizeof(*seen->v));
	}
	seen->v[seen->n++] = s;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sl_seen_stat *)a)->name,
		      ((const struct sl_seen_stat *)b)->name);
}

void sl_seen_read(const struct sl_home *h, const char *source, struct sl_arena *arena,
		  struct sl_seen *ret)
{
	sl_cleanup(sl_freep) char *name = seen_name(source);
	sl_cleanup(sl_log_decref) json_t *o = NULL;
	struct sl_err ignored = SL_ERR_INIT;

	ret->n = ret->n_sorted = 0;
	ret->noted = ret->reset = false;
	if (!sl_log_load(h->shared, name, SL_LOG_FILE_MAX, &o, &ignored))
		return;
	const json_t *inputs = json_object_get(o, "inputs");

	ret->reset = json_is_true(json_object_get(o, "reset"));
	for (size_t i = 0; i < json_array_size(inputs); i++) {
		const json_t *in = json_array_get(inputs, i);
		struct sl_seen_stat s = {.name = sl_log_get_text(in, "name", arena),
					 .stat = sl_log_get_text(in, "stat", arena)};

		if (s.name && s.stat && sl_log_get_u64(in, "edition", &s.edition))
			add(ret, s);
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	ret->n_sorted = ret->n;
}

static struct sl_seen_stat *find(const struct sl_seen *seen, const char *name)
{
	const struct sl_seen_stat key = {.name = name};

	return seen->n_sorted ? bsearch(&key, seen->v, seen->n_sorted, sizeof(key), by_name) : NULL;
}

bool sl_seen_holds(const struct sl_seen *seen, const struct sl_edition *e, const char *stat)
{
	const struct sl_seen_stat *s = find(seen, e->input->name);

	return s && s->edition == e->n && strcmp(s->stat, stat) == 0;
}

void sl_seen_note(struct sl_seen *seen, const struct sl_edition *e, const char *stat)
{
	const struct sl_seen_stat now = {e->input->name, stat, e->n};
	struct sl_seen_stat *before = find(seen, now.name);

	seen->noted = true;
	if (before)
		*before = now;
	else
		add(seen, now);
}

static void put_list(struct sl_buf *b, const struct sl_seen *seen,
		     const struct sl_inventory *inventory)
{
	const char *between = "\n{";

	sl_buf_adds(b, "{\"sluice\":1,\"inputs\":[");
	for (size_t i = 0; i < seen->n; i++) {
		const struct sl_seen_stat *s = &seen->v[i];
		const struct sl_edition *e = sl_inventory_find(inventory, s->name);

		if (!e || e->n != s->edition)
			continue;
		sl_buf_adds(b, between);
		sl_log_put_text(b, "name", s->name);
		sl_buf_addf(b, ",\"edition\":%" PRIu64 ",", s->edition);
		sl_log_put_text(b, "stat", s->stat);
		sl_buf_addc(b, '}');
		between = ",\n{";
	}
	sl_buf_adds(b, "]}\n");
}

void sl_seen_write(const struct sl_home *h, const char *source, const struct sl_seen *seen,
		   const struct sl_inventory *inventory)
{
	sl_cleanup(sl_freep) char *name = seen_name(source);
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	struct sl_err ignored = SL_ERR_INIT;

	if (!seen->noted && !seen->reset)
		return;
	put_list(&b, seen, inventory);
	if (!sl_depot_replace(h->shared, name, sl_buf_str(&b), SL_DURABLE, &ignored))
		sl_err_clear(&ignored); /* the inputs are read once more */
}

bool sl_seen_reset(const struct sl_home *h, const char *source, struct sl_err *err)
{
	const struct sl_str text = SL_STR("{\"sluice\":1,\"reset\":true,\"inputs\":[]}\n");
	sl_cleanup(sl_freep) char *name = seen_name(source);

	return sl_depot_replace(h->shared, name, text, SL_DURABLE, err);
}

void sl_seen_release(struct sl_seen *seen)
{
	free(seen->v);
	*seen = (struct sl_seen){0};
}
