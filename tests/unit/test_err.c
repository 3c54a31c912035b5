/* Errors as values: base/err.h. */
#include "base_support.h"

#include <errno.h>

static void test_err_set_fills_kind_and_text_and_returns_false(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	sl_err_hint(&err, "old cure");
	assert_false(sl_err_set(&err, SL_ERR_DATA, "cannot read \"%s\"", "a.csv"));
	assert_int_equal(err.kind, SL_ERR_DATA);
	assert_string_equal(err.msg, "cannot read \"a.csv\"");
	assert_string_equal(err.hint, "");
}

static void test_err_set_accepts_its_own_text_as_argument(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	sl_err_set(&err, SL_ERR_DATA, "inner");
	sl_err_set(&err, SL_ERR_CONFIG, "outer (%s)", err.msg);
	assert_string_equal(err.msg, "outer (inner)");
}

static void test_err_text_stays_on_one_line(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	sl_err_set(&err, SL_ERR_DATA, "two\nlines\x1b[31m");
	assert_string_equal(err.msg, "two lines [31m");
}

static void test_err_too_long_text_is_cut_between_characters(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	char text[3001];

	(void)state;
	for (size_t i = 0; i < 3000; i += 2)
		memcpy(text + i, "é", 2);
	text[3000] = '\0';
	sl_err_set(&err, SL_ERR_DATA, "%s", text);
	assert_true(sl_utf8_valid(sl_str_of(err.msg), NULL));
	assert_in_range(strlen(err.msg), 1000, sizeof(err.msg) - 1);
	sl_err_set(&err, SL_ERR_DATA, "x%s", text); /* the other parity */
	assert_true(sl_utf8_valid(sl_str_of(err.msg), NULL));
	sl_err_prefix(&err, "context");
	assert_true(sl_str_starts(sl_str_of(err.msg), "context: xé"));
	sl_err_hint(&err, "%s", text);
	assert_in_range(strlen(err.hint), 250, sizeof(err.hint) - 1);
	assert_true(sl_utf8_valid(sl_str_of(err.hint), NULL));
	assert_true(sl_utf8_valid(sl_str_of(err.msg), NULL));
}

static void test_err_text_that_just_fits_is_not_cut(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	char text[sizeof(err.msg)];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 3, "é", 3);
	sl_err_set(&err, SL_ERR_DATA, "%s", text);
	assert_string_equal(err.msg, text);
}

static void test_err_prefix_puts_context_in_front(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	sl_err_set(&err, SL_ERR_AUTH, "refused");
	assert_false(sl_err_prefix(&err, "cannot connect to \"%s\"", "db"));
	assert_string_equal(err.msg, "cannot connect to \"db\": refused");
	assert_int_equal(err.kind, SL_ERR_AUTH);
}

static void test_err_errno_adds_the_systems_text_in_lower_case(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_false(sl_err_errno(&err, SL_ERR_NO_INPUT, ENOENT, "cannot open \"%s\"", "x"));
	assert_string_equal(err.msg, "cannot open \"x\": no such file or directory");
	assert_int_equal(err.kind, SL_ERR_NO_INPUT);
}

static void test_err_errno_full_disk_is_io_whatever_the_caller_says(void **state)
{
	static const int full[] = {ENOSPC, EDQUOT, EIO};
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(full); i++) {
		sl_err_errno(&err, SL_ERR_CREATE, full[i], "x");
		assert_int_equal(err.kind, SL_ERR_IO);
	}
}

static void test_err_exit_codes_and_retries_are_those_of_the_table(void **state)
{
	(void)state;
	assert_int_equal(sl_err_exit_code(SL_ERR_NONE), 0);
	assert_int_equal(sl_err_exit_code(SL_ERR_DATA), 65);
	assert_int_equal(sl_err_exit_code(SL_ERR_NOTHING), 99);
	assert_int_equal(sl_err_exit_code(SL_ERR_CANCELLED), 143);
	assert_true(sl_err_retryable(SL_ERR_AGAIN));
	assert_false(sl_err_retryable(SL_ERR_AUTH));
	assert_string_equal(sl_err_kind_name(SL_ERR_NO_INPUT), "input");
	for (int kind = 0; kind < SL_ERR_KIND_COUNT; kind++)
		assert_true(sl_err_kind_help((enum sl_err_kind)kind)[0]);
}

static void fail_assertion(void *arg)
{
	sl_bug_set_result(arg);
	SL_ASSERT(1 + 1 == 3);
}

static void test_bug_ends_with_70_and_the_result_as_last_line(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	char result[] = "{\"exit\":70}";
	int status = support_child(fail_assertion, result, &text);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
	assert_true(sl_str_starts(sl_buf_str(&text), "ERROR "));
	assert_non_null(strstr(text.p, "assertion \"1 + 1 == 3\" does not hold at=test_err.c:"));
	assert_true(sl_str_ends(sl_buf_str(&text), "\n{\"exit\":70}\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err_set_fills_kind_and_text_and_returns_false),
		cmocka_unit_test(test_err_set_accepts_its_own_text_as_argument),
		cmocka_unit_test(test_err_text_stays_on_one_line),
		cmocka_unit_test(test_err_too_long_text_is_cut_between_characters),
		cmocka_unit_test(test_err_text_that_just_fits_is_not_cut),
		cmocka_unit_test(test_err_prefix_puts_context_in_front),
		cmocka_unit_test(test_err_errno_adds_the_systems_text_in_lower_case),
		cmocka_unit_test(test_err_errno_full_disk_is_io_whatever_the_caller_says),
		cmocka_unit_test(test_err_exit_codes_and_retries_are_those_of_the_table),
		cmocka_unit_test(test_bug_ends_with_70_and_the_result_as_last_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
