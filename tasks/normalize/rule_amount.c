/* The loop that the rules number and money share: see rule_amount.h. */
#include "tasks/normalize/rule_amount.h"

bool sl_amount_rule_prepare(struct sl_amount_rule *r, const char *from, const char *into,
			    struct sl_type def, struct sl_rule_scope *s)
{
	r->from = from;
	return sl_column_pair(s, from, SL_KINDS_TEXT, into, def, 1U << SL_INT64 | 1U << SL_DECIMAL,
			      &r->from_col, &r->into_col);
}

static void read_row(const struct sl_amount_rule *r, struct sl_batch *b, size_t row)
{
	const struct sl_vec *in = &b->cols[r->from_col];
	struct sl_vec *out = &b->cols[r->into_col];
	const char *why;
	int64_t value = 0;

	out->u.i64[row] = 0;
	out->valid[row] = 0;
	if (!in->valid[row] || sl_str_trim(in->u.str[row]).n == 0)
		return;
	why = sl_amount_read(in->u.str[row], &r->style, out->type, &value);
	if (why) {
		if (r->on_error == SL_ON_ERROR_REJECT)
			sl_batch_reject(b, row, r->from, r->name, "%s", why);
		return;
	}
	if (value == 0 && r->zero_as_null)
		return;
	out->u.i64[row] = value;
	out->valid[row] = 1;
}

void sl_amount_rule_apply(const struct sl_amount_rule *r, struct sl_batch *b)
{
	for (size_t row = 0; row < b->rows; row++)
		if (b->state[row] == SL_ROW_KEPT)
			read_row(r, b, row);
}
