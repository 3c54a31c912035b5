/*
 * Values written in a rule, in the type of the column that they are compared with or put into: read
 * once, by the contract's own reader, so that "2026-01-01", "12.50" and "true" mean there what they
 * mean in the data.
 */
#ifndef SL_NORMALIZE_CONSTANTS_H
#define SL_NORMALIZE_CONSTANTS_H

#include "data/rule.h"

struct sl_constants {
	struct sl_schema schema; /* one column */
	struct sl_batch batch;	 /* a row each */
};

/* E1005 at the place of each text that is no value of type. The texts are borrowed. */
bool sl_constants_read(struct sl_constants *c, struct sl_type type, const struct sl_texts *texts,
		       struct sl_rule_scope *s);

/* The values, one a row. */
const struct sl_vec *sl_constants_values(const struct sl_constants *c);

/* True when v's value in row, not NULL and no list or float64, is one of them. */
bool sl_constants_have(const struct sl_constants *c, const struct sl_vec *v, size_t row,
		       bool ignore_case);

void sl_constants_release(struct sl_constants *c);

#endif
