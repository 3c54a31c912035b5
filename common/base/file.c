/*
 * Whole files, directories, and files that appear under their final name only when they are
 * complete and on the disk. file_open.c opens what others name, file_lock.c locks.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"

#define TMP_PREFIX ".tmp-"
#define TMP_TRIES 100000
#define READ_STEP (64 << 10)

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* The directory of a path: "a/b" → "a", "b" → ".", "/b" → "/". Returns owned. */
static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return sl_xstrdup(".");
	return slash == path ? sl_xstrdup("/") : sl_xstrndup(path, (size_t)(slash - path));
}

/* File systems that cannot sync a directory say EINVAL. */
bool sl_dir_sync(const char *dir, struct sl_err *err)
{
	sl_cleanup(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot open directory \"%s\"", dir);
	if (fsync(fd) != 0 && errno != EINVAL)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot sync directory \"%s\"", dir);
	return true;
}

static bool make_one_dir(const char *path, bool sync, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *parent = dir_of(path);
	struct stat st;

	if (mkdir(path, 0777) == 0)
		return !sync || sl_dir_sync(parent, err);
	if (errno != EEXIST)
		return sl_err_errno(err, SL_ERR_CREATE, errno, "cannot create directory \"%s\"",
				    path);
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return sl_err_set(err, SL_ERR_CREATE,
				  "cannot create directory \"%s\": a file of this name is there",
				  path);
	return true;
}

static bool make_dirs(const char *path, bool sync, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *copy = sl_xstrdup(path);
	size_t n = strlen(copy);
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	for (char *p = copy + 1; n > 0 && *p; p++) {
		if (*p != '/' || p[-1] == '/')
			continue;
		*p = '\0';
		if (!make_one_dir(copy, sync, err))
			return false;
		*p = '/';
	}
	return make_one_dir(copy, sync, err);
}

bool sl_dir_make(const char *path, struct sl_err *err)
{
	return make_dirs(path, true, err);
}

static bool no_input(struct sl_err *err, int errnum, const char *path)
{
	bool absent = errnum == ENOENT || errnum == ENOTDIR || errnum == EACCES ||
		      errnum == ELOOP || errnum == ENAMETOOLONG || errnum == ENXIO;

	return sl_err_errno(err, absent ? SL_ERR_NO_INPUT : SL_ERR_IO, errnum, "cannot open \"%s\"",
			    path);
}

static bool check_regular(const struct stat *st, const char *path, struct sl_err *err)
{
	if (S_ISREG(st->st_mode))
		return true;
	return sl_err_set(err, SL_ERR_NO_INPUT, "cannot read \"%s\": it is %s", path,
			  S_ISDIR(st->st_mode) ? "a directory" : "not a regular file");
}

/* Asks what it is before opening: a FIFO would block, a device may act. */
static bool open_regular(const char *path, int *ret_fd, struct sl_err *err)
{
	struct stat st;
	int fd;

	if (stat(path, &st) != 0)
		return no_input(err, errno, path);
	if (!check_regular(&st, path, err))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return no_input(err, errno, path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return sl_err_set(err, SL_ERR_AGAIN,
				  "cannot read \"%s\": it was replaced meanwhile", path);
	}
	*ret_fd = fd;
	return true;
}

/* Reads to the end; more than max bytes behind out's first `before` ones is an error. */
static bool read_rest(int fd, const char *path, size_t max, struct sl_buf *out, struct sl_err *err)
{
	size_t before = out->n;

	for (;;) {
		char *to = sl_buf_room(out, READ_STEP);
		ssize_t n = read(fd, to, READ_STEP);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sl_err_errno(err, SL_ERR_IO, errno, "cannot read \"%s\"", path);
		if (n == 0)
			return true;
		sl_buf_grew(out, (size_t)n);
		if (out->n - before > max)
			return sl_err_set(err, SL_ERR_DATA,
					  "cannot read \"%s\": larger than %zu bytes", path, max);
	}
}

/* All of it, or nothing is added to out. */
static bool read_whole(int fd, const char *path, size_t max, struct sl_buf *out, struct sl_err *err)
{
	size_t before = out->n;

	if (read_rest(fd, path, max, out, err))
		return true;
	out->n = before;
	sl_buf_grew(out, 0);
	return false;
}

bool sl_file_read(const char *path, size_t max, struct sl_buf *out, struct sl_err *err)
{
	sl_cleanup(close_fd) int fd = -1;

	return open_regular(path, &fd, err) && read_whole(fd, path, max, out, err);
}

bool sl_file_read_beneath(const char *root, const char *rel, size_t max, struct sl_buf *out,
			  struct sl_err *err)
{
	sl_cleanup(close_fd) int fd = -1;

	return sl_open_beneath(root, rel, &fd, err) && read_whole(fd, rel, max, out, err);
}

bool sl_file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static bool open_tmpfile(struct sl_tmpfile *t, const char *dir, bool sync, struct sl_err *err)
{
	static atomic_uint counter;

	if (!make_dirs(dir, sync, err))
		return false;
	for (int i = 0; i < TMP_TRIES; i++) { /* names of killed processes may still lie there */
		unsigned number = atomic_fetch_add(&counter, 1);
		char *path = sl_xasprintf("%s/" TMP_PREFIX "%ld-%u", dir, (long)getpid(), number);
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

		if (fd >= 0) {
			*t = (struct sl_tmpfile){fd, path};
			return true;
		}
		free(path);
		if (errno == ENOENT && i == 0 && make_dirs(dir, sync, err))
			continue; /* it was empty and somebody swept it this moment */
		if (errno != EEXIST && errno != EINTR)
			break;
	}
	return sl_err_errno(err, SL_ERR_CREATE, errno, "cannot create a file in \"%s\"", dir);
}

bool sl_tmpfile_open(struct sl_tmpfile *t, const char *dir, struct sl_err *err)
{
	return open_tmpfile(t, dir, true, err);
}

bool sl_fd_write_all(int fd, const void *p, size_t n, const char *what, struct sl_err *err)
{
	const char *at = p;

	while (n > 0) {
		ssize_t k = write(fd, at, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return sl_err_errno(err, SL_ERR_IO, errno, "cannot write \"%s\"", what);
		at += k;
		n -= (size_t)k;
	}
	return true;
}

static bool sync_content(const struct sl_tmpfile *t, const char *final, struct sl_err *err)
{
	if (fsync(t->fd) != 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot sync \"%s\"", final);
	return true;
}

/* Links our file to its final name. Where the file system has no hard links, renames without
 * overwriting. On NFS a link whose answer was lost is repeated and then says EEXIST although it is
 * ours, which the number of names tells. */
static bool link_name(const struct sl_tmpfile *t, const char *final, bool *won, struct sl_err *err)
{
	struct stat st;

	*won = true;
	if (link(t->path, final) == 0)
		return true;
	if ((errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) &&
	    renameat2(AT_FDCWD, t->path, AT_FDCWD, final, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EEXIST)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot create \"%s\"", final);
	*won = fstat(t->fd, &st) == 0 && st.st_nlink == 2;
	return true;
}

static bool link_tmpfile(struct sl_tmpfile *t, const char *final, bool sync, bool *ret_won,
			 struct sl_err *err)
{
	sl_cleanup(sl_freep) char *dir = dir_of(final);
	bool won;

	if (sync && !sync_content(t, final, err))
		return false;
	SL_FAULT("file.before_link", err);
	if (!link_name(t, final, &won, err))
		return false;
	SL_FAULT("file.after_link", err);
	sl_tmpfile_close(t);
	/* The loser syncs too: the winner may have died before its sync. */
	if (sync && !sl_dir_sync(dir, err))
		return false;
	*ret_won = won;
	return true;
}

bool sl_tmpfile_link(struct sl_tmpfile *t, const char *final, bool *ret_won, struct sl_err *err)
{
	return link_tmpfile(t, final, true, ret_won, err);
}

static bool rename_tmpfile(struct sl_tmpfile *t, const char *final, bool sync, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *dir = dir_of(final);

	if (sync && !sync_content(t, final, err))
		return false;
	SL_FAULT("file.before_rename", err);
	if (rename(t->path, final) != 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot create \"%s\"", final);
	SL_FAULT("file.after_rename", err);
	sl_tmpfile_close(t);
	return !sync || sl_dir_sync(dir, err);
}

bool sl_tmpfile_rename(struct sl_tmpfile *t, const char *final, struct sl_err *err)
{
	return rename_tmpfile(t, final, true, err);
}

void sl_tmpfile_close(struct sl_tmpfile *t)
{
	if (!t->path)
		return;
	unlink(t->path); /* after a rename there is nothing under this name any more */
	close(t->fd);
	free(t->path);
	*t = (struct sl_tmpfile)SL_TMPFILE_INIT;
}

bool sl_tmpfile_is(const char *name)
{
	return strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX)) == 0;
}

static bool write_tmpfile(struct sl_tmpfile *t, const char *final, bool sync, const void *p,
			  size_t n, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *dir = dir_of(final);

	return open_tmpfile(t, dir, sync, err) && sl_fd_write_all(t->fd, p, n, final, err);
}

bool sl_file_link(const char *final, const void *p, size_t n, bool *ret_won, struct sl_err *err)
{
	sl_cleanup(sl_tmpfile_close) struct sl_tmpfile t = SL_TMPFILE_INIT;

	return write_tmpfile(&t, final, true, p, n, err) &&
	       link_tmpfile(&t, final, true, ret_won, err);
}

bool sl_file_link_unsynced(const char *final, const void *p, size_t n, bool *ret_won,
			   struct sl_err *err)
{
	sl_cleanup(sl_tmpfile_close) struct sl_tmpfile t = SL_TMPFILE_INIT;

	return write_tmpfile(&t, final, false, p, n, err) &&
	       link_tmpfile(&t, final, false, ret_won, err);
}

bool sl_file_replace(const char *final, const void *p, size_t n, struct sl_err *err)
{
	sl_cleanup(sl_tmpfile_close) struct sl_tmpfile t = SL_TMPFILE_INIT;

	return write_tmpfile(&t, final, true, p, n, err) && rename_tmpfile(&t, final, true, err);
}

bool sl_file_replace_unsynced(const char *final, const void *p, size_t n, struct sl_err *err)
{
	sl_cleanup(sl_tmpfile_close) struct sl_tmpfile t = SL_TMPFILE_INIT;

	return write_tmpfile(&t, final, false, p, n, err) && rename_tmpfile(&t, final, false, err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_listed(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !sl_tmpfile_is(name);
}

static int read_names(DIR *dir, struct sl_names *names)
{
	size_t cap = 0;

	for (;;) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return errno;
		if (!is_listed(entry->d_name))
			continue;
		if (names->n == cap) {
			cap = cap ? 2 * cap : 64;
			names->v = sl_xrealloc(names->v, cap, sizeof(*names->v));
		}
		names->v[names->n++] = sl_xstrdup(entry->d_name);
	}
}

bool sl_dir_list(const char *path, struct sl_names *ret, struct sl_err *err)
{
	struct sl_names names = {NULL, 0};
	DIR *dir = opendir(path);
	int errnum = dir ? 0 : errno;

	if (dir) {
		errnum = read_names(dir, &names);
		closedir(dir);
	}
	if (errnum && errnum != ENOENT) {
		sl_names_release(&names);
		return sl_err_errno(err, SL_ERR_IO, errnum, "cannot list directory \"%s\"", path);
	}
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), compare_names);
	*ret = names;
	return true;
}

void sl_names_release(struct sl_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
	*names = (struct sl_names){NULL, 0};
}
