/*
 * Rule default: a constant where a column is NULL. An empty text is a value: set_null makes it
 * none.
 */
#include "tasks/normalize/columns.h"
#include "tasks/normalize/constants.h"

struct fill {
	struct sl_texts from;
	const char *value, *into;
	struct sl_columns cols;
	struct sl_constants *constant; /* by column */
};

static const struct sl_field fields[] = {
	SL_F_TEXTS(struct fill, from, SL_F_REQUIRED | SL_F_IDENTITY,
		   "columns to fill, one or a list, of any type but list<text>"),
	SL_F_TEXT(struct fill, value, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "value in place of NULL, written as in the data; a timestamp with its offset"),
	SL_F_TEXT(struct fill, into, SL_F_IDENTITY, NULL,
		  "column to write, for one column read; default: the column read"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct fill *f = params;
	struct sl_place at = sl_rule_place(s, "value");
	struct sl_texts value = {&f->value, &at, 1};
	bool ok = true;

	if (!sl_columns_prepare(&f->cols, &f->from, f->into, SL_KINDS_EXACT | 1U << SL_FLOAT64, s))
		return false;
	f->constant = sl_arena_zalloc(s->arena, f->cols.n, sizeof(*f->constant));
	for (size_t i = 0; i < f->cols.n; i++)
		ok &= sl_constants_read(&f->constant[i], s->schema->cols[f->cols.from[i]].type,
					&value, s);
	return ok;
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct fill *f = params;

	(void)err;
	for (size_t i = 0; i < f->cols.n; i++) {
		const struct sl_vec *in = &b->cols[f->cols.from[i]];
		const struct sl_vec *constant = sl_constants_values(&f->constant[i]);
		struct sl_vec *out = &b->cols[f->cols.into[i]];

		for (size_t row = 0; row < b->rows; row++) {
			if (b->state[row] != SL_ROW_KEPT)
				continue;
			if (in->valid[row])
				sl_value_copy(out, row, in, row);
			else
				sl_value_copy(out, row, constant, 0);
		}
	}
	return true;
}

static void release(void *params)
{
	struct fill *f = params;

	for (size_t i = 0; f->constant && i < f->cols.n; i++)
		sl_constants_release(&f->constant[i]);
}

const struct sl_rule sl_rule_default = {
	.name = "default",
	.summary = "A constant where a column holds no value.",
	.example = "- default: {from: country, value: FR}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct fill),
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
