/*
 * Rule set_null: values that only say that there is none ("Non communiqué", "n/a", 9999) become
 * NULL.
 */
#include "tasks/normalize/columns.h"
#include "tasks/normalize/constants.h"

struct set_null {
	struct sl_texts from, values;
	const char *into;
	bool ignore_case;
	struct sl_columns cols;
	struct sl_constants *nothing; /* by column: one may be text and another int64 */
};

static const struct sl_field fields[] = {
	SL_F_TEXTS(struct set_null, from, SL_F_REQUIRED | SL_F_IDENTITY,
		   "columns to read, one or a list, of any type but float64 and list<text>"),
	SL_F_TEXTS(struct set_null, values, SL_F_REQUIRED | SL_F_IDENTITY,
		   "values that mean nothing, written as in the data; others stay as they are"),
	SL_F_BOOL(struct set_null, ignore_case, SL_F_IDENTITY, "false",
		  "for text: capital and small letters are the same"),
	SL_F_TEXT(struct set_null, into, SL_F_IDENTITY, NULL,
		  "column to write, for one column read; default: the column read"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct set_null *r = params;
	bool ok = true;

	if (!sl_columns_prepare(&r->cols, &r->from, r->into, SL_KINDS_EXACT, s))
		return false;
	r->nothing = sl_arena_zalloc(s->arena, r->cols.n, sizeof(*r->nothing));
	for (size_t i = 0; i < r->cols.n; i++)
		ok &= sl_constants_read(&r->nothing[i], s->schema->cols[r->cols.from[i]].type,
					&r->values, s);
	return ok;
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct set_null *r = params;

	(void)err;
	for (size_t i = 0; i < r->cols.n; i++) {
		const struct sl_vec *in = &b->cols[r->cols.from[i]];
		struct sl_vec *out = &b->cols[r->cols.into[i]];

		for (size_t row = 0; row < b->rows; row++) {
			if (b->state[row] != SL_ROW_KEPT)
				continue;
			if (in->valid[row] &&
			    sl_constants_have(&r->nothing[i], in, row, r->ignore_case))
				sl_value_clear(out, row);
			else
				sl_value_copy(out, row, in, row);
		}
	}
	return true;
}

static void release(void *params)
{
	struct set_null *r = params;

	for (size_t i = 0; r->nothing && i < r->cols.n; i++)
		sl_constants_release(&r->nothing[i]);
}

const struct sl_rule sl_rule_set_null = {
	.name = "set_null",
	.summary = "NULL for values that mean that there is none.",
	.example = "- set_null: {from: [town, country], values: [Non communiqué, n/a]}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct set_null),
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
