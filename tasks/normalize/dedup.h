/*
 * Duplicates within one part, for tables in mode latest: per key only the row with the greatest
 * (version, row) stays, the others become SL_ROW_DUP. A NULL version is the smallest; without a
 * version column the later row wins. Rows are compared across parts by store, which knows the
 * table.
 */
#ifndef SL_NORMALIZE_DEDUP_H
#define SL_NORMALIZE_DEDUP_H

#include "data/batch.h"
#include "data/pipeline.h"

/* Looks at kept rows only; one whose key holds NULL is rejected (rule "key"). */
void sl_dedup(const struct sl_store *store, struct sl_batch *b);

#endif
