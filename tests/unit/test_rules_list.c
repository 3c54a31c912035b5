/* Rules about lists: split, dedup. */
#include "rule_support.h"

static void test_split_makes_a_list(void **state)
{
	static const struct text_case plain[] = {
		{"a,b", "a|b"}, {" a , b,, ", "a|b"}, {"a", "a"}, {",", ""},
		{"", ""},	{NULL, "NULL"},
	};
	static const struct text_case whole[] = {{" a ,, b", " a || b"}, {",", "|"}, {"a,", "a|"}};
	static const struct text_case words[] = {{"a - b-c - d", "a|b-c|d"}};

	(void)state;
	check_texts("split", "{from: a, into: l}", L, plain, SL_ARRAY_LEN(plain));
	check_texts("split", "{from: a, into: l, trim: false, skip_empty: false}", L, whole,
		    SL_ARRAY_LEN(whole));
	check_texts("split", "{from: a, into: l, separator: ' - '}", L, words, SL_ARRAY_LEN(words));
}

static void test_dedup_keeps_the_first_of_each(void **state)
{
	static const char *const texts[] = {"b", "a", "b", "", "A", "a", ""};
	struct bench x;

	(void)state;
	open_bench(&x, "dedup", "{from: l}");
	assert_true(x.ready);
	add_list(&x, texts, SL_ARRAY_LEN(texts));
	add_list(&x, texts, 0);
	add_row(&x, NULL);
	run_rule(&x);
	assert_string_equal(cell(&x, 0, L), "b|a||A");
	assert_int_equal(x.batch.cols[L].u.list[0].n, 4);
	assert_string_equal(cell(&x, 1, L), "");
	assert_string_equal(cell(&x, 2, L), "NULL");
	close_bench(&x);
}

static void test_dedup_of_a_long_list(void **state)
{
	enum { N = 20000 };
	const char **texts = calloc(N, sizeof(*texts));
	char(*names)[8] = calloc(N, sizeof(*names));
	struct bench x;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		snprintf(names[i], sizeof(names[i]), "%zu", i % 700);
		texts[i] = names[i];
	}
	open_bench(&x, "dedup", "{from: l, into: unique}");
	add_list(&x, texts, N);
	run_rule(&x);
	const struct sl_list *list = &x.batch.cols[x.schema.n - 1].u.list[0];

	assert_int_equal(list->n, 700);
	for (size_t i = 0; i < 700; i++)
		assert_true(sl_str_eqz(list->v[i], names[i]));
	assert_int_equal(x.batch.cols[L].u.list[0].n, N);
	close_bench(&x);
	free(texts);
	free(names);
}

static void test_wrong_settings_are_diagnosed(void **state)
{
	static const struct wrong_case cases[] = {
		{"split", "{from: a, into: t}", "must be list<text>"},
		{"split", "{from: l, into: l}", "must be text"},
		{"split", "{from: a, into: l, separator: ''}", "\"separator\" is empty"},
		{"dedup", "{from: a}", "must be list<text>"},
	};

	(void)state;
	check_wrong(cases, SL_ARRAY_LEN(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_makes_a_list),
		cmocka_unit_test(test_dedup_keeps_the_first_of_each),
		cmocka_unit_test(test_dedup_of_a_long_list),
		cmocka_unit_test(test_wrong_settings_are_diagnosed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
