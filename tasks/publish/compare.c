/*
 * Live rows and live documents side by side, both by key, with one of each in memory. Neither
 * stream's order is taken on trust: one out of order would make tombstones of what is there.
 */
#include "tasks/publish/publish.h"

struct comparing {
	struct sl_publish *p;
	struct sl_doc_seen seen; /* the document under the cursor */
	bool found;		 /* there is one */
	struct sl_str *key;	 /* of the row */
	/* the keys before, to see their order; texts are copies */
	struct sl_buf *row_text, *doc_text;
	struct sl_str *row_before, *doc_before;
	bool any_row, any_doc;
};

static void keep(const struct sl_publish *p, const struct sl_str *key, struct sl_buf *texts,
		 struct sl_str *cells)
{
	for (size_t i = 0; i < p->layout.n_key; i++) {
		sl_buf_clear(&texts[i]);
		sl_buf_addstr(&texts[i], key[i]);
		cells[i] = sl_buf_str(&texts[i]);
		if (!cells[i].p)
			cells[i] = SL_STR("");
	}
}

/* --- documents --- */

/* Those of another form than today's key are too much, wherever they stand. */
static bool advance(struct comparing *c, struct sl_err *err)
{
	struct sl_publish *p = c->p;

	for (;;) {
		if (!p->target->next(p->docs, &c->seen, &c->found, err))
			return false;
		if (!c->found || c->seen.key)
			break;
		if (!p->target->remove(p->docs, c->seen.id, err))
			return false;
	}
	if (!c->found)
		return true;
	if (c->any_doc && sl_publish_order(p, c->doc_before, c->seen.key) >= 0)
		return sl_err_set(err, SL_ERR_PROTOCOL,
				  "collection \"%s\" is not ordered by _id as bytes",
				  p->what->collection);
	keep(p, c->seen.key, c->doc_text, c->doc_before);
	c->any_doc = true;
	return true;
}

/* Documents before the row, or at the end all that are left. */
static bool remove_before(struct comparing *c, const struct sl_str *key, struct sl_err *err)
{
	struct sl_publish *p = c->p;

	while (c->found && (!key || sl_publish_order(p, c->seen.key, key) < 0))
		if (!p->target->remove(p->docs, c->seen.id, err) || !advance(c, err))
			return false;
	return true;
}

/* --- rows --- */

static bool match(struct comparing *c, const struct sl_str *cells, struct sl_err *err)
{
	struct sl_publish *p = c->p;
	struct sl_doc doc = {.cells = cells, .gone = false};

	sl_publish_hash(p, cells, doc.hash);
	if (p->target->whole)
		return p->target->write(p->docs, &doc, err);
	if (!remove_before(c, c->key, err))
		return false;
	const bool there = c->found && sl_publish_order(p, c->seen.key, c->key) == 0;
	const bool same = there && memcmp(c->seen.hash, doc.hash, SL_DOC_HASH) == 0;

	if (!same && !p->target->write(p->docs, &doc, err))
		return false;
	return !there || advance(c, err);
}

static bool take_row(void *ctx, const struct sl_str *cells, struct sl_err *err)
{
	struct comparing *c = ctx;
	struct sl_publish *p = c->p;
	int order = -1;

	if (p->rows++ % 1024 == 0)
		sl_progress(&p->progress, "documents=%s rows=%" PRIu64, p->what->name, p->rows);
	if (!sl_publish_key(p, cells, c->key)) {
		sl_publish_reject(p, c->key, "has no key");
		return true;
	}
	if (c->any_row)
		order = sl_publish_order(p, c->row_before, c->key);
	if (order > 0)
		return sl_err_set(err, SL_ERR_BUG, "\"%s\" does not come in its key's order",
				  p->what->from);
	if (order == 0) {
		sl_publish_reject(p, c->key, "has the key of another one");
		return true;
	}
	keep(p, c->key, c->row_text, c->row_before);
	c->any_row = true;
	return match(c, cells, err);
}

static bool compare(struct comparing *c, struct sl_err *err)
{
	struct sl_publish *p = c->p;

	if (!p->target->whole && !advance(c, err))
		return false;
	return sl_publish_read(p, sl_publish_all_sql(p), NULL, take_row, c, err) &&
	       remove_before(c, NULL, err) && p->target->flush(p->docs, err);
}

bool sl_publish_compare(struct sl_publish *p, struct sl_err *err)
{
	const size_t n = p->layout.n_key;
	struct sl_arena *arena = &p->run->arena;
	struct comparing c = {
		.p = p,
		.key = sl_arena_zalloc(arena, n, sizeof(*c.key)),
		.row_text = sl_arena_zalloc(arena, n, sizeof(*c.row_text)),
		.doc_text = sl_arena_zalloc(arena, n, sizeof(*c.doc_text)),
		.row_before = sl_arena_zalloc(arena, n, sizeof(*c.row_before)),
		.doc_before = sl_arena_zalloc(arena, n, sizeof(*c.doc_before)),
	};

	p->rows = p->rejected = 0; /* each row is looked at once more */
	const bool ok = compare(&c, err);

	for (size_t i = 0; i < n; i++) {
		sl_buf_release(&c.row_text[i]);
		sl_buf_release(&c.doc_text[i]);
	}
	return ok;
}
