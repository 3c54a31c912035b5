/*
 * tasks/collect: rows and documents as JSON lines, continuations and lags as texts.
 */
#include "base_support.h"

#include "base/mem.h"
#include "tasks/collect/extjson.h"
#include "tasks/collect/json_row.h"
#include "tasks/collect/rows.h"

static const char *text_of(struct sl_buf *b)
{
	return sl_buf_z(b);
}

/* --- rows of a database --- */

static void test_row_values_by_kind(void **state)
{
	static const struct {
		enum sl_kind kind;
		const char *cell, *want;
	} cases[] = {
		{SL_BOOL, "true", "true"},
		{SL_INT64, "-9223372036854775808", "-9223372036854775808"},
		{SL_FLOAT64, "0.1", "0.1"},
		{SL_FLOAT64, "NaN", "\"NaN\""},
		{SL_FLOAT64, "-Infinity", "\"-Infinity\""},
		{SL_DECIMAL, "-0.50", "-0.50"},
		{SL_DECIMAL, "NaN", "\"NaN\""},
		{SL_DECIMAL, "", "\"\""},
		{SL_TEXT, "a\"\\\n\x01", "\"a\\\"\\\\\\n\\u0001\""},
		{SL_TEXT, "", "\"\""},
		{SL_TEXT, NULL, "null"},
		{SL_DATE, "2026-11-25", "\"2026-11-25\""},
		{SL_TIMESTAMP, "2026-11-25T00:00:00Z", "\"2026-11-25T00:00:00Z\""},
		{SL_TEXT_LIST, "[\"a\",null]", "[\"a\",null]"},
		{SL_TEXT_LIST, "{{1},{2}}", "\"{{1},{2}}\""},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT, want = SL_BUF_INIT;
		const struct sl_db_col col = {"c", cases[i].kind};
		const struct sl_str cell = sl_str_of(cases[i].cell);

		sl_json_row(&got, &col, 1, &cell, NULL);
		sl_buf_addf(&want, "{\"c\":%s}\n", cases[i].want);
		assert_string_equal(text_of(&got), text_of(&want));
	}
}

static void test_row_json_columns_stay_on_one_line(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;
	const struct sl_db_col cols[] = {{"a\"b", SL_TEXT}, {"c", SL_TEXT}};
	const struct sl_str cells[] = {SL_STR("{\n\"x\":\r\n[1]}"), SL_STR("{}")};
	const bool json[] = {true, false};

	(void)state;
	sl_json_row(&got, cols, 2, cells, json);
	assert_string_equal(text_of(&got), "{\"a\\\"b\":{ \"x\":  [1]},\"c\":\"{}\"}\n");
}

/* --- extended JSON --- */

static void test_extjson_becomes_plain(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"{ \"_id\" : { \"$oid\" : \"5f\" }, \"n\" : { \"$numberInt\" : \"7\" } }",
		 "{\"_id\":\"5f\",\"n\":7}"},
		{"[{\"$numberLong\":\"9007199254740993\"},null,true]",
		 "[9007199254740993,null,true]"},
		{"{\"$numberDouble\":\"5.0\"}", "5"},
		{"{\"$numberDouble\":\"-0.0\"}", "-0"},
		{"{\"$numberDouble\":\"1e+20\"}", "1e+20"},
		{"{\"$numberDouble\":\"NaN\"}", "\"NaN\""},
		{"{\"$numberDouble\":\"-Infinity\"}", "\"-Infinity\""},
		{"{\"$numberDecimal\":\"12.3400\"}", "12.3400"},
		{"{\"$numberDecimal\":\"1E+3\"}", "1E+3"},
		{"{ \"$date\" : { \"$numberLong\" : \"1764093160500\" } }",
		 "\"2025-11-25T17:52:40.500000Z\""},
		{"{\"$date\":{\"$numberLong\":\"-62135596800000\"}}", "\"0001-01-01T00:00:00Z\""},
		{"{\"$date\":{\"$numberLong\":\"253402300800000\"}}", "\"253402300800000\""},
		{"{\"$binary\":{\"base64\":\"AAE=\",\"subType\":\"00\"}}", "\"AAE=\""},
		{"{\"$undefined\":true}", "null"},
		{"{\"$symbol\":\"s\"}", "\"s\""},
		{"{\"a\":\"{ \\\"$oid\\\" : \\\"x\\\" }\"}",
		 "{\"a\":\"{ \\\"$oid\\\" : \\\"x\\\" }\"}"},
		{"{\"a\":\"\\u0000\\ud800\"}", "{\"a\":\"\\u0000\\ud800\"}"},
		/* no wrapper of ours, or one with a stranger inside */
		{"{\"$ref\":\"c\",\"$id\":{\"$oid\":\"5f\"}}", "{\"$ref\":\"c\",\"$id\":\"5f\"}"},
		{"{\"$timestamp\":{\"t\":1,\"i\":2}}", "{\"$timestamp\":{\"t\":1,\"i\":2}}"},
		{"{\"$oid\":\"5f\",\"x\":1}", "{\"$oid\":\"5f\",\"x\":1}"},
		{"{\"$code\":\"f\",\"$scope\":{}}", "{\"$code\":\"f\",\"$scope\":{}}"},
		{"{\"$date\":\"soon\"}", "{\"$date\":\"soon\"}"},
		/* a document's own key that looks like one: never bytes that are no value */
		{"{\"$numberInt\":\"007\"}", "\"007\""},
		{"{\"$numberInt\":\"1],[2\"}", "\"1],[2\""},
		{"{\"$numberDouble\":\"1.\"}", "\"1.\""},
		{"{\"$numberDouble\":\"1e\"}", "\"1e\""},
		{"{\"$numberLong\":\"-\"}", "\"-\""},
		{"{}", "{}"},
		{"", ""},
		{"{\"$oid\":\"5", "{\"$oid\":\"5"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;

		sl_extjson_plain(&got, sl_str_of(cases[i].in));
		if (strcmp(text_of(&got), cases[i].want) != 0)
			fail_msg("case %zu: %s", i, text_of(&got));
	}
}

static void test_extjson_numbers_that_a_cursor_steps_back_from(void **state)
{
	enum sl_extjson_number what;
	int64_t n;

	(void)state;
	assert_true(sl_extjson_number(SL_STR("{ \"$date\" : { \"$numberLong\" : \"5\" } }"), &what,
				      &n));
	assert_true(what == SL_EXTJSON_DATE && n == 5);
	assert_true(sl_extjson_number(SL_STR("{\"$numberInt\":\"-5\"}"), &what, &n));
	assert_true(what == SL_EXTJSON_INT && n == -5);
	assert_true(sl_extjson_number(SL_STR("{\"$numberLong\":\"6\"}"), &what, &n));
	assert_true(what == SL_EXTJSON_INT && n == 6);
	assert_false(sl_extjson_number(SL_STR("{\"$oid\":\"5f\"}"), &what, &n));
	assert_false(sl_extjson_number(SL_STR("\"5\""), &what, &n));
	assert_false(sl_extjson_number(SL_STR(""), &what, &n));
}

/* --- continuations and lags --- */

static void test_continuation_reads_back_what_was_put(void **state)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_rows rows = {.c = NULL};
	const struct sl_str texts[] = {SL_STR("2026-11-25T00:00:00Z"), SL_STR("a\"],[\"b\n"),
				       SL_STR("")};
	struct sl_err err = SL_ERR_INIT;
	const char **got;

	(void)state;
	assert_ok(err, sl_rows_put(&rows, texts, 3, &err));
	assert_ok(err, sl_rows_split(sl_buf_z(&rows.last), 3, &arena, &got, &err));
	for (size_t i = 0; i < 3; i++)
		assert_true(sl_str_eqz(texts[i], got[i]));
	assert_false(sl_rows_split(sl_buf_z(&rows.last), 2, &arena, &got, &err));
	assert_int_equal(err.kind, SL_ERR_DATA);
	sl_err_clear(&err);
	assert_false(sl_rows_split("[1,2,3]", 3, &arena, &got, &err));
	sl_err_clear(&err);
	assert_false(sl_rows_split("", 3, &arena, &got, &err));
	sl_rows_release(&rows);
}

static void test_lag_is_a_duration_or_a_number(void **state)
{
	static const struct {
		const char *text;
		bool ok, is_time;
		int64_t value;
	} cases[] = {
		{NULL, true, false, 0},	     {"0", true, false, 0},
		{"1000", true, false, 1000}, {"15m", true, true, INT64_C(900000000)},
		{"250us", true, true, 250},  {"-1", false, false, 0},
		{"soon", false, false, 0},   {"", false, false, 0},
	};
	struct sl_lag lag;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		assert_case(i, cases[i].text ? cases[i].text : "NULL",
			    sl_lag_parse(cases[i].text, &lag) == cases[i].ok);
		if (cases[i].ok)
			assert_true(lag.value == cases[i].value && lag.is_time == cases[i].is_time);
	}
	lag = (struct sl_lag){false, 10};
	assert_true(sl_lag_from(&lag, 4) == -6);
	assert_true(sl_lag_from(&lag, INT64_MIN + 3) == INT64_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_values_by_kind),
		cmocka_unit_test(test_row_json_columns_stay_on_one_line),
		cmocka_unit_test(test_extjson_becomes_plain),
		cmocka_unit_test(test_extjson_numbers_that_a_cursor_steps_back_from),
		cmocka_unit_test(test_continuation_reads_back_what_was_put),
		cmocka_unit_test(test_lag_is_a_duration_or_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
