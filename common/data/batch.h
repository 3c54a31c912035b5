/*
 * struct sl_batch: the only currency between codec, rule and sink. Columns, one state a row, one
 * arena. One batch holds one part (≤ SL_PART_ROWS rows). Nothing is freed row by row: reset takes
 * all of it back and keeps the memory, so a steady flow allocates nothing.
 *
 * Layout (after Arrow): each column is an array of rows × fixed width beside an array of validity
 * bytes; texts are views {pointer, length} into the part's bytes or the arena (Arrow's view
 * layout).
 */
#ifndef SL_DATA_BATCH_H
#define SL_DATA_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/str.h"
#include "data/type.h"

#define SL_PART_BYTES ((size_t)1 << 20) /* most raw bytes of one part */
#define SL_PART_ROWS ((size_t)16384)	/* most records of one part */

struct sl_list {
	struct sl_str *v;
	size_t n;
};

struct sl_vec {
	struct sl_type type;
	uint8_t *valid; /* rows × 1: 0 is NULL */
	union {
		void *any;
		uint8_t *b;	      /* SL_BOOL */
		int64_t *i64;	      /* SL_INT64, SL_DECIMAL, SL_DATE, SL_TIMESTAMP */
		double *f64;	      /* SL_FLOAT64 */
		struct sl_str *str;   /* SL_TEXT */
		struct sl_list *list; /* SL_TEXT_LIST */
	} u;
};

enum sl_row_state {
	SL_ROW_KEPT,
	SL_ROW_FILTERED, /* dropped by a rule */
	SL_ROW_DUP,	 /* a greater row of the same key is in the same part */
	SL_ROW_REJECTED,
};

/* Where the record stands in the raw bytes of its part. */
struct sl_pos {
	uint32_t offset; /* bytes from the part's begin */
	uint32_t length; /* bytes */
};

struct sl_reject {
	uint32_t row;
	const char *field;  /* column or raw field, "" for the record as a whole */
	const char *rule;   /* "type", "required", "enum", a rule's name … */
	const char *reason; /* one line, without the value */
};

/* Rows that a codec made fit because its settings say so (CSV, ragged: lenient). */
struct sl_ragged {
	uint64_t longer, shorter; /* rows: an empty extra cell dropped; missing cells NULL */
	struct sl_pos first;
};

struct sl_batch {
	const struct sl_schema *schema; /* borrowed until release */
	size_t rows;
	size_t cap;	     /* rows that the arrays hold */
	struct sl_vec *cols; /* schema->n */
	uint8_t *state;	     /* rows × enum sl_row_state */
	struct sl_pos *pos;  /* rows */
	struct sl_reject *rejects;
	size_t n_rejects, cap_rejects;
	struct sl_arena arena; /* texts made by codec and rules */
	struct sl_str bytes;   /* of the part; set by the codec, borrowed until reset */
	struct sl_ragged ragged;
	bool clean; /* every text that lies in bytes is UTF-8 without NUL: no need to look again */
};

/* Allocates for cap rows of schema, which may not change afterwards. Values of NULL rows are zero.
 */
void sl_batch_init(struct sl_batch *b, const struct sl_schema *schema, size_t cap);
void sl_batch_reset(struct sl_batch *b); /* rows = 0, arena and rejects emptied */
void sl_batch_release(struct sl_batch *b);

/* Appends an all-NULL kept row; returns its index. SL_BUG when full. */
size_t sl_batch_add_row(struct sl_batch *b, struct sl_pos pos);

/* Marks a kept row rejected (the first reason stays) and records why. field and rule are borrowed
 * until reset; reason is copied. */
void sl_batch_reject(struct sl_batch *b, size_t row, const char *field, const char *rule,
		     const char *fmt, ...) SL_PRINTF(5, 6);

size_t sl_batch_count(const struct sl_batch *b, enum sl_row_state state);

#endif
