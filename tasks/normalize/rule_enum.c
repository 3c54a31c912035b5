/*
 * Rule enum: only listed values pass; others reject their row or become NULL. The contract's own
 * enum judges what is stored; this one works on any column, at any place between other rules.
 */
#include "tasks/normalize/columns.h"
#include "tasks/normalize/constants.h"

struct enum_rule {
	struct sl_texts from, values;
	const char *into;
	bool ignore_case;
	int on_error; /* enum sl_on_error */
	struct sl_columns cols;
	struct sl_constants *listed; /* by column: one may be text and another int64 */
};

static const struct sl_field fields[] = {
	SL_F_TEXTS(struct enum_rule, from, SL_F_REQUIRED | SL_F_IDENTITY,
		   "columns to read, one or a list, of any type but float64 and list<text>; NULL "
		   "stays NULL"),
	SL_F_TEXTS(struct enum_rule, values, SL_F_REQUIRED | SL_F_IDENTITY,
		   "the only values allowed, written as in the data"),
	SL_F_BOOL(struct enum_rule, ignore_case, SL_F_IDENTITY, "false",
		  "for text: capital and small letters are the same"),
	SL_F_ENUM(struct enum_rule, on_error, SL_F_IDENTITY, "reject", sl_on_errors,
		  "what any other value does: reject its row, or become NULL"),
	SL_F_TEXT(struct enum_rule, into, SL_F_IDENTITY, NULL,
		  "column to write, for one column read; default: the column read"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct enum_rule *r = params;
	bool ok = true;

	if (!sl_columns_prepare(&r->cols, &r->from, r->into, SL_KINDS_EXACT, s))
		return false;
	r->listed = sl_arena_zalloc(s->arena, r->cols.n, sizeof(*r->listed));
	for (size_t i = 0; i < r->cols.n; i++)
		ok &= sl_constants_read(&r->listed[i], s->schema->cols[r->cols.from[i]].type,
					&r->values, s);
	return ok;
}

static void judge(const struct enum_rule *r, size_t i, struct sl_batch *b, size_t row)
{
	const struct sl_vec *in = &b->cols[r->cols.from[i]];
	struct sl_vec *out = &b->cols[r->cols.into[i]];

	if (!in->valid[row] || sl_constants_have(&r->listed[i], in, row, r->ignore_case))
		sl_value_copy(out, row, in, row);
	else if (r->on_error == SL_ON_ERROR_NULL)
		sl_value_clear(out, row);
	else
		sl_batch_reject(b, row, b->schema->cols[r->cols.from[i]].name, "enum",
				"none of the values listed");
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct enum_rule *r = params;

	(void)err;
	for (size_t i = 0; i < r->cols.n; i++)
		for (size_t row = 0; row < b->rows; row++)
			if (b->state[row] == SL_ROW_KEPT)
				judge(r, i, b, row);
	return true;
}

static void release(void *params)
{
	struct enum_rule *r = params;

	for (size_t i = 0; r->listed && i < r->cols.n; i++)
		sl_constants_release(&r->listed[i]);
}

const struct sl_rule sl_rule_enum = {
	.name = "enum",
	.summary = "Only listed values; others reject the row or become NULL.",
	.example = "- enum: {from: country, values: [FR, BE, CH], on_error: null}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct enum_rule),
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
