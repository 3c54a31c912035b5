/*
 * Clean parts: what normalize made of one part under one rev: its kept rows, its reject rows and
 * its counts, in one immutable file named (rev, chunk, part). A pure function of the part and the
 * rules, so whoever misses one makes it again.
 *
 * File: "SLCP3\n", a JSON header line (counts, columns), LZ4 block of the columns, LZ4 block of
 * the rejects, 8-byte XXH3 of all that. The columns: store/clean_cols.h.
 */
#ifndef SL_STORE_CLEAN_H
#define SL_STORE_CLEAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "data/batch.h"
#include "store/home.h"

/* n_in = ok + bad + dup + filtered, always. */
struct sl_counts {
	uint64_t n_in, ok, bad, dup, filtered;
};

void sl_counts_add(struct sl_counts *sum, const struct sl_counts *counts);

struct sl_clean_id {
	const char *rev, *chunk;
	uint32_t part;
};

/* A reject as it is kept: never the record, which lies in bronze. */
struct sl_clean_reject {
	uint64_t offset, length; /* in the input, bytes */
	struct sl_str field, rule, reason;
	struct sl_str excerpt; /* masked, ≤ 200 bytes, control characters escaped */
};

/* Whether each of n is there. */
SL_NODISCARD bool sl_clean_exist(const struct sl_home *h, const struct sl_clean_id *ids, size_t n,
				 bool *there, struct sl_err *err);
/* Missing ones are no error. */
SL_NODISCARD bool sl_clean_remove(const struct sl_home *h, const struct sl_clean_id *ids, size_t n,
				  struct sl_err *err);

/* Adds a record as rejects show it: every letter becomes a or A, every digit 9. */
void sl_clean_add_excerpt(struct sl_str record, struct sl_buf *out);

/* Memory that writing parts one after the other shares. */
struct sl_clean_writer;
struct sl_clean_writer *sl_clean_writer_new(void);    /* returns owned */
void sl_clean_writer_free(struct sl_clean_writer *w); /* NULL is fine */

/*
 * Writes the kept rows of the first n_stored columns, and the batch's rejects with excerpts cut
 * from part_bytes: every letter becomes a or A, every digit 9, so that a log or a reject table
 * shows the record's shape and nobody's data. input_offset: of the part in its input. When the part
 * exists already, that version stays. Fault point clean.before_link.
 */
SL_NODISCARD bool sl_clean_write(struct sl_clean_writer *w, const struct sl_home *h,
				 const struct sl_clean_id *id, const struct sl_batch *b,
				 size_t n_stored, struct sl_str part_bytes, uint64_t input_offset,
				 const struct sl_counts *counts, struct sl_err *err);

/* A clean part of an oversize record: no rows, one reject. */
SL_NODISCARD bool sl_clean_write_oversize(struct sl_clean_writer *w, const struct sl_home *h,
					  const struct sl_clean_id *id, uint64_t input_offset,
					  uint64_t length, struct sl_err *err);

struct sl_clean_reader;

/* *ret = NULL and true when there is none. A damaged one is removed and counts as none: whoever
 * asked makes it again. */
SL_NODISCARD bool sl_clean_open(const struct sl_home *h, const struct sl_clean_id *id,
				struct sl_clean_reader **ret, struct sl_err *err);
const struct sl_counts *sl_clean_counts(const struct sl_clean_reader *r);
/* Fills an empty batch whose schema has exactly the stored columns and that holds SL_PART_ROWS.
 * Views point into the reader. SL_ERR_IO when the columns are others. */
SL_NODISCARD bool sl_clean_rows(struct sl_clean_reader *r, struct sl_batch *b, struct sl_err *err);
SL_NODISCARD bool sl_clean_rejects(struct sl_clean_reader *r, struct sl_clean_reject **ret,
				   size_t *ret_n, struct sl_err *err); /* borrowed until close */
void sl_clean_close(struct sl_clean_reader *r);

#endif
