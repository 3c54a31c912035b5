/*
 * Descriptor of a source kind: its fields, so that any executable can validate a pipeline. What a
 * source does is in tasks/collect/source_<name>.c (struct sl_collector there).
 */
#ifndef SL_DATA_SOURCE_H
#define SL_DATA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "data/field.h"

struct sl_collect; /* tasks/collect/collect.h */

struct sl_source_kind {
	const char *name; /* "file" */
	const char *summary;
	const struct sl_field *params;
	size_t params_size;
	bool remote;	   /* only asking it tells whether it can be read: `sluice check` does */
	const char *codec; /* the only one, where the source itself writes the records; else NULL */
	/* Cross-field checks after reading; may be NULL. */
	bool (*check)(void *params, const struct sl_node *map, const char *pipeline_dir,
		      struct sl_arena *arena, struct sl_diags *diags);
	/* Collects everything new: see tasks/collect/collect.h. */
	bool (*collect)(const void *params, struct sl_collect *c, struct sl_err *err);
	/* The log holds what collect handed over (or held it already): lets go of what the source
	 * kept for it. Not called when an attempt starts over. May be NULL. */
	bool (*linked)(const void *params, struct sl_collect *c, struct sl_err *err);
};

const struct sl_source_kind *sl_source_find(const char *name);
extern const struct sl_source_kind *const sl_source_kinds[]; /* NULL-terminated; tasks/collect */

#endif
