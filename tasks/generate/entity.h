/*
 * Which records one entity gives: its versions, copies of them, spoiled ones, and in which file each
 * one stands. Pure, like everything that is drawn.
 */
#ifndef GENERATE_ENTITY_H
#define GENERATE_ENTITY_H

#include "tasks/generate/profile.h"

#define ENTITY_VERSIONS 4
#define ENTITY_ROWS (ENTITY_VERSIONS * 2) /* each may come twice */

/* Shares of 100. */
struct shares {
	int64_t bad, duplicates, versions, late;
};

struct entity_row {
	unsigned version;
	const struct spoil *spoil; /* NULL: whole */
	size_t file;
};

struct entity {
	struct entity_row v[ENTITY_ROWS]; /* in the order in which they are written */
	size_t n;
};

/* At most `most` rows. */
void entity_plan(const struct profile *p, const struct shares *shares, uint64_t seed,
		 uint64_t entity, size_t n_files, uint64_t most, struct entity *ret);

/* The row that is the current one of its key, or NULL when all are spoiled. */
const struct entity_row *entity_current(const struct profile *p, const struct entity *e);

#endif
