/*
 * Rule range: a number or time outside its limits becomes NULL or rejects the row. Unlike min and
 * max of the contract it can forgive, and it works on columns that are not stored. Limits are exact
 * values of the column's type.
 */
#include "data/contract.h"
#include "tasks/normalize/columns.h"

struct range {
	const char *from, *into, *min, *max;
	int on_error; /* enum sl_on_error */
	size_t from_col, into_col;
	struct sl_contract_col limits;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct range, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "column to read: a number, date or timestamp; NULL stays NULL"),
	SL_F_TEXT(struct range, min, SL_F_IDENTITY, NULL, "smallest value allowed"),
	SL_F_TEXT(struct range, max, SL_F_IDENTITY, NULL, "greatest value allowed"),
	SL_F_ENUM(struct range, on_error, SL_F_IDENTITY, "reject", sl_on_errors,
		  "what a value outside does: reject the row, or give null"),
	SL_F_TEXT(struct range, into, SL_F_IDENTITY, NULL,
		  "column of the same type to write; default: the column read"),
	SL_F_END,
};

#define KINDS                                                                                      \
	(1U << SL_INT64 | 1U << SL_FLOAT64 | 1U << SL_DECIMAL | 1U << SL_DATE | 1U << SL_TIMESTAMP)

static bool prepare_limits(struct range *r, struct sl_rule_scope *s)
{
	char *type = sl_arena_alloc(s->arena, 32);

	if (!r->min && !r->max) {
		sl_diag_add(s->diags, SL_E1004, s->at, "rule \"range\" needs \"min\" or \"max\"");
		return false;
	}
	sl_type_text(s->schema->cols[r->from_col].type, type);
	r->limits = (struct sl_contract_col){
		.name = r->from,
		.type_text = type,
		.min = r->min,
		.max = r->max,
		.at = s->at,
	};
	return sl_contract_prepare(&r->limits, s->diags);
}

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct range *r = params;

	if (!sl_rule_from(s, r->from, sl_rule_place(s, "from"), &r->from_col) ||
	    !sl_rule_type(s, r->from_col, KINDS))
		return false;
	r->into_col = r->from_col;
	return sl_rule_into(s, r->into, s->schema->cols[r->from_col].type, &r->into_col) &&
	       sl_columns_agree(s, r->into_col, r->from_col, sl_rule_place(s, "into")) &&
	       prepare_limits(r, s);
}

static void check_row(const struct range *r, struct sl_batch *b, size_t row)
{
	const struct sl_vec *in = &b->cols[r->from_col];
	struct sl_vec *out = &b->cols[r->into_col];
	int side = in->valid[row] ? sl_contract_side(&r->limits, in, row) : 0;

	if (side == 0) {
		sl_value_copy(out, row, in, row);
		return;
	}
	sl_value_clear(out, row);
	if (r->on_error == SL_ON_ERROR_REJECT)
		sl_batch_reject(b, row, r->from, "range", "%s than %s",
				side < 0 ? "less" : "greater", side < 0 ? r->min : r->max);
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct range *r = params;

	(void)err;
	for (size_t row = 0; row < b->rows; row++)
		if (b->state[row] == SL_ROW_KEPT)
			check_row(r, b, row);
	return true;
}

const struct sl_rule sl_rule_range = {
	.name = "range",
	.summary = "A number or time outside its limits as NULL, or as a reject.",
	.example = "- range: {from: rooms, min: 1, max: 50, on_error: null}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct range),
	.prepare = prepare,
	.apply = apply,
};
