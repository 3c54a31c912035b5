/*
 * Rule dedup: each text of a list once, the first one at its place. (Duplicate rows are another
 * matter: see dedup.h.) Long lists go through a table of places, so that a hostile one costs no
 * more than its length.
 */
#include <xxhash.h>

#include "tasks/normalize/columns.h"

#define SHORT_LIST 16 /* compared each with each */

struct dedup {
	const char *from, *into;
	size_t from_col, into_col;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct dedup, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "list<text> column to read; NULL stays NULL"),
	SL_F_TEXT(struct dedup, into, SL_F_IDENTITY, NULL,
		  "list<text> column to write; default: the column read"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct dedup *d = params;
	const struct sl_type list = {.kind = SL_TEXT_LIST};

	return sl_column_pair(s, d->from, 1U << SL_TEXT_LIST, d->into, list, 1U << SL_TEXT_LIST,
			      &d->from_col, &d->into_col);
}

static bool among(const struct sl_list *list, struct sl_str text)
{
	for (size_t i = 0; i < list->n; i++)
		if (sl_str_eq(list->v[i], text))
			return true;
	return false;
}

/* Texts seen, by hash: places in the list made so far, plus 1. */
struct seen {
	uint32_t *slots;
	size_t mask;
};

static struct seen make_seen(size_t n, struct sl_arena *arena)
{
	size_t size = SHORT_LIST;

	while (size < 2 * n)
		size *= 2;
	return (struct seen){sl_arena_zalloc(arena, size, sizeof(uint32_t)), size - 1};
}

/* True when text is new; it then gets the next place of list. */
static bool see(struct seen *s, const struct sl_list *list, struct sl_str text)
{
	size_t at = XXH3_64bits(text.n ? text.p : "", text.n) & s->mask;

	for (; s->slots[at]; at = (at + 1) & s->mask)
		if (sl_str_eq(list->v[s->slots[at] - 1], text))
			return false;
	s->slots[at] = (uint32_t)list->n + 1;
	return true;
}

static struct sl_list unique(struct sl_list in, struct sl_arena *arena)
{
	struct sl_list out = {sl_arena_zalloc(arena, in.n, sizeof(*out.v)), 0};
	struct seen seen = {NULL, 0};

	if (in.n > SHORT_LIST)
		seen = make_seen(in.n, arena);
	for (size_t i = 0; i < in.n; i++) {
		bool is_new = seen.slots ? see(&seen, &out, in.v[i]) : !among(&out, in.v[i]);

		if (is_new)
			out.v[out.n++] = in.v[i];
	}
	return out;
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct dedup *d = params;
	const struct sl_vec *in = &b->cols[d->from_col];
	struct sl_vec *out = &b->cols[d->into_col];

	(void)err;
	for (size_t row = 0; row < b->rows; row++) {
		struct sl_list list = in->u.list[row];

		if (b->state[row] != SL_ROW_KEPT)
			continue;
		/* Not in place: another column may share the list. */
		if (list.n > 1)
			list = unique(list, &b->arena);
		out->valid[row] = in->valid[row];
		out->u.list[row] = list;
	}
	return true;
}

const struct sl_rule sl_rule_dedup = {
	.name = "dedup",
	.summary = "A list with each of its texts once, the first one kept.",
	.example = "- dedup: {from: tags}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct dedup),
	.prepare = prepare,
	.apply = apply,
};
