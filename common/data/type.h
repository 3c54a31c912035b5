/*
 * Column types. A pipeline file names them as bool, int64, float64, decimal(p,s), text, date,
 * timestamp, list<text>; every engine maps each to one of its own types, so that the same input
 * gives the same rows everywhere.
 */
#ifndef SL_DATA_TYPE_H
#define SL_DATA_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"

enum sl_kind {
	SL_BOOL, /* 0 or 1 */
	SL_INT64,
	SL_FLOAT64,   /* finite */
	SL_DECIMAL,   /* int64 × 10^-scale, precision ≤ 18 */
	SL_TEXT,      /* UTF-8 without NUL */
	SL_DATE,      /* days since 1970-01-01, int64 in memory */
	SL_TIMESTAMP, /* sl_time: µs UTC */
	SL_TEXT_LIST, /* texts, no NULL inside */
};

struct sl_type {
	enum sl_kind kind;
	uint8_t precision; /* decimal only */
	uint8_t scale;
};

SL_NODISCARD bool sl_type_parse(struct sl_str text, struct sl_type *ret);
void sl_type_text(struct sl_type t, char out[32]);
bool sl_type_eq(struct sl_type a, struct sl_type b);

/* Ordered columns. Names are borrowed for the life of the schema's owner. */
struct sl_column {
	const char *name;
	struct sl_type type;
};

struct sl_schema {
	struct sl_column *cols;
	size_t n;
	size_t cap;
};

#define SL_SCHEMA_INIT {NULL, 0, 0}

size_t sl_schema_add(struct sl_schema *s, const char *name, struct sl_type type); /* its index */
ptrdiff_t sl_schema_find(const struct sl_schema *s, struct sl_str name);	  /* index or -1 */
void sl_schema_release(struct sl_schema *s);

#endif
