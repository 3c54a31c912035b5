/*
 * Raw records into judged rows: decode, rules, contract, duplicates. What normalize does with a
 * part, without knowing where the bytes come from.
 */
#ifndef SL_NORMALIZE_ROWS_H
#define SL_NORMALIZE_ROWS_H

#include "base/err.h"
#include "data/batch.h"
#include "data/pipeline.h"

/* b: empty, of p->schema. bytes: at most a part, SL_DECODE_PADDING bytes behind; borrowed until b
 * is reset. decoder: of the source's codec. Errors only for what is no record's fault. */
SL_NODISCARD bool sl_rows_make(const struct sl_pipeline *p, const struct sl_source *source,
			       void *decoder, struct sl_str bytes, bool last, struct sl_batch *b,
			       struct sl_err *err);

/* Adds "a, b": columns of the header record that neither the contract nor fields name, so that
 * nothing reads them. A codec whose records name their own has none. */
void sl_rows_unread(const struct sl_pipeline *p, const struct sl_source *source,
		    struct sl_str header, struct sl_buf *names);

#endif
