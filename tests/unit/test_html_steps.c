/*
 * Pages that make a selector expensive: each ends within the steps of a page, and says so.
 */
#include "base_support.h"

#include "data/html.h"
#include "data/selector.h"

#define PAGE_BYTES ((size_t)1 << 20)

static const struct sl_html_engine *html;

static int open_module(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	return sl_html_get(&html, &err) ? 0 : -1;
}

/* A page of a megabyte: before, then unit again and again. */
static struct sl_html *page_of(const char *before, const char *unit)
{
	sl_cleanup(sl_buf_release) struct sl_buf bytes = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_html *p = NULL;

	sl_buf_adds(&bytes, before);
	while (bytes.n < PAGE_BYTES)
		sl_buf_adds(&bytes, unit);
	if (!html->parse(sl_buf_str(&bytes), SL_STR_NULL, &p, &err))
		fail_msg("%s", err.msg);
	return p;
}

static void refuses(const struct sl_err *err)
{
	assert_int_equal(err->kind, SL_ERR_DATA);
	assert_string_equal(err->msg, "the page takes more than 50000000 steps");
	assert_non_null(strstr(err->hint, "record, within"));
}

/* How many elements the selector means; SIZE_MAX: refused. */
static size_t count(struct sl_html *p, const char *selector, struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	const struct sl_html_node *node = NULL;
	struct sl_selector s;
	size_t n = 0;

	assert_true(sl_selector_parse(sl_str_of(selector), &arena, &s, err));
	while (html->next(p, NULL, &s, node, &node, err) && node)
		n++;
	return err->kind == SL_ERR_NONE ? n : SIZE_MAX;
}

static size_t count_in(const char *before, const char *unit, const char *selector,
		       struct sl_err *err)
{
	struct sl_html *p = page_of(before, unit);
	const size_t n = count(p, selector, err);

	print_message("%s\n", selector);
	html->close(p);
	return n;
}

static void test_html_steps_bound_what_a_megabyte_of_siblings_costs(void **state)
{
	static const struct {
		const char *before, *unit, *selector;
	} cases[] = {
		{"", "<b></b>", "i ~ b"},
		{"", "<b></b>", "b:has(~ i)"},
		{"", "<b></b>", "b:nth-child(2n+1)"},
		{"", "<b></b><!----><!---->", "i ~ b"}, /* what is no element counts as well */
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_err err = SL_ERR_INIT;

		assert_true(count_in(cases[i].before, cases[i].unit, cases[i].selector, &err) ==
			    SIZE_MAX);
		refuses(&err);
	}
}

static void test_html_steps_count_long_values_and_many_attributes(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf words = SL_BUF_INIT, wide = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	sl_buf_adds(&words, "<div class='");
	for (int i = 0; i < 100000; i++)
		sl_buf_adds(&words, "word ");
	sl_buf_adds(&words, "'>");
	assert_true(count_in(sl_buf_z(&words), "<b></b>", ".none b", &err) == SIZE_MAX);
	refuses(&err);
	sl_err_clear(&err);
	sl_buf_adds(&wide, "<b");
	for (int i = 0; i < 64; i++)
		sl_buf_addf(&wide, " a%d", i);
	sl_buf_adds(&wide, "></b>");
	assert_true(count_in("", sl_buf_z(&wide), "b[a63] ~ b:not([none] ~ b)", &err) == SIZE_MAX);
	refuses(&err);
}

static void test_html_steps_count_texts(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf nested = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_html *p;

	(void)state;
	for (int i = 0; i < 50; i++)
		sl_buf_adds(&nested, "<div>");
	p = page_of(sl_buf_z(&nested), "some words ");
	for (int i = 0; i < 2 && err.kind == SL_ERR_NONE; i++)
		(void)count(p, "div:has-text('none')", &err);
	refuses(&err);
	html->close(p);
}

static void test_html_steps_are_of_the_page_not_of_a_selector(void **state)
{
	struct sl_html *p = page_of("", "<b></b>");
	struct sl_err err = SL_ERR_INIT;
	int fields = 0;

	(void)state;
	for (; fields < 10000 && count(p, "b:not(.x)", &err) != SIZE_MAX; fields++)
		;
	assert_in_range(fields, 20, 9999);
	refuses(&err);
	sl_err_clear(&err);
	assert_true(count(p, "i", &err) == SIZE_MAX); /* nor is anything found afterwards */
	refuses(&err);
	html->close(p);
}

static void test_html_steps_bound_what_is_dropped(void **state)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_html *p = page_of("<i></i>", "<b><b></b></b><u></u>");
	struct sl_selector s;

	(void)state;
	assert_true(sl_selector_parse(SL_STR("b"), &arena, &s, &err));
	assert_true(html->drop(p, &s, &err)); /* one inside another goes with it */
	assert_int_equal(count(p, "b", &err), 0);
	assert_in_range(count(p, "i + u + u", &err), 1, 1);
	assert_in_range(count(p, "u", &err), 40000, 60000);
	assert_true(sl_selector_parse(SL_STR("u:has(~ i)"), &arena, &s, &err));
	assert_false(html->drop(p, &s, &err));
	refuses(&err);
	html->close(p);
}

static void test_html_steps_bound_an_xpath(void **state)
{
	static const struct {
		const char *xpath;
		enum sl_err_kind kind;
	} cases[] = {
		{"//b[position() < 3]", SL_ERR_NONE},
		{"//b[count(preceding::b) = 1]", SL_ERR_DATA},
		{"//b[no-such-function()]", SL_ERR_CONFIG},
		{"//b[$unknown]", SL_ERR_CONFIG},
		{"string(//b)", SL_ERR_CONFIG},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_html *p = page_of("", "<b></b>");
		const struct sl_html_node *const *found;
		struct sl_err err = SL_ERR_INIT;
		struct sl_xpath *x;
		size_t n;

		print_message("%s\n", cases[i].xpath);
		assert_true(html->xpath_compile(cases[i].xpath, &x, &err));
		assert_true(html->xpath_select(p, NULL, x, &found, &n, &err) ==
			    (cases[i].kind == SL_ERR_NONE));
		assert_int_equal(err.kind, cases[i].kind);
		if (err.kind == SL_ERR_DATA)
			refuses(&err);
		html->xpath_close(x);
		html->close(p);
	}
}

static void test_html_steps_suffice_for_a_megabyte_of_siblings(void **state)
{
	static const char *const selectors[] = {
		"b",
		"b + b",
		"* > b",
		"b:last-child",
		"b:nth-child(7)",
		"body b.x, b",
		"b:not(.x)",
		"b ~ b:not(i ~ i)",
		"b:has-text('a')",
		"b:has(+ b)",
	};
	struct sl_html *p = page_of("", "<b>a</b>");
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(selectors); i++) {
		print_message("%s\n", selectors[i]);
		assert_in_range(count(p, selectors[i], &err), 1, 200000);
	}
	html->close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html_steps_bound_what_a_megabyte_of_siblings_costs),
		cmocka_unit_test(test_html_steps_count_long_values_and_many_attributes),
		cmocka_unit_test(test_html_steps_count_texts),
		cmocka_unit_test(test_html_steps_are_of_the_page_not_of_a_selector),
		cmocka_unit_test(test_html_steps_bound_what_is_dropped),
		cmocka_unit_test(test_html_steps_bound_an_xpath),
		cmocka_unit_test(test_html_steps_suffice_for_a_megabyte_of_siblings),
	};

	return cmocka_run_group_tests(tests, open_module, NULL);
}
