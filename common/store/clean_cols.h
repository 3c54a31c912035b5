/*
 * The columns of a clean part as bytes. Per column, for the kept rows only: a byte that says whether
 * there are NULLs, and if so a validity byte a row; then the values, 0 where NULL:
 *
 *	bool, float64	fixed width
 *	other numbers	the least one (8 bytes), then how much each is above it
 *	text		all lengths, then all bytes
 *	list		all counts (4 bytes), then each text's length (4 bytes) and bytes
 *
 * "How much above" and lengths: their width in one byte (1, 2, 4, 8), then as many numbers of it.
 * Little-endian; equal rows give equal bytes.
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
