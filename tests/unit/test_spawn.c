/*
 * Children: this executable starts itself; its first argument says what the child does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "run/spawn.h"
#include "run/watchdog.h"

#define SELF "test_spawn"
#define RESULT "{\"stage\":\"x\",\"exit\":0}"

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(99);
}

static int child_stopped(void)
{
	struct sl_err err = SL_ERR_INIT;

	sl_cancel_setup();
	sl_watchdog_setup(60000);
	say("ready\n");
	while (sl_sleep(20000, &err))
		;
	say(RESULT "\n");
	return 128 + sl_cancel_signal();
}

/* What the child does; its exit code is what the test looks at. */
static int child(const char *what)
{
	char c;
	int sig = 0;

	if (strcmp(what, "result") == 0) {
		say("INFO one\nINFO two\n" RESULT "\n");
		return 7;
	}
	if (strcmp(what, "result-in-the-middle") == 0) {
		say(RESULT "\nINFO after");
		return 0;
	}
	if (strcmp(what, "killed") == 0)
		return raise(SIGKILL);
	if (strcmp(what, "stdin") == 0)
		return read(STDIN_FILENO, &c, 1) == 0 ? 3 : 4;
	if (strcmp(what, "tied") == 0)
		return prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == SIGKILL ? 5 : 6;
	if (strcmp(what, "flood") == 0) {
		for (int i = 0; i < 20000; i++)
			say("INFO a line that fills the pipe\n");
		say(RESULT "\n");
		return 0;
	}
	if (strcmp(what, "grandchild") == 0) { /* keeps the stream open for longer */
		if (fork() == 0) {
			sleep(20);
			_exit(0);
		}
		say(RESULT "\n");
		return 0;
	}
	return child_stopped();
}

/* Runs a child with our stderr in a file; *passed gets what came through. */
static int run(const char *what, struct sl_buf *result, struct sl_buf *passed)
{
	const char *const argv[] = {SELF, "child", what, NULL};
	char name[] = "/tmp/test-spawn-XXXXXX";
	const int file = mkstemp(name);
	const int saved = dup(STDERR_FILENO);
	struct sl_err err = SL_ERR_INIT;
	struct sl_child c;
	int code = -1;
	ssize_t n;

	assert_true(file >= 0 && saved >= 0);
	unlink(name);
	assert_true(sl_spawn(SELF, argv, true, &c, &err));
	dup2(file, STDERR_FILENO);
	const bool ok = sl_child_wait(&c, &code, result, &err);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(ok);
	lseek(file, 0, SEEK_SET);
	while ((n = read(file, sl_buf_room(passed, 65536), 65536)) > 0)
		sl_buf_grew(passed, (size_t)n);
	close(file);
	return code;
}

static void test_last_line_is_the_result_and_the_others_pass_through(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf result = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf passed = SL_BUF_INIT;

	(void)state;
	assert_int_equal(run("result", &result, &passed), 7);
	assert_string_equal(sl_buf_z(&result), RESULT);
	assert_string_equal(sl_buf_z(&passed), "INFO one\nINFO two\n");
}

static void test_result_that_is_not_last_is_none(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf result = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf passed = SL_BUF_INIT;

	(void)state;
	assert_int_equal(run("result-in-the-middle", &result, &passed), 0);
	assert_int_equal(result.n, 0);
	assert_string_equal(sl_buf_z(&passed), RESULT "\nINFO after");
}

static void test_signal_is_128_and_its_number(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf result = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf passed = SL_BUF_INIT;

	(void)state;
	assert_int_equal(run("killed", &result, &passed), 128 + SIGKILL);
}

static void test_child_has_no_stdin_and_ends_with_its_parent(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf result = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf passed = SL_BUF_INIT;

	(void)state;
	assert_int_equal(run("stdin", &result, &passed), 3);
	assert_int_equal(run("tied", &result, &passed), 5);
}

static void test_more_than_a_pipe_holds_passes_through(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf result = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf passed = SL_BUF_INIT;

	(void)state;
	assert_int_equal(run("flood", &result, &passed), 0);
	assert_int_equal(passed.n, 20000 * strlen("INFO a line that fills the pipe\n"));
	assert_string_equal(sl_buf_z(&result), RESULT);
}

static void test_stream_kept_open_by_a_grandchild_is_not_waited_for(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf result = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf passed = SL_BUF_INIT;
	const int64_t begin = sl_clock_monotonic();

	(void)state;
	assert_int_equal(run("grandchild", &result, &passed), 0);
	assert_string_equal(sl_buf_z(&result), RESULT);
	assert_true(sl_clock_monotonic() - begin < 10 * SL_SECOND);
}

static void test_executable_that_is_missing_is_told(void **state)
{
	const char *const argv[] = {"sluice-none", NULL};
	struct sl_err err = SL_ERR_INIT;
	struct sl_child c;

	(void)state;
	assert_false(sl_spawn("sluice-none", argv, true, &c, &err));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
	assert_non_null(strstr(err.msg, "sluice-none"));
}

/* Waits until a child has said that it is ready. */
static void await_ready(const struct sl_child *c)
{
	char line[16];

	assert_true(read(c->fd, line, sizeof(line)) > 0);
}

static void test_all_children_are_waited_for_at_once(void **state)
{
	const char *const argv[] = {SELF, "child", "flood", NULL};
	struct sl_child c[4];
	struct sl_buf results[4] = {SL_BUF_INIT, SL_BUF_INIT, SL_BUF_INIT, SL_BUF_INIT};
	int codes[4] = {-1, -1, -1, -1};
	struct sl_err err = SL_ERR_INIT;
	const int saved = dup(STDERR_FILENO);
	const int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_true(sl_spawn(SELF, argv, true, &c[i], &err));
	dup2(null_fd, STDERR_FILENO);
	const bool ok = sl_children_wait(c, 4, codes, results, &err);
	dup2(saved, STDERR_FILENO);
	assert_true(ok);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(codes[i], 0);
		assert_string_equal(sl_buf_z(&results[i]), RESULT);
		sl_buf_release(&results[i]);
	}
	close(saved);
	close(null_fd);
}

/* A scheduler signals the group, and the driver passes its own signal on: one request, not two. */
static void test_request_passed_on_is_no_second_signal(void **state)
{
	const char *const argv[] = {SELF, "child", "stop", NULL};
	sl_cleanup(sl_buf_release) struct sl_buf result = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_child c;
	int code = -1;

	(void)state;
	assert_true(sl_spawn(SELF, argv, true, &c, &err));
	await_ready(&c);
	kill(c.pid, SIGTERM);
	sl_watchdog_pass_on(c.pid);
	assert_true(sl_child_wait(&c, &code, &result, &err));
	assert_int_equal(code, 128 + SIGTERM);
	assert_string_equal(sl_buf_z(&result), RESULT); /* it could tell its result */
}

/* Last: this process is asked to stop, and cannot be asked again. */
static void test_stop_request_reaches_the_children(void **state)
{
	const char *const argv[] = {SELF, "child", "stop", NULL};
	sl_cleanup(sl_buf_release) struct sl_buf result = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_child c;
	int code = -1;

	(void)state;
	sl_cancel_setup();
	assert_true(sl_spawn(SELF, argv, true, &c, &err));
	await_ready(&c);
	raise(SIGTERM);
	assert_false(sl_child_wait(&c, &code, &result, &err));
	assert_int_equal(err.kind, SL_ERR_CANCELLED);
	assert_int_equal(code, 128 + SIGTERM);
	assert_string_equal(sl_buf_z(&result), RESULT);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_line_is_the_result_and_the_others_pass_through),
		cmocka_unit_test(test_result_that_is_not_last_is_none),
		cmocka_unit_test(test_signal_is_128_and_its_number),
		cmocka_unit_test(test_child_has_no_stdin_and_ends_with_its_parent),
		cmocka_unit_test(test_more_than_a_pipe_holds_passes_through),
		cmocka_unit_test(test_stream_kept_open_by_a_grandchild_is_not_waited_for),
		cmocka_unit_test(test_executable_that_is_missing_is_told),
		cmocka_unit_test(test_all_children_are_waited_for_at_once),
		cmocka_unit_test(test_request_passed_on_is_no_second_signal),
		cmocka_unit_test(test_stop_request_reaches_the_children),
	};

	if (argc == 3)
		return child(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
