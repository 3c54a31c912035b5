/*
 * Reading a chunk: the header's checksum, the file's size against the index, and every frame's own
 * checksum are compared, so that a damaged chunk never becomes rows.
 */
#include "store/bronze.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/batch.h"
#include "data/codec.h"
#include "store/bronze_header.h"

#define HEADER_MAX ((uint32_t)16 << 20) /* bytes: a header row of 1 MiB in hex and the index */

struct sl_bronze_reader {
	int fd;
	char *path;
	struct sl_arena arena;
	struct sl_chunk chunk;
	ZSTD_DCtx *zstd;
	struct sl_buf frames;
};

static bool damaged(const struct sl_bronze_reader *r, struct sl_err *err, const char *why)
{
	sl_err_set(err, SL_ERR_IO, "cannot read chunk \"%s\": %s", r->path, why);
	return sl_err_hint(err, "remove that file and run collect with --again");
}

/* Exactly n bytes at an offset. */
static bool read_at(struct sl_bronze_reader *r, uint64_t at, size_t n, struct sl_buf *out,
		    struct sl_err *err)
{
	char *to = sl_buf_room(out, n);
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(r->fd, to + done, n - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return sl_err_errno(err, SL_ERR_IO, errno, "cannot read chunk \"%s\"",
					    r->path);
		if (got == 0)
			return damaged(r, err, "the file is too short");
		done += (size_t)got;
	}
	sl_buf_grew(out, n);
	return true;
}

static uint32_t get_u32(const char *p)
{
	uint32_t v = 0;

	for (int i = 3; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static bool check_size(const struct sl_bronze_reader *r, uint64_t want, struct sl_err *err)
{
	struct stat st;

	if (fstat(r->fd, &st) < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot read chunk \"%s\"", r->path);
	if ((uint64_t)st.st_size != want)
		return damaged(r, err, "its size is not what its header says");
	return true;
}

static bool read_header(struct sl_bronze_reader *r, const char *id, struct sl_err *err)
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
	return check_size(r, end, err);
}

static bool open_file(struct sl_bronze_reader *r, struct sl_err *err)
{
	r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
	if (r->fd >= 0)
		return true;
	if (errno == ENOENT)
		return damaged(r, err, "the file is missing");
	return sl_err_errno(err, SL_ERR_IO, errno, "cannot open chunk \"%s\"", r->path);
}

bool sl_bronze_open(const struct sl_home *home, const char *source, const char *id,
		    struct sl_bronze_reader **ret, struct sl_err *err)
{
	struct sl_bronze_reader *r = sl_xcalloc(1, sizeof(*r));

	r->path = sl_home_path(home, "bronze/%s/%.2s/%s.zst", source, id, id);
	r->zstd = ZSTD_createDCtx();
	r->fd = -1;
	if (!r->zstd)
		SL_BUG("out of memory for decompression");
	if (!open_file(r, err) || !read_header(r, id, err)) {
		sl_bronze_close(r);
		return false;
	}
	*ret = r;
	return true;
}

const struct sl_chunk *sl_bronze_chunk(const struct sl_bronze_reader *r)
{
	return &r->chunk;
}

bool sl_bronze_read(struct sl_bronze_reader *r, size_t k, struct sl_buf *out, struct sl_err *err)
{
	const struct sl_part *p = &r->chunk.parts[k];

	SL_ASSERT(k < r->chunk.n_parts && !p->oversize);
	if (p->bytes > SL_PART_BYTES || p->frames > ZSTD_compressBound(SL_PART_BYTES))
		return damaged(r, err, "a part is larger than it can be");
	sl_buf_clear(&r->frames);
	if (!read_at(r, p->at, p->frames, &r->frames, err))
		return false;
	sl_buf_clear(out);
	char *to = sl_buf_room(out, p->bytes + SL_DECODE_PADDING);
	size_t n = ZSTD_decompressDCtx(r->zstd, to, p->bytes, r->frames.p, r->frames.n);
	if (ZSTD_isError(n))
		return damaged(r, err, ZSTD_getErrorName(n));
	if (n != p->bytes)
		return damaged(r, err, "a part is shorter than its header says");
	memset(to + n, 0, SL_DECODE_PADDING);
	sl_buf_grew(out, n);
	return true;
}

void sl_bronze_close(struct sl_bronze_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	ZSTD_freeDCtx(r->zstd);
	sl_buf_release(&r->frames);
	sl_arena_release(&r->arena);
	free(r->path);
	free(r);
}
