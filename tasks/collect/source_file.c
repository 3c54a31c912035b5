/*
 * Source "file": files by pattern, each an input of its own, or all of them one input (input:
 * whole). A file that moves while it is read is read again; gzip is unpacked on the way.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/interval.h"
#include "tasks/collect/collect.h"
#include "tasks/collect/file_path.h"
#include "tasks/collect/glob.h"
#include "tasks/collect/gunzip.h"

#define READ_BYTES ((size_t)256 << 10)
#define TRIES 3
#define TRUST_AFTER                                                                                \
	(2 *                                                                                       \
	 SL_SECOND) /* a change within the clock's tick leaves no trace in ctime               \
			 */

static const struct sl_field fields[] = {
	SL_F_TEXT(struct sl_file_params, path, SL_F_REQUIRED, NULL,
		  "files to collect; *, ? and [a-z] in any component, {interval_start:%Y-%m-%d}, "
		  "{interval_end:…}"),
	SL_F_SIZE(struct sl_file_params, max_bytes, 0, "16GiB", 1, INT64_MAX,
		  "most bytes that one compressed file may unpack to"),
	SL_F_END,
};

/* One collection of this source. */
struct reading {
	const struct sl_file_params *params;
	struct sl_collect *c;
	struct sl_arena arena; /* of one listing */
	struct sl_matches files;
	char *buf; /* READ_BYTES */
	bool told; /* the error at hand names the file already */
};

enum outcome { DONE, MOVED, GONE, FAILED };

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_ino == b->st_ino &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static sl_time changed_at(const struct stat *st)
{
	return st->st_ctim.tv_sec * SL_SECOND + st->st_ctim.tv_nsec / 1000;
}

static bool trusted(const struct stat *st)
{
	return sl_clock_now() - changed_at(st) >= TRUST_AFTER;
}

static const char *fingerprint(const struct stat *st, struct sl_arena *arena)
{
	return sl_arena_printf(arena, "%" PRIu64 ":%" PRId64 ".%09ld:%" PRId64 ".%09ld:%" PRIu64,
			       (uint64_t)st->st_size, (int64_t)st->st_mtim.tv_sec,
			       st->st_mtim.tv_nsec, (int64_t)st->st_ctim.tv_sec,
			       st->st_ctim.tv_nsec, (uint64_t)st->st_ino);
}

static bool list(struct reading *r, struct sl_err *err)
{
	const struct sl_run *run = sl_collect_run(r->c);
	sl_cleanup(sl_buf_release) struct sl_buf pattern = SL_BUF_INIT;

	sl_arena_reset(&r->arena);
	if (!sl_interval_fill(r->params->path, run->has_interval ? &run->interval_start : NULL,
			      &run->interval_end, &pattern, err) ||
	    !sl_glob(r->params->base, sl_buf_z(&pattern), &r->arena, &r->files, err))
		return false;
	/* A folder named after a day need not be there; any other one is a mistake in the path. */
	if (r->files.root_missing && !sl_interval_in(r->params->path)) {
		sl_err_set(err, SL_ERR_NO_INPUT, "cannot list \"%s\": no such directory",
			   r->files.root);
		return sl_err_hint(err, "see path of source \"%s\"", sl_collect_source(r->c)->name);
	}
	return true;
}

static enum outcome open_match(const struct reading *r, const struct sl_match *m, int *ret_fd,
			       struct stat *ret_st, struct sl_err *err)
{
	const char *root = r->files.root;
	sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/%s", root, m->rel);
	struct stat st;

	if (!sl_open_beneath(root, m->rel, ret_fd, err)) {
		if (err->kind == SL_ERR_AGAIN)
			return MOVED;
		return r->files.wild && lstat(path, &st) < 0 && errno == ENOENT ? GONE : FAILED;
	}
	if (fstat(*ret_fd, ret_st) == 0)
		return DONE;
	sl_err_errno(err, SL_ERR_IO, errno, "cannot read \"%s\"", m->name);
	return FAILED;
}

static bool pass_on(void *ctx, struct sl_str bytes, struct sl_err *err)
{
	struct reading *r = ctx;

	r->told = !sl_collect_bytes(r->c, bytes, err);
	return !r->told;
}

static bool unpack(struct reading *r, struct sl_gunzip *g, struct sl_str bytes, const char *name,
		   struct sl_err *err)
{
	if (bytes.n ? sl_gunzip_feed(g, bytes, err) : sl_gunzip_end(g, err))
		return true;
	return r->told ? false : sl_err_prefix(err, "cannot unpack \"%s\"", name);
}

static void close_gunzip(struct sl_gunzip **g)
{
	sl_gunzip_close(*g);
}

/* What is packed by other programs is told as such, not as a strange header or broken JSON. */
static bool refuse_packed(struct sl_str first, const char *name, struct sl_err *err)
{
	static const struct {
		const char *magic, *format, *cure;
	} packed[] = {
		{"\050\265\057\375", "zstd", "zstd -d"},
		{"\3757zXZ", "xz", "xz -d"},
		{"PK\003\004", "zip", "unzip"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(packed); i++)
		if (sl_str_starts(first, packed[i].magic)) {
			sl_err_set(err, SL_ERR_DATA, "cannot read \"%s\": it is packed by %s", name,
				   packed[i].format);
			return sl_err_hint(err, "only gzip is unpacked here; unpack it first: %s",
					   packed[i].cure);
		}
	return true;
}

/* Hands over all bytes of fd; *ret_read: how many the file had. */
static bool copy_bytes(struct reading *r, int fd, const char *name, uint64_t *ret_read,
		       struct sl_err *err)
{
	sl_cleanup(close_gunzip) struct sl_gunzip *g = NULL;
	uint64_t total = 0;

	r->told = false;
	for (;;) {
		ssize_t n = read(fd, r->buf, READ_BYTES);
		struct sl_str bytes = {r->buf, n > 0 ? (size_t)n : 0};

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sl_err_errno(err, SL_ERR_IO, errno, "cannot read \"%s\"", name);
		if (n == 0)
			break;
		SL_FAULT("collect.while_reading", err);
		if (total == 0 && !refuse_packed(bytes, name, err))
			return false;
		if (total == 0 && sl_gunzip_is(bytes))
			g = sl_gunzip_open(r->params->max_bytes, pass_on, r);
		total += bytes.n;
		if (!(g ? unpack(r, g, bytes, name, err) : sl_collect_bytes(r->c, bytes, err)))
			return false;
	}
	*ret_read = total;
	return !g || unpack(r, g, SL_STR(""), name, err);
}

/* Bytes of one open file. MOVED when it is no longer what it was, also when that made an error. */
static enum outcome read_open(struct reading *r, int fd, const struct stat *before,
			      const struct sl_match *m, struct sl_err *err)
{
	struct stat after;
	uint64_t total = 0;

	if (!sl_collect_begin(r->c, m->name, err))
		return FAILED;
	bool ok = copy_bytes(r, fd, m->name, &total, err);
	if (!ok && err->kind != SL_ERR_DATA)
		return FAILED;
	if (fstat(fd, &after) < 0) {
		sl_err_errno(err, SL_ERR_IO, errno, "cannot read \"%s\"", m->name);
		return FAILED;
	}
	if (!same_stat(before, &after) || (ok && total != (uint64_t)before->st_size))
		return MOVED;
	return ok ? DONE : FAILED;
}

/* One file as an input of its own, once. */
static enum outcome try_each(struct reading *r, const struct sl_match *m, struct sl_err *err)
{
	sl_cleanup(close_fd) int fd = -1;
	struct stat st;
	enum outcome o = open_match(r, m, &fd, &st, err);

	if (o != DONE)
		return o;
	const char *stat = trusted(&st) ? fingerprint(&st, &r->arena) : NULL;
	if (sl_collect_known(r->c, m->name, stat))
		return DONE;
	o = read_open(r, fd, &st, m, err);
	if (o == DONE)
		return sl_collect_end(r->c, stat, err) ? DONE : FAILED;
	sl_collect_undo(r->c);
	return o;
}

static bool collect_file(struct reading *r, const struct sl_match *m, struct sl_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		switch (try_each(r, m, err)) {
		case GONE: /* a removed file withdraws nothing */
			sl_err_clear(err);
			return true;
		case DONE:
			return true;
		case FAILED:
			return false;
		case MOVED:
			sl_err_clear(err);
		}
	}
	sl_err_set(err, SL_ERR_AGAIN, "cannot collect \"%s\": it changes while it is read",
		   m->name);
	return sl_err_hint(err, "write it under another name and rename it when it is complete");
}

static bool collect_each(struct reading *r, struct sl_err *err)
{
	if (!list(r, err))
		return false;
	for (size_t i = 0; i < r->files.n; i++)
		if (!collect_file(r, &r->files.v[i], err))
			return false;
	return true;
}

/* One fingerprint for the whole listing. *ret_trusted when each file's may be. */
static enum outcome stat_all(struct reading *r, char hex[SL_HASH_HEX], bool *ret_trusted,
			     struct sl_err *err)
{
	struct sl_hash h;

	if (!list(r, err))
		return FAILED;
	sl_hash_init(&h);
	*ret_trusted = true;
	for (size_t i = 0; i < r->files.n; i++) {
		const struct sl_match *m = &r->files.v[i];
		sl_cleanup(close_fd) int fd = -1;
		struct stat st;
		enum outcome o = open_match(r, m, &fd, &st, err);

		if (o != DONE)
			return o;
		*ret_trusted = *ret_trusted && trusted(&st);
		sl_hash_strz(&h, m->name);
		sl_hash_strz(&h, fingerprint(&st, &r->arena));
	}
	sl_hash_hex(&h, hex);
	return DONE;
}

static enum outcome read_all(struct reading *r, const char *stat, struct sl_err *err)
{
	for (size_t i = 0; i < r->files.n; i++) {
		const struct sl_match *m = &r->files.v[i];
		sl_cleanup(close_fd) int fd = -1;
		struct stat st;
		enum outcome o = open_match(r, m, &fd, &st, err);

		if (o == DONE)
			o = read_open(r, fd, &st, m, err);
		if (o == DONE && !sl_collect_end(r->c, stat, err))
			o = FAILED;
		if (o != DONE)
			return o;
	}
	return DONE;
}

static enum outcome try_whole(struct reading *r, struct sl_err *err)
{
	char before[SL_HASH_HEX], after[SL_HASH_HEX];
	bool trust, ignored;
	enum outcome o = stat_all(r, before, &trust, err);

	if (o == DONE && r->files.n == 0) {
		sl_err_set(err, SL_ERR_NO_INPUT, "no file matches \"%s\"", r->params->path);
		sl_err_hint(err, "an input that is collected whole needs at least one file");
		return FAILED;
	}
	if (o != DONE || sl_collect_known(r->c, SL_WHOLE, trust ? before : NULL))
		return o;
	o = read_all(r, trust ? before : NULL, err);
	if (o == DONE)
		o = stat_all(r, after, &ignored, err);
	if (o == DONE && strcmp(before, after) != 0)
		o = MOVED;
	if (o != DONE)
		sl_collect_undo(r->c);
	return o;
}

static bool collect_whole(struct reading *r, struct sl_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		switch (try_whole(r, err)) {
		case DONE:
			return true;
		case FAILED:
			return false;
		case MOVED:
		case GONE:
			sl_err_clear(err);
		}
	}
	sl_err_set(err, SL_ERR_AGAIN, "cannot collect \"%s\": its files change while they are read",
		   r->params->path);
	return sl_err_hint(err, "collect when the export is complete");
}

static bool collect(const void *params, struct sl_collect *c, struct sl_err *err)
{
	struct reading r = {.params = params, .c = c, .buf = sl_xmalloc(READ_BYTES)};
	bool whole = sl_collect_source(c)->input == SL_INPUT_WHOLE;
	bool ok = whole ? collect_whole(&r, err) : collect_each(&r, err);

	sl_collect_complete(c, ok);
	sl_arena_release(&r.arena);
	free(r.buf);
	return ok;
}

const struct sl_source_kind sl_source_file = {
	.name = "file",
	.summary = "local files by pattern, plain or gzip",
	.params = fields,
	.params_size = sizeof(struct sl_file_params),
	.check = sl_file_check,
	.collect = collect,
};
