/*
 * A row is its cells, each a length (8 bytes, all ones for NULL) and its bytes. The file has lost its
 * name before the first byte is in it: whatever ends this process, nothing stays behind.
 */
#include "tasks/publish/spool.h"

#include <errno.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/file.h"
#include "base/mem.h"

#define MEMORY ((size_t)4 << 20)
#define BLOCK ((size_t)1 << 20)
#define NO_VALUE UINT64_MAX

static bool make_file(struct sl_spool *s, struct sl_err *err)
{
	sl_cleanup(sl_tmpfile_close) struct sl_tmpfile file = SL_TMPFILE_INIT;

	if (!sl_tmpfile_open(&file, s->dir, err))
		return false;
	s->fd = dup(file.fd); /* the name goes with the original */
	return s->fd >= 0 ||
	       sl_err_errno(err, SL_ERR_IO, errno, "cannot put rows aside in \"%s\"", s->dir);
}

static bool spill(struct sl_spool *s, struct sl_err *err)
{
	if (s->fd < 0 && !make_file(s, err))
		return false;
	const bool ok = sl_fd_write_all(s->fd, s->rows.p, s->rows.n, s->dir, err);

	sl_buf_clear(&s->rows);
	return ok;
}

bool sl_spool_add(struct sl_spool *s, const struct sl_str *cells, size_t n, struct sl_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t length = cells[i].p ? cells[i].n : NO_VALUE;

		sl_buf_add(&s->rows, &length, sizeof(length));
		if (cells[i].p)
			sl_buf_addstr(&s->rows, cells[i]);
	}
	return s->rows.n < (s->fd < 0 ? MEMORY : BLOCK) || spill(s, err);
}

/* --- reading --- */

struct reading {
	const char *p;
	size_t n;
};

/* Cells of the next row; false when it is not all there yet. */
static bool cut_row(struct reading *r, size_t n, struct sl_str *cells)
{
	struct reading at = *r;

	for (size_t i = 0; i < n; i++) {
		uint64_t length;

		if (at.n < sizeof(length))
			return false;
		memcpy(&length, at.p, sizeof(length));
		at.p += sizeof(length);
		at.n -= sizeof(length);
		cells[i] = length == NO_VALUE ? SL_STR_NULL : (struct sl_str){at.p, length};
		if (at.n < cells[i].n)
			return false;
		at.p += cells[i].n;
		at.n -= cells[i].n;
	}
	*r = at;
	return true;
}

/* More of the file behind what is left; *ret_more = false at its end. */
static bool fill(struct sl_spool *s, struct reading *r, off_t *at, bool *ret_more,
		 struct sl_err *err)
{
	const size_t done = s->rows.n - r->n;
	ssize_t n;

	memmove(s->rows.p, s->rows.p + done, r->n);
	s->rows.n = r->n;
	n = pread(s->fd, sl_buf_room(&s->rows, BLOCK), BLOCK, *at);
	if (n < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot read rows put aside");
	sl_buf_grew(&s->rows, (size_t)n);
	*at += n;
	*ret_more = n > 0;
	*r = (struct reading){s->rows.p, s->rows.n};
	return true;
}

bool sl_spool_each(struct sl_spool *s, size_t n,
		   bool (*row)(void *ctx, const struct sl_str *cells, struct sl_err *err),
		   void *ctx, struct sl_err *err)
{
	sl_cleanup(sl_freep) struct sl_str *cells = sl_xcalloc(n, sizeof(*cells));
	struct reading r;
	off_t at = 0;
	bool more = true;

	if (s->fd >= 0 && !spill(s, err))
		return false;
	r = (struct reading){s->rows.p, s->rows.n};
	while (more) {
		while (cut_row(&r, n, cells))
			if (!sl_cancel_check(err) || !row(ctx, cells, err))
				return false;
		more = false;
		if (s->fd >= 0 && !fill(s, &r, &at, &more, err))
			return false;
	}
	return true;
}

void sl_spool_release(struct sl_spool *s)
{
	sl_buf_release(&s->rows);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
