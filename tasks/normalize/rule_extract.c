/*
 * Rule extract: the part of a text that a pattern finds. Over a list<text> the first element that
 * matches counts. The result is the first group that took part in the match, without groups the
 * whole match; without a match it is NULL. It is a view into the text read: nothing is copied.
 */
#include "data/pattern.h"
#include "tasks/normalize/columns.h"

struct extract {
	const char *from, *into, *pattern;
	bool ignore_case;
	size_t from_col, into_col;
	struct sl_pattern code;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct extract, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "column to read: text or list<text>; NULL stays NULL"),
	SL_F_TEXT(
		struct extract, pattern, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		"regular expression (PCRE2): the first group that matches is the result; no match "
		"gives NULL"),
	SL_F_TEXT(struct extract, into, SL_F_IDENTITY, NULL,
		  "text column to write; default: the column read"),
	SL_F_BOOL(struct extract, ignore_case, SL_F_IDENTITY, "false",
		  "capital and small letters match each other"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct extract *x = params;
	bool ok = sl_column_pair(s, x->from, SL_KINDS_TEXT | 1U << SL_TEXT_LIST, x->into,
				 (struct sl_type){.kind = SL_TEXT}, SL_KINDS_TEXT, &x->from_col,
				 &x->into_col);

	return sl_pattern_compile(&x->code, x->pattern, x->ignore_case, s) && ok;
}

static int find_in_row(const struct extract *x, const struct sl_vec *in, size_t row,
		       struct sl_str *ret)
{
	const struct sl_list *list;

	if (!in->valid[row])
		return 0;
	if (in->type.kind == SL_TEXT)
		return sl_pattern_extract(&x->code, in->u.str[row], ret);
	list = &in->u.list[row];
	for (size_t i = 0; i < list->n; i++) {
		int found = sl_pattern_extract(&x->code, list->v[i], ret);

		if (found)
			return found;
	}
	return 0;
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct extract *x = params;
	const struct sl_vec *in = &b->cols[x->from_col];
	struct sl_vec *out = &b->cols[x->into_col];

	(void)err;
	for (size_t row = 0; row < b->rows; row++) {
		struct sl_str text = SL_STR_NULL;
		int found;

		if (b->state[row] != SL_ROW_KEPT)
			continue;
		found = find_in_row(x, in, row, &text);
		if (found < 0)
			sl_pattern_reject(found, b, row, x->from, "extract");
		out->u.str[row] = text;
		out->valid[row] = found > 0;
	}
	return true;
}

static void release(void *params)
{
	sl_pattern_release(&((struct extract *)params)->code);
}

const struct sl_rule sl_rule_extract = {
	.name = "extract",
	.summary = "The part of a text, or of the first matching text of a list, that a pattern "
		   "finds.",
	.example = "- extract: {from: title, pattern: '\\(([0-9]{5})\\)', into: code}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct extract),
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
