/*
 * From an input's bytes to chunks: cut into records, records into parts, parts into chunks. The
 * layout depends on the bytes alone, never on the pieces in which they arrive, and memory stays at
 * one part: a record larger than a part is streamed into an oversize part.
 *
 *	sl_pack_begin, per file: sl_pack_bytes…, sl_pack_file_end; sl_pack_finish or sl_pack_abandon
 *	sl_pack_begin, per step: sl_pack_step, sl_pack_bytes…, sl_pack_step_end; chunks by sl_pack_add
 */
#ifndef SL_COLLECT_PACK_H
#define SL_COLLECT_PACK_H

#include "base/buf.h"
#include "data/codec.h"
#include "store/bronze.h"
#include "store/log.h"
#include "tasks/collect/kept.h"

#define SL_CUT_RULE 1 /* raised when the same bytes fall into other parts: makes new editions */

struct sl_pack {
	const struct sl_home *home;
	const struct sl_codec *codec;
	const void *params;	/* codec's */
	struct sl_arena *arena; /* of the chunk list */
	struct sl_chunk_key key;
	struct sl_cutter cutter;
	bool header_open;     /* the file's header record is still to come */
	struct sl_buf header; /* of the first file */
	bool has_header;
	struct sl_buf part;	    /* whole records, then what has come of the next one */
	size_t whole;		    /* bytes of part that are whole records */
	uint32_t records;	    /* in them */
	bool oversize;		    /* inside an oversize record, part holds its next piece */
	uint64_t at;		    /* offset in the input of part's first byte */
	uint64_t behind;	    /* the chunks: where a step begins */
	struct sl_bronze_writer *w; /* open chunk or NULL */
	struct sl_log_chunk *chunks;
	size_t n_chunks, cap_chunks;
	struct sl_kept *kept; /* takes small chunks; borrowed, may be NULL */
	uint64_t new_chunks;  /* that were not there before; counts on over inputs */
};

/* source, input and settings are borrowed until finish. */
void sl_pack_begin(struct sl_pack *p, const char *source, const char *input, const char *settings);
SL_NODISCARD bool sl_pack_bytes(struct sl_pack *p, struct sl_str bytes, struct sl_err *err);
/* The file ends here: what is left is its last record. SL_ERR_DATA when its header row differs from
 * that of the input's first file. */
SL_NODISCARD bool sl_pack_file_end(struct sl_pack *p, struct sl_err *err);
/* So far the input has a header row and no record. */
static inline bool sl_pack_is_lone_header(const struct sl_pack *p)
{
	return p->has_header && !p->w && p->n_chunks == 0;
}
/* chunks and n_chunks are then the input's. */
SL_NODISCARD bool sl_pack_finish(struct sl_pack *p, struct sl_err *err);

/* An input that is read in steps: what comes until sl_pack_step_end is one chunk with that id. What
 * an unfinished step has brought is forgotten. */
void sl_pack_step(struct sl_pack *p, const char *id);
/* Links the step's chunk, which then stands on the disk in this version or in another's.
 * *ret_kept = false when it holds no record and may be left out (optional): nothing is linked. */
SL_NODISCARD bool sl_pack_step_end(struct sl_pack *p, const char *next, const char *end,
				   bool partial, bool optional, bool *ret_kept, struct sl_err *err);
/* The input's next chunk, as it stands on the disk. */
void sl_pack_add(struct sl_pack *p, const struct sl_chunk *c);

void sl_pack_abandon(struct sl_pack *p); /* forgets the input; p can begin another */
void sl_pack_release(struct sl_pack *p);

#endif
