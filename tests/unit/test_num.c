/* Numbers from text and back: base/num.h. */
#include "base_support.h"

#include <float.h>
#include <math.h>

#include "base/num.h"

static void test_num_i64_takes_the_whole_range_and_nothing_else(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		int64_t want;
	} cases[] = {
		{"0", true, 0},
		{"-0", true, 0},
		{"+7", true, 7},
		{"007", true, 7},
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0},
		{"-9223372036854775809", false, 0},
		{"18446744073709551616", false, 0},
		{"99999999999999999999999", false, 0},
		{"", false, 0},
		{"-", false, 0},
		{"+-1", false, 0},
		{" 1", false, 0},
		{"1 ", false, 0},
		{"1.0", false, 0},
		{"0x1", false, 0},
		{"1e3", false, 0},
		{"١", false, 0}, /* Arabic digit one */
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		int64_t v = 42;
		bool ok = sl_num_i64(sl_str_of(cases[i].in), INT64_MIN, INT64_MAX, &v);

		assert_case(i, cases[i].in, ok == cases[i].ok);
		assert_case(i, cases[i].in, v == (ok ? cases[i].want : 42));
	}
}

static void test_num_limits_are_part_of_the_range(void **state)
{
	int64_t v;
	uint64_t u;

	(void)state;
	assert_true(sl_num_i64(SL_STR("10"), -10, 10, &v));
	assert_false(sl_num_i64(SL_STR("11"), -10, 10, &v));
	assert_true(sl_num_i64(SL_STR("-10"), -10, 10, &v));
	assert_false(sl_num_i64(SL_STR("-11"), -10, 10, &v));
	assert_true(sl_num_u64(SL_STR("18446744073709551615"), UINT64_MAX, &u));
	assert_true(u == UINT64_MAX);
	assert_false(sl_num_u64(SL_STR("18446744073709551616"), UINT64_MAX, &u));
	assert_false(sl_num_u64(SL_STR("8"), 7, &u));
	assert_false(sl_num_u64(SL_STR("-1"), 7, &u));
	assert_false(sl_num_i64(SL_STR("1\0"), 0, 9, &v));
	assert_false(sl_num_i64(SL_STR_NULL, 0, 9, &v));
}

static void test_num_f64_follows_the_json_grammar(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		double want;
	} cases[] = {
		{"0", true, 0},
		{"+1.5", true, 1.5},
		{"-1.5e3", true, -1500},
		{"0.1", true, 0.1},
		{"123456789012345", true, 123456789012345.0},
		{"1234567890123456789", true, 1234567890123456789.0},
		{"9007199254740993", true, 9007199254740992.0},
		{"0.000000000000001", true, 1e-15},
		{"1E-7", true, 1e-7},
		{"1.7976931348623157e308", true, DBL_MAX},
		{"5e-324", true, 5e-324},
		{"1e-999", true, 0},
		{"1e999", false, 0},
		{"01", false, 0},
		{"1.", false, 0},
		{".5", false, 0},
		{"1e", false, 0},
		{"1e+", false, 0},
		{"--1", false, 0},
		{"nan", false, 0},
		{"inf", false, 0},
		{"0x10", false, 0},
		{"1,5", false, 0},
		{"1 ", false, 0},
		{"", false, 0},
		{"-", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		double v = 42;
		bool ok = sl_num_f64(sl_str_of(cases[i].in), &v);

		assert_case(i, cases[i].in, ok == cases[i].ok);
		assert_case(i, cases[i].in,
			    !(v < (ok ? cases[i].want : 42)) && !(v > (ok ? cases[i].want : 42)));
	}
}

static void test_num_f64_keeps_the_sign_of_zero_and_very_long_texts(void **state)
{
	char text[400];
	double v;

	(void)state;
	assert_true(sl_num_f64(SL_STR("-0"), &v));
	assert_true(signbit(v));
	memset(text, '0', sizeof(text));
	memcpy(text, "1.", 2);
	text[399] = '1';
	assert_true(sl_num_f64((struct sl_str){text, sizeof(text)}, &v));
	assert_true(v >= 1 && v <= 1);
}

/* A short text takes the exact path, the same number with zeros behind it the long one. */
static void test_num_f64_short_and_long_texts_of_one_number_agree(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char small[32], large[64];
		double a, b;
		int n;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
		n = snprintf(small, sizeof(small), "%u.%0*u", (unsigned)(seed >> 40) % 10000000,
			     (int)(seed >> 8 & 7) + 1, (unsigned)(seed >> 20) % 10);
		snprintf(large, sizeof(large), "%s0000000000000000000", small);
		assert_case(i, small, sl_num_f64((struct sl_str){small, (size_t)n}, &a));
		assert_case(i, large, sl_num_f64(sl_str_of(large), &b));
		assert_case(i, small, memcmp(&a, &b, sizeof(a)) == 0);
	}
}

static void test_num_decimal_is_exact(void **state)
{
	static const struct {
		const char *in;
		unsigned precision, scale;
		enum sl_dec_result result;
		int64_t want;
	} cases[] = {
		{"12.34", 12, 2, SL_DEC_OK, 1234},
		{"-0.05", 12, 2, SL_DEC_OK, -5},
		{"+7", 12, 2, SL_DEC_OK, 700},
		{"1.500", 12, 1, SL_DEC_OK, 15},
		{"1.505", 12, 2, SL_DEC_SCALE, 0},
		{"0.004", 12, 2, SL_DEC_SCALE, 0},
		{"9999999999.99", 12, 2, SL_DEC_OK, INT64_C(999999999999)},
		{"10000000000", 12, 2, SL_DEC_RANGE, 0},
		{"00000000000000000000000012", 4, 2, SL_DEC_OK, 1200},
		{"0.00000000000000000000000", 4, 2, SL_DEC_OK, 0},
		{"-0", 4, 2, SL_DEC_OK, 0},
		{"1e3", 12, 2, SL_DEC_OK, 100000},
		{"1.25E-1", 12, 3, SL_DEC_OK, 125},
		{"1.25e-1", 12, 2, SL_DEC_SCALE, 0},
		{"12300e-2", 12, 0, SL_DEC_OK, 123},
		{"1e99999999999999999999999", 12, 2, SL_DEC_RANGE, 0},
		{"0e99999999999999999999999", 12, 2, SL_DEC_OK, 0},
		{"1e-99999999999999999999999", 12, 2, SL_DEC_SCALE, 0},
		{"999999999999999999", 18, 0, SL_DEC_OK, INT64_C(999999999999999999)},
		{"0.999999999999999999", 18, 18, SL_DEC_OK, INT64_C(999999999999999999)},
		{"1000000000000000000", 18, 0, SL_DEC_RANGE, 0},
		{"123456789012345678901234567890", 18, 0, SL_DEC_RANGE, 0},
		{"", 12, 2, SL_DEC_SYNTAX, 0},
		{"-", 12, 2, SL_DEC_SYNTAX, 0},
		{"1.", 12, 2, SL_DEC_SYNTAX, 0},
		{".5", 12, 2, SL_DEC_SYNTAX, 0},
		{"1e", 12, 2, SL_DEC_SYNTAX, 0},
		{"1e+", 12, 2, SL_DEC_SYNTAX, 0},
		{"1.5x", 12, 2, SL_DEC_SYNTAX, 0},
		{"1 000", 12, 2, SL_DEC_SYNTAX, 0},
		{"1,5", 12, 2, SL_DEC_SYNTAX, 0},
		{"99999999999999999999999999x", 12, 2, SL_DEC_SYNTAX, 0},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		int64_t v = 42;
		enum sl_dec_result r = sl_num_decimal(sl_str_of(cases[i].in), cases[i].precision,
						      cases[i].scale, &v);

		assert_case(i, cases[i].in, r == cases[i].result);
		assert_case(i, cases[i].in, v == (r == SL_DEC_OK ? cases[i].want : 42));
	}
}

static void test_num_decimal_text_reads_back(void **state)
{
	static const struct {
		int64_t value;
		unsigned scale;
		const char *want;
	} cases[] = {
		{-5, 2, "-0.05"},
		{0, 0, "0"},
		{0, 3, "0.000"},
		{1234, 2, "12.34"},
		{100, 0, "100"},
		{INT64_MIN, 0, "-9223372036854775808"},
		{INT64_MIN, 18, "-9.223372036854775808"},
		{INT64_MAX, 18, "9.223372036854775807"},
		{1, 18, "0.000000000000000001"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		char out[24];
		size_t n = sl_num_decimal_text(cases[i].value, cases[i].scale, out);

		assert_case(i, out, strcmp(out, cases[i].want) == 0 && n == strlen(out));
	}
}

static void test_num_f64_text_is_short_and_reads_back(void **state)
{
	static const struct {
		double value;
		const char *want;
	} cases[] = {
		{0.1, "0.1"},
		{1500, "1500"},
		{-2.5, "-2.5"},
		{1e20, "1e+20"},
		{0.1 + 0.2, "0.30000000000000004"},
		{5e-324, "4.94065645841247e-324"},
		{(double)NAN, "null"},
		{(double)INFINITY, "null"},
	};
	uint64_t seed = 3;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		char out[32];
		size_t n = sl_num_f64_text(cases[i].value, out);

		assert_case(i, out, strcmp(out, cases[i].want) == 0 && n == strlen(out));
	}
	for (int i = 0; i < 100000; i++) {
		double value, back;
		char out[32];

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
		memcpy(&value, &seed, sizeof(value));
		if (!isfinite(value))
			continue;
		sl_num_f64_text(value, out);
		assert_case(i, out, sl_num_f64(sl_str_of(out), &back));
		assert_case(i, out, memcmp(&value, &back, sizeof(back)) == 0);
	}
}

static void test_num_size_and_duration_units(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		uint64_t want;
	} sizes[] = {
		{"512", true, 512},	  {"64KiB", true, 65536},
		{"1 MiB", true, 1 << 20}, {"10MB", true, 10000000},
		{"0", true, 0},		  {"1kB", true, 1000},
		{"", false, 0},		  {"MiB", false, 0},
		{"1.5MiB", false, 0},	  {"-1", false, 0},
		{"1  MiB", false, 0},	  {"1mib", false, 0},
		{"1 ", false, 0},	  {"99999999999TiB", false, 0},
	};
	static const struct {
		const char *in;
		bool ok;
		int64_t want;
	} durations[] = {
		{"250ms", true, 250000},
		{"30s", true, 30000000},
		{"5m", true, 300000000},
		{"2h", true, INT64_C(7200000000)},
		{"1d", true, INT64_C(86400000000)},
		{"0s", true, 0},
		{"7us", true, 7},
		{"30", false, 0},
		{"", false, 0},
		{"1w", false, 0},
		{"-1s", false, 0},
		{"999999999999d", false, 0},
		{"106751992d", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(sizes); i++) {
		uint64_t v = 0;
		bool ok = sl_num_size(sl_str_of(sizes[i].in), &v);

		assert_case(i, sizes[i].in, ok == sizes[i].ok && v == sizes[i].want);
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(durations); i++) {
		int64_t v = 0;
		bool ok = sl_num_duration(sl_str_of(durations[i].in), &v);

		assert_case(i, durations[i].in, ok == durations[i].ok && v == durations[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_num_i64_takes_the_whole_range_and_nothing_else),
		cmocka_unit_test(test_num_limits_are_part_of_the_range),
		cmocka_unit_test(test_num_f64_follows_the_json_grammar),
		cmocka_unit_test(test_num_f64_keeps_the_sign_of_zero_and_very_long_texts),
		cmocka_unit_test(test_num_f64_short_and_long_texts_of_one_number_agree),
		cmocka_unit_test(test_num_decimal_is_exact),
		cmocka_unit_test(test_num_decimal_text_reads_back),
		cmocka_unit_test(test_num_f64_text_is_short_and_reads_back),
		cmocka_unit_test(test_num_size_and_duration_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
