/* Fault points of test builds: base/fault.h. */
#include "base_support.h"

#include <signal.h>

#include "base/cancel.h"
#include "base/fault.h"
#include "base/file.h"

#ifdef SL_FAULTS

static bool pass_point(struct sl_err *err)
{
	SL_FAULT("test.point", err);
	return true;
}

/* Passes another point once and ours three times; says which passes went through. */
static void pass_three_times(void *arg)
{
	struct sl_err err = SL_ERR_INIT;

	setenv("SLUICE_FAULT", arg, 1);
	if (!sl_fault("test.other", &err))
		_exit(1);
	for (int i = 0; i < 3; i++)
		if (write(STDERR_FILENO, pass_point(&err) ? "." : "F", 1) != 1)
			_exit(2);
}

static void test_fault_strikes_the_named_point_at_the_nth_pass(void **state)
{
	static const struct {
		const char *spec, *passes;
		int signal, exit;
	} cases[] = {
		{"", "...", 0, 0},
		{"test.nowhere", "...", 0, 0},
		{"test.point:eio", "F..", 0, 0},
		{"test.point:2:eio", ".F.", 0, 0},
		{"test.point:4:eio", "...", 0, 0},
		{"test.point", "", SIGKILL, 0},
		{"test.point:3", "..", SIGKILL, 0},
		{"test.point:2:kill", ".", SIGKILL, 0},
		{"test.point:2:abort", ".", SIGABRT, 0},
		{"test.point:1:what", NULL, 0, 70},
		{"test.point:0:kill", NULL, 0, 70},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
		char spec[64];
		int status;

		snprintf(spec, sizeof(spec), "%s", cases[i].spec);
		status = support_child(pass_three_times, spec, &text);
		assert_case(i, spec,
			    (WIFSIGNALED(status) ? WTERMSIG(status) : 0) == cases[i].signal);
		assert_case(i, spec, cases[i].signal || WEXITSTATUS(status) == cases[i].exit);
		if (cases[i].passes)
			assert_case(i, spec, strcmp(sl_buf_z(&text), cases[i].passes) == 0);
	}
}

static void test_fault_stop_goes_on_after_sigcont(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct sl_err err = SL_ERR_INIT;

		setenv("SLUICE_FAULT", "test.point:stop", 1);
		_exit(pass_point(&err) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_fault_wait_goes_on_once_told_to_end(void **state)
{
	int status, ready[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct sl_err err = SL_ERR_INIT;

		sl_cancel_setup();
		setenv("SLUICE_FAULT", "test.point:wait", 1);
		_exit(write(ready[1], "", 1) == 1 && pass_point(&err) ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	usleep(50000);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
}

static void test_fault_eio_is_an_io_error_that_names_the_point(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	setenv("SLUICE_FAULT", "test.named:eio", 1);
	assert_false(sl_fault("test.named", &err));
	unsetenv("SLUICE_FAULT");
	assert_int_equal(err.kind, SL_ERR_IO);
	assert_string_equal(err.msg, "fault \"test.named\": input/output error");
}

static void test_fault_trace_appends_each_point_passed(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	char *dir = support_dir();
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/trace", dir);
	setenv("SLUICE_FAULT_TRACE", path, 1);
	assert_true(pass_point(&err));
	assert_true(sl_fault("test.other", &err));
	assert_true(pass_point(&err));
	unsetenv("SLUICE_FAULT_TRACE");
	assert_ok(err, sl_file_read(path, 1000, &text, &err));
	assert_string_equal(text.p, "test.point\ntest.other\ntest.point\n");
	support_remove(dir);
}

static void fault_before_link(void *arg)
{
	struct sl_err err = SL_ERR_INIT;
	char path[128];
	bool won;

	snprintf(path, sizeof(path), "%s/final", (const char *)arg);
	setenv("SLUICE_FAULT", "file.before_link:eio", 1);
	_exit(sl_file_link(path, "x", 1, &won, &err) || sl_file_exists(path) ? 1 : 0);
}

static void test_fault_before_a_link_leaves_no_file(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	char *dir = support_dir();

	(void)state;
	assert_int_equal(support_child(fault_before_link, dir, &text), 0);
	assert_int_equal(rmdir(dir), 0); /* the temporary file is gone, too */
	free(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault_strikes_the_named_point_at_the_nth_pass),
		cmocka_unit_test(test_fault_stop_goes_on_after_sigcont),
		cmocka_unit_test(test_fault_wait_goes_on_once_told_to_end),
		cmocka_unit_test(test_fault_eio_is_an_io_error_that_names_the_point),
		cmocka_unit_test(test_fault_trace_appends_each_point_passed),
		cmocka_unit_test(test_fault_before_a_link_leaves_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
	puts("skipped: this build has no fault points (SLUICE_FAULTS=OFF)");
	return 0;
}

#endif
