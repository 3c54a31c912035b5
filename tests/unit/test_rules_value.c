/* Rules about values of any type: range, default, filter, enum, lookup, date. */
#include "rule_support.h"

#include <sys/stat.h>
#include <unistd.h>

static void add_number(struct bench *x, size_t col, int64_t value)
{
	size_t row = add_row(x, NULL);

	x->batch.cols[col].u.i64[row] = value;
	x->batch.cols[col].valid[row] = 1;
}

struct number_case {
	int64_t in;
	const char *want;
};

/* Each number of column from through the rule; what stands in col afterwards. */
static void check_numbers(const char *rule, const char *yaml, size_t from, size_t col,
			  const struct number_case *cases, size_t n)
{
	struct bench x;

	open_bench(&x, rule, yaml);
	assert_true(x.ready);
	for (size_t i = 0; i < n; i++)
		add_number(&x, from, cases[i].in);
	run_rule(&x);
	for (size_t i = 0; i < n; i++)
		if (strcmp(cell(&x, i, col), cases[i].want) != 0)
			fail_msg("case %zu: got %s, want %s", i, cell(&x, i, col), cases[i].want);
	close_bench(&x);
}

/* --- range --- */

static void test_range_limits_are_inclusive_and_exact(void **state)
{
	static const struct number_case whole[] = {
		{0, "REJECT"}, {1, "1"}, {10, "10"}, {11, "REJECT"}, {INT64_MIN, "REJECT"},
	};
	static const struct number_case cents[] = {{49, "NULL"}, {50, "0.50"}, {INT64_MAX, "NULL"}};
	static const struct number_case days[] = {{-1, "NULL"}, {0, "1970-01-01"}};
	static const struct number_case instants[] = {{-1, "NULL"}, {0, "1970-01-01T00:00:00Z"}};

	(void)state;
	check_numbers("range", "{from: i, min: 1, max: 10}", I, I, whole, SL_ARRAY_LEN(whole));
	check_numbers("range", "{from: d, min: 0.5, max: 99.99, on_error: 'null'}", D, D, cents,
		      SL_ARRAY_LEN(cents));
	check_numbers("range", "{from: y, min: 1970-01-01, on_error: 'null'}", Y, Y, days,
		      SL_ARRAY_LEN(days));
	check_numbers("range", "{from: z, min: '1970-01-01T00:00:00Z', on_error: 'null'}", Z, Z,
		      instants, SL_ARRAY_LEN(instants));
}

static void test_range_into_leaves_the_column_read(void **state)
{
	struct bench x;

	(void)state;
	open_bench(&x, "range", "{from: i, into: checked, max: 5, on_error: 'null'}");
	assert_true(x.ready);
	add_number(&x, I, 6);
	add_row(&x, NULL);
	run_rule(&x);
	assert_string_equal(cell(&x, 0, I), "6");
	assert_string_equal(cell(&x, 0, x.schema.n - 1), "NULL");
	assert_string_equal(cell(&x, 1, x.schema.n - 1), "NULL");
	assert_int_equal(x.batch.n_rejects, 0);
	close_bench(&x);
}

static void test_range_of_a_double(void **state)
{
	struct bench x;

	(void)state;
	open_bench(&x, "range", "{from: f, max: 0.5}");
	assert_true(x.ready);
	add_row(&x, NULL);
	add_row(&x, NULL);
	x.batch.cols[F].u.f64[0] = 0.5;
	x.batch.cols[F].u.f64[1] = 0.75;
	x.batch.cols[F].valid[0] = x.batch.cols[F].valid[1] = 1;
	run_rule(&x);
	assert_string_equal(cell(&x, 0, F), "0.5");
	assert_string_equal(cell(&x, 1, F), "REJECT");
	close_bench(&x);
}

/* --- default --- */

static void test_default_fills_nulls_only(void **state)
{
	static const struct text_case texts[] = {{NULL, "inconnu"}, {"", ""}, {"x", "x"}};
	static const struct {
		const char *yaml;
		size_t col;
		const char *want;
	} types[] = {
		{"{from: i, value: -1}", I, "-1"},
		{"{from: d, value: 0.5}", D, "0.50"},
		{"{from: y, value: 2026-01-31}", Y, "2026-01-31"},
		{"{from: z, value: '2026-01-31T01:00:00+01:00'}", Z, "2026-01-31T00:00:00Z"},
		{"{from: b, value: true}", B, "true"},
		{"{from: f, value: 0.25}", F, "0.25"},
	};

	(void)state;
	check_texts("default", "{from: a, value: inconnu}", A, texts, SL_ARRAY_LEN(texts));
	check_texts("default", "{from: a, into: t, value: inconnu}", T, texts, SL_ARRAY_LEN(texts));
	for (size_t i = 0; i < SL_ARRAY_LEN(types); i++) {
		struct bench x;

		open_bench(&x, "default", types[i].yaml);
		assert_true(x.ready);
		add_row(&x, NULL);
		run_rule(&x);
		assert_string_equal(cell(&x, 0, types[i].col), types[i].want);
		close_bench(&x);
	}
}

/* --- filter --- */

struct filter_case {
	const char *yaml;
	const char *kept; /* rows of "FR", "fr", "BE", "", NULL that stay, as digits */
};

static void test_filter_drops_rows_by_value(void **state)
{
	static const char *const rows[] = {"FR", "fr", "BE", "", NULL};
	static const struct filter_case cases[] = {
		{"{from: a, drop: [FR, '']}", "124"},
		{"{from: a, keep: FR}", "0"},
		{"{from: a, keep: FR, ignore_case: true}", "01"},
		{"{from: a, keep: FR, nulls: keep}", "04"},
		{"{from: a, drop: FR, nulls: drop}", "123"},
		{"{from: a, nulls: drop}", "0123"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		char kept[SL_ARRAY_LEN(rows) + 1] = "";
		struct bench x;
		size_t n = 0;

		open_bench(&x, "filter", cases[i].yaml);
		assert_true(x.ready);
		for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++)
			add_row(&x, rows[k]);
		run_rule(&x);
		for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++)
			if (x.batch.state[k] == SL_ROW_KEPT)
				kept[n++] = (char)('0' + k);
		if (strcmp(kept, cases[i].kept) != 0)
			fail_msg("case %zu: kept %s, want %s", i, kept, cases[i].kept);
		assert_int_equal(sl_batch_count(&x.batch, SL_ROW_FILTERED), SL_ARRAY_LEN(rows) - n);
		assert_int_equal(x.batch.n_rejects, 0);
		close_bench(&x);
	}
}

static void test_filter_compares_in_the_columns_type(void **state)
{
	struct bench x;

	(void)state;
	open_bench(&x, "filter", "{from: d, drop: [12.5]}");
	assert_true(x.ready);
	add_number(&x, D, 1250);
	add_number(&x, D, 1251);
	run_rule(&x);
	assert_int_equal(x.batch.state[0], SL_ROW_FILTERED);
	assert_int_equal(x.batch.state[1], SL_ROW_KEPT);
	close_bench(&x);
}

/* --- enum --- */

static void test_enum_lets_listed_values_pass(void **state)
{
	static const char *const rows[] = {"FR", "fr", "BE", "", NULL};
	static const struct {
		const char *yaml;
		const char *want[SL_ARRAY_LEN(rows)];
	} cases[] = {
		{"{from: a, values: [FR, BE]}", {"FR", "REJECT", "BE", "REJECT", "NULL"}},
		{"{from: a, values: FR, ignore_case: true}",
		 {"FR", "fr", "REJECT", "REJECT", "NULL"}},
		{"{from: a, values: FR, on_error: null}", {"FR", "NULL", "NULL", "NULL", "NULL"}},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct bench x;

		open_bench(&x, "enum", cases[i].yaml);
		assert_true(x.ready);
		for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++)
			add_row(&x, rows[k]);
		run_rule(&x);
		for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++)
			if (strcmp(cell(&x, k, A), cases[i].want[k]) != 0)
				fail_msg("case %zu row %zu: %s, want %s", i, k, cell(&x, k, A),
					 cases[i].want[k]);
		close_bench(&x);
	}
}

/* --- lookup --- */

static char folder[] = "/tmp/sluice-test-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static void write_table(const char *name, const char *text)
{
	struct sl_err err = SL_ERR_INIT;
	char path[100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_true(sl_file_replace(path, text, strlen(text), &err));
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"towns.csv", "bad.csv"};
	char path[100];

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static const char towns[] = "insee;name;note\r\n69123;\"Lyon \"\"ville\"\"\";x\r\n"
			    "06088;Nice;\r\n\r\n75056;;\r\n";

static void check_lookup(const char *yaml, const struct text_case *cases, size_t n)
{
	struct bench x;

	open_bench_in(&x, folder, "lookup", yaml);
	assert_true(x.ready);
	for (size_t i = 0; i < n; i++)
		add_row(&x, cases[i].in);
	run_rule(&x);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(cell(&x, i, T), cases[i].want);
	close_bench(&x);
}

static void test_lookup_reads_the_pipelines_file(void **state)
{
	static const struct text_case null[] = {
		{"69123", "Lyon \"ville\""}, {"06088", "Nice"}, {"6088", "NULL"},
		{"75056", "NULL"},	     {NULL, "NULL"},
	};
	static const struct text_case keep[] = {{"x", "x"}, {"75056", "NULL"}, {NULL, "NULL"}};
	static const struct text_case reject[] = {
		{"x", "REJECT"}, {NULL, "NULL"}, {"06088", "Nice"}};

	(void)state;
	write_table("towns.csv", towns);
#define TOWNS "from: a, into: t, file: towns.csv, key: insee, value: name, delimiter: ';'"
	check_lookup("{" TOWNS "}", null, SL_ARRAY_LEN(null));
	check_lookup("{" TOWNS ", missing: keep}", keep, SL_ARRAY_LEN(keep));
	check_lookup("{" TOWNS ", missing: reject}", reject, SL_ARRAY_LEN(reject));
}

static void hash_of_lookup(char hex[SL_HASH_HEX])
{
	struct sl_hash h;
	struct bench x;

	open_bench_in(&x, folder, "lookup", "{" TOWNS "}");
	assert_true(x.ready);
	sl_hash_init(&h);
	x.rule->hash(x.params, &h);
	sl_hash_hex(&h, hex);
	close_bench(&x);
}

static void test_lookup_another_file_is_another_rule(void **state)
{
	char first[SL_HASH_HEX], second[SL_HASH_HEX];

	(void)state;
	write_table("towns.csv", towns);
	hash_of_lookup(first);
	write_table("towns.csv", "insee;name\n69123;Lyon\n");
	hash_of_lookup(second);
	assert_string_not_equal(first, second);
	write_table("towns.csv", towns);
	hash_of_lookup(second);
	assert_string_equal(first, second);
}

static void test_lookup_refuses_a_bad_file(void **state)
{
	static const struct {
		const char *file, *yaml, *says;
	} cases[] = {
		{"k,v\na,1\nb,2\na,1\n", "file: bad.csv, key: k, value: v", "\"a\" stands twice"},
		{"k,v\na\n", "file: bad.csv, key: k, value: v", "record 1 behind the header"},
		{"k,v\n,1\n", "file: bad.csv, key: k, value: v", "the key is empty"},
		{"k,v\na,\"1\n", "file: bad.csv, key: k, value: v", "quote never closed"},
		{"k,v\na,\xff\n", "file: bad.csv, key: k, value: v", "UTF-8"},
		{"k,v\na,1\n", "file: bad.csv, key: kk, value: v", "no column \"kk\""},
		{"", "file: bad.csv, key: k, value: v", "header"},
		{"k,v\n", "file: none.csv, key: k, value: v", "E1012"},
		{"k,v\n", "file: ../bad.csv, key: k, value: v", "E1012"},
		{"k,v\n", "file: /etc/passwd, key: k, value: v", "E1012"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_buf out = SL_BUF_INIT;
		char yaml[200];
		struct bench x;

		write_table("bad.csv", cases[i].file);
		snprintf(yaml, sizeof(yaml), "{from: a, %s}", cases[i].yaml);
		open_bench_in(&x, folder, "lookup", yaml);
		assert_false(x.ready);
		sl_diags_print(&x.diags, &out);
		if (!strstr(sl_buf_z(&out), cases[i].says))
			fail_msg("case %zu: \"%s\" is not in: %s", i, cases[i].says,
				 sl_buf_z(&out));
		sl_buf_release(&out);
		close_bench(&x);
	}
}

static void test_lookup_of_a_header_alone_finds_nothing(void **state)
{
	static const struct text_case cases[] = {{"a", "NULL"}};

	(void)state;
	write_table("towns.csv", "insee;name");
	check_lookup("{" TOWNS "}", cases, 1);
}

/* --- date --- */

static void test_date_reads_formats_in_order(void **state)
{
	static const struct text_case cases[] = {
		{"31/12/2026", "2026-12-31"},
		{"1/2/2026", "2026-02-01"},
		{"12/31/2026", "2026-12-31"}, /* no month 31: the second format */
		{"20260102", "2026-01-02"},
		{"2026102", "REJECT"}, /* where numbers touch each has two digits */
		{"29/02/2026", "REJECT"},
		{"31/12/2026 ", "2026-12-31"},
		{"31/12/2026x", "REJECT"},
		{"31/12/26", "REJECT"},
		{"", "NULL"},
		{"\u00a0", "NULL"},
		{NULL, "NULL"},
	};

	(void)state;
	check_texts("date", "{from: a, into: y, formats: ['%d/%m/%Y', '%m/%d/%Y', '%Y%m%d']}", Y,
		    cases, SL_ARRAY_LEN(cases));
}

static void test_date_knows_months_in_two_languages(void **state)
{
	static const struct text_case cases[] = {
		{"1er janvier 2026", "2026-01-01"},
		{"2 févr. 2026", "2026-02-02"},
		{"3 FÉVRIER 2026", "2026-02-03"},
		{"4 fevrier 2026", "2026-02-04"},
		{"5\u00a0août\u202f2026", "2026-08-05"},
		{"6 December 2026", "2026-12-06"},
		{"7 déc. 2026", "2026-12-07"},
		{"08 Jun 2026", "2026-06-08"},
		{"9 juil 2026", "2026-07-09"},
		{"9 juill 2026", "REJECT"},
		{"9 brumaire 2026", "REJECT"},
		{"9 abcdefghijklmnop 2026", "REJECT"},
		{"2er mai 2026", "REJECT"},
		{"9 12 2026", "REJECT"},
	};

	(void)state;
	check_texts("date", "{from: a, into: y, formats: '%d %B %Y'}", Y, cases,
		    SL_ARRAY_LEN(cases));
}

static void test_date_local_times_need_their_zone(void **state)
{
	static const struct text_case reject[] = {
		{"2025-07-01 12:00:00", "2025-07-01T10:00:00Z"},
		{"2025-03-30 02:30:00", "REJECT"},
		{"2025-10-26 02:30:00", "REJECT"},
		{"2025-10-26 01:59:59", "2025-10-25T23:59:59Z"},
		{"2025-07-01 24:00:00", "REJECT"},
	};
	static const struct text_case later[] = {{"2025-10-26 02:30:00", "2025-10-26T01:30:00Z"}};
	static const struct text_case offset[] = {
		{"01/07/2025 9h5 +02:00", "2025-07-01T07:05:00Z"},
		{"01/07/2025 9h5 Z", "2025-07-01T09:05:00Z"},
		{"01/07/2025 9h5 -0130", "2025-07-01T10:35:00Z"},
		{"01/07/2025 9h5 +02", "2025-07-01T07:05:00Z"},
		{"01/07/2025 9h5 +99:00", "REJECT"},
		{"01/07/2025 9h5 ", "REJECT"},
	};
	static const struct text_case leap[] = {
		{"2016-12-31 23:59:60.25", "2017-01-01T00:00:00.250000Z"},
		{"2024-02-19 14:07:60.0", "REJECT"},
		{"2024-02-19 14:07:00.1234567", "REJECT"},
	};

	(void)state;
#define PARIS "{from: a, into: z, formats: '%Y-%m-%d %H:%M:%S', zone: Europe/Paris"
	check_texts("date", PARIS "}", Z, reject, SL_ARRAY_LEN(reject));
	check_texts("date", PARIS ", ambiguous: later}", Z, later, SL_ARRAY_LEN(later));
	check_texts("date", "{from: a, into: z, formats: '%d/%m/%Y %Hh%M %z'}", Z, offset,
		    SL_ARRAY_LEN(offset));
	check_texts("date", "{from: a, into: z, formats: '%Y-%m-%d %H:%M:%S.%f', zone: UTC}", Z,
		    leap, SL_ARRAY_LEN(leap));
}

static void test_date_limits_and_null_on_error(void **state)
{
	static const struct text_case cases[] = {
		{"1999-12-31", "NULL"}, {"2000-01-01", "2000-01-01"}, {"2100-01-01", "2100-01-01"},
		{"2100-01-02", "NULL"}, {"demain", "NULL"},
	};

	(void)state;
	check_texts("date",
		    "{from: a, into: y, formats: '%Y-%m-%d', min: 2000-01-01, max: 2100-01-01, "
		    "on_error: 'null'}",
		    Y, cases, SL_ARRAY_LEN(cases));
}

#define MS "into: z, unit: ms, min: 2000-01-01, max: 2100-01-01}"

static void test_date_counts_are_exact_and_in_range(void **state)
{
	static const struct number_case ms[] = {
		{1718031845127, "2024-06-10T15:04:05.127000Z"},
		{1718031845, "REJECT"}, /* seconds */
		{-1, "REJECT"},
		{INT64_MAX, "REJECT"},
		{INT64_MIN, "REJECT"},
	};
	static const struct text_case lexemes[] = {
		{"1718031845127", "2024-06-10T15:04:05.127000Z"},
		{"1718031845127.5", "REJECT"},
		{"1.718e12", "REJECT"},
		{"9223372036854775808", "REJECT"},
		{" ", "NULL"},
	};
	static const struct text_case seconds[] = {
		{"1718031845.127", "2024-06-10T15:04:05.127000Z"},
		{"1718031845", "2024-06-10T15:04:05Z"},
		{"-0.5", "1969-12-31T23:59:59.500000Z"},
		{"1.0000005", "REJECT"},
		{"1e9", "REJECT"},
		{"1.0e9", "REJECT"},
		{"253402300800", "REJECT"},
		{"253402300799", "9999-12-31T23:59:59Z"},
		{"-62135596801", "REJECT"},
	};
	static const struct number_case micros[] = {{1, "1970-01-01T00:00:00.000001Z"}};
	static const struct number_case days[] = {{-1, "1969-12-31"}, {86400, "1970-01-02"}};

	(void)state;
	check_numbers("date", "{from: i, " MS, I, Z, ms, SL_ARRAY_LEN(ms));
	check_texts("date", "{from: a, " MS, Z, lexemes, SL_ARRAY_LEN(lexemes));
	check_texts("date", "{from: a, into: z, unit: s}", Z, seconds, SL_ARRAY_LEN(seconds));
	check_numbers("date", "{from: i, into: z, unit: us}", I, Z, micros, SL_ARRAY_LEN(micros));
	check_numbers("date", "{from: i, into: y, unit: s}", I, Y, days, SL_ARRAY_LEN(days));
}

static void test_wrong_settings_are_diagnosed(void **state)
{
	static const struct wrong_case cases[] = {
		{"range", "{from: a, min: 1}", "text"},
		{"range", "{from: i}", "needs \"min\" or \"max\""},
		{"range", "{from: i, min: 2, max: 1}", "greater"},
		{"range", "{from: i, min: 1.5}", "1.5"},
		{"range", "{from: i, min: 1, into: d}", "agree"},
		{"default", "{from: i, value: x}", "\"x\" is no int64"},
		{"default", "{from: z, value: '2026-01-01T00:00:00'}", "offset"},
		{"default", "{from: [a, i], value: ''}", "is no int64"},
		{"default", "{from: l, value: x}", "list<text>"},
		{"default", "{from: a}", "value"},
		{"filter", "{from: a}", "drops nothing"},
		{"filter", "{from: a, keep: [x], drop: [y]}", "not both"},
		{"filter", "{from: i, keep: [x]}", "is no int64"},
		{"filter", "{from: f, keep: [1]}", "float64"},
		{"enum", "{from: i, values: [x]}", "is no int64"},
		{"lookup", "{from: i, file: x, key: k, value: v}", "must be text"},
		{"date", "{from: a, into: z}", "\"formats\" or a \"unit\""},
		{"date", "{from: a, into: z, unit: s, formats: '%Y-%m-%d %z'}", "not both"},
		{"date", "{from: a, into: z, formats: '%Y-%m-%d'}", "needs a \"zone\""},
		{"date", "{from: a, into: y, formats: '%y-%m-%d'}", "letters are"},
		{"date", "{from: a, into: y, formats: '%Y-%m'}", "it needs"},
		{"date", "{from: a, into: y, formats: '%Y-%m-%d %'}", "letters are"},
		{"date", "{from: a, into: y, formats: '%Y-%m-%d %d'}", "twice"},
		{"date", "{from: a, into: y, formats: '%Y-%m-%d %B'}", "both say"},
		{"date", "{from: a, into: y, formats: '%Y-%m-%d', zone: UTC}", "for timestamps"},
		{"date", "{from: a, into: z, unit: s, ambiguous: later}", "without a \"zone\""},
		{"date", "{from: a, into: z, formats: '%Y-%m-%d', zone: Mars/Phobos}", "Mars"},
		{"date", "{from: i, into: z, formats: '%Y-%m-%d', zone: UTC}", "must be text"},
		{"date", "{from: a, into: i, unit: s}", "date or timestamp"},
		{"date", "{from: a, into: z, unit: s, min: soon}", "soon"},
	};

	(void)state;
	check_wrong(cases, SL_ARRAY_LEN(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range_limits_are_inclusive_and_exact),
		cmocka_unit_test(test_range_into_leaves_the_column_read),
		cmocka_unit_test(test_range_of_a_double),
		cmocka_unit_test(test_default_fills_nulls_only),
		cmocka_unit_test(test_filter_drops_rows_by_value),
		cmocka_unit_test(test_filter_compares_in_the_columns_type),
		cmocka_unit_test(test_enum_lets_listed_values_pass),
		cmocka_unit_test(test_lookup_reads_the_pipelines_file),
		cmocka_unit_test(test_lookup_another_file_is_another_rule),
		cmocka_unit_test(test_lookup_refuses_a_bad_file),
		cmocka_unit_test(test_lookup_of_a_header_alone_finds_nothing),
		cmocka_unit_test(test_date_reads_formats_in_order),
		cmocka_unit_test(test_date_knows_months_in_two_languages),
		cmocka_unit_test(test_date_local_times_need_their_zone),
		cmocka_unit_test(test_date_limits_and_null_on_error),
		cmocka_unit_test(test_date_counts_are_exact_and_in_range),
		cmocka_unit_test(test_wrong_settings_are_diagnosed),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
