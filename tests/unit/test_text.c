/*
 * Values of a batch as canonical text: what preview shows is what a query of the stored row shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "data/text.h"

struct one {
	struct sl_vec vec;
	uint8_t valid;
	uint8_t b;
	int64_t i64;
	double f64;
	struct sl_str str;
	struct sl_list list;
	struct sl_buf scratch;
};

static void set_up(struct one *o, enum sl_kind kind, uint8_t scale)
{
	*o = (struct one){.valid = 1};
	o->vec.type = (struct sl_type){kind, 18, scale};
	o->vec.valid = &o->valid;
	o->vec.u.any = kind == SL_BOOL	      ? (void *)&o->b
		       : kind == SL_FLOAT64   ? (void *)&o->f64
		       : kind == SL_TEXT      ? (void *)&o->str
		       : kind == SL_TEXT_LIST ? (void *)&o->list
					      : (void *)&o->i64;
}

static void assert_text(struct one *o, const char *want)
{
	const struct sl_str got = sl_vec_text(&o->vec, 0, &o->scratch);

	assert_int_equal(got.n, strlen(want));
	assert_memory_equal(got.p, want, got.n);
	sl_buf_release(&o->scratch);
}

static void test_numbers_and_times_have_the_form_of_a_query(void **state)
{
	static const struct {
		enum sl_kind kind;
		uint8_t scale;
		int64_t value;
		const char *want;
	} cases[] = {
		{SL_INT64, 0, INT64_MIN, "-9223372036854775808"},
		{SL_DECIMAL, 2, -5, "-0.05"},
		{SL_DECIMAL, 0, 12, "12"},
		{SL_DATE, 0, -1, "1969-12-31"},
		{SL_TIMESTAMP, 0, 1500000, "1970-01-01T00:00:01.500000Z"},
	};
	struct one o;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		set_up(&o, cases[i].kind, cases[i].scale);
		o.i64 = cases[i].value;
		assert_text(&o, cases[i].want);
	}
	set_up(&o, SL_FLOAT64, 0);
	o.f64 = 0.1;
	assert_text(&o, "0.1");
	set_up(&o, SL_BOOL, 0);
	o.b = 1;
	assert_text(&o, "true");
}

static void test_null_is_no_text_and_empty_text_is_one(void **state)
{
	struct one o;

	(void)state;
	set_up(&o, SL_TEXT, 0);
	assert_text(&o, "");
	assert_non_null(sl_vec_text(&o.vec, 0, &o.scratch).p);
	for (int kind = SL_BOOL; kind <= SL_TEXT_LIST; kind++) {
		set_up(&o, (enum sl_kind)kind, 0);
		o.valid = 0;
		assert_null(sl_vec_text(&o.vec, 0, &o.scratch).p);
	}
}

static void test_list_is_a_json_array(void **state)
{
	struct sl_str items[] = {SL_STR("a \"b\""), SL_STR("é")};
	struct one o;

	(void)state;
	set_up(&o, SL_TEXT_LIST, 0);
	assert_text(&o, "[]");
	o.list = (struct sl_list){items, 2};
	assert_text(&o, "[\"a \\\"b\\\"\",\"é\"]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_and_times_have_the_form_of_a_query),
		cmocka_unit_test(test_null_is_no_text_and_empty_text_is_one),
		cmocka_unit_test(test_list_is_a_json_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
