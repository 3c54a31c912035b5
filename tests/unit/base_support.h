/*
 * What the tests of common/base share: cmocka's headers, a directory that is removed again, and a
 * child process whose stderr and exit status can be looked at.
 */
#ifndef TESTS_BASE_SUPPORT_H
#define TESTS_BASE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

/* Fails with the case's number and text. */
#define assert_case(i, text, cond)                                                                 \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail_msg("case %zu \"%s\": %s", (size_t)(i), (text), #cond);               \
	} while (0)

#define assert_ok(err, call)                                                                       \
	do {                                                                                       \
		if (!(call))                                                                       \
			fail_msg("%s: %s", #call, (err).msg);                                      \
	} while (0)

static inline char *support_dir(void)
{
	char *dir = strdup("/tmp/sluice-test-XXXXXX");

	assert_non_null(dir);
	assert_non_null(mkdtemp(dir));
	return dir;
}

static inline int support_remove_one(const char *path, const struct stat *st, int kind,
				     struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void support_remove(char *dir)
{
	nftw(dir, support_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

/* Runs f(arg) in a child; its stderr goes to *text. Returns the status of waitpid. f may return,
 * the child then exits with 0. */
static inline int support_child(void (*f)(void *), void *arg, struct sl_buf *text)
{
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		f(arg);
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], sl_buf_room(text, 65536), 65536)) > 0)
		sl_buf_grew(text, (size_t)n);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#endif
