/*
 * A folder as a depot: names are paths below it, link(2) decides who comes first. Durable files are
 * synced with their directory; caches are not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/depot_private.h"

struct folder {
	struct sl_depot base;
	char *dir;
};

struct folder_reader {
	struct sl_depot_reader base;
	int fd;
	char *path;
};

static char *path_of(const struct sl_depot *d, const char *name)
{
	const char *dir = ((const struct folder *)d)->dir;

	return name[0] ? sl_xasprintf("%s/%s", dir, name) : sl_xstrdup(dir);
}

static void folder_close(struct sl_depot *d)
{
	free(((struct folder *)d)->dir);
	free(d);
}

static bool folder_put(struct sl_depot *d, const char *name, struct sl_str bytes,
		       enum sl_worth worth, bool *ret_won, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = path_of(d, name);

	return (worth == SL_CACHE ? sl_file_link_unsynced : sl_file_link)(path, bytes.p, bytes.n,
									  ret_won, err);
}

static bool folder_replace(struct sl_depot *d, const char *name, struct sl_str bytes,
			   enum sl_worth worth, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = path_of(d, name);

	return (worth == SL_CACHE ? sl_file_replace_unsynced : sl_file_replace)(path, bytes.p,
										bytes.n, err);
}

static bool folder_get(struct sl_depot *d, const char *name, size_t max, struct sl_buf *out,
		       struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = path_of(d, name);

	return sl_file_read(path, max, out, err);
}

static bool folder_exist(struct sl_depot *d, const char *const *names, size_t n, bool *there,
			 struct sl_err *err)
{
	(void)err;
	for (size_t i = 0; i < n; i++) {
		sl_cleanup(sl_freep) char *path = path_of(d, names[i]);

		there[i] = sl_file_exists(path);
	}
	return true;
}

static bool folder_secure(struct sl_depot *d, const char *name, bool *ret_there, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = path_of(d, name);

	*ret_there = sl_file_exists(path);
	if (!*ret_there)
		return true;
	*strrchr(path, '/') = '\0';
	return sl_dir_sync(path, err);
}

static bool folder_remove(struct sl_depot *d, const char *const *names, size_t n,
			  struct sl_err *err)
{
	for (size_t i = 0; i < n; i++) {
		sl_cleanup(sl_freep) char *path = path_of(d, names[i]);

		if (unlink(path) != 0 && errno != ENOENT)
			return sl_err_errno(err, SL_ERR_IO, errno, "cannot remove \"%s\"", path);
	}
	return true;
}

/* --- listing --- */

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static bool is_listed(DIR *dir, const char *name, sl_time before)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || sl_tmpfile_is(name))
		return false;
	return !before || (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			   S_ISREG(st.st_mode) && st.st_mtime < before / SL_SECOND);
}

static bool folder_each(struct sl_depot *d, const char *name, sl_time before, sl_depot_fn fn,
			void *ctx, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = path_of(d, name);
	sl_cleanup(close_dir) DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return errno == ENOENT ||
		       sl_err_errno(err, SL_ERR_IO, errno, "cannot list \"%s\"", path);
	while ((errno = 0, e = readdir(dir)) != NULL)
		if (is_listed(dir, e->d_name, before))
			fn(ctx, e->d_name);
	return errno == 0 || sl_err_errno(err, SL_ERR_IO, errno, "cannot list \"%s\"", path);
}

/* --- sweeping --- */

static void close_fts(FTS **fts)
{
	if (*fts)
		fts_close(*fts);
}

/* Writing moves the time on, so that a file at work is never old. */
static bool is_left(const FTSENT *e, sl_time before)
{
	struct stat st;

	return e->fts_info != FTS_D && e->fts_info != FTS_DP && sl_tmpfile_is(e->fts_name) &&
	       lstat(e->fts_accpath, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_mtime < before / SL_SECOND;
}

/* One for each set of rules that ever was. Who wants it that moment makes it again. */
static void drop_empty(const FTSENT *e, const char *clean, sl_time before)
{
	struct stat st;

	if (e->fts_info == FTS_DP && sl_str_starts(sl_str_of(e->fts_path), clean) &&
	    lstat(e->fts_accpath, &st) == 0 && st.st_mtime < before / SL_SECOND)
		rmdir(e->fts_accpath);
}

/* Directories come and go meanwhile; what cannot be looked at is left for the next time. */
static bool folder_sweep(struct sl_depot *d, sl_time before, size_t *ret_n, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = path_of(d, "");
	sl_cleanup(sl_freep) char *clean = path_of(d, "clean/");
	char *paths[] = {path, NULL};
	sl_cleanup(close_fts) FTS *fts =
		fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	const FTSENT *e;

	if (!fts)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot list \"%s\"", path);
	while ((e = fts_read(fts)) != NULL) {
		*ret_n += is_left(e, before) && unlink(e->fts_accpath) == 0;
		drop_empty(e, clean, before);
	}
	return true;
}

/* --- pieces --- */

static void folder_reader_close(struct sl_depot_reader *base)
{
	struct folder_reader *r = (struct folder_reader *)base;

	if (r->fd >= 0)
		close(r->fd);
	free(r->path);
	free(r);
}

static bool open_file(struct folder_reader *r, struct sl_err *err)
{
	struct stat st;

	r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return sl_err_errno(err, errno == ENOENT ? SL_ERR_NO_INPUT : SL_ERR_IO, errno,
				    "cannot open \"%s\"", r->path);
	if (fstat(r->fd, &st) < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot read \"%s\"", r->path);
	r->base.size = (uint64_t)st.st_size;
	return true;
}

static bool folder_open(struct sl_depot *d, const char *name, struct sl_depot_reader **ret,
			struct sl_err *err)
{
	struct folder_reader *r = sl_xcalloc(1, sizeof(*r));

	*r = (struct folder_reader){.base.ops = d->ops, .fd = -1, .path = path_of(d, name)};
	if (!open_file(r, err)) {
		folder_reader_close(&r->base);
		return false;
	}
	*ret = &r->base;
	return true;
}

static bool folder_read(struct sl_depot_reader *base, uint64_t at, size_t n, struct sl_buf *out,
			struct sl_err *err)
{
	const struct folder_reader *r = (const struct folder_reader *)base;
	char *to = sl_buf_room(out, n);
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(r->fd, to + done, n - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return sl_err_errno(err, SL_ERR_IO, errno, "cannot read \"%s\"", r->path);
		if (got == 0)
			break;
		done += (size_t)got;
	}
	sl_buf_grew(out, done);
	return true;
}

static bool folder_again(struct sl_depot_reader *base)
{
	(void)base;
	return false;
}

/* --- large files --- */

static bool folder_create(struct sl_depot *d, const char *dir, size_t room,
			  struct sl_depot_writer **ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = path_of(d, dir);

	return sl_depot_spool(d, path, room, ret, err);
}

static bool folder_publish(struct sl_depot_writer *w, const char *name, bool *ret_won,
			   struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = path_of(w->depot, name);
	sl_cleanup(sl_freep) char *dir = sl_xstrndup(path, (size_t)(strrchr(path, '/') - path));

	return sl_dir_make(dir, err) && sl_tmpfile_link(&w->tmp, path, ret_won, err);
}

static const struct sl_depot_ops folder_ops = {
	.close = folder_close,
	.where = path_of,
	.put = folder_put,
	.replace = folder_replace,
	.get = folder_get,
	.exist = folder_exist,
	.secure = folder_secure,
	.remove = folder_remove,
	.each = folder_each,
	.sweep = folder_sweep,
	.open = folder_open,
	.read = folder_read,
	.again = folder_again,
	.reader_close = folder_reader_close,
	.create = folder_create,
	.publish = folder_publish,
};

struct sl_depot *sl_depot_folder(const char *dir)
{
	struct folder *f = sl_xcalloc(1, sizeof(*f));

	*f = (struct folder){.base.ops = &folder_ops, .dir = sl_xstrdup(dir)};
	return &f->base;
}
