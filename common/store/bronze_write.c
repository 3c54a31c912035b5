/*
 * Writing a chunk. Frames are held in memory until they outgrow SMALL, so that the many chunks of
 * small inputs are one write and have a small header; then room for the header is left free in
 * front of the file and filled when the index is known.
 */
#include "store/bronze.h"

#include <zstd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "data/batch.h"
#include "store/bronze_header.h"

#define SMALL ((size_t)256 << 10) /* bytes of frames */
#define LEVEL                                                                                      \
	1 /* of zstd: collect runs at the disk's speed, and rows compress well at any level        \
	   */

struct sl_bronze_writer {
	const struct sl_home *home;
	const struct sl_chunk_key *key;
	struct sl_chunk chunk; /* parts: room for SL_CHUNK_PARTS */
	struct sl_hash hash;
	uint64_t next;	  /* offset in the input of the next part */
	uint64_t counted; /* bytes as sl_bronze_fits counts them */
	bool oversize;	  /* inside an oversize part */
	ZSTD_CCtx *zstd;
	struct sl_buf frames;	      /* held, or the one just made */
	struct sl_depot_writer *file; /* NULL: all frames are in memory */
	size_t room;		      /* of the header in file */
};

/* BLAKE2b over what the key says, then bytes, then the layout: see finish_id. */
static void begin_id(struct sl_bronze_writer *w)
{
	const struct sl_chunk_key *k = w->key;

	sl_hash_init(&w->hash);
	sl_hash_strz(&w->hash, "sluice chunk 1");
	sl_hash_strz(&w->hash, k->source);
	sl_hash_strz(&w->hash, k->input);
	sl_hash_strz(&w->hash, k->codec);
	sl_hash_strz(&w->hash, k->settings);
	sl_hash_u64(&w->hash, k->header.p != NULL);
	sl_hash_str(&w->hash, k->header);
}

/* Where the parts stand in the input, and which of them end a file. */
static void finish_id(struct sl_bronze_writer *w)
{
	const struct sl_chunk *c = &w->chunk;

	if (w->key->id) {
		memcpy(w->chunk.id, w->key->id, SL_HASH_HEX);
		return;
	}
	for (size_t i = 0; i < c->n_parts; i++) {
		sl_hash_u64(&w->hash, c->parts[i].offset);
		sl_hash_u64(&w->hash, c->parts[i].last);
	}
	sl_hash_u64(&w->hash, c->bytes);
	sl_hash_hex(&w->hash, w->chunk.id);
}

bool sl_bronze_begin(const struct sl_home *home, const struct sl_chunk_key *key, uint64_t offset,
		     struct sl_bronze_writer **ret, struct sl_err *err)
{
	struct sl_bronze_writer *w = sl_xcalloc(1, sizeof(*w));

	(void)err; /* the file is made when there is enough to write */
	w->home = home;
	w->key = key;
	w->next = offset;
	w->chunk = (struct sl_chunk){.source = key->source,
				     .input = key->input,
				     .codec = key->codec,
				     .header = key->header};
	w->chunk.parts = sl_xcalloc(SL_CHUNK_PARTS, sizeof(*w->chunk.parts));
	w->zstd = ZSTD_createCCtx();
	if (!w->zstd)
		SL_BUG("out of memory for compression");
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
	begin_id(w);
	*ret = w;
	return true;
}

void sl_bronze_abandon(struct sl_bronze_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->zstd);
	sl_buf_release(&w->frames);
	sl_depot_writer_close(w->file);
	free(w->chunk.parts);
	free(w);
}

uint64_t sl_bronze_bytes(const struct sl_bronze_writer *w)
{
	return w->chunk.bytes;
}

uint64_t sl_bronze_records(const struct sl_bronze_writer *w)
{
	return w->chunk.records;
}

bool sl_bronze_step(struct sl_bronze_writer *w, const char *next, const char *end, bool partial,
		    struct sl_err *err)
{
	w->chunk.next = next;
	w->chunk.end = end;
	w->chunk.partial = partial;
	if (sl_bronze_step_size(&w->chunk) > SL_CONTINUATION_MAX)
		return sl_err_set(err, SL_ERR_DATA,
				  "what a step tells of the next one is longer than %zu bytes",
				  SL_CONTINUATION_MAX);
	return true;
}

struct sl_str sl_bronze_held(const struct sl_bronze_writer *w)
{
	return w->file ? SL_STR_NULL : sl_buf_str(&w->frames);
}

bool sl_bronze_fits(const struct sl_bronze_writer *w, uint64_t bytes)
{
	uint64_t more = bytes > SL_PART_BYTES ? SL_PART_BYTES : bytes;

	return w->chunk.n_parts < SL_CHUNK_PARTS && w->counted + more <= SL_CHUNK_BYTES;
}

void sl_bronze_seek(struct sl_bronze_writer *w, uint64_t offset)
{
	w->next = offset;
}

void sl_bronze_file_end(struct sl_bronze_writer *w)
{
	if (w->chunk.n_parts)
		w->chunk.parts[w->chunk.n_parts - 1].last = true;
}

/* A file with free room for the header. */
static bool open_file(struct sl_bronze_writer *w, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *dir = sl_xasprintf("bronze/%s", w->key->source);

	w->room = sl_bronze_header_room(&w->chunk, w->key->settings, w->key->id != NULL);
	return sl_depot_create(w->home->shared, dir, w->room, &w->file, err);
}

static bool write_frames(struct sl_bronze_writer *w, struct sl_err *err)
{
	if (!w->file && w->frames.n <= SMALL)
		return true;
	if ((!w->file && !open_file(w, err)) ||
	    !sl_depot_write(w->file, sl_buf_str(&w->frames), err))
		return false;
	sl_buf_clear(&w->frames);
	return true;
}

/* One frame of raw bytes; *ret_size: what it takes. */
static bool add_frame(struct sl_bronze_writer *w, struct sl_str bytes, uint64_t *ret_size,
		      struct sl_err *err)
{
	size_t bound = ZSTD_compressBound(bytes.n);
	char *to = sl_buf_room(&w->frames, bound);
	size_t n = ZSTD_compress2(w->zstd, to, bound, bytes.p, bytes.n);

	if (ZSTD_isError(n))
		return sl_err_set(err, SL_ERR_BUG, "cannot compress a chunk: %s",
				  ZSTD_getErrorName(n));
	sl_buf_grew(&w->frames, n);
	*ret_size = n;
	sl_hash_bytes(&w->hash, bytes.p, bytes.n);
	w->chunk.bytes += bytes.n;
	return write_frames(w, err);
}

static struct sl_part *new_part(struct sl_bronze_writer *w)
{
	SL_ASSERT(w->chunk.n_parts < SL_CHUNK_PARTS);
	struct sl_part *p = &w->chunk.parts[w->chunk.n_parts++];

	*p = (struct sl_part){.offset = w->next};
	return p;
}

bool sl_bronze_part(struct sl_bronze_writer *w, struct sl_str bytes, uint32_t records,
		    struct sl_err *err)
{
	struct sl_part *p = new_part(w);

	SL_ASSERT(bytes.n <= SL_PART_BYTES && !w->oversize);
	p->records = records;
	p->bytes = bytes.n;
	w->chunk.records += records;
	w->counted += bytes.n;
	w->next += bytes.n;
	return add_frame(w, bytes, &p->frames, err);
}

bool sl_bronze_oversize(struct sl_bronze_writer *w, struct sl_str piece, bool end,
			struct sl_err *err)
{
	struct sl_part *p = w->oversize ? &w->chunk.parts[w->chunk.n_parts - 1] : new_part(w);
	uint64_t size = 0;

	if (!w->oversize) {
		p->oversize = true;
		p->records = 1;
		w->chunk.records++;
		w->counted += SL_PART_BYTES;
	}
	w->oversize = !end;
	p->bytes += piece.n;
	w->next += piece.n;
	if (piece.n && !add_frame(w, piece, &size, err))
		return false;
	p->frames += size;
	return true;
}

static bool put_chunk(struct sl_bronze_writer *w, const char *name, bool *ret_new,
		      struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	sl_bronze_header_put(&w->chunk, w->key->settings, w->room, &out);
	if (w->file)
		return sl_depot_publish(w->file, name, sl_buf_str(&out), ret_new, err);
	sl_buf_addstr(&out, sl_buf_str(&w->frames));
	return sl_depot_put(w->home->shared, name, sl_buf_str(&out), SL_DURABLE, ret_new, err);
}

static bool link_chunk(struct sl_bronze_writer *w, bool *ret_new, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = sl_bronze_name(w->key->source, w->chunk.id);
	bool there = false;

	*ret_new = false;
	if (!sl_depot_secure(w->home->shared, name, &there, err))
		return false;
	if (there) /* the usual rerun */
		return true;
	SL_FAULT("bronze.before_link", err);
	if (!put_chunk(w, name, ret_new, err))
		return false;
	SL_FAULT("bronze.after_link", err);
	return true;
}

struct sl_chunk sl_chunk_copy(const struct sl_chunk *c, struct sl_arena *arena)
{
	struct sl_chunk ret = *c;

	ret.source = sl_arena_strdup(arena, c->source);
	ret.input = sl_arena_strdup(arena, c->input);
	ret.codec = sl_arena_strdup(arena, c->codec);
	ret.next = c->next ? sl_arena_strdup(arena, c->next) : NULL;
	ret.end = c->end ? sl_arena_strdup(arena, c->end) : NULL;
	if (c->header.p)
		ret.header = sl_arena_str(arena, c->header);
	ret.parts = sl_arena_alloc(arena, (c->n_parts + 1) * sizeof(*ret.parts));
	memcpy(ret.parts, c->parts, c->n_parts * sizeof(*ret.parts));
	return ret;
}

bool sl_bronze_finish(struct sl_bronze_writer *w, bool last, struct sl_arena *arena,
		      struct sl_chunk *ret, bool *ret_new, struct sl_err *err)
{
	SL_ASSERT(!w->oversize);
	if (last)
		sl_bronze_file_end(w);
	finish_id(w);
	bool ok = link_chunk(w, ret_new, err);
	if (ok)
		*ret = sl_chunk_copy(&w->chunk, arena);
	sl_bronze_abandon(w);
	return ok;
}
