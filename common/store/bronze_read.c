/*
 * Reading a chunk: the header's checksum, the file's size against the index, and every frame's own
 * checksum are compared, so that a damaged chunk never becomes rows.
 */
#include "store/bronze.h"

#include <zstd.h>

#include "base/mem.h"
#include "data/batch.h"
#include "data/codec.h"
#include "store/bronze_header.h"

#define HEADER_MAX ((uint32_t)16 << 20) /* bytes: a header row of 1 MiB in hex and the index */

struct sl_bronze_reader {
	struct sl_depot *depot;
	char *name;
	struct sl_depot_reader *file;
	struct sl_arena arena;
	struct sl_chunk chunk;
	ZSTD_DCtx *zstd;
	struct sl_buf frames;
};

static bool damaged(const struct sl_bronze_reader *r, struct sl_err *err, const char *why)
{
	sl_cleanup(sl_freep) char *where = sl_depot_where(r->depot, r->name);

	sl_err_set(err, SL_ERR_IO, "cannot read chunk \"%s\": %s", where, why);
	return sl_err_hint(err, "remove that file and run collect with --again");
}

/* Exactly n bytes at an offset. */
static bool read_at(struct sl_bronze_reader *r, uint64_t at, size_t n, struct sl_buf *out,
		    struct sl_err *err)
{
	const size_t before = out->n;

	if (!sl_depot_read(r->file, at, n, out, err))
		return false;
	return out->n - before == n || damaged(r, err, "the file is too short");
}

static uint32_t get_u32(const char *p)
{
	uint32_t v = 0;

	for (int i = 3; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static bool try_header(struct sl_bronze_reader *r, const char *id, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	const char *why = NULL;
	uint64_t end;

	if (!read_at(r, 0, SL_SKIP_HEAD, &b, err))
		return false;
	uint32_t size = get_u32(b.p + 4);
	if (get_u32(b.p) != SL_SKIP_MAGIC || size > HEADER_MAX)
		return damaged(r, err, "it does not begin with a header");
	sl_buf_clear(&b);
	if (!read_at(r, SL_SKIP_HEAD, size, &b, err))
		return false;
	if (!sl_bronze_header_get(sl_buf_str(&b), &r->arena, &r->chunk, &why))
		return damaged(r, err, why);
	if (strcmp(r->chunk.id, id) != 0)
		return damaged(r, err, "its header belongs to another chunk");
	end = SL_SKIP_HEAD + (uint64_t)size;
	for (size_t i = 0; i < r->chunk.n_parts; i++) {
		r->chunk.parts[i].at = end;
		end += r->chunk.parts[i].frames;
	}
	return sl_depot_size(r->file) == end ||
	       damaged(r, err, "its size is not what its header says");
}

/* After a failure: whether it may be tried again, because the bytes were damaged on their way. */
static bool again(struct sl_bronze_reader *r, struct sl_err *err)
{
	if (err->kind != SL_ERR_IO || !sl_depot_again(r->file))
		return false;
	sl_err_clear(err);
	return true;
}

static bool read_header(struct sl_bronze_reader *r, const char *id, struct sl_err *err)
{
	while (!try_header(r, id, err))
		if (!again(r, err))
			return false;
	return true;
}

/* file stays NULL when there is none. */
static bool open_file(struct sl_bronze_reader *r, struct sl_err *err)
{
	if (sl_depot_open(r->depot, r->name, &r->file, err))
		return true;
	if (err->kind != SL_ERR_NO_INPUT)
		return false;
	sl_err_clear(err);
	return true;
}

static ZSTD_DCtx *new_zstd(void)
{
	ZSTD_DCtx *zstd = ZSTD_createDCtx();

	if (!zstd)
		SL_BUG("out of memory for decompression");
	return zstd;
}

/* *ret = NULL when there is no such chunk. */
static bool open_chunk(const struct sl_home *home, const char *source, const char *id, bool needed,
		       struct sl_bronze_reader **ret, struct sl_err *err)
{
	struct sl_bronze_reader *r = sl_xcalloc(1, sizeof(*r));

	*ret = NULL;
	r->depot = home->shared;
	r->name = sl_bronze_name(source, id);
	r->zstd = new_zstd();
	bool ok = open_file(r, err);
	if (ok && !r->file && needed)
		ok = damaged(r, err, "the file is missing");
	if (!ok || !r->file || !read_header(r, id, err)) {
		ok = ok && !r->file;
		sl_bronze_close(r);
		return ok;
	}
	*ret = r;
	return true;
}

bool sl_bronze_open(const struct sl_home *home, const char *source, const char *id,
		    struct sl_bronze_reader **ret, struct sl_err *err)
{
	return open_chunk(home, source, id, true, ret, err);
}

bool sl_bronze_find(const struct sl_home *home, const char *source, const char *id,
		    struct sl_arena *arena, struct sl_chunk *ret, bool *ret_found,
		    struct sl_err *err)
{
	struct sl_bronze_reader *r;

	if (!open_chunk(home, source, id, false, &r, err))
		return false;
	*ret_found = r != NULL;
	if (r)
		*ret = sl_chunk_copy(&r->chunk, arena);
	sl_bronze_close(r);
	return true;
}

const struct sl_chunk *sl_bronze_chunk(const struct sl_bronze_reader *r)
{
	return &r->chunk;
}

bool sl_bronze_frames(struct sl_bronze_reader *r, size_t k, struct sl_buf *out, struct sl_err *err)
{
	const struct sl_part *p = &r->chunk.parts[k];

	SL_ASSERT(k < r->chunk.n_parts && !p->oversize);
	if (p->bytes > SL_PART_BYTES || p->frames > ZSTD_compressBound(SL_PART_BYTES))
		return damaged(r, err, "a part is larger than it can be");
	return read_at(r, p->at, p->frames, out, err);
}

/* NULL, or what is wrong with the frames. */
static const char *unpack(ZSTD_DCtx *zstd, struct sl_str frames, uint64_t bytes, struct sl_buf *out)
{
	sl_buf_clear(out);

	char *to = sl_buf_room(out, bytes + SL_DECODE_PADDING);
	size_t n = ZSTD_decompressDCtx(zstd, to, bytes, frames.p, frames.n);

	if (ZSTD_isError(n))
		return ZSTD_getErrorName(n);
	if (n != bytes)
		return "a part is shorter than its header says";
	memset(to + n, 0, SL_DECODE_PADDING);
	sl_buf_grew(out, n);
	return NULL;
}

static bool try_part(struct sl_bronze_reader *r, size_t k, struct sl_buf *out, struct sl_err *err)
{
	const char *why;

	sl_buf_clear(&r->frames);
	if (!sl_bronze_frames(r, k, &r->frames, err))
		return false;
	why = unpack(r->zstd, sl_buf_str(&r->frames), r->chunk.parts[k].bytes, out);
	return !why || damaged(r, err, why);
}

bool sl_bronze_read(struct sl_bronze_reader *r, size_t k, struct sl_buf *out, struct sl_err *err)
{
	while (!try_part(r, k, out, err))
		if (!again(r, err))
			return false;
	return true;
}

bool sl_bronze_unpack(struct sl_str frames, uint64_t bytes, struct sl_buf *out, struct sl_err *err)
{
	ZSTD_DCtx *zstd = new_zstd();
	const char *why = bytes > SL_PART_BYTES ? "too large" : unpack(zstd, frames, bytes, out);

	ZSTD_freeDCtx(zstd);
	return !why || sl_err_set(err, SL_ERR_DATA, "cannot unpack a part: %s", why);
}

void sl_bronze_close(struct sl_bronze_reader *r)
{
	if (!r)
		return;
	sl_depot_reader_close(r->file);
	ZSTD_freeDCtx(r->zstd);
	sl_buf_release(&r->frames);
	sl_arena_release(&r->arena);
	free(r->name);
	free(r);
}
