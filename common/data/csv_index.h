/*
 * Where the cells of a CSV part end, found 64 bytes at a time: one bit a byte for quotes,
 * delimiters and line ends, a running parity of the quotes for what lies inside them. Two variants
 * give the same answer: AVX2 with carry-less multiplication, and what every x86-64 (or none at all)
 * has; the faster one that the machine can do is chosen when it is first asked for.
 *
 * Parity is right only where every quote opens at a cell's begin and closes at its end. A part with
 * any other quote is called irregular, and csv_read.c reads it byte by byte instead.
 *
 * Source: G. Langdale, D. Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 28 (2019),
 * §3.1 (quotes by prefix XOR).
 */
#ifndef SL_DATA_CSV_INDEX_H
#define SL_DATA_CSV_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SL_CSV_INDEX_SLACK 64 /* entries that ends must have room for beyond the bytes' number */

struct sl_csv_marks {
	int quote; /* -1: none */
	char delimiter;
};

/*
 * Writes the offset of every delimiter, LF and CR outside quotes to ends, ascending. bytes are
 * followed by 64 readable ones; ends has room for bytes.n + SL_CSV_INDEX_SLACK. False: irregular.
 */
typedef bool (*sl_csv_index_fn)(struct sl_csv_marks m, struct sl_str bytes, uint32_t *ends,
				size_t *ret_n);

bool sl_csv_index(struct sl_csv_marks m, struct sl_str bytes, uint32_t *ends, size_t *ret_n);

/* The variants that this machine can do, best first; NULL ends them. */
const sl_csv_index_fn *sl_csv_index_variants(void);

#endif
