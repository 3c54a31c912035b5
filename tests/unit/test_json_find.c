/* Values inside an answer: tasks/collect/json_find.h. */
#include "base_support.h"

#include "tasks/collect/json_find.h"

static void test_json_is_value_by_its_structure(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{"{}", true},
		{"[]", true},
		{" [1, 2.5e-3, true, null, \"\"] \n", true},
		{"{\"a\": {\"b\": [{}]}, \"c\": \"]}\"}", true},
		{"\"a\\\"b\"", true},
		{"\"a\\\\\"", true},
		{"7", true},
		{"", false},
		{" ", false},
		{"[", false},
		{"]", false},
		{"[}", false},
		{"{]", false},
		{"[1,]", false},
		{"[,1]", false},
		{"[1 2]", false},
		{"[1],", false},
		{"[] []", false},
		{"{\"a\"}", false},
		{"{\"a\":}", false},
		{"{\"a\":1,}", false},
		{"{a:1}", false},
		{"{1:1}", false},
		{"{\"a\" 1}", false},
		{"\"a", false},
		{"\"a\\", false},
		{"<html>", false},
		{"[1}", false},
		{"{\"a\":[}]", false},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++)
		assert_case(i, cases[i].text,
			    sl_json_is_value(sl_str_of(cases[i].text)) == cases[i].want);
	assert_false(sl_json_is_value((struct sl_str){"[\0]", 3}));
	assert_true(sl_json_is_value((struct sl_str){"\"\0\"", 3}));
}

static void test_json_depth_is_bounded(void **state)
{
	char text[2 * (SL_JSON_FIND_DEPTH + 1)];

	(void)state;
	memset(text, '[', SL_JSON_FIND_DEPTH + 1);
	memset(text + SL_JSON_FIND_DEPTH, ']', SL_JSON_FIND_DEPTH);
	assert_true(sl_json_is_value((struct sl_str){text, 2 * SL_JSON_FIND_DEPTH}));
	memset(text, '[', SL_JSON_FIND_DEPTH + 1);
	memset(text + SL_JSON_FIND_DEPTH + 1, ']', SL_JSON_FIND_DEPTH + 1);
	assert_false(sl_json_is_value((struct sl_str){text, sizeof(text)}));
}

static void test_json_find_by_pointer_and_by_dots(void **state)
{
	static const char text[] =
		" {\"a\": {\"b\": [10, {\"c\" : \"x\"}, [] ] , \"b\": 2}, \"a.b\": 3, \"a/b\": 4, "
		"\"~\": 5, \"\": 6, \"n\": null, \"s\": \"}\\\"\", \"e\":{}} ";
	static const struct {
		const char *path, *want;
	} cases[] = {
		{"a.b.1.c", "\"x\""}, {"/a/b/1/c", "\"x\""}, {"/a/b/0", "10"}, {"/a/b/2", "[]"},
		{"/a/b/3", NULL},     {"/a/b/-1", NULL},     {"/a/b/x", NULL}, {"/a.b", "3"},
		{"/a~1b", "4"},	      {"/~0", "5"},	     {"/", "6"},       {"n", "null"},
		{"s", "\"}\\\"\""},   {"nothing", NULL},     {"n.a", NULL},    {"s.0", NULL},
		{"e", "{}"},	      {"e.x", NULL},	     {"A", NULL},      {"/a/b/2/0", NULL},
	};

	(void)state;
	assert_true(sl_json_is_value(SL_STR(text)));
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_str got = sl_json_find(SL_STR(text), cases[i].path);
		assert_case(i, cases[i].path, !got.p == !cases[i].want);
		assert_case(i, cases[i].path, !got.p || sl_str_eqz(got, cases[i].want));
	}
	assert_true(sl_str_eqz(sl_json_find(SL_STR(" [1] "), ""), "[1]"));
	assert_true(sl_str_eqz(sl_json_find(SL_STR("[1,2]"), "/1"), "2"));
}

static void test_json_count_of_elements(void **state)
{
	(void)state;
	assert_int_equal(sl_json_count(SL_STR("[]")), 0);
	assert_int_equal(sl_json_count(SL_STR("[ ]")), 0);
	assert_int_equal(sl_json_count(SL_STR("[1]")), 1);
	assert_int_equal(sl_json_count(SL_STR("[[1,2],{\"a\":[3,4]},\",\"]")), 3);
	assert_int_equal(sl_json_count(SL_STR("{\"a\":1,\"b\":2}")), 1);
	assert_int_equal(sl_json_count(SL_STR("7")), 0);
	assert_int_equal(sl_json_count(SL_STR("")), 0);
}

static void test_json_text_of_strings_and_numbers(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{"\"a\\u00e9\\/\"", "aé/"},
		{"12345678901234567890", "12345678901234567890"},
		{"-1.50", "-1.50"},
		{"\"\"", NULL},
		{"null", NULL},
		{"true", NULL},
		{"{}", NULL},
		{"\"a\\u0000b\"", NULL},
		{"\"\\ud800\"", NULL},
		{"", NULL},
	};
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		bool ok = sl_json_text(sl_str_of(cases[i].value), &out);
		assert_case(i, cases[i].value, ok == (cases[i].want != NULL));
		assert_case(i, cases[i].value, !ok || strcmp(out.p, cases[i].want) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_is_value_by_its_structure),
		cmocka_unit_test(test_json_depth_is_bounded),
		cmocka_unit_test(test_json_find_by_pointer_and_by_dots),
		cmocka_unit_test(test_json_count_of_elements),
		cmocka_unit_test(test_json_text_of_strings_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
