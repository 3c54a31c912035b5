/*
 * Rule coalesce: the first of several columns that holds a value. All of them, and the one written,
 * have the same type. An empty text is no value here: many sources write "" for what they do not
 * know.
 */
#include "data/rule.h"

struct coalesce {
	struct sl_texts from;
	const char *into;
	bool skip_empty;
	size_t *from_cols; /* from.n */
	size_t into_col;
};

static const struct sl_field fields[] = {
	SL_F_TEXTS(struct coalesce, from, SL_F_REQUIRED | SL_F_IDENTITY,
		   "columns to read, the best one first"),
	SL_F_TEXT(struct coalesce, into, SL_F_IDENTITY, NULL,
		  "column to write; default: the first one read"),
	SL_F_BOOL(struct coalesce, skip_empty, SL_F_IDENTITY, "true", "an empty text is no value"),
	SL_F_END,
};

static bool same_type(struct sl_rule_scope *s, size_t col, size_t first, struct sl_place at)
{
	const struct sl_column *c = &s->schema->cols[col], *f = &s->schema->cols[first];
	char have[32], wanted[32];

	if (sl_type_eq(c->type, f->type))
		return true;
	sl_type_text(c->type, have);
	sl_type_text(f->type, wanted);
	sl_diag_add(s->diags, SL_E1005, at,
		    "rule \"coalesce\": column \"%s\" is %s, but \"%s\" is %s: they must agree",
		    c->name, have, f->name, wanted);
	return false;
}

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
		ok &= same_type(s, c->from_cols[i], c->from_cols[0], c->from.at[i]);
	if (!ok)
		return false;
	c->into_col = c->from_cols[0];
	return sl_rule_into(s, c->into, s->schema->cols[c->from_cols[0]].type, &c->into_col) &&
	       same_type(s, c->into_col, c->from_cols[0], sl_rule_place(s, "into"));
}

static bool has_value(const struct coalesce *c, const struct sl_vec *v, size_t row)
{
	if (!v->valid[row])
		return false;
	return !(c->skip_empty && v->type.kind == SL_TEXT && v->u.str[row].n == 0);
}

static void copy_value(struct sl_vec *out, const struct sl_vec *in, size_t row)
{
	switch (in->type.kind) {
	case SL_BOOL:
		out->u.b[row] = in->u.b[row];
		break;
	case SL_FLOAT64:
		out->u.f64[row] = in->u.f64[row];
		break;
	case SL_TEXT:
		out->u.str[row] = in->u.str[row];
		break;
	case SL_TEXT_LIST:
		out->u.list[row] = in->u.list[row];
		break;
	case SL_INT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		out->u.i64[row] = in->u.i64[row];
		break;
	}
}

static void coalesce_row(const struct coalesce *c, struct sl_batch *b, size_t row)
{
	struct sl_vec *out = &b->cols[c->into_col];

	for (size_t i = 0; i < c->from.n; i++) {
		const struct sl_vec *in = &b->cols[c->from_cols[i]];

		if (has_value(c, in, row)) {
			copy_value(out, in, row);
			out->valid[row] = 1;
			return;
		}
	}
	out->valid[row] = 0;
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
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct coalesce),
	.prepare = prepare,
	.apply = apply,
};
