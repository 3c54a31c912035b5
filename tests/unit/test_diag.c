/*
 * Diagnostics: order, form, source line and caret, suggestions.
 */
#include "diag_support.h"

#include "base/file.h"

static struct sl_place at(const char *file, unsigned line, unsigned col)
{
	return (struct sl_place){file, line, col, NULL};
}

static void test_diag_prints_in_order_of_place_with_outside_last(void **state)
{
	struct sl_diags d = SL_DIAGS_INIT;
	(void)state;
	sl_diag_add(&d, SL_E1003, (struct sl_place){.origin = "--set"}, "outside");
	sl_diag_add(&d, SL_E1005, at("b.yaml", 2, 1), "b2");
	sl_diag_add(&d, SL_E1005, at("a.yaml", 7, 2), "a7");
	sl_diag_add(&d, SL_E1004, at("a.yaml", 7, 1), "first of its place");
	sl_diag_add(&d, SL_E1003, at("a.yaml", 7, 1), "second of its place");
	sl_diag_add(&d, SL_E1007, at("a.yaml", 3, 9), "a3");
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	sl_diags_print(&d, &out);
	assert_string_equal(sl_buf_z(&out), "--set: error[E1003]: outside\n"
					    "a.yaml:3:9: error[E1007]: a3\n"
					    "a.yaml:7:1: error[E1004]: first of its place\n"
					    "a.yaml:7:1: error[E1003]: second of its place\n"
					    "a.yaml:7:2: error[E1005]: a7\n"
					    "b.yaml:2:1: error[E1005]: b2\n");
	sl_diags_release(&d);
}

static void test_diag_caret_counts_letters_and_keeps_tabs(void **state)
{
	static const char text[] = "\xEF\xBB\xBFun: 1\r\nclé\té: \"x\"\r\n";
	struct sl_diags d = SL_DIAGS_INIT;
	struct sl_err err = SL_ERR_INIT;
	(void)state;
	assert_true(sl_file_replace("test_diag.tmp", text, sizeof(text) - 1, &err));
	sl_diag_add(&d, SL_E1003, at("test_diag.tmp", 1, 1), "one");
	sl_diag_add(&d, SL_E1003, at("test_diag.tmp", 2, 5), "two");
	sl_diag_add(&d, SL_E1003, at("test_diag.tmp", 9, 5), "beyond the end");
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	sl_diags_print(&d, &out);
	remove("test_diag.tmp");
	assert_string_equal(sl_buf_z(&out), "test_diag.tmp:1:1: error[E1003]: one\n"
					    "    1 | un: 1\n"
					    "      | ^\n"
					    "test_diag.tmp:2:5: error[E1003]: two\n"
					    "    2 | clé\té: \"x\"\n"
					    "      |    \t^\n"
					    "test_diag.tmp:9:5: error[E1003]: beyond the end\n");
	sl_diags_release(&d);
}

static void test_diag_message_is_one_harmless_line(void **state)
{
	struct sl_diags d = SL_DIAGS_INIT;
	(void)state;
	sl_diag_add(&d, SL_E1005, at("a", 1, 1), "not \"%s\"", "x\n\x1b[31m");
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	sl_diags_print(&d, &out);
	assert_non_null(strstr(sl_buf_z(&out), "not \"x\\x0a\\x1b[31m\"\n"));
	sl_diags_release(&d);
}

static void test_diag_counts_beyond_the_limit(void **state)
{
	struct sl_diags d = SL_DIAGS_INIT;
	struct sl_err err = SL_ERR_INIT;
	(void)state;
	assert_true(sl_diags_ok(&d, &err));
	for (unsigned i = 0; i < SL_DIAG_MAX + 3; i++)
		sl_diag_add(&d, SL_E1003, at("a", SL_DIAG_MAX + 3 - i, 1), "x");
	assert_int_equal(d.n, SL_DIAG_MAX);
	assert_int_equal(d.total, SL_DIAG_MAX + 3);
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	sl_diags_print(&d, &out);
	assert_true(sl_str_ends(sl_buf_str(&out), "and 3 more errors\n"));
	assert_false(sl_diags_ok(&d, &err));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
	assert_string_equal(err.msg, "a:4:1: x [E1003]");
	sl_diags_release(&d);
}

static void test_diag_explain_knows_every_code(void **state)
{
	const char *meaning, *cure;
	(void)state;
	assert_true(sl_diag_explain("E1001", &meaning, &cure));
	assert_true(sl_diag_explain("E1014", &meaning, &cure));
	assert_string_equal(cure, "use the version named");
	assert_false(sl_diag_explain("E1015", &meaning, &cure));
	assert_false(sl_diag_explain("", &meaning, &cure));
}

static void test_suggest_takes_two_edits_and_one_for_short_words(void **state)
{
	static const char *const names[] = {"columns", "column", "key", "mode"};
	static const struct {
		const char *word, *want;
	} cases[] = {
		{"colums", "columns"},
		{"columsn", "columns"},
		{"colmuns", "columns"},
		{"clms", NULL},
		{"kye", "key"},
		{"ky", "key"},
		{"kxx", NULL},
		{"mod", "mode"},
		{"made", "mode"},
		{"mxdx", NULL},
		{"", NULL},
	};
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
		sl_cleanup(sl_buf_release) struct sl_buf want = SL_BUF_INIT;
		sl_suggest(&out, cases[i].word, names, SL_ARRAY_LEN(names));
		if (cases[i].want)
			sl_buf_addf(&want, " (did you mean \"%s\"?)", cases[i].want);
		if (strcmp(sl_buf_z(&out), sl_buf_z(&want)) != 0)
			fail_msg("case %zu: \"%s\" got \"%s\"", i, cases[i].word, sl_buf_z(&out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diag_prints_in_order_of_place_with_outside_last),
		cmocka_unit_test(test_diag_caret_counts_letters_and_keeps_tabs),
		cmocka_unit_test(test_diag_message_is_one_harmless_line),
		cmocka_unit_test(test_diag_counts_beyond_the_limit),
		cmocka_unit_test(test_diag_explain_knows_every_code),
		cmocka_unit_test(test_suggest_takes_two_edits_and_one_for_short_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
