/*
 * Selectors over pages: which elements each one means, and which texts are none.
 */
#include "base_support.h"

#include "data/html.h"
#include "data/selector.h"

static const struct sl_html_engine *html;

static int open_module(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	return sl_html_get(&html, &err) ? 0 : -1;
}

/* The ids of what selector means in page, "a b c". */
static const char *ids(const char *page, const char *selector, struct sl_buf *out)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	const struct sl_html_node *node = NULL;
	struct sl_err err = SL_ERR_INIT;
	struct sl_selector s;
	struct sl_html *p;

	sl_buf_clear(out);
	if (!sl_selector_parse(sl_str_of(selector), &arena, &s, &err))
		fail_msg("%s", err.msg);
	if (!html->parse(sl_str_of(page), SL_STR_NULL, &p, &err))
		fail_msg("%s", err.msg);
	while (html->next(p, NULL, &s, node, &node, &err) && node) {
		sl_buf_adds(out, out->n ? " " : "");
		assert_true(html->attribute(node, "id", out));
	}
	assert_int_equal(err.kind, SL_ERR_NONE);
	html->close(p);
	return sl_buf_z(out);
}

struct selector_case {
	const char *selector, *want;
};

static void expect(const char *page, const struct selector_case *cases, size_t n)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		print_message("%s\n", cases[i].selector);
		assert_string_equal(ids(page, cases[i].selector, &out), cases[i].want);
	}
}

static void test_selector_types_classes_ids_and_combinators(void **state)
{
	static const char page[] =
		"<body id=body><div id=a class='x  y'><p id=b>1</p>text<p id=c class=y>2"
		"<span id=d>3</span></p></div><p id=e class=y>4</p><ul id=u><li id=l1>"
		"<li id=l2><li id=l3><li id=l4></ul></body>";
	static const struct selector_case cases[] = {
		{"p", "b c e"},
		{"P", "b c e"},
		{".y", "a c e"},
		{".x.y", "a"},
		{"#d", "d"},
		{"div p", "b c"},
		{"div span", "d"},
		{"div > span", ""},
		{"div>p>span", "d"},
		{"p + p", "c"},
		{"div + p", "e"},
		{"li ~ li", "l2 l3 l4"},
		{"li:first-child", "l1"},
		{"li:last-child", "l4"},
		{"li:nth-child(2)", "l2"},
		{"li:nth-child(odd)", "l1 l3"},
		{"li:nth-child(even)", "l2 l4"},
		{"li:nth-child(n+3)", "l3 l4"},
		{"li:nth-child(-n+2)", "l1 l2"},
		{"li:nth-child( 3n + 1 )", "l1 l4"},
		{"li:not(#l2, :last-child)", "l1 l3"},
		{"span, .x", "a d"}, /* document order, not that of the list */
		{"#e, p, .y", "a b c e"},
		{"* > span", "d"},
		{"body *:nth-child(1)", "a b d l1"},
		{"#nobody", ""},
	};

	(void)state;
	expect(page, cases, SL_ARRAY_LEN(cases));
}

static void test_selector_attributes(void **state)
{
	static const char page[] = "<a id=a href='/annonce/r12' rel='next follow' lang=fr-FR></a>"
				   "<a id=b HREF='/ANNONCE/' data-x=''></a><a id=c></a>";
	static const struct selector_case cases[] = {
		{"[href]", "a b"},
		{"[HREF]", "a b"},
		{"[href='/annonce/r12']", "a"},
		{"[href*=\"/annonce/\"]", "a"},
		{"[href*='/annonce/' i]", "a b"},
		{"[href^='/a']", "a"},
		{"[href$='2']", "a"},
		{"[rel~=next]", "a"},
		{"[rel~=nex]", ""},
		{"[lang|=fr]", "a"},
		{"[data-x='']", "b"},
		{"[data-x*='']", ""},
		{"a:not([href])", "c"},
	};

	(void)state;
	expect(page, cases, SL_ARRAY_LEN(cases));
}

static void test_selector_names_may_be_escaped(void **state)
{
	static const char page[] =
		"<p id=a class='md:px-[4rem]'></p><p id=b class='group-[.is-prestige]:grid'></p>"
		"<p id=c class='1st'></p><p id=d class='été'></p>";
	static const struct selector_case cases[] = {
		{"p.md\\:px-\\[4rem\\]", "a"},
		{".group-\\[\\.is-prestige\\]\\:grid", "b"},
		{".\\31 st", "c"},
		{".été", "d"},
		{".\\e9t\\0000e9", "d"},
	};

	(void)state;
	expect(page, cases, SL_ARRAY_LEN(cases));
}

static void test_selector_has_text_is_whole_text_in_any_case(void **state)
{
	static const char page[] =
		"<ul><li id=a>64\xc2\xa0M²</li><li id=b><b>Voir</b>\n  <i>MOINS</i></li><li id=c>x"
		"<script id=s>voir moins</script></li></ul><dl id=l><dt id=t>Nombre de "
		"lots</dt><dd id=v>160</dd></dl>"
		"<button id=k><span id=w>9 photos • VIDÉO</span></button>";
	static const struct selector_case cases[] = {
		{"li:has-text('m²')", "a"},
		{"li:has-text('64 m²')", "a"},
		{"li:has-text(' voir  moins ')", "b"},
		{"dt:has-text('Nombre de lots') + dd", "v"},
		{"button:has(span:has-text('vidéo'))", "k"},
	};

	(void)state;
	expect(page, cases, SL_ARRAY_LEN(cases));
}

static void test_selector_has_is_relative_to_the_element(void **state)
{
	static const char page[] =
		"<div id=a><p id=b><i id=c></i></p></div><div id=d><p id=e></p></div><p id=f></p>";
	static const struct selector_case cases[] = {
		{"div:has(i)", "a"},
		{"div:has(> i)", ""},
		{"div:has(> p > i)", "a"},
		{"div:has(+ p)", "d"},
		{"div:has(~ p)", "a d"},
		{"div:has(div i)", ""}, /* the div inside must be below, too */
		{"div:not(:has(i))", "d"},
		{"p:has(i, b)", "b"},
	};

	(void)state;
	expect(page, cases, SL_ARRAY_LEN(cases));
}

static void test_selector_that_is_wrong_says_where(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "an element is missing at character 1"},
		{"p,", "an element is missing at character 3"},
		{"p >", "an element is missing at character 4"},
		{".", "a name is missing at character 2"},
		{"[a", "= is missing at character 3"},
		{"[a=", "a name is missing at character 4"},
		{"[a='b]", "never closed"},
		{"[a='b'", "] is missing"},
		{"p:hover", "unknown pseudo-class"},
		{"p:nth-child(x)", "a number is missing"},
		{"p:nth-child(2", ") is missing"},
		{"p:has-text", "( is missing"},
		{"p)", "something is left over at character 2"},
		{"p::before", "a name is missing"},
		{"p\\", "nothing is escaped"},
		{":not(:not(:not(:not(:not(:not(:not(:not(:not(p)))))))))", "too many levels"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
		struct sl_err err = SL_ERR_INIT;
		struct sl_selector s;

		if (sl_selector_parse(sl_str_of(cases[i].text), &arena, &s, &err))
			fail_msg("\"%s\" is accepted", cases[i].text);
		assert_int_equal(err.kind, SL_ERR_CONFIG);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("\"%s\": %s", cases[i].text, err.msg);
	}
}

/* --- pages --- */

static void expect_title(struct sl_str bytes, const char *charset, const char *want)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf title = SL_BUF_INIT;
	const struct sl_html_node *found;
	struct sl_err err = SL_ERR_INIT;
	struct sl_selector s;
	struct sl_html *p;

	assert_true(sl_selector_parse(SL_STR("p"), &arena, &s, &err));
	if (!html->parse(bytes, charset ? sl_str_of(charset) : SL_STR_NULL, &p, &err))
		fail_msg("%s", err.msg);
	assert_true(html->next(p, NULL, &s, NULL, &found, &err) && found);
	html->text(found, &title);
	assert_string_equal(sl_buf_z(&title), want);
	html->close(p);
}

static void test_html_encoding_by_mark_then_header_then_meta(void **state)
{
	(void)state;
	expect_title(SL_STR("<p>é"), NULL, "é");
	expect_title(SL_STR("<p>\xe9\x80"), "ISO-8859-1", "é€");
	expect_title(SL_STR("<p>\xe9"), "\"latin1\"", "é");
	expect_title(SL_STR("<meta charset=iso-8859-1><p>\xe9"), NULL, "é");
	expect_title(SL_STR("<meta content='text/html; charset=\"gb2312\"' "
			    "http-equiv='Content-type'><p>\xe9\x46"),
		     NULL, "镕");
	expect_title(SL_STR("<meta charset=utf-16><p>é"), NULL, "é");
	expect_title(SL_STR("<meta charset=iso-8859-1><p>é"), "utf-8", "é");
	expect_title(SL_STR("\xef\xbb\xbf<meta charset=iso-8859-1><p>é"), "iso-8859-1", "é");
	expect_title(SL_STR("\xff\xfe<\0p\0>\0\xe9\0"), "utf-8", "é");
	expect_title(SL_STR("<p>\xc3\xa9"), "no-such-charset", "é");
	expect_title(SL_STR("<p>a\xff z"), "utf-8", "a\xef\xbf\xbd z");
	expect_title(SL_STR("<p>caf\xe9 \x80"), NULL, "café €");
	expect_title(SL_STR("<p>café\xff"), NULL, "café\xef\xbf\xbd");
	expect_title(SL_STR("<p>+AOk-"), "utf-7", "+AOk-");
	expect_title(SL_STR("<p>\xa4"), "L9", "€");
	expect_title(SL_STR("<p>\xe9"), "ISO88591", "é");
	expect_title(SL_STR("<p>\xc6\xfc"), "x-euc-jp", "日");
	expect_title(SL_STR("<p>a\0z"), NULL, "a\xef\xbf\xbdz");
	expect_title(SL_STR("<p>\x81 z"), "shift_jis", "\xef\xbf\xbd z");
}

static void test_html_meta_is_looked_for_as_browsers_do(void **state)
{
	(void)state;
	expect_title(SL_STR("<!-- <meta charset=latin1> --><p>é"), NULL, "é");
	expect_title(SL_STR("<meta name=x content='a charset=latin1'><p>é"), NULL, "é");
	expect_title(SL_STR("<meta data-x=1 / CHARSET = 'Latin1' ><p>\xe9"), NULL, "é");
	expect_title(SL_STR("<a title='<meta charset=latin1>'><p>é"), NULL, "é");
	expect_title(SL_STR("<metal charset=latin1><p>é"), NULL, "é");
	expect_title(SL_STR("<meta =x charset=none><meta charset=latin1><p>\xe9"), NULL, "é");
	expect_title(SL_STR("<?xml version='1.0' encoding='iso-8859-15'?><p>\xa4"), NULL, "€");
	expect_title(SL_STR("<?xml encoding='koi8-r'?><meta charset=latin1><p>\xe9"), NULL, "é");
	expect_title(SL_STR("<p>é<meta charset"), NULL, "é");
}

static void test_html_numbers_of_windows_1252_are_its_letters(void **state)
{
	(void)state;
	expect_title(SL_STR("<p>l&#146;eau &#128;5 &#x92;&#X80"), NULL, "l’eau €5 ’€");
	expect_title(SL_STR("<p>&#1280;&#233;&#39;"), NULL, "Ԁé'");
}

static void test_html_text_is_without_script_and_style(void **state)
{
	(void)state;
	expect_title(
		SL_STR("<p>a<style>b</style><b>c&eacute;&#8217;</b><script>d</script><!-- e --> f"),
		NULL, "acé’ f");
}

static void test_html_is_whole_or_refused(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf deep = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_html *p;

	(void)state;
	for (int i = 0; i < 100000; i++)
		sl_buf_adds(&deep, "<div>");
	sl_buf_adds(&deep, "<p>x");
	assert_false(html->parse(sl_buf_str(&deep), SL_STR_NULL, &p, &err));
	assert_int_equal(err.kind, SL_ERR_DATA);
	sl_err_clear(&err);
	assert_false(html->parse(SL_STR(""), SL_STR_NULL, &p, &err));
	assert_int_equal(err.kind, SL_ERR_DATA);
	sl_err_clear(&err);
	assert_false(
		html->parse((struct sl_str){deep.p, SL_HTML_BYTES + 1}, SL_STR_NULL, &p, &err));
	assert_int_equal(err.kind, SL_ERR_DATA);
}

static void test_xpath_finds_elements_in_document_order(void **state)
{
	static const char page[] = "<dl><dt>Lots</dt><dd>160</dd></dl><p>a</p>";
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	const struct sl_html_node *const *found;
	struct sl_err err = SL_ERR_INIT;
	struct sl_xpath *x;
	struct sl_html *p;
	size_t n;

	(void)state;
	assert_true(html->xpath_compile("//p | //dt[contains(., 'Lots')]/following-sibling::dd[1]",
					&x, &err));
	assert_true(html->parse(SL_STR(page), SL_STR_NULL, &p, &err));
	assert_true(html->xpath_select(p, NULL, x, &found, &n, &err));
	assert_int_equal(n, 2);
	html->text(found[0], &out);
	html->text(found[1], &out);
	assert_string_equal(sl_buf_z(&out), "160a");
	html->close(p);
	html->xpath_close(x);
	assert_false(html->xpath_compile("//p[", &x, &err));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
}

static void test_html_many_comments_are_passed_over(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf page = SL_BUF_INIT, out = SL_BUF_INIT;

	(void)state;
	sl_buf_adds(&page, "<p id=a>");
	for (size_t i = 0; i < 100000; i++)
		sl_buf_adds(&page, "<!---->");
	sl_buf_adds(&page, "<b id=b>");
	assert_string_equal(ids(sl_buf_z(&page), "p b", &out), "b");
}

/* before, then n attributes, then behind */
static bool fits(const char *before, size_t n, const char *attribute, const char *behind)
{
	sl_cleanup(sl_buf_release) struct sl_buf page = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_html *p = NULL;

	sl_buf_adds(&page, before);
	for (size_t i = 0; i < n; i++)
		sl_buf_adds(&page, attribute);
	sl_buf_adds(&page, behind);
	const bool ok = html->parse(sl_buf_str(&page), SL_STR_NULL, &p, &err);
	assert_true(ok || strstr(err.msg, "more than 1024 attributes"));
	html->close(p);
	return ok;
}

static void test_html_element_with_too_many_attributes_is_refused(void **state)
{
	static const char *const attributes[] = {
		" ab", " ab=1", "\nab = \"x > y\"", " ab='1 2'", "/ab=\"\"",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(attributes); i++) {
		print_message("%s\n", attributes[i]);
		assert_true(fits("<p", SL_HTML_ATTRIBUTES, attributes[i], "><b>"));
		assert_false(fits("<p", SL_HTML_ATTRIBUTES + 1, attributes[i], "><b>"));
		assert_false(fits("<p", SL_HTML_ATTRIBUTES + 1, attributes[i], ""));
	}
	/* a further one's go to the first */
	assert_true(fits("", SL_HTML_ATTRIBUTES, "<html a>", "<b>"));
	assert_false(fits("<b>", SL_HTML_ATTRIBUTES + 1, "<HTML a>", "<b>"));
	assert_false(fits("", SL_HTML_ATTRIBUTES / 2 + 1, "<body a><html b>", ""));
	assert_true(fits("", 4 * SL_HTML_ATTRIBUTES, "<p a b>", ""));
	/* not by what is no tag, or is one that hides nothing */
	assert_true(fits("<p title='", 2000, " ab", "'>"));
	assert_true(fits("<!-- <p", 2000, " ab", " --><b>"));
	assert_true(fits("<script>if (a <b)", 2000, " ab", "</b></SCRIPT><b>"));
	assert_true(fits("<i>1 < 2", 2000, " ab", "</i>"));
	assert_false(fits("<script/><p", 2000, " ab", "></script>"));
	assert_false(fits("<!-- --!><p", 2000, " ab", "> -->"));
	assert_false(fits("<style></style><p", 2000, " ab", ">"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selector_types_classes_ids_and_combinators),
		cmocka_unit_test(test_selector_attributes),
		cmocka_unit_test(test_selector_names_may_be_escaped),
		cmocka_unit_test(test_selector_has_text_is_whole_text_in_any_case),
		cmocka_unit_test(test_selector_has_is_relative_to_the_element),
		cmocka_unit_test(test_selector_that_is_wrong_says_where),
		cmocka_unit_test(test_html_encoding_by_mark_then_header_then_meta),
		cmocka_unit_test(test_html_meta_is_looked_for_as_browsers_do),
		cmocka_unit_test(test_html_numbers_of_windows_1252_are_its_letters),
		cmocka_unit_test(test_html_text_is_without_script_and_style),
		cmocka_unit_test(test_html_is_whole_or_refused),
		cmocka_unit_test(test_html_many_comments_are_passed_over),
		cmocka_unit_test(test_html_element_with_too_many_attributes_is_refused),
		cmocka_unit_test(test_xpath_finds_elements_in_document_order),
	};
	return cmocka_run_group_tests(tests, open_module, NULL);
}
