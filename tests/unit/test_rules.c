/* Rules: prepared from YAML as in a pipeline file, applied to a batch built by hand. */
#include "rule_support.h"

#include "tasks/normalize/amount.h"

static void test_extract_takes_first_group_else_whole_match(void **state)
{
	static const struct text_case group[] = {
		{"Maison de ville à Py-à-Sel à Lyon (69003)", "Maison de ville à Py-à-Sel"},
		{"Studio à Nice", "Studio"},
		{"Studio", "NULL"},
		{NULL, "NULL"},
	};
	static const struct text_case whole[] = {{"ref 123 and 456", "123"}, {"none", "NULL"}};
	static const struct text_case either[] = {{"x=1", "1"}, {"y=2", "2"}};

	(void)state;
	check_texts("extract", "{from: a, into: t, pattern: '^(.*) à '}", T, group,
		    SL_ARRAY_LEN(group));
	check_texts("extract", "{from: a, into: t, pattern: '[0-9]+'}", T, whole,
		    SL_ARRAY_LEN(whole));
	check_texts("extract", "{from: a, into: t, pattern: 'x=(.)|y=(.)'}", T, either,
		    SL_ARRAY_LEN(either));
}

static void test_extract_writes_the_column_read_without_into(void **state)
{
	static const struct text_case cases[] = {{"  a b ", "a b"}, {"   ", "NULL"}};

	(void)state;
	check_texts("extract", "{from: a, pattern: '^\\s*(\\S.*?)\\s*$'}", A, cases,
		    SL_ARRAY_LEN(cases));
}

static void test_extract_ignore_case_knows_accents(void **state)
{
	static const struct text_case cases[] = {{"3 PIÈCES", "3"}, {"3 pièces", "3"}};

	(void)state;
	check_texts("extract", "{from: a, into: t, ignore_case: true, pattern: '^(\\d+) pièces$'}",
		    T, cases, SL_ARRAY_LEN(cases));
}

static void test_extract_takes_first_element_that_matches(void **state)
{
	static const char *const features[] = {"250 m² de terrain", "4 pièces", "122 m²", "9 m²"};
	struct bench x;

	(void)state;
	open_bench(&x, "extract", "{from: l, into: t, pattern: '^([0-9]+) m²$'}");
	assert_true(x.ready);
	add_list(&x, features, SL_ARRAY_LEN(features));
	add_list(&x, features, 2);
	add_list(&x, NULL, 0);
	add_row(&x, NULL);
	run_rule(&x);
	assert_string_equal(cell(&x, 0, T), "122");
	for (size_t i = 1; i < 4; i++)
		assert_string_equal(cell(&x, i, T), "NULL");
	close_bench(&x);
}

static void test_extract_pattern_without_end_rejects_the_row(void **state)
{
	struct bench x;

	(void)state;
	open_bench(&x, "extract", "{from: a, into: t, pattern: '^(?:a+)+$'}");
	add_row(&x, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
	add_row(&x, "aaa");
	run_rule(&x);
	assert_string_equal(cell(&x, 0, T), "REJECT");
	assert_string_equal(x.batch.rejects[0].rule, "extract");
	assert_non_null(strstr(x.batch.rejects[0].reason, "match limit"));
	assert_string_equal(cell(&x, 1, T), "aaa");
	close_bench(&x);
}

static void test_number_locale_decides_marks(void **state)
{
	static const struct text_case fr[] = {
		{"1\u202f240", "1240.00"},
		{"118,5", "118.50"},
		{"1 234\u00a0567,89", "1234567.89"},
		{"2\u20092\u2007000", "REJECT"},
		{"118.5", "REJECT"},
		{"1.240", "REJECT"},
		{"1240", "1240.00"},
		{"0001", "1.00"},
		{"12 34", "REJECT"},
		{"1234 567", "REJECT"},
		{",5", "REJECT"},
		{"5,", "REJECT"},
		{"", "NULL"},
		{"\u00a0 ", "NULL"},
		{NULL, "NULL"},
		{"-3", "-3.00"},
		{"3-", "REJECT"},
		{"1e3", "REJECT"},
		{"9999999999,99", "9999999999.99"},
		{"10000000000", "REJECT"},
		{"1,005", "REJECT"},
		{"1,500", "1.50"},
		{"-0,00", "0.00"},
		{"\u06f1", "REJECT"},
	};
	static const struct text_case en[] = {
		{"1,240.5", "1240.50"},
		{"1 240", "REJECT"},
		{"1,24", "REJECT"},
		{"12.50", "12.50"},
	};
	static const struct text_case plain[] = {
		{"1240.5", "1240.50"},
		{"1,240", "REJECT"},
		{"1 240", "REJECT"},
		{"+7", "7.00"},
	};

	(void)state;
	check_texts("number", "{from: a, into: d, locale: fr}", D, fr, SL_ARRAY_LEN(fr));
	check_texts("number", "{from: a, into: d, locale: en}", D, en, SL_ARRAY_LEN(en));
	check_texts("number", "{from: a, into: d}", D, plain, SL_ARRAY_LEN(plain));
}

static void test_number_int64_takes_whole_numbers_of_19_digits(void **state)
{
	static const struct text_case cases[] = {
		{"9223372036854775807", "9223372036854775807"},
		{"9223372036854775808", "REJECT"},
		{"5.0", "5"},
		{"5.5", "REJECT"},
		{"111111111111111111111111111111111111111111111111111111", "REJECT"},
	};
	static const struct text_case zero[] = {{"0", "NULL"}, {"00", "NULL"}, {"10", "10"}};
	static const struct text_case unit[] = {{"64 m²", "64"},
						{"64m²", "64"},
						{"64", "64"},
						{"64 m² m²", "REJECT"},
						{"64 ha", "REJECT"}};
	static const struct text_case quiet[] = {{"x", "NULL"}, {"7", "7"}};

	(void)state;
	check_texts("number", "{from: a, into: i}", I, cases, SL_ARRAY_LEN(cases));
	check_texts("number", "{from: a, into: i, zero_as_null: true}", I, zero,
		    SL_ARRAY_LEN(zero));
	check_texts("number", "{from: a, into: i, unit: m²}", I, unit, SL_ARRAY_LEN(unit));
	check_texts("number", "{from: a, into: i, on_error: 'null'}", I, quiet,
		    SL_ARRAY_LEN(quiet));
}

static void test_money_takes_its_own_currency_only(void **state)
{
	static const struct text_case fr[] = {
		{"380\u202f000\u00a0€", "380000.00"},
		{"€ 12,50", "12.50"},
		{"12 EUR", "12.00"},
		{"-5 €", "-5.00"},
		{"€ -5", "-5.00"},
		{"\u22125 €", "-5.00"},
		{"5 $", "REJECT"},
		{"€ 5 €", "REJECT"},
		{"5 € / mois", "REJECT"},
		{"(5)", "REJECT"},
		{"€", "REJECT"},
	};
	static const struct text_case en[] = {{"$1,234.50", "1234.50"}, {"€5", "REJECT"}};
	static const struct text_case named[] = {{"CHF 5.20", "5.20"}, {"$5", "REJECT"}};

	(void)state;
	check_texts("money", "{from: a, into: d, locale: fr}", D, fr, SL_ARRAY_LEN(fr));
	check_texts("money", "{from: a, into: d, locale: en}", D, en, SL_ARRAY_LEN(en));
	check_texts("money", "{from: a, into: d, currency: CHF}", D, named, SL_ARRAY_LEN(named));
}

static void test_money_accounting_signs(void **state)
{
	static const struct text_case cases[] = {
		{"(1\u202f234,56 €)", "-1234.56"},
		{"(12,50) €", "-12.50"},
		{"7,5-", "-7.50"},
		{"7,5 € -", "-7.50"},
		{"-7,5-", "REJECT"},
		{"(-7,5)", "REJECT"},
		{"()", "REJECT"},
		{"7,5)", "REJECT"},
		{"+ 7", "7.00"},
		{"7+", "7.00"},
		{"(0)", "0.00"},
	};

	(void)state;
	check_texts("money", "{from: a, into: d, locale: fr, accounting: true}", D, cases,
		    SL_ARRAY_LEN(cases));
}

/* The second cells of a file "id;value" through money, locale fr. */
static void check_file(const char *path, const char *yaml, const char *const *want, size_t n)
{
	struct sl_buf file = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_str rest, line, id;
	struct text_case cases[16];
	char texts[16][64];
	size_t k = 0;

	if (!sl_file_read(path, 4096, &file, &err)) {
		print_message("skipped: %s\n", err.msg);
		skip();
	}
	rest = sl_buf_str(&file);
	assert_true(sl_str_next(&rest, '\n', &line)); /* header */
	while (sl_str_next(&rest, '\n', &line) && line.n && k < n) {
		assert_true(sl_str_next(&line, ';', &id) && line.n < sizeof(texts[k]));
		snprintf(texts[k], sizeof(texts[k]), SL_STR_FMT, SL_STR_ARG(line));
		cases[k] = (struct text_case){texts[k], want[k]};
		k++;
	}
	sl_buf_release(&file);
	assert_int_equal(k, n);
	check_texts("money", yaml, D, cases, n);
}

static void test_money_reads_every_blank_between_thousands(void **state)
{
	static const char *const want[] = {"29000.00",	"1234567.89", "12500.50", "380000.00",
					   "345000.00", "1074.00",    "REJECT"};

	(void)state;
	check_file("../shared/cases/inputs/n01.csv", "{from: a, into: d, locale: fr}", want,
		   SL_ARRAY_LEN(want));
}

static void test_money_keeps_the_sign_of_accounting_exports(void **state)
{
	static const char *const want[] = {"-1234.56", "-73.40", "-12.50", "REJECT", "REJECT",
					   "-3.10",    "4.20",	 "REJECT", "0.00",   "REJECT"};

	(void)state;
	check_file("../shared/cases/inputs/n10.csv",
		   "{from: a, into: d, locale: fr, accounting: true}", want, SL_ARRAY_LEN(want));
}

static void test_map_replaces_listed_texts(void **state)
{
	static const struct text_case keep[] = {
		{"FR", "France"}, {"fr", "fr"}, {"DE", "DE"}, {NULL, "NULL"}, {"", ""}};
	static const struct text_case none[] = {{"FR", "France"}, {"DE", "NULL"}};
	static const struct text_case strict[] = {
		{"FR", "France"}, {"DE", "REJECT"}, {NULL, "NULL"}};
	static const struct text_case fold[] = {
		{"ÉTÉ", "summer"}, {"Hiver", "winter"}, {"HIVER", "exact"}, {"HIVERS", "HIVERS"}};

	(void)state;
	check_texts("map", "{from: a, into: t, values: {FR: France, BE: Belgique}}", T, keep,
		    SL_ARRAY_LEN(keep));
	check_texts("map", "{from: a, into: t, default: 'null', values: {FR: France}}", T, none,
		    SL_ARRAY_LEN(none));
	check_texts("map", "{from: a, default: reject, values: {FR: France}}", A, strict,
		    SL_ARRAY_LEN(strict));
	check_texts("map",
		    "{from: a, into: t, ignore_case: true, "
		    "values: {été: summer, hiver: winter, HIVER: exact}}",
		    T, fold, SL_ARRAY_LEN(fold));
}

static void test_map_writes_values_of_the_type_of_its_column(void **state)
{
	static const struct text_case flags[] = {
		{"oui", "true"}, {"Non", "false"}, {"?", "NULL"}, {NULL, "NULL"}};
	static const struct text_case numbers[] = {{"un", "1"}, {"deux", "2"}, {"trois", "REJECT"}};
	static const struct text_case amounts[] = {{"bas", "0.50"}, {"haut", "1200.00"}};

	(void)state;
	check_texts("map",
		    "{from: a, into: b, default: 'null', ignore_case: true, "
		    "values: {oui: true, non: false}}",
		    B, flags, SL_ARRAY_LEN(flags));
	check_texts("map", "{from: a, into: i, default: reject, values: {un: 1, deux: 2}}", I,
		    numbers, SL_ARRAY_LEN(numbers));
	check_texts("map", "{from: a, into: d, default: 'null', values: {bas: 0.5, haut: 1200}}", D,
		    amounts, SL_ARRAY_LEN(amounts));
}

static void test_count_of_a_list_and_of_a_text(void **state)
{
	static const char *const urls[] = {"a?w=390", "b?w=390", "a?w=390", "c?w=300"};
	static const struct {
		const char *rule;
		size_t n;
		const char *want;
	} lists[] = {
		{"{from: l, into: i}", 4, "4"},
		{"{from: l, into: i, pattern: w=390}", 4, "3"},
		{"{from: l, into: i, pattern: w=390, distinct: true}", 4, "2"},
		{"{from: l, into: i, pattern: W=390, ignore_case: true}", 4, "3"},
		{"{from: l, into: i, pattern: video}", 4, "0"},
		{"{from: l, into: i, pattern: video, empty_as_null: true}", 4, "0"},
		{"{from: l, into: i, pattern: video, zero_as_null: true}", 4, "NULL"},
		{"{from: l, into: i}", 0, "0"},
		{"{from: l, into: i, distinct: true}", 0, "0"},
		{"{from: l, into: i, empty_as_null: true}", 0, "NULL"},
	};
	static const struct text_case characters[] = {{"été", "3"}, {"", "0"}, {NULL, "NULL"}};
	static const struct text_case places[] = {{"1 et 22", "2"}, {"un", "0"}, {"", "0"}};
	static const struct text_case empty_matches[] = {{"é1", "3"}, {"", "1"}};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(lists); i++) {
		struct bench x;

		open_bench(&x, "count", lists[i].rule);
		assert_true(x.ready);
		add_list(&x, urls, lists[i].n);
		run_rule(&x);
		if (strcmp(cell(&x, 0, I), lists[i].want) != 0)
			fail_msg("%s over %zu: got %s, want %s", lists[i].rule, lists[i].n,
				 cell(&x, 0, I), lists[i].want);
		close_bench(&x);
	}
	check_texts("count", "{from: a, into: i}", I, characters, SL_ARRAY_LEN(characters));
	check_texts("count", "{from: a, into: i, pattern: '[0-9]+'}", I, places,
		    SL_ARRAY_LEN(places));
	check_texts("count", "{from: a, into: i, pattern: 'x?'}", I, empty_matches,
		    SL_ARRAY_LEN(empty_matches));
}

static void test_coalesce_takes_first_value_and_skips_empty(void **state)
{
	static const char *const first[] = {"x", "", NULL, NULL};
	static const char *const want[] = {"x", "other", "other", "NULL"};
	struct bench x;

	(void)state;
	open_bench(&x, "coalesce", "{from: [a, t], into: a}");
	assert_true(x.ready);
	for (size_t i = 0; i < SL_ARRAY_LEN(want); i++) {
		size_t row = add_row(&x, first[i]);

		x.batch.cols[T].u.str[row] = SL_STR("other");
		x.batch.cols[T].valid[row] = i != 3;
	}
	run_rule(&x);
	for (size_t i = 0; i < SL_ARRAY_LEN(want); i++)
		assert_string_equal(cell(&x, i, A), want[i]);
	close_bench(&x);
}

static void test_rules_leave_rows_alone_that_are_not_kept(void **state)
{
	struct bench x;

	(void)state;
	open_bench(&x, "number", "{from: a, into: i}");
	add_row(&x, "not a number");
	x.batch.state[0] = SL_ROW_FILTERED;
	run_rule(&x);
	assert_int_equal(x.batch.state[0], SL_ROW_FILTERED);
	assert_int_equal(x.batch.n_rejects, 0);
	close_bench(&x);
}

static void test_reject_names_field_and_rule(void **state)
{
	struct bench x;

	(void)state;
	open_bench(&x, "money", "{from: a, into: d, locale: fr}");
	add_row(&x, "12\u202f34");
	run_rule(&x);
	assert_int_equal(x.batch.n_rejects, 1);
	assert_string_equal(x.batch.rejects[0].field, "a");
	assert_string_equal(x.batch.rejects[0].rule, "money");
	assert_non_null(strstr(x.batch.rejects[0].reason, "three digits"));
	close_bench(&x);
}

static void test_into_makes_a_column_of_the_rules_type(void **state)
{
	struct bench x;
	ptrdiff_t col;

	(void)state;
	open_bench(&x, "money", "{from: a, into: price, locale: fr}");
	assert_true(x.ready);
	col = sl_schema_find(&x.schema, SL_STR("price"));
	assert_true(col > D);
	assert_true(sl_type_eq(x.schema.cols[col].type, (struct sl_type){SL_DECIMAL, 18, 2}));
	close_bench(&x);
}

static void test_wrong_settings_are_diagnosed(void **state)
{
	static const struct wrong_case cases[] = {
		{"extract", "{from: aa, pattern: x}", "did you mean \"a\""},
		{"extract", "{from: i, pattern: x}", "int64"},
		{"extract", "{from: a, into: d, pattern: x}", "decimal"},
		{"extract", "{from: a, pattern: 'a(b'}", "E1013"},
		{"extract", "{from: a}", "pattern"},
		{"number", "{from: a, into: t}", "int64 or decimal"},
		{"number", "{from: a, into: d, locale: de}", "locale"},
		{"money", "{from: l, into: d}", "list<text>"},
		{"map", "{from: a, into: i, values: {x: 1}}", "int64"}, /* what is kept is a text */
		{"map", "{from: a, into: i, default: reject, values: {x: y}}", "\"y\" is no int64"},
		{"map", "{from: a, into: l, default: reject, values: {x: y}}", "list<text>"},
		{"coalesce", "{from: [a, i]}", "agree"},
		{"coalesce", "{from: [a, zz]}", "zz"},
		{"count", "{from: a, into: i, distinct: true}", "list<text>"},
		{"count", "{from: a, into: d}", "decimal"},
		{"count", "{from: a, into: i, pattern: '['}", "E1013"},
	};

	(void)state;
	check_wrong(cases, SL_ARRAY_LEN(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extract_takes_first_group_else_whole_match),
		cmocka_unit_test(test_extract_writes_the_column_read_without_into),
		cmocka_unit_test(test_extract_ignore_case_knows_accents),
		cmocka_unit_test(test_extract_takes_first_element_that_matches),
		cmocka_unit_test(test_extract_pattern_without_end_rejects_the_row),
		cmocka_unit_test(test_number_locale_decides_marks),
		cmocka_unit_test(test_number_int64_takes_whole_numbers_of_19_digits),
		cmocka_unit_test(test_money_takes_its_own_currency_only),
		cmocka_unit_test(test_money_accounting_signs),
		cmocka_unit_test(test_money_reads_every_blank_between_thousands),
		cmocka_unit_test(test_money_keeps_the_sign_of_accounting_exports),
		cmocka_unit_test(test_map_replaces_listed_texts),
		cmocka_unit_test(test_map_writes_values_of_the_type_of_its_column),
		cmocka_unit_test(test_count_of_a_list_and_of_a_text),
		cmocka_unit_test(test_coalesce_takes_first_value_and_skips_empty),
		cmocka_unit_test(test_rules_leave_rows_alone_that_are_not_kept),
		cmocka_unit_test(test_reject_names_field_and_rule),
		cmocka_unit_test(test_into_makes_a_column_of_the_rules_type),
		cmocka_unit_test(test_wrong_settings_are_diagnosed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
