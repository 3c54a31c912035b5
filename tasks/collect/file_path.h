/*
 * The file source's path: its check while the pipeline is read.
 */
#ifndef SL_COLLECT_FILE_PATH_H
#define SL_COLLECT_FILE_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "data/field.h"

struct sl_file_params {
	const char *path;
	uint64_t max_bytes;
	const char *base; /* absolute directory from which a relative path counts; set by check */
};

/* The check of struct sl_source_kind. */
bool sl_file_check(void *params, const struct sl_node *map, const char *pipeline_dir,
		   struct sl_arena *arena, struct sl_diags *diags);

#endif
