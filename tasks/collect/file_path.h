/*
 * The file source's path: its check while the pipeline is read, and the interval in it.
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

/* {interval_start:%Y-%m-%d} stands in the path. */
bool sl_file_path_dated(const char *path);
/* path with the interval's start put in. SL_ERR_USAGE when it needs one and start is NULL. */
SL_NODISCARD bool sl_file_path(const char *path, const sl_time *start, struct sl_buf *out,
			       struct sl_err *err);
/* The check of struct sl_source_kind. */
bool sl_file_check(void *params, const struct sl_node *map, const char *pipeline_dir,
		   struct sl_arena *arena, struct sl_diags *diags);

#endif
