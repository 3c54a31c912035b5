/*
 * Rule split: a text cut at a separator into a list<text>. The parts are views into the text read.
 */
#include "tasks/normalize/columns.h"

struct split {
	const char *from, *into, *separator;
	bool trim, skip_empty;
	size_t from_col, into_col, separator_n;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct split, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "text column to read; NULL stays NULL, an empty text is an empty list"),
	SL_F_TEXT(struct split, into, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "list<text> column to write"),
	SL_F_TEXT(struct split, separator, SL_F_IDENTITY, ",", "text between two parts"),
	SL_F_BOOL(struct split, trim, SL_F_IDENTITY, "true", "blanks around a part are dropped"),
	SL_F_BOOL(struct split, skip_empty, SL_F_IDENTITY, "true", "empty parts are left out"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct split *p = params;
	const struct sl_type list = {.kind = SL_TEXT_LIST};

	p->separator_n = strlen(p->separator);
	if (p->separator_n == 0) {
		sl_diag_add(s->diags, SL_E1006, sl_rule_place(s, "separator"),
			    "rule \"split\": \"separator\" is empty");
		return false;
	}
	return sl_column_pair(s, p->from, SL_KINDS_TEXT, p->into, list, 1U << SL_TEXT_LIST,
			      &p->from_col, &p->into_col);
}

/* Cuts the first part off; false when the text is used up. */
static bool next_part(const struct split *p, struct sl_str *text, struct sl_str *part)
{
	const char *at;

	if (!text->p)
		return false;
	at = text->n ? memmem(text->p, text->n, p->separator, p->separator_n) : NULL;
	*part = at ? (struct sl_str){text->p, (size_t)(at - text->p)} : *text;
	if (at)
		*text = sl_str_sub(*text, part->n + p->separator_n, text->n);
	else
		*text = SL_STR_NULL;
	if (p->trim)
		*part = sl_str_trim(*part);
	return true;
}

static size_t split(const struct split *p, struct sl_str text, struct sl_str *out)
{
	struct sl_str part;
	size_t n = 0;

	while (next_part(p, &text, &part)) {
		if (part.n == 0 && p->skip_empty)
			continue;
		if (out)
			out[n] = part;
		n++;
	}
	return n;
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct split *p = params;
	const struct sl_vec *in = &b->cols[p->from_col];
	struct sl_vec *out = &b->cols[p->into_col];

	(void)err;
	for (size_t row = 0; row < b->rows; row++) {
		struct sl_list list = {NULL, 0};
		const struct sl_str text = in->u.str[row];

		if (b->state[row] != SL_ROW_KEPT)
			continue;
		if (in->valid[row] && text.n > 0) {
			list.n = split(p, text, NULL);
			list.v = sl_arena_zalloc(&b->arena, list.n, sizeof(*list.v));
			split(p, text, list.v);
		}
		out->valid[row] = in->valid[row];
		out->u.list[row] = list;
	}
	return true;
}

const struct sl_rule sl_rule_split = {
	.name = "split",
	.summary = "A text cut at a separator into a list.",
	.example = "- split: {from: title, into: tags, separator: /}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct split),
	.prepare = prepare,
	.apply = apply,
};
