/*
 * Rule coalesce: the first of several columns that holds a value. All of them, and the one written,
 * have the same type. An empty text is no value here: many sources write "" for what they do not
 * know.
 */
#include "tasks/normalize/columns.h"

struct coalesce {
	struct sl_texts from;
	const char *into;
	bool skip_empty;
	size_t *from_cols; /* from.n */
	size_t into_col;
};

static const struct sl_field fields[] = {
	SL_F_TEXTS(struct coalesce, from, SL_F_REQUIRED | SL_F_IDENTITY,
		   "columns of one type, the best one first; all of them NULL give NULL"),
	SL_F_TEXT(struct coalesce, into, SL_F_IDENTITY, NULL,
		  "column to write; default: the first one read"),
	SL_F_BOOL(struct coalesce, skip_empty, SL_F_IDENTITY, "true", "an empty text is no value"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct coalesce *c = params;
	bool ok = true;

	if (c->from.n == 0) {
		sl_diag_add(s->diags, SL_E1005, sl_rule_place(s, "from"),
			    "rule \"coalesce\": \"from\" is empty");
		return false;
	}
	c->from_cols = sl_arena_zalloc(s->arena, c->from.n, sizeof(*c->from_cols));
	for (size_t i = 0; i < c->from.n; i++)
		ok &= sl_rule_from(s, c->from.v[i], c->from.at[i], &c->from_cols[i]);
	for (size_t i = 1; ok && i < c->from.n; i++)
		ok &= sl_columns_agree(s, c->from_cols[i], c->from_cols[0], c->from.at[i]);
	if (!ok)
		return false;
	c->into_col = c->from_cols[0];
	return sl_rule_into(s, c->into, s->schema->cols[c->from_cols[0]].type, &c->into_col) &&
	       sl_columns_agree(s, c->into_col, c->from_cols[0], sl_rule_place(s, "into"));
}

static bool has_value(const struct coalesce *c, const struct sl_vec *v, size_t row)
{
	if (!v->valid[row])
		return false;
	return !(c->skip_empty && v->type.kind == SL_TEXT && v->u.str[row].n == 0);
}

static void coalesce_row(const struct coalesce *c, struct sl_batch *b, size_t row)
{
	struct sl_vec *out = &b->cols[c->into_col];

	for (size_t i = 0; i < c->from.n; i++) {
		const struct sl_vec *in = &b->cols[c->from_cols[i]];

		if (has_value(c, in, row)) {
			sl_value_copy(out, row, in, row);
			return;
		}
	}
	sl_value_clear(out, row);
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct coalesce *c = params;

	(void)err;
	for (size_t row = 0; row < b->rows; row++)
		if (b->state[row] == SL_ROW_KEPT)
			coalesce_row(c, b, row);
	return true;
}

const struct sl_rule sl_rule_coalesce = {
	.name = "coalesce",
	.summary = "The first of several columns that holds a value.",
	.example = "- coalesce: {from: [town, title], into: place}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct coalesce),
	.prepare = prepare,
	.apply = apply,
};
