/* Messages of a list as lines: tasks/collect/message.h. */
#include "base_support.h"

#include "tasks/collect/message.h"

static void test_one_message_is_one_line(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"{\"a\":1}", "{\"a\":1}\n"},
		{"  {\"a\":1}\n", "{\"a\":1}\n"},
		{"{\n\"a\":\r\n1.10}", "{ \"a\":  1.10}\n"},	      /* digits stay */
		{"\"{\\\"a\\\":1}\"", "{\"a\":1}\n"},		      /* twice */
		{"\"\\\"{\\\\\\\"a\\\\\\\":1}\\\"\"", "{\"a\":1}\n"}, /* three times */
		{"\"[1,2]\"", "[1,2]\n"},
		{"\"plain\"", "\"plain\"\n"}, /* a text is the message itself */
		{"\"{broken\"", "{broken\n"},
		{"\"{", "\"{\n"}, /* no JSON: as it is */
		{"", "null\n"},
		{" \n ", "null\n"},
		{"\"\"", "\"\"\n"},
		{"\xFF{", "\xFF{\n"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

		sl_message_line(&out, sl_str_of(cases[i].in));
		if (strcmp(sl_buf_z(&out), cases[i].want) != 0)
			fail_msg("case %zu: %s", i, sl_buf_z(&out));
	}
}

static void test_lines_are_appended_and_a_zero_byte_passes(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	(void)state;
	sl_message_line(&out, SL_STR("1"));
	sl_message_line(&out, SL_STR("a\0\nb"));
	assert_true(sl_str_eq(sl_buf_str(&out), SL_STR("1\na\0 b\n")));
}

/* Each level of "\"…\"" is taken off three times at most, however deep a stranger nests it. */
static void test_deep_nesting_ends(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	(void)state;
	sl_buf_adds(&text, "{}");
	for (int i = 0; i < 12; i++) {
		sl_cleanup(sl_buf_release) struct sl_buf outer = SL_BUF_INIT;

		sl_buf_add_json(&outer, sl_buf_str(&text));
		sl_buf_clear(&text);
		sl_buf_addstr(&text, sl_buf_str(&outer));
	}
	sl_message_line(&out, sl_buf_str(&text));
	assert_true(out.n < text.n && out.p[0] == '"');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_message_is_one_line),
		cmocka_unit_test(test_lines_are_appended_and_a_zero_byte_passes),
		cmocka_unit_test(test_deep_nesting_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
