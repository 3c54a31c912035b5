/*
 * Which log entries a store works on, in which order (docs/delivery.md, rule 4): first on
 * every entry of any source without a mark, oldest first, an interval run only on those linked before
 * it began; then on its own, marked or not. --replay adds every entry of which older rules made rows.
 */
#ifndef SL_STORE_WORKLIST_H
#define SL_STORE_WORKLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "run/stage.h"
#include "store/log.h"
#include "store/sink.h"

struct sl_work {
	size_t source; /* index in the pipeline */
	uint64_t n;    /* entry */
	bool own;      /* belongs to this run */
};

struct sl_worklist {
	struct sl_work *v;
	size_t n;
	size_t n_own;
};

/* sink, generation: whose marks count. Owned by arena. */
SL_NODISCARD bool sl_worklist_make(const struct sl_run *run, const char *sink, unsigned generation,
				   struct sl_arena *arena, struct sl_worklist *ret,
				   struct sl_err *err);

/* Adds the entries of which sink's table holds rows that older rules made, as the run's own: what a
 * rerun of each of their runs would do. Not those of another HOME that were adopted. */
SL_NODISCARD bool sl_worklist_add_old(const struct sl_run *run, struct sl_sink *sink,
				      struct sl_arena *arena, struct sl_worklist *list,
				      struct sl_err *err);

#endif
