/*
 * Numbers and dates as people write them, "1 234,50" and "31/12/2026": which rule reads all the
 * texts of a column, if one does. Where two readings fit, none is taken.
 */
#ifndef SL_SLUICE_WRITTEN_H
#define SL_SLUICE_WRITTEN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct sl_written {
	bool no_number; /* some text is none */
	bool comma;	/* some text has a comma for certain: "1,234" alone could be a thousand */
	unsigned digits, scale; /* most before and behind the comma */
	unsigned no_date;	/* bits: formats that some text does not fit */
};

/* s: not empty. */
void sl_written_note(struct sl_written *w, struct sl_str s);

/* True: the rule that makes column into of text column from, in arena, and the column's type. */
bool sl_written_rule(const struct sl_written *w, const char *from, const char *into,
		     struct sl_arena *arena, const char **ret_rule, char ret_type[32]);

/* True when the texts are dates, and which comes first, day or month, cannot be told. */
bool sl_written_unsure(const struct sl_written *w);

#endif
