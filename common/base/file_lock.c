/*
 * The lock of a pipeline: flock, which the kernel drops with its last holder, however that one
 * ends. The holder writes its pid into the file, only so that the one who waits can name it.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"

#define WAIT_FIRST 1000 /* µs */
#define WAIT_MAX 100000

static bool held_by_other(int fd, const char *path, struct sl_err *err)
{
	char pid[32] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	if (!pid[0])
		return sl_err_set(err, SL_ERR_AGAIN, "cannot lock \"%s\": another process holds it",
				  path);
	return sl_err_set(err, SL_ERR_AGAIN, "cannot lock \"%s\": process %s holds it", path, pid);
}

/* flock has no deadline of its own, so it is asked again and again, ever more slowly. */
static bool wait_for_lock(int fd, const char *path, int64_t wait_us, struct sl_err *err)
{
	int64_t end = sl_clock_monotonic() + wait_us;
	long pause = WAIT_FIRST;

	for (;;) {
		int64_t left;

		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return sl_err_errno(err, SL_ERR_IO, errno, "cannot lock \"%s\"", path);
		left = end - sl_clock_monotonic();
		if (left <= 0)
			return held_by_other(fd, path, err);
		if (!sl_sleep(left < pause ? (long)left : pause, err))
			return false;
		pause = 2 * pause < WAIT_MAX ? 2 * pause : WAIT_MAX;
	}
}

static bool write_pid(int fd, const char *path, struct sl_err *err)
{
	char pid[32];
	int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot write \"%s\"", path);
	return true;
}

bool sl_lock_file(const char *path, int64_t wait_us, bool inherit, int *ret_fd, struct sl_err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | (inherit ? 0 : O_CLOEXEC), 0666);

	if (fd < 0)
		return sl_err_errno(err, SL_ERR_CREATE, errno, "cannot open lock \"%s\"", path);
	if (!wait_for_lock(fd, path, wait_us, err) || !write_pid(fd, path, err)) {
		close(fd);
		return false;
	}
	*ret_fd = fd;
	return true;
}
