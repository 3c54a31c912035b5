/*
 * Children: fork, tie to the parent, exec; then one loop that reads what they say, passes a stop
 * request on, and collects exit codes. fork rather than posix_spawn, which cannot set PDEATHSIG.
 */
#include "run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/module.h"
#include "base/str.h"
#include "run/progress.h"
#include "run/watchdog.h"

#define POLL_MS 200 /* how late a stop request may be passed on, at most */
#define LINE_MAX_BYTES ((size_t)64 << 10)
#define RESULT_BEGIN "{\"stage\":" /* what tells a result line from a log line in JSON */

/* What a child gets instead of our own; -1: ours. */
struct streams {
	int out, err;
};

/* In the child. Nothing here may allocate or lock. */
SL_NORETURN static void become(const char *path, const char *const *argv, struct streams to,
			       int report_fd, pid_t parent)
{
	const int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;
	int errnum;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(128 + SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (null_fd >= 0)
		dup2(null_fd, STDIN_FILENO);
	if (to.out >= 0)
		dup2(to.out, STDOUT_FILENO);
	if (to.err >= 0)
		dup2(to.err, STDERR_FILENO);
	execv(path, (char *const *)(const void *)argv);
	errnum = errno;
	while (write(report_fd, &errnum, sizeof(errnum)) < 0 && errno == EINTR)
		;
	_exit(127);
}

static void close_pair(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* Waits until exec has happened (the pipe closes) or failed (it brings errno). */
static int read_report(int fd)
{
	int errnum = 0;
	ssize_t n;

	do
		n = read(fd, &errnum, sizeof(errnum));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(errnum) ? errnum : 0;
}

static bool start(const char *path, const char *const *argv, struct streams to, pid_t *ret_pid,
		  struct sl_err *err)
{
	const pid_t self = getpid();
	int report[2] = {-1, -1};
	int errnum;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot make a pipe");
	pid = fork();
	if (pid == 0)
		become(path, argv, to, report[1], self);
	if (pid < 0) {
		close_pair(report);
		return sl_err_errno(err, SL_ERR_AGAIN, errno, "cannot start \"%s\"", path);
	}
	close(report[1]);
	report[1] = -1;
	errnum = read_report(report[0]);
	close_pair(report);
	if (errnum == 0) {
		*ret_pid = pid;
		return true;
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	sl_err_errno(err, SL_ERR_CONFIG, errnum, "cannot execute \"%s\"", path);
	return sl_err_hint(err, "the installation is not complete: all executables lie together");
}

bool sl_spawn(const char *exe, const char *const *argv, bool capture, struct sl_child *ret,
	      struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/%s", sl_exe_dir(), exe);
	int pair[2] = {-1, -1};
	pid_t pid = -1;

	if (capture && pipe2(pair, O_CLOEXEC) < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot make a pipe");
	if (!start(path, argv, (struct streams){-1, pair[1]}, &pid, err)) {
		close_pair(pair);
		return false;
	}
	if (capture)
		close(pair[1]);
	*ret = (struct sl_child){.pid = pid, .fd = pair[0]};
	snprintf(ret->name, sizeof(ret->name), "%s", exe);
	return true;
}

static bool read_output(int fd, struct sl_buf *out, struct sl_err *err)
{
	for (;;) {
		const ssize_t n = read(fd, sl_buf_room(out, 4096), 4096);

		if (n < 0 && errno == EINTR) {
			if (!sl_cancel_check(err))
				return false;
			continue;
		}
		if (n < 0)
			return sl_err_errno(err, SL_ERR_IO, errno, "cannot read from a child");
		if (n == 0)
			return true;
		sl_buf_grew(out, (size_t)n);
	}
}

bool sl_spawn_output(const char *exe, const char *const *argv, struct sl_buf *out, int *ret_code,
		     struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/%s", sl_exe_dir(), exe);
	struct sl_child child = {.pid = -1, .fd = -1};
	struct sl_err lost = SL_ERR_INIT;
	int pair[2] = {-1, -1};

	if (pipe2(pair, O_CLOEXEC) < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot make a pipe");
	if (!start(path, argv, (struct streams){pair[1], -1}, &child.pid, err)) {
		close_pair(pair);
		return false;
	}
	close(pair[1]);
	pair[1] = -1;
	const bool ok = read_output(pair[0], out, err);

	close_pair(pair);
	return sl_child_wait(&child, ret_code, NULL, ok ? err : &lost) && ok;
}

bool sl_exec(const char *exe, const char *const *argv, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/%s", sl_exe_dir(), exe);

	execv(path, (char *const *)(const void *)argv);
	return sl_err_errno(err, SL_ERR_CONFIG, errno, "cannot execute \"%s\"", path);
}

/* A child while we wait for it. */
struct waiting {
	struct sl_child *child;
	int pidfd; /* readable when it has ended; -1 on kernels without */
	bool ended;
	int code;
	struct sl_buf line; /* begun, without its end */
	struct sl_buf held; /* a result line, kept until something follows */
};

static void pass_on(const struct sl_buf *line)
{
	size_t done = 0;

	if (line->n)
		sl_log_status(NULL);
	while (done < line->n) {
		const ssize_t n = write(STDERR_FILENO, line->p + done, line->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* our own log goes nowhere: the work goes on */
		done += (size_t)n;
	}
}

static void end_line(struct waiting *w)
{
	if (w->held.n) {
		pass_on(&w->held);
		sl_buf_clear(&w->held);
	}
	if (sl_str_starts(sl_buf_str(&w->line), RESULT_BEGIN))
		sl_buf_addstr(&w->held, sl_buf_str(&w->line));
	else
		pass_on(&w->line);
	sl_buf_clear(&w->line);
}

static void take_bytes(struct waiting *w, struct sl_str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		sl_buf_addc(&w->line, bytes.p[i]);
		if (bytes.p[i] == '\n' || w->line.n >= LINE_MAX_BYTES)
			end_line(w);
	}
}

/* False at the end of the stream. */
static bool read_some(struct waiting *w)
{
	char bytes[8192];
	const ssize_t n = read(w->child->fd, bytes, sizeof(bytes));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	take_bytes(w, (struct sl_str){bytes, (size_t)n});
	return n > 0;
}

/* Reads what is there without waiting: a grandchild may keep the stream open. */
static void drain(struct waiting *w)
{
	struct pollfd p = {.fd = w->child->fd, .events = POLLIN};

	while (w->child->fd >= 0 && poll(&p, 1, 0) > 0 && read_some(w))
		;
	if (w->child->fd >= 0)
		close(w->child->fd);
	w->child->fd = -1;
	if (w->line.n)
		end_line(w);
}

static void check_ended(struct waiting *w)
{
	int status = 0;
	const pid_t got = waitpid(w->child->pid, &status, WNOHANG);

	if (got == 0 || (got < 0 && errno == EINTR))
		return;
	w->ended = true;
	w->code = got < 0 ? 70 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	drain(w);
}

static void pass_stop_on(struct waiting *w, size_t n, int *passed)
{
	const int sig = sl_cancel_signal();

	if (!sig || *passed)
		return;
	*passed = sig;
	for (size_t i = 0; i < n; i++) {
		if (!w[i].ended)
			sl_watchdog_pass_on(w[i].child->pid);
	}
}

/* One round: sleeps until a child says something or ends. */
static void wait_round(struct waiting *w, size_t n, struct pollfd *fds)
{
	int timeout = POLL_MS;

	for (size_t i = 0; i < n; i++) {
		fds[2 * i] =
			(struct pollfd){.fd = w[i].ended ? -1 : w[i].child->fd, .events = POLLIN};
		fds[2 * i + 1] =
			(struct pollfd){.fd = w[i].ended ? -1 : w[i].pidfd, .events = POLLIN};
		if (!w[i].ended && w[i].pidfd < 0)
			timeout = 10;
	}
	if (poll(fds, 2 * n, timeout) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (fds[2 * i].revents && !read_some(&w[i])) {
			close(w[i].child->fd);
			w[i].child->fd = -1;
		}
	}
}

static bool all_ended(const struct waiting *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!w[i].ended)
			return false;
	}
	return true;
}

static size_t count_running(const struct waiting *w, size_t n)
{
	size_t running = 0;

	for (size_t i = 0; i < n; i++)
		running += !w[i].ended;
	return running;
}

/* On a terminal; in a log the children speak for themselves. */
static void show(struct sl_progress *p, const struct waiting *w, size_t n)
{
	if (p->terminal)
		sl_progress(p, "running=%zu/%zu", count_running(w, n), n);
}

static void finish(struct waiting *w, int *ret_code, struct sl_buf *result)
{
	struct sl_str held = sl_buf_str(&w->held);

	*ret_code = w->code;
	if (held.n && held.p[held.n - 1] == '\n')
		held.n--;
	if (result)
		sl_buf_addstr(result, held);
	else
		pass_on(&w->held);
	if (w->pidfd >= 0)
		close(w->pidfd);
	sl_buf_release(&w->line);
	sl_buf_release(&w->held);
}

bool sl_children_wait(struct sl_child *children, size_t n, int *ret_codes, struct sl_buf *results,
		      struct sl_err *err)
{
	sl_cleanup(sl_freep) struct waiting *w = sl_xcalloc(n, sizeof(*w));
	sl_cleanup(sl_freep) struct pollfd *fds = sl_xcalloc(n, 2 * sizeof(*fds));
	struct sl_progress progress = sl_progress_begin(n ? children[0].name : "");
	int passed = 0;

	for (size_t i = 0; i < n; i++) {
		w[i].child = &children[i];
		w[i].pidfd = (int)syscall(SYS_pidfd_open, children[i].pid, 0);
	}
	while (!all_ended(w, n)) {
		pass_stop_on(w, n, &passed);
		wait_round(w, n, fds);
		show(&progress, w, n);
		for (size_t i = 0; i < n; i++) {
			if (!w[i].ended)
				check_ended(&w[i]);
		}
	}
	sl_progress_end(&progress);
	for (size_t i = 0; i < n; i++)
		finish(&w[i], &ret_codes[i], results ? &results[i] : NULL);
	return sl_cancel_check(err);
}

bool sl_child_wait(struct sl_child *c, int *ret_code, struct sl_buf *result, struct sl_err *err)
{
	return sl_children_wait(c, 1, ret_code, result, err);
}
