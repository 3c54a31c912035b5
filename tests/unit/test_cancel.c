/* Stop requests: base/cancel.h. */
#include "base_support.h"

#include <signal.h>

#include "base/cancel.h"
#include "base/clock.h"

static void test_cancel_nothing_asked(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_int_equal(sl_cancel_signal(), 0);
	assert_true(sl_cancel_check(&err));
	assert_int_equal(err.kind, SL_ERR_NONE);
}

static void first_signal(void *arg)
{
	struct sl_err err = SL_ERR_INIT;
	const int *sig = arg;

	sl_cancel_setup();
	raise(*sig);
	if (sl_cancel_signal() != *sig || sl_cancel_check(&err) || err.kind != SL_ERR_CANCELLED)
		_exit(1);
	dprintf(STDERR_FILENO, "%s", err.msg);
}

static void test_cancel_first_signal_sets_the_flag_and_names_it(void **state)
{
	static const struct {
		int sig;
		const char *want;
	} cases[] = {{SIGTERM, "stopped by SIGTERM"},
		     {SIGINT, "stopped by SIGINT"},
		     {SIGHUP, "stopped by SIGHUP"}};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
		int sig = cases[i].sig;

		assert_case(i, cases[i].want, support_child(first_signal, &sig, &text) == 0);
		assert_case(i, cases[i].want, strcmp(text.p, cases[i].want) == 0);
	}
}

static void held(void *arg)
{
	struct sl_err err = SL_ERR_INIT;
	const int64_t begin = sl_clock_monotonic();

	(void)arg;
	sl_cancel_setup();
	raise(SIGTERM);
	sl_cancel_hold(true);
	if (!sl_cancel_check(&err) || !sl_sleep(50000, &err) ||
	    sl_clock_monotonic() - begin < 50000 || sl_cancel_signal() != SIGTERM)
		_exit(1);
	sl_cancel_hold(false);
	if (sl_cancel_check(&err))
		_exit(2);
}

static void test_cancel_is_not_seen_while_it_is_held(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	(void)state;
	assert_int_equal(support_child(held, NULL, &text), 0);
}

static void two_signals(void *arg)
{
	(void)arg;
	sl_cancel_setup();
	raise(SIGTERM);
	raise(SIGINT);
	_exit(1);
}

static void test_cancel_second_signal_leaves_at_once(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	int status = support_child(two_signals, NULL, &text);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
}

static void count_call(void *arg)
{
	int *calls = arg;

	(*calls)++;
}

static void with_hook(void *arg)
{
	int calls = 0;

	(void)arg;
	sl_cancel_setup();
	sl_cancel_hook(count_call, &calls);
	raise(SIGTERM);
	if (calls != 1)
		_exit(1);
}

static void without_hook(void *arg)
{
	int calls = 0;

	(void)arg;
	sl_cancel_setup();
	sl_cancel_hook(count_call, &calls);
	sl_cancel_hook(NULL, NULL);
	raise(SIGTERM);
	if (calls != 0)
		_exit(1);
}

static void test_cancel_hook_is_called_by_the_signal_until_it_is_taken_away(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	(void)state;
	assert_int_equal(support_child(with_hook, NULL, &text), 0);
	assert_int_equal(support_child(without_hook, NULL, &text), 0);
}

static void write_to_nobody(void *arg)
{
	int ends[2];

	(void)arg;
	sl_cancel_setup();
	if (pipe(ends) != 0)
		_exit(1);
	close(ends[0]);
	if (write(ends[1], "x", 1) != -1)
		_exit(2);
}

static void test_cancel_setup_turns_sigpipe_into_an_error(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	(void)state;
	assert_int_equal(support_child(write_to_nobody, NULL, &text), 0);
}

static void test_sleep_lasts_as_long_as_asked(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	int64_t start = sl_clock_monotonic();

	(void)state;
	assert_true(sl_sleep(20000, &err));
	assert_true(sl_clock_monotonic() - start >= 20000);
	assert_true(sl_sleep(0, &err));
	assert_true(sl_sleep(-5, &err));
}

static void sleep_long(void *arg)
{
	struct sl_err err = SL_ERR_INIT;

	(void)arg;
	sl_cancel_setup();
	if (fork() == 0) {
		pid_t parent = getppid();

		usleep(20000);
		kill(parent, SIGTERM);
		_exit(0);
	}
	_exit(!sl_sleep(60000000, &err) && err.kind == SL_ERR_CANCELLED ? 0 : 1);
}

static void test_sleep_ends_with_a_stop_request(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	int64_t start = sl_clock_monotonic();

	(void)state;
	assert_int_equal(support_child(sleep_long, NULL, &text), 0);
	assert_true(sl_clock_monotonic() - start < 30000000);
}

/* The grandchild holds the write end of stderr; it is killed when its parent is gone, else the pipe
 * stays open for a minute. */
static void leave_a_child(void *arg)
{
	int ready[2];
	char c;

	(void)arg;
	if (pipe(ready) != 0)
		_exit(1);
	if (fork() == 0) {
		sl_parent_watch();
		if (write(ready[1], "x", 1) == 1)
			sleep(60);
		_exit(0);
	}
	_exit(read(ready[0], &c, 1) == 1 ? 0 : 1);
}

static void test_parent_watch_ends_the_process_with_its_parent(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	int64_t start = sl_clock_monotonic();

	(void)state;
	assert_int_equal(support_child(leave_a_child, NULL, &text), 0);
	assert_true(sl_clock_monotonic() - start < 30000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancel_nothing_asked),
		cmocka_unit_test(test_cancel_first_signal_sets_the_flag_and_names_it),
		cmocka_unit_test(test_cancel_is_not_seen_while_it_is_held),
		cmocka_unit_test(test_cancel_second_signal_leaves_at_once),
		cmocka_unit_test(test_cancel_hook_is_called_by_the_signal_until_it_is_taken_away),
		cmocka_unit_test(test_cancel_setup_turns_sigpipe_into_an_error),
		cmocka_unit_test(test_sleep_lasts_as_long_as_asked),
		cmocka_unit_test(test_sleep_ends_with_a_stop_request),
		cmocka_unit_test(test_parent_watch_ends_the_process_with_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
