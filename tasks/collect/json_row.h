/*
 * A row of a database as one JSON line that codec jsonl reads back exactly: numbers with every digit
 * the server sent, everything without a JSON form (NaN, infinity, bytes, times) as its text.
 */
#ifndef SL_COLLECT_JSON_ROW_H
#define SL_COLLECT_JSON_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "store/engine.h"

/* Appends {"name":value,…} and a line end. json[i]: the text of column i is JSON already and stands
 * as it is; NULL: no column's is. */
void sl_json_row(struct sl_buf *out, const struct sl_db_col *cols, size_t n_cols,
		 const struct sl_str *cells, const bool *json);

#endif
