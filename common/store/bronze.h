/*
 * Bronze: immutable chunks of an input's raw bytes, the truth that everything else is made from.
 *
 * A chunk file is a zstd *skippable* frame (RFC 8878 §3.1.2) with a JSON header and its checksum,
 * then one zstd frame per part (several for an oversize part). So `zstd -dc chunk.zst` prints the
 * original bytes. A small chunk is written at once with a header of its size; for a larger one the
 * header's room is left free at the begin and filled at the end, so that memory stays at one part.
 * Chunk id = BLAKE2b(source, input, codec and its settings, cut rule, header row, bytes, and where
 * in the input these stand): a chunk that repeats another's bytes further down is one of its own.
 * The chunk of a step (tasks/collect/collect.h) is named by who reads what, and holds where the next
 * step begins: the first complete version stands, whatever another attempt would have read.
 */
#ifndef SL_STORE_BRONZE_H
#define SL_STORE_BRONZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/hash.h"
#include "store/home.h"

#define SL_CHUNK_BYTES ((uint64_t)64 << 20)	/* most raw bytes, except for one oversize record */
#define SL_CHUNK_PARTS 1024			/* most parts: bounds the header */
#define SL_CONTINUATION_MAX ((size_t)256 << 10) /* bytes of next and end together, as JSON */

struct sl_part {
	uint64_t at;	 /* offset of its first frame in the chunk file, bytes */
	uint64_t frames; /* bytes of its frames */
	uint64_t offset; /* offset of its bytes in the input, bytes */
	uint64_t bytes;	 /* raw */
	uint32_t records;
	bool oversize; /* one record larger than a part: normalize rejects it */
	bool last;     /* ends the input, or one of the files of an input that is collected whole */
};

struct sl_chunk {
	char id[SL_HASH_HEX];
	const char *source, *input, *codec;
	struct sl_str header; /* CSV header record, or SL_STR_NULL */
	uint64_t bytes;	      /* raw */
	uint64_t records;     /* sum over the parts */
	struct sl_part *parts;
	size_t n_parts;
	/* of a step */
	const char *next; /* where the next one begins, NULL: this was the last */
	const char *end;  /* where the input ends, NULL: its last step tells */
	bool partial;	  /* the steps did not see everything that they should have */
};

/* What a chunk's identity rests on beside its bytes. */
struct sl_chunk_key {
	const char *source, *input, *codec;
	const char *settings; /* hex hash of codec version, its IDENTITY fields, and the cut rule */
	struct sl_str header;
	const char *id; /* of a step: instead of what the bytes give; NULL */
};

struct sl_bronze_writer;

/* key is borrowed until finish or abandon. offset: of the chunk's first byte in the input. */
SL_NODISCARD bool sl_bronze_begin(const struct sl_home *home, const struct sl_chunk_key *key,
				  uint64_t offset, struct sl_bronze_writer **ret,
				  struct sl_err *err);
/* Whether a part of so many bytes still belongs into this chunk (an oversize one counts as one of
 * SL_PART_BYTES). Only content decides, so the same bytes always fall into the same chunks. */
bool sl_bronze_fits(const struct sl_bronze_writer *w, uint64_t bytes);
/* The next part begins here in the input: bytes that are kept aside (headers) leave gaps. */
void sl_bronze_seek(struct sl_bronze_writer *w, uint64_t offset);
/* The newest part ends a file of the input. */
void sl_bronze_file_end(struct sl_bronze_writer *w);
/* One part of ≤ SL_PART_BYTES. */
SL_NODISCARD bool sl_bronze_part(struct sl_bronze_writer *w, struct sl_str bytes, uint32_t records,
				 struct sl_err *err);
/* An oversize record in pieces: begin, any number of pieces, end. */
SL_NODISCARD bool sl_bronze_oversize(struct sl_bronze_writer *w, struct sl_str piece, bool end,
				     struct sl_err *err);
uint64_t sl_bronze_bytes(const struct sl_bronze_writer *w);   /* raw bytes so far */
uint64_t sl_bronze_records(const struct sl_bronze_writer *w); /* records so far */
/* Says where the next step begins; see struct sl_chunk. Borrowed until finish. SL_ERR_DATA beyond
 * SL_CONTINUATION_MAX. */
SL_NODISCARD bool sl_bronze_step(struct sl_bronze_writer *w, const char *next, const char *end,
				 bool partial, struct sl_err *err);
/* The frames of all parts so far, where they are in memory (a small chunk), else SL_STR_NULL. Until
 * the next call. */
struct sl_str sl_bronze_held(const struct sl_bronze_writer *w);
/* Links the chunk. last: it ends the input. Fills ret (arena owned). Writer is gone either way.
 * ret_new = false when the same chunk was there already. Fault points bronze.before_link and
 * bronze.after_link. */
SL_NODISCARD bool sl_bronze_finish(struct sl_bronze_writer *w, bool last, struct sl_arena *arena,
				   struct sl_chunk *ret, bool *ret_new, struct sl_err *err);
void sl_bronze_abandon(struct sl_bronze_writer *w); /* NULL is fine */

struct sl_bronze_reader;

/* SL_ERR_IO when the chunk is missing or damaged (names it, and how to collect it again). */
SL_NODISCARD bool sl_bronze_open(const struct sl_home *home, const char *source, const char *id,
				 struct sl_bronze_reader **ret, struct sl_err *err);
const struct sl_chunk *sl_bronze_chunk(const struct sl_bronze_reader *r);
/* What a chunk's header says, owned by arena. *ret_found = false when there is no such chunk. */
SL_NODISCARD bool sl_bronze_find(const struct sl_home *home, const char *source, const char *id,
				 struct sl_arena *arena, struct sl_chunk *ret, bool *ret_found,
				 struct sl_err *err);
/* Decompresses part k into out (replaced), SL_DECODE_PADDING zero bytes behind. Not for oversize.
 */
SL_NODISCARD bool sl_bronze_read(struct sl_bronze_reader *r, size_t k, struct sl_buf *out,
				 struct sl_err *err);
/* Part k as it stands in the file: its frames, appended to out. */
SL_NODISCARD bool sl_bronze_frames(struct sl_bronze_reader *r, size_t k, struct sl_buf *out,
				   struct sl_err *err);
void sl_bronze_close(struct sl_bronze_reader *r);

/* Unpacks the frames of a part of so many raw bytes into out, as sl_bronze_read does. SL_ERR_DATA.
 */
SL_NODISCARD bool sl_bronze_unpack(struct sl_str frames, uint64_t bytes, struct sl_buf *out,
				   struct sl_err *err);

#endif
