/*
 * The result line: its keys, its limits, and what must never be in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "run/result.h"

#define LINE_MAX_BYTES 8192

static json_t *make(const struct sl_result *r, int code, const struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;
	json_error_t why;

	sl_result_json(r, code, err, 1234567, &line);
	assert_true(line.n <= LINE_MAX_BYTES);
	assert_null(memchr(line.p, '\n', line.n));

	json_t *o = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &why);

	if (!o)
		fail_msg("no JSON: %s in %s", why.text, sl_buf_z(&line));
	return o;
}

static void test_success_has_all_counts_and_no_error(void **state)
{
	const struct sl_result r = {.stage = "store",
				    .pipeline = "orders",
				    .run = "r1",
				    .n_in = 7,
				    .kept = 5,
				    .inserted = UINT64_C(12345678901),
				    .partitions = 3};
	static const char *const counts[] = {"entries", "partitions", "n_in",	  "kept",
					     "dup",	"filtered",   "rejected", "inserted",
					     "updated", "unchanged",  "stale",	  "superseded",
					     "written", "pending"};
	json_t *o = make(&r, 0, NULL);

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(counts); i++)
		assert_true(json_is_integer(json_object_get(o, counts[i])));
	assert_string_equal(json_string_value(json_object_get(o, "stage")), "store");
	assert_int_equal(json_integer_value(json_object_get(o, "exit")), 0);
	assert_int_equal(json_integer_value(json_object_get(o, "inserted")), 12345678901);
	assert_true(json_real_value(json_object_get(o, "seconds")) > 1.233);
	assert_true(json_integer_value(json_object_get(o, "peak_kib")) > 0);
	assert_null(json_object_get(o, "kind"));
	assert_null(json_object_get(o, "error"));
	assert_null(json_object_get(o, "source"));
	assert_null(json_object_get(o, "retry_after_s"));
	json_decref(o);
}

static void test_stage_comes_first_so_that_the_line_is_known_from_a_log_line(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;
	const struct sl_result r = {.stage = "collect"};

	(void)state;
	sl_result_json(&r, 0, NULL, 0, &line);
	assert_true(sl_str_starts(sl_buf_str(&line), "{\"stage\":\"collect\","));
}

static void test_failure_has_kind_error_and_hint(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	const struct sl_result r = {.stage = "collect", .retry_after_us = 3500000};

	(void)state;
	sl_err_set(&err, SL_ERR_AGAIN, "busy: \"x\"");
	sl_err_hint(&err, "later");
	json_t *o = make(&r, 75, &err);

	assert_int_equal(json_integer_value(json_object_get(o, "exit")), 75);
	assert_string_equal(json_string_value(json_object_get(o, "kind")), "again");
	assert_string_equal(json_string_value(json_object_get(o, "error")), "busy: \"x\"");
	assert_string_equal(json_string_value(json_object_get(o, "hint")), "later");
	assert_true(json_real_value(json_object_get(o, "retry_after_s")) == 3.5);
	json_decref(o);
}

/* Every text as long and as costly to escape as can be. */
static void test_line_stays_under_its_limit_and_is_still_json(void **state)
{
	static const char *const fills[] = {"\x01", "é", "\"", "\xff", "𝄞", "a"};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(fills); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
		struct sl_err err = SL_ERR_INIT;

		while (text.n < 20000)
			sl_buf_adds(&text, fills[i]);
		sl_err_set(&err, SL_ERR_DATA, "%s", sl_buf_z(&text));
		sl_err_hint(&err, "%s", sl_buf_z(&text));

		const struct sl_result r = {.stage = "x",
					    .pipeline = sl_buf_z(&text),
					    .source = sl_buf_z(&text),
					    .run = sl_buf_z(&text),
					    .note = sl_buf_z(&text)};
		json_t *o = make(&r, 65, &err);

		assert_true(strlen(json_string_value(json_object_get(o, "error"))) > 100);
		json_decref(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_success_has_all_counts_and_no_error),
		cmocka_unit_test(test_stage_comes_first_so_that_the_line_is_known_from_a_log_line),
		cmocka_unit_test(test_failure_has_kind_error_and_hint),
		cmocka_unit_test(test_line_stays_under_its_limit_and_is_still_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
