/* Rules that change texts: trim, case, regex_replace, set_null, concat. */
#include "rule_support.h"

#include "data/letters.h"

static void test_trim_drops_every_kind_of_blank(void **state)
{
	static const struct text_case both[] = {
		{"  a b ", "a b"}, {"\u00a0\u202f a\u3000\ufeff", "a"},
		{"\t\r\n", ""},	   {"", ""},
		{"é", "é"},	   {NULL, "NULL"},
	};
	static const struct text_case start[] = {{" a ", "a "}, {"  ", ""}};
	static const struct text_case end[] = {{" a ", " a"}};
	static const struct text_case inner[] = {
		{" a \u00a0\tb\nc ", "a b c"},
		{"mai\u200bson", "maison"},
		{" ", ""},
	};
	static const struct text_case null[] = {{" \u00a0", "NULL"}, {"", "NULL"}, {" a", "a"}};

	(void)state;
	check_texts("trim", "{from: a}", A, both, SL_ARRAY_LEN(both));
	check_texts("trim", "{from: a, into: t}", T, both, SL_ARRAY_LEN(both));
	check_texts("trim", "{from: a, side: start}", A, start, SL_ARRAY_LEN(start));
	check_texts("trim", "{from: a, side: end}", A, end, SL_ARRAY_LEN(end));
	check_texts("trim", "{from: a, inner: true}", A, inner, SL_ARRAY_LEN(inner));
	check_texts("trim", "{from: a, empty_as_null: true}", A, null, SL_ARRAY_LEN(null));
}

static void test_trim_takes_several_columns(void **state)
{
	struct bench x;
	size_t row;

	(void)state;
	open_bench(&x, "trim", "{from: [a, t]}");
	row = add_row(&x, " a ");
	x.batch.cols[T].u.str[row] = SL_STR(" t ");
	x.batch.cols[T].valid[row] = 1;
	run_rule(&x);
	assert_string_equal(cell(&x, 0, A), "a");
	assert_string_equal(cell(&x, 0, T), "t");
	close_bench(&x);
}

static void test_case_maps_one_letter_to_one(void **state)
{
	static const struct text_case lower[] = {
		{"İSTANBUL", "istanbul"},
		{"ISTANBUL", "istanbul"},
		{"ȺȺ", "ⱥⱥ"},
		{"STRASSE", "strasse"},
		{"straße", "straße"},
		{"ﬁN", "ﬁn"},
		{"ẞ", "ß"},
		{"ΟΔΟΣ", "οδοσ"},
		{"Ǆ", "ǆ"},
		{"ꭰ", "ꭰ"},
		{"𐐀", "𐐨"},
		{"12 €", "12 €"},
		{"", ""},
		{NULL, "NULL"},
	};
	static const struct text_case upper[] = {
		{"été", "ÉTÉ"}, {"straße", "STRAßE"}, {"ı", "I"}, {"ᾀ", "ᾈ"},
		{"ǆ", "Ǆ"},	{"ⱥ", "Ⱥ"},	      {"ŉ", "ŉ"}, {"𐐨", "𐐀"},
	};

	(void)state;
	check_texts("case", "{from: a, to: lower}", A, lower, SL_ARRAY_LEN(lower));
	check_texts("case", "{from: a, to: upper, into: t}", T, upper, SL_ARRAY_LEN(upper));
}

static void test_case_title_begins_words(void **state)
{
	static const struct text_case title[] = {
		{"saint-étienne DU rouvray", "Saint-Étienne Du Rouvray"},
		{"L'ISLE-ADAM", "L'Isle-Adam"},
		{"l’isle-adam", "L’Isle-Adam"},
		{"AUJOURD'HUI", "Aujourd'hui"},
		{"don't", "Don't"},
		{"2ND floor", "2nd Floor"},
		{"ǆ-x", "ǅ-X"},
		{"e\u0301te\u0301 a\u00a0b", "E\u0301te\u0301 A\u00a0B"},
		{"«été»", "«Été»"},
	};

	(void)state;
	check_texts("case", "{from: a, to: title}", A, title, SL_ARRAY_LEN(title));
}

/* Buffers sized for the input would be too small by half. */
static void test_case_text_that_grows_by_half(void **state)
{
	struct sl_buf in = SL_BUF_INIT;
	struct sl_buf want = SL_BUF_INIT;
	struct bench x;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		sl_buf_adds(&in, "Ⱥ");
		sl_buf_adds(&want, "ⱥ");
	}
	open_bench(&x, "case", "{from: a, to: lower}");
	add_row(&x, sl_buf_z(&in));
	run_rule(&x);
	assert_int_equal(x.batch.cols[A].u.str[0].n, 9000);
	assert_string_equal(cell(&x, 0, A), sl_buf_z(&want));
	close_bench(&x);
	sl_buf_release(&in);
	sl_buf_release(&want);
}

static void test_letters_read_back_as_written(void **state)
{
	(void)state;
	for (uint32_t c = 1; c < 0x110000; c++) {
		char text[8] = "";
		const char *p = text;

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		size_t n = sl_letter_put(c, text);

		assert_true(sl_utf8_valid((struct sl_str){text, n}, NULL));
		assert_int_equal(sl_letter_next(&p), c);
		assert_int_equal(p - text, n);
		/* Mapping twice changes nothing more. */
		assert_int_equal(sl_letter_lower(sl_letter_lower(c)), sl_letter_lower(c));
		assert_int_equal(sl_letter_title(sl_letter_title(c)), sl_letter_title(c));
	}
}

static void test_texts_are_the_same_whatever_their_case(void **state)
{
	(void)state;
	assert_true(sl_text_same(SL_STR("Été"), SL_STR("ÉTÉ")));
	assert_true(sl_text_same(SL_STR("ΟΔΟΣ"), SL_STR("οδος")));
	assert_true(sl_text_same(SL_STR(""), SL_STR("")));
	assert_false(sl_text_same(SL_STR("été"), SL_STR("ete")));
	assert_false(sl_text_same(SL_STR("a"), SL_STR("ab")));
	assert_false(sl_text_same(SL_STR("ab"), SL_STR("a")));
}

static void test_regex_replace_all_or_first(void **state)
{
	static const struct text_case all[] = {
		{"a1b22c", "a#b#c"},
		{"none", "none"},
		{"", ""},
		{NULL, "NULL"},
	};
	static const struct text_case first[] = {{"a1b22c", "a#b22c"}};

	(void)state;
	check_texts("regex_replace", "{from: a, pattern: '[0-9]+', with: '#'}", A, all,
		    SL_ARRAY_LEN(all));
	check_texts("regex_replace",
		    "{from: a, into: t, pattern: '[0-9]+', with: '#', which: first}", T, first,
		    SL_ARRAY_LEN(first));
}

static void test_regex_replace_groups_in_the_replacement(void **state)
{
	static const struct text_case swap[] = {{"Dupont Jean", "Jean Dupont"}, {"Jean", "Jean"}};
	static const struct text_case named[] = {{"12.50", "12,50 $"}};
	static const struct text_case unset[] = {{"x", "[]x"}, {"y", "[y]y"}};

	(void)state;
	check_texts("regex_replace", "{from: a, pattern: '(\\w+) (\\w+)', with: '$2 ${1}'}", A,
		    swap, SL_ARRAY_LEN(swap));
	check_texts("regex_replace",
		    "{from: a, pattern: '(?<whole>\\d+)\\.(\\d+)', with: '${whole},$2 $$'}", A,
		    named, SL_ARRAY_LEN(named));
	check_texts("regex_replace", "{from: a, pattern: 'x|(y)', with: '[$1]$0'}", A, unset,
		    SL_ARRAY_LEN(unset));
}

/* As Perl does: an empty match counts once at its place, also behind a match that is not empty. */
static void test_regex_replace_empty_matches(void **state)
{
	static const struct text_case star[] = {{"baaac", "xbxxcx"}, {"", "x"}, {"éa", "xéxx"}};
	static const struct text_case front[] = {{"ab", "xab"}};
	static const struct text_case gone[] = {{"été", ""}};

	(void)state;
	check_texts("regex_replace", "{from: a, pattern: 'a*', with: x}", A, star,
		    SL_ARRAY_LEN(star));
	check_texts("regex_replace", "{from: a, pattern: '^', with: x}", A, front,
		    SL_ARRAY_LEN(front));
	check_texts("regex_replace", "{from: a, pattern: '.', with: ''}", A, gone,
		    SL_ARRAY_LEN(gone));
}

static void test_regex_replace_gives_up_as_a_reject(void **state)
{
	struct bench x;

	(void)state;
	open_bench(&x, "regex_replace", "{from: a, pattern: '^(?:a+)+$', with: b}");
	add_row(&x, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
	run_rule(&x);
	assert_string_equal(cell(&x, 0, A), "REJECT");
	assert_string_equal(x.batch.rejects[0].field, "a");
	close_bench(&x);
}

static void test_regex_replace_result_is_bounded(void **state)
{
	char text[2001];
	struct bench x;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	/* Each of the 2,000 letters becomes 600. */
	open_bench(&x, "regex_replace", "{from: a, pattern: '(?=(a{0,200}))a', with: '$1$1$1'}");
	assert_true(x.ready);
	add_row(&x, text);
	run_rule(&x);
	assert_string_equal(cell(&x, 0, A), "REJECT");
	assert_non_null(strstr(x.batch.rejects[0].reason, "1 MiB"));
	close_bench(&x);
}

static void test_set_null_values_that_mean_nothing(void **state)
{
	static const struct text_case exact[] = {
		{"Non communiqué", "NULL"},
		{"NON COMMUNIQUÉ", "NON COMMUNIQUÉ"},
		{"-", "NULL"},
		{"", ""},
		{"x", "x"},
		{NULL, "NULL"},
	};
	static const struct text_case any_case[] = {{"NON COMMUNIQUÉ", "NULL"}, {"n", "n"}};

	(void)state;
	check_texts("set_null", "{from: a, values: [Non communiqué, '-']}", A, exact,
		    SL_ARRAY_LEN(exact));
	check_texts("set_null", "{from: a, into: t, ignore_case: true, values: Non communiqué}", T,
		    any_case, SL_ARRAY_LEN(any_case));
}

static void test_set_null_reads_values_in_the_columns_type(void **state)
{
	struct bench x;

	(void)state;
	open_bench(&x, "set_null", "{from: [i, d], values: [9999, 0]}");
	assert_true(x.ready);
	for (size_t row = 0; row < 3; row++) {
		add_row(&x, NULL);
		x.batch.cols[I].u.i64[row] = row == 0 ? 9999 : 99;
		x.batch.cols[D].u.i64[row] = row == 1 ? 999900 : 9999;
		x.batch.cols[I].valid[row] = x.batch.cols[D].valid[row] = row < 2;
	}
	run_rule(&x);
	assert_string_equal(cell(&x, 0, I), "NULL");
	assert_string_equal(cell(&x, 0, D), "99.99");
	assert_string_equal(cell(&x, 1, I), "99");
	assert_string_equal(cell(&x, 1, D), "NULL");
	assert_int_equal(x.batch.cols[D].u.i64[1], 0);
	assert_string_equal(cell(&x, 2, I), "NULL");
	close_bench(&x);
}

static void fill_row(struct bench *x, size_t row)
{
	x->batch.cols[I].u.i64[row] = -7;
	x->batch.cols[D].u.i64[row] = 1250;
	x->batch.cols[Y].u.i64[row] = 0;
	x->batch.cols[Z].u.i64[row] = 500000;
	x->batch.cols[B].u.b[row] = 1;
	for (size_t col = I; col <= B; col++)
		x->batch.cols[col].valid[row] = 1;
}

static void test_concat_writes_values_exactly(void **state)
{
	struct bench x;

	(void)state;
	open_bench(&x, "concat", "{from: [a, i, d, y, z, b], into: t, separator: ' | '}");
	assert_true(x.ready);
	fill_row(&x, add_row(&x, "été"));
	add_row(&x, NULL);
	fill_row(&x, add_row(&x, ""));
	run_rule(&x);
	assert_string_equal(cell(&x, 0, T),
			    "été | -7 | 12.50 | 1970-01-01 | 1970-01-01T00:00:00.500000Z | true");
	assert_string_equal(cell(&x, 1, T), "NULL");
	assert_string_equal(cell(&x, 2, T),
			    "-7 | 12.50 | 1970-01-01 | 1970-01-01T00:00:00.500000Z | true");
	close_bench(&x);
}

static void test_concat_leaves_out_nulls(void **state)
{
	static const struct text_case skipped[] = {{"a", "a"}, {"", "NULL"}, {NULL, "NULL"}};
	static const struct text_case kept[] = {{"", ""}, {NULL, "NULL"}};

	(void)state;
	check_texts("concat", "{from: [t, a], into: a}", A, skipped, SL_ARRAY_LEN(skipped));
	check_texts("concat", "{from: [t, a], into: a, skip_empty: false}", A, kept,
		    SL_ARRAY_LEN(kept));
}

static void test_wrong_settings_are_diagnosed(void **state)
{
	static const struct wrong_case cases[] = {
		{"trim", "{from: i}", "must be text"},
		{"trim", "{from: [a, tt]}", "E1008"},
		{"trim", "{from: [a, t], into: t}", "one column read"},
		{"trim", "{from: a, into: l}", "agree"},
		{"trim", "{from: []}", "empty"},
		{"case", "{from: a}", "\"to\""},
		{"case", "{from: a, to: small}", "lower"},
		{"regex_replace", "{from: a, pattern: 'a(', with: b}", "E1013"},
		{"regex_replace", "{from: a, pattern: 'a', with: '$1'}", "no group \"1\""},
		{"regex_replace", "{from: a, pattern: 'a', with: '${n}'}", "no group \"n\""},
		{"regex_replace", "{from: a, pattern: 'a', with: '5$'}", "another \"$\""},
		{"regex_replace", "{from: a, pattern: 'a', with: '${1'}", "without \"}\""},
		{"regex_replace", "{from: a, pattern: 'a'}", "\"with\""},
		{"set_null", "{from: i, values: [none]}", "\"none\" is no int64"},
		{"set_null", "{from: l, values: [x]}", "list<text>"},
		{"set_null", "{from: f, values: [0]}", "float64"},
		{"concat", "{from: [a, f], into: t}", "float64"},
		{"concat", "{from: [], into: t}", "empty"},
		{"concat", "{from: [a], into: i}", "must be text"},
	};

	(void)state;
	check_wrong(cases, SL_ARRAY_LEN(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trim_drops_every_kind_of_blank),
		cmocka_unit_test(test_trim_takes_several_columns),
		cmocka_unit_test(test_case_maps_one_letter_to_one),
		cmocka_unit_test(test_case_title_begins_words),
		cmocka_unit_test(test_case_text_that_grows_by_half),
		cmocka_unit_test(test_letters_read_back_as_written),
		cmocka_unit_test(test_texts_are_the_same_whatever_their_case),
		cmocka_unit_test(test_regex_replace_all_or_first),
		cmocka_unit_test(test_regex_replace_groups_in_the_replacement),
		cmocka_unit_test(test_regex_replace_empty_matches),
		cmocka_unit_test(test_regex_replace_gives_up_as_a_reject),
		cmocka_unit_test(test_regex_replace_result_is_bounded),
		cmocka_unit_test(test_set_null_values_that_mean_nothing),
		cmocka_unit_test(test_set_null_reads_values_in_the_columns_type),
		cmocka_unit_test(test_concat_writes_values_exactly),
		cmocka_unit_test(test_concat_leaves_out_nulls),
		cmocka_unit_test(test_wrong_settings_are_diagnosed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
