/* Growing bytes: base/buf.h. */
#include "base_support.h"

static void test_buf_always_ends_in_a_nul(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;

	(void)state;
	assert_string_equal(sl_buf_z(&b), "");
	sl_buf_add(&b, NULL, 0);
	assert_non_null(b.p);
	for (int i = 0; i < 1000; i++) {
		sl_buf_addc(&b, 'x');
		assert_int_equal(b.p[b.n], '\0');
	}
	assert_int_equal(b.n, 1000);
	sl_buf_clear(&b);
	assert_string_equal(b.p, "");
}

static void test_buf_addf_longer_than_the_room(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	char text[501];

	(void)state;
	memset(text, 'y', 500);
	text[500] = '\0';
	sl_buf_adds(&b, "a");
	sl_buf_addf(&b, "%s|%d", text, 7);
	assert_int_equal(b.n, 1 + 500 + 2);
	assert_string_equal(b.p + 501, "|7");
}

static void test_buf_detach_hands_over_and_leaves_it_empty(void **state)
{
	struct sl_buf b = SL_BUF_INIT;
	char *p;

	(void)state;
	sl_buf_adds(&b, "text");
	p = sl_buf_detach(&b);
	assert_string_equal(p, "text");
	assert_null(b.p);
	free(p);
	p = sl_buf_detach(&b); /* of an empty one */
	assert_string_equal(p, "");
	free(p);
}

static void test_buf_str_of_an_empty_buffer_is_empty_and_not_null(void **state)
{
	struct sl_buf b = SL_BUF_INIT;

	(void)state;
	assert_non_null(sl_buf_str(&b).p);
	assert_int_equal(sl_buf_str(&b).n, 0);
}

static void test_buf_json_escapes_what_rfc_8259_demands(void **state)
{
	static const struct {
		struct sl_str in;
		const char *want;
	} cases[] = {
		{{"plain", 5}, "\"plain\""},
		{{"", 0}, "\"\""},
		{{"a\"b\\c/", 6}, "\"a\\\"b\\\\c/\""},
		{{"\n\r\t\b\f", 5}, "\"\\n\\r\\t\\b\\f\""},
		{{"\0\x1f\x7f", 3}, "\"\\u0000\\u001f\x7f\""},
		{{"é€😀", 9}, "\"é€😀\""},
		{{"a\xff"
		  "b\xc3",
		  4},
		 "\"a\xef\xbf\xbd"
		 "b\xef\xbf\xbd\""},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;

		sl_buf_add_json(&b, cases[i].in);
		assert_case(i, b.p, strcmp(b.p, cases[i].want) == 0);
	}
}

static void test_buf_escaped_hides_controls_and_cuts_between_characters(void **state)
{
	static const struct {
		const char *in;
		size_t max;
		const char *want;
	} cases[] = {
		{"plain", 5, "plain"},
		{"plain", 4, "plai…"},
		{"a\nb\x1b[0m\x7f", 99, "a\\x0ab\\x1b[0m\\x7f"},
		{"\xc2\x85x", 99, "\\xc2\\x85x"}, /* NEL, a C1 control */
		{"\xff", 99, "\\xff"},
		{"aé", 2, "a…"},
		{"aé", 3, "aé"},
		{"a\n", 4, "a…"}, /* never half an escape */
		{"x", 0, "…"},
		{"", 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;

		sl_buf_adds(&b, "> ");
		sl_buf_add_escaped(&b, sl_str_of(cases[i].in), cases[i].max);
		assert_case(i, b.p, strcmp(b.p + 2, cases[i].want) == 0);
	}
}

static void grow_too_far(void *arg)
{
	struct sl_buf b = SL_BUF_INIT;

	(void)arg;
	sl_buf_addc(&b, 'x');
	sl_buf_room(&b, SIZE_MAX);
}

static void test_buf_size_overflow_is_a_defect_not_a_small_buffer(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	int status = support_child(grow_too_far, NULL, &text);

	(void)state;
	assert_int_equal(WEXITSTATUS(status), 70);
}

static void test_buf_base64_as_the_rfc_shows_it(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xff\xfe\xfd", "//79"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
		sl_buf_add_base64(&b, sl_str_of(cases[i][0]));
		assert_string_equal(sl_buf_z(&b), cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_always_ends_in_a_nul),
		cmocka_unit_test(test_buf_addf_longer_than_the_room),
		cmocka_unit_test(test_buf_detach_hands_over_and_leaves_it_empty),
		cmocka_unit_test(test_buf_str_of_an_empty_buffer_is_empty_and_not_null),
		cmocka_unit_test(test_buf_json_escapes_what_rfc_8259_demands),
		cmocka_unit_test(test_buf_escaped_hides_controls_and_cuts_between_characters),
		cmocka_unit_test(test_buf_size_overflow_is_a_defect_not_a_small_buffer),
		cmocka_unit_test(test_buf_base64_as_the_rfc_shows_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
