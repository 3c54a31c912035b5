/*
 * Opening a path that others chose, without leaving a root. Each file is looked at through O_PATH
 * first, which neither waits for a FIFO's writer nor wakes a device.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RACE_TRIES 16 /* openat2 says EAGAIN while somebody renames directories on the way */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int try_openat2(int root, const char *rel, uint64_t flags)
{
	struct open_how how = {.flags = flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	long fd = -1;

	for (int i = 0; i < RACE_TRIES; i++) {
		fd = syscall(SYS_openat2, root, rel, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)fd;
}

/* One component, which ends at p + n. The directory it is in is closed. */
static int step_into(int dir, const char *p, size_t n, int flags)
{
	char name[256];
	int fd, saved;

	if (n >= sizeof(name)) {
		close(dir);
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, p, n);
	name[n] = '\0';
	fd = strcmp(name, "..") == 0 ? -1 : openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);
	saved = strcmp(name, "..") == 0 ? EXDEV : errno;
	close(dir);
	errno = saved;
	return fd;
}

/* Before Linux 5.6, or where a container's filter forbids openat2: component by component. Symbolic
 * links are then refused even when they stay inside. */
static int walk(int root, const char *rel, int flags)
{
	int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);

	if (rel[0] == '/' || rel[0] == '\0') {
		close_fd(&dir);
		errno = rel[0] ? EXDEV : ENOENT;
		return -1;
	}
	while (dir >= 0) {
		size_t n = strcspn(rel, "/");
		const char *next = rel + n + strspn(rel + n, "/");
		struct stat st;

		dir = step_into(dir, rel, n, *next ? O_PATH | O_DIRECTORY : flags);
		if (dir < 0 || *next == '\0') {
			if (dir >= 0 && (flags & O_PATH) && fstat(dir, &st) == 0 &&
			    S_ISLNK(st.st_mode)) {
				close(dir);
				errno = ELOOP;
				return -1;
			}
			return dir;
		}
		rel = next;
	}
	return dir;
}

static int open_inside(int root, const char *rel, int flags)
{
	int fd = try_openat2(root, rel, (uint64_t)flags);

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return walk(root, rel, flags);
	return fd;
}

static bool refuse(struct sl_err *err, int errnum, const char *root, const char *rel)
{
	switch (errnum) {
	case EXDEV:
		return sl_err_set(err, SL_ERR_NO_INPUT,
				  "cannot open \"%s\": it leads out of \"%s\"", rel, root);
	case ELOOP:
		return sl_err_set(
			err, SL_ERR_NO_INPUT,
			"cannot open \"%s\" in \"%s\": a symbolic link that is not followed", rel,
			root);
	case EAGAIN:
		return sl_err_errno(err, SL_ERR_AGAIN, errnum, "cannot open \"%s\" in \"%s\"", rel,
				    root);
	case ENOENT:
	case ENOTDIR:
	case EACCES:
	case ENAMETOOLONG:
		return sl_err_errno(err, SL_ERR_NO_INPUT, errnum, "cannot open \"%s\" in \"%s\"",
				    rel, root);
	default:
		return sl_err_errno(err, SL_ERR_IO, errnum, "cannot open \"%s\" in \"%s\"", rel,
				    root);
	}
}

static const char *kind_text(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a directory";
	if (S_ISFIFO(mode))
		return "a FIFO";
	if (S_ISSOCK(mode))
		return "a socket";
	return "a device";
}

bool sl_open_beneath(const char *root, const char *rel, int *ret_fd, struct sl_err *err)
{
	sl_cleanup(close_fd) int dir = open(root[0] ? root : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	sl_cleanup(close_fd) int path = -1;
	struct stat seen, got;
	int fd;

	if (dir < 0)
		return sl_err_errno(err, SL_ERR_NO_INPUT, errno, "cannot open directory \"%s\"",
				    root);
	path = open_inside(dir, rel, O_PATH | O_CLOEXEC);
	if (path < 0 || fstat(path, &seen) != 0)
		return refuse(err, errno, root, rel);
	if (!S_ISREG(seen.st_mode))
		return sl_err_set(err, SL_ERR_NO_INPUT, "cannot read \"%s\" in \"%s\": it is %s",
				  rel, root, kind_text(seen.st_mode));
	fd = open_inside(dir, rel, OPEN_FLAGS);
	if (fd < 0)
		return refuse(err, errno, root, rel);
	if (fstat(fd, &got) != 0 || got.st_dev != seen.st_dev || got.st_ino != seen.st_ino) {
		close(fd);
		return sl_err_set(err, SL_ERR_AGAIN,
				  "cannot read \"%s\" in \"%s\": replaced meanwhile", rel, root);
	}
	*ret_fd = fd;
	return true;
}
