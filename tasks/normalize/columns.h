/*
 * What rules share that change columns one value at a time: `from` is one column or several, `into`
 * the one to write when it is another than the one read. Only kept rows are visited.
 */
#ifndef SL_NORMALIZE_COLUMNS_H
#define SL_NORMALIZE_COLUMNS_H

#include "data/rule.h"

enum sl_on_error { SL_ON_ERROR_REJECT, SL_ON_ERROR_NULL };
extern const char *const sl_on_errors[]; /* names in this order, NULL-terminated */

#define SL_KINDS_TEXT (1U << SL_TEXT)
/* Kinds whose values can be compared with those written in a pipeline file. */
#define SL_KINDS_EXACT                                                                             \
	(1U << SL_BOOL | 1U << SL_INT64 | 1U << SL_DECIMAL | 1U << SL_TEXT | 1U << SL_DATE |       \
	 1U << SL_TIMESTAMP)

struct sl_columns {
	size_t n;
	size_t *from, *into; /* n; into[i] == from[i] when a column is written in place */
};

/* Resolves one column to read and one to write: into NULL is the column read, and a new one gets
 * type def. Both must be of kinds as given. False when anything is wrong (told). */
bool sl_column_pair(struct sl_rule_scope *s, const char *from, unsigned from_kinds,
		    const char *into, struct sl_type def, unsigned into_kinds, size_t *ret_from,
		    size_t *ret_into);

/* Resolves `from` and `into`. Each column is of one of kinds (bits), and `into` of the type read.
 */
bool sl_columns_prepare(struct sl_columns *c, const struct sl_texts *from, const char *into,
			unsigned kinds, struct sl_rule_scope *s);

/* Two columns that must have one type, else E1005 at a place. */
bool sl_columns_agree(struct sl_rule_scope *s, size_t a, size_t b, struct sl_place at);

/* Makes a value NULL. */
void sl_value_clear(struct sl_vec *v, size_t row);

/* Copies one value, NULL too, between columns of one type. Texts and lists are shared, not copied.
 */
void sl_value_copy(struct sl_vec *to, size_t to_row, const struct sl_vec *from, size_t from_row);

#endif
