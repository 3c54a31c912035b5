/*
 * The loop that the rules number and money share: a text column through sl_amount_read into an
 * int64 or decimal column. Blank text is NULL; a text that is no amount rejects the row or leaves
 * NULL.
 */
#ifndef SL_NORMALIZE_RULE_AMOUNT_H
#define SL_NORMALIZE_RULE_AMOUNT_H

#include "data/rule.h"
#include "tasks/normalize/amount.h"
#include "tasks/normalize/columns.h"

struct sl_amount_rule {
	const char *name; /* of the rule, for reject rows */
	const char *from; /* column, for reject rows */
	struct sl_amount_style style;
	bool zero_as_null;
	int on_error; /* enum sl_on_error */
	size_t from_col, into_col;
};

/* Resolves both columns; a new one gets type def. */
bool sl_amount_rule_prepare(struct sl_amount_rule *r, const char *from, const char *into,
			    struct sl_type def, struct sl_rule_scope *s);
void sl_amount_rule_apply(const struct sl_amount_rule *r, struct sl_batch *b);

#endif
