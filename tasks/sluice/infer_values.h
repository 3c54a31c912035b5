/*
 * What the values of one column have in common: each is looked at once, as text; what it excludes
 * stays excluded. The type is the narrowest that holds all of them and gives them back as they
 * came.
 */
#ifndef SL_SLUICE_INFER_VALUES_H
#define SL_SLUICE_INFER_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "tasks/sluice/written.h"

/* What all values of a column could be so far. */
struct sl_values {
	struct sl_str from;
	uint64_t values;
	bool boolean, integer, decimal, real, date, time, naive;
	bool texts, numbers, lists, others; /* JSON: what kinds came */
	unsigned digits, scale;
	struct sl_written written;
	uint64_t *seen; /* hashes of the values, open addressing; NULL: some came twice */
	size_t n_seen, cap_seen;
};

void sl_values_init(struct sl_values *v);
/* An empty text is no value. */
void sl_values_note(struct sl_values *v, struct sl_str s);
/* Writes the type's name. Returns true for timestamps of which some have no offset. */
bool sl_values_type(const struct sl_values *v, char ret_type[32]);
void sl_values_release(struct sl_values *v);

#endif
