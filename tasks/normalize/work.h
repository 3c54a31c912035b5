/*
 * What one execution of normalize has to do: the parts of its run's own entries that fall to its
 * partition, or exactly those that --parts names.
 */
#ifndef SL_NORMALIZE_WORK_H
#define SL_NORMALIZE_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "data/pipeline.h"
#include "run/stage.h"

/* Consecutive parts of one chunk. */
struct sl_work_item {
	const struct sl_source *source;
	const char *chunk;
	uint32_t first, n; /* parts first … first + n - 1 */
};

struct sl_work {
	struct sl_work_item *v;
	size_t n;
	uint64_t entries; /* the run's own, over all its sources */
};

/* Chunks of run's own entries that partition part_k of part_n owns; a chunk that several entries
 * name comes once. Those of an older edition count when the work is divided, but are not made:
 * store passes them over, and one that cannot be read would stop a run that was mended. Lives in
 * run->arena. SL_ERR_IO. */
SL_NODISCARD bool sl_work_of_run(struct sl_run *run, struct sl_work *ret, struct sl_err *err);

/* text: SOURCE:CHUNK:PART[,…], or @FILE with one a line. SL_ERR_USAGE, SL_ERR_NO_INPUT. */
SL_NODISCARD bool sl_work_of_list(struct sl_run *run, const char *text, struct sl_work *ret,
				  struct sl_err *err);

#endif
