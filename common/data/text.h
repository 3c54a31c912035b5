/*
 * Values of a batch in canonical text, as the engines give theirs (store/engine.h).
 */
#ifndef SL_DATA_TEXT_H
#define SL_DATA_TEXT_H

#include "base/buf.h"
#include "data/batch.h"

/* SL_STR_NULL for NULL. Borrowed from the batch or from scratch, which is overwritten. */
struct sl_str sl_vec_text(const struct sl_vec *v, size_t row, struct sl_buf *scratch);

#endif
