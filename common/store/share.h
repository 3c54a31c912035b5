/*
 * The chunks of a run's own entries, and which partition each falls to: a pure function of the log,
 * so that clearing one mapped task does exactly its share again, and tickets stand where their taker
 * looks for them.
 */
#ifndef SL_STORE_SHARE_H
#define SL_STORE_SHARE_H

#include "data/pipeline.h"
#include "store/log.h"

struct sl_shared {
	const struct sl_log_chunk *chunk;
	const struct sl_source *source;
	uint64_t entry;	    /* that named it first */
	size_t place;	    /* of the input in that entry */
	size_t chunk_place; /* of the chunk in the input */
	bool wanted;	    /* of an input's newest edition: store takes no other */
	uint32_t owner;	    /* partition, from 0 */
};

struct sl_share {
	struct sl_shared *v; /* sorted by the chunk's id, each once */
	size_t n;
	uint64_t entries; /* the run's own, over all its sources */
};

/* source: only this one, or NULL. n: partitions. Lives in arena. SL_ERR_IO. */
SL_NODISCARD bool sl_share_read(const struct sl_pipeline *p, const struct sl_home *h,
				const char *run, const char *source, uint32_t n,
				struct sl_arena *arena, struct sl_share *ret, struct sl_err *err);

#endif
