/*
 * Column types and schemas.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/type.h"

static void test_type_text_reads_back(void **state)
{
	static const char *const texts[] = {
		"bool",	     "int64",	   "float64",	   "text",	    "date",
		"timestamp", "list<text>", "decimal(1,0)", "decimal(12,2)", "decimal(18,18)"};
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		struct sl_type t;
		char back[32];
		assert_true(sl_type_parse(sl_str_of(texts[i]), &t));
		sl_type_text(t, back);
		assert_string_equal(back, texts[i]);
	}
}

static void test_type_refuses_other_words(void **state)
{
	static const char *const texts[] = {
		"",
		"int",
		"Int64",
		"text ",
		"decimal",
		"decimal()",
		"decimal(2)",
		"decimal(0,0)",
		"decimal(19,2)",
		"decimal(5,6)",
		"decimal(5,-1)",
		"decimal(5,2))",
		"decimal(5,2",
		"decimal(5,2,1)",
		"list<int64>",
	};
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		struct sl_type t;
		if (sl_type_parse(sl_str_of(texts[i]), &t))
			fail_msg("case %zu: \"%s\" was taken for a type", i, texts[i]);
	}
}

static void test_type_decimal_takes_one_blank_behind_its_comma(void **state)
{
	struct sl_type t;
	(void)state;
	assert_true(sl_type_parse(SL_STR("decimal(12, 2)"), &t));
	assert_true(sl_type_eq(t, (struct sl_type){SL_DECIMAL, 12, 2}));
	assert_false(sl_type_eq(t, (struct sl_type){SL_DECIMAL, 12, 3}));
	assert_false(sl_type_eq(t, (struct sl_type){SL_TEXT, 12, 2}));
}

static void test_schema_finds_columns_by_whole_name(void **state)
{
	struct sl_schema s = SL_SCHEMA_INIT;
	char names[40][8];
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		snprintf(names[i], sizeof(names[i]), "c%zu", i);
		assert_int_equal(sl_schema_add(&s, names[i], (struct sl_type){SL_INT64, 0, 0}), i);
	}
	assert_int_equal(sl_schema_find(&s, SL_STR("c39")), 39);
	assert_int_equal(sl_schema_find(&s, SL_STR("c3")), 3);
	assert_int_equal(sl_schema_find(&s, SL_STR("c")), -1);
	assert_int_equal(sl_schema_find(&s, SL_STR("c40")), -1);
	sl_schema_release(&s);
	assert_int_equal(s.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_type_text_reads_back),
		cmocka_unit_test(test_type_refuses_other_words),
		cmocka_unit_test(test_type_decimal_takes_one_blank_behind_its_comma),
		cmocka_unit_test(test_schema_finds_columns_by_whole_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
