/*
 * The columns of a clean part as bytes. Per column, for the kept rows only: validity bytes, then
 * fixed-width values (0 where NULL), or for texts all lengths (4 bytes) then all bytes; a list
 * column has its counts (4 bytes) first. Little-endian, so equal rows give equal bytes.
 */
#ifndef SL_STORE_CLEAN_COLS_H
#define SL_STORE_CLEAN_COLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"
#include "data/batch.h"

/* Appends the first n_cols columns of b's kept rows. */
void sl_clean_pack(const struct sl_batch *b, size_t n_cols, struct sl_buf *out);

/* Fills the empty batch b (all its columns) with rows; texts are views into raw. False: raw is not
 * what sl_clean_pack makes for that schema. */
SL_NODISCARD bool sl_clean_unpack(struct sl_str raw, size_t rows, struct sl_batch *b);

/* A reader of little-endian numbers and slices that never runs over the end. */
SL_NODISCARD bool sl_take(struct sl_str *s, size_t n, struct sl_str *ret);
SL_NODISCARD bool sl_take_u32(struct sl_str *s, uint32_t *ret);
SL_NODISCARD bool sl_take_u64(struct sl_str *s, uint64_t *ret);
/* 4 bytes of length, then the text. */
SL_NODISCARD bool sl_take_text(struct sl_str *s, struct sl_str *ret);

void sl_put_u32(struct sl_buf *out, uint32_t v);
void sl_put_u64(struct sl_buf *out, uint64_t v);
void sl_put_text(struct sl_buf *out, struct sl_str s);

#endif
