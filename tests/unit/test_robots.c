/* robots.txt: net/robots.h. */
#include "base_support.h"

#include "base/clock.h"
#include "net/robots.h"

struct row {
	const char *target;
	bool allowed;
};

static void check(const char *text, const struct row *rows, size_t n)
{
	struct sl_robots *r = sl_robots_parse(sl_str_of(text), "sluice");

	for (size_t i = 0; i < n; i++)
		assert_case(i, rows[i].target,
			    sl_robots_allows(r, sl_str_of(rows[i].target)) == rows[i].allowed);
	sl_robots_free(r);
}

#define CHECK(text, ...)                                                                           \
	do {                                                                                       \
		const struct row rows[] = {__VA_ARGS__};                                           \
		check((text), rows, SL_ARRAY_LEN(rows));                                           \
	} while (0)

static void test_robots_longest_pattern_wins_and_allow_a_tie(void **state)
{
	(void)state;
	CHECK("User-agent: *\n"
	      "Disallow: /office/\n"
	      "Allow: /office/list.json\n"
	      "Disallow: /*.pdf$\n"
	      "Disallow: /same\n"
	      "Allow: /same\n"
	      "Disallow: /caf%C3%A9\n",
	      {"/", true}, {"/office/", false}, {"/office", true}, {"/office/list.json", true},
	      {"/office/list.json?x=1", true}, {"/doc/a.pdf", false}, {"/doc/a.pdf?x=1", true},
	      {"/a.pdf.pdf", false}, {"/same", true}, {"/sames", true}, {"/caf%c3%a9", false},
	      {"/café/x", false}, {"/Caf%C3%A9", true}, {"/robots.txt", true}, {"/OFFICE/", true});
	/* the order of lines does not matter */
	CHECK("User-agent: *\nAllow: /a\nDisallow: /a\nDisallow: /\n", {"/a", true}, {"/b", false});
	CHECK("User-agent: *\nDisallow: /\nDisallow: /a\nAllow: /a\n", {"/a", true}, {"/b", false});
}

static void test_robots_stars_and_the_end_sign(void **state)
{
	(void)state;
	CHECK("User-agent: *\nDisallow: /*/x*/y\n", {"/a/x/y", false}, {"/a/b/x1/2/yz", false},
	      {"/x/y", true}, {"/a/x", true}, {"/a/xy", true});
	CHECK("User-agent: *\nDisallow: *\n", {"/", false}, {"/a", false}, {"/robots.txt", true});
	CHECK("User-agent: *\nDisallow: /$\n", {"/", false}, {"/a", true}, {"/?", true});
	CHECK("User-agent: *\nDisallow: /a*$\n", {"/a", false}, {"/ab", false}, {"/b", true});
	CHECK("User-agent: *\nDisallow: /*a$\n", {"/a", false}, {"/aba", false}, {"/ab", true});
	CHECK("User-agent: *\nDisallow: /a$b\n", {"/a$b", false}, {"/a", true});
	CHECK("User-agent: *\nDisallow: /a%24b\nDisallow: /x%2Ay\n", {"/a$b", false},
	      {"/a%24bc", false}, {"/x*y", false}, {"/xzy", true});
	CHECK("User-agent: *\nDisallow: /ab*bc\n", {"/abc", true}, {"/abbc", false});
	CHECK("User-agent: *\nDisallow: /**a\n", {"/xa", false}, {"/x", true});
	CHECK("User-agent: *\nDisallow: x\n", {"/x", true}, {"x", false});
	CHECK("User-agent: *\nDisallow: /%7Ejoe/\n", {"/~joe/", false}, {"/%7ejoe/", false});
	CHECK("User-agent: *\nDisallow: /a%2Fb\n", {"/a%2fb", false}, {"/a/b", true});
}

static void test_robots_the_group_that_names_us_counts_alone(void **state)
{
	(void)state;
	CHECK("User-agent: *\nDisallow: /\n\nUser-agent: SLUICE\nDisallow: /b\n", {"/a", true},
	      {"/b", false});
	/* several groups of ours are one */
	CHECK("User-agent: sluice\nDisallow: /a\nUser-agent: x\nDisallow: /c\n"
	      "User-agent: Sluice/2.0\nDisallow: /b\n",
	      {"/a", false}, {"/b", false}, {"/c", true});
	/* several agents in a row share the rules, blank lines and comments between */
	CHECK("User-agent: x\n\n# and\nUser-agent: sluice\nUser-agent: y\nDisallow: /a\n",
	      {"/a", false});
	CHECK("User-agent: sluice\nDisallow: /a\nUser-agent: y\nDisallow: /b\n", {"/a", false},
	      {"/b", true});
	/* a group of ours without rules allows everything */
	CHECK("User-agent: *\nDisallow: /\nUser-agent: sluice\nDisallow:\n", {"/a", true});
	/* a longer or shorter name is another robot */
	CHECK("User-agent: sluicebot\nDisallow: /\nUser-agent: slu\nDisallow: /\n", {"/a", true});
	/* what stands before any agent is nobody's */
	CHECK("Disallow: /\nUser-agent: x\nDisallow: /\n", {"/a", true});
	CHECK("User-agent:\nDisallow: /\n", {"/a", true});
}

static void test_robots_lines_as_people_write_them(void **state)
{
	(void)state;
	CHECK("\xEF\xBB\xBF"
	      "USER-AGENT : * # all\r\n  dIsAlLoW :/a # no\rDisallow:\t/b\t\r\n\r\nSitemap: x\n"
	      "nonsense\n:\n::\nAllow\nDisallow: /c",
	      {"/a", false}, {"/b", false}, {"/c", false}, {"/d", true});
	CHECK("", {"/", true}, {"", true});
	CHECK("<!DOCTYPE html><html><a href='x:y'>", {"/", true});
	/* other records do not end the list of agents */
	CHECK("User-agent: sluice\nSitemap: x\nUser-agent: y\nDisallow: /a\n", {"/a", false});
}

static void test_robots_nul_and_broken_text_are_bytes(void **state)
{
	static const char text[] = "User-agent: *\nDisallow: /a\0b\nDisallow: /\xff\n";
	struct sl_robots *r = sl_robots_parse((struct sl_str){text, sizeof(text) - 1}, "sluice");

	(void)state;
	assert_true(sl_robots_allows(r, SL_STR("/a")));
	assert_false(sl_robots_allows(r, SL_STR("/a%00bc")));
	assert_false(sl_robots_allows(r, SL_STR("/%FF")));
	sl_robots_free(r);
}

static void test_robots_500_kib_are_read_and_no_more(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	static const char last[] = "Disallow: /last\n";

	(void)state;
	sl_buf_adds(&text, "User-agent: *\n");
	while (text.n < SL_ROBOTS_MAX - sizeof(last) + 1)
		sl_buf_addc(&text, '\n');
	sl_buf_adds(&text, last);
	assert_int_equal(text.n, SL_ROBOTS_MAX);
	sl_buf_adds(&text, "Disallow: /beyond\n");
	struct sl_robots *r = sl_robots_parse(sl_buf_str(&text), "sluice");
	assert_false(sl_robots_allows(r, SL_STR("/last")));
	assert_true(sl_robots_allows(r, SL_STR("/beyond")));
	sl_robots_free(r);
}

static void test_robots_hostile_patterns_cost_little(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT, path = SL_BUF_INIT;
	int64_t begun;

	(void)state;
	sl_buf_adds(&text, "User-agent: *\nDisallow: /");
	while (text.n < SL_ROBOTS_MAX - 2)
		sl_buf_adds(&text, "*a");
	sl_buf_adds(&text, "b$\n");
	sl_buf_addc(&path, '/');
	while (path.n < 8000)
		sl_buf_addc(&path, 'a');
	begun = sl_clock_monotonic();
	struct sl_robots *r = sl_robots_parse(sl_buf_str(&text), "sluice");
	assert_true(sl_robots_allows(r, sl_buf_str(&path)));
	assert_true(sl_clock_monotonic() - begun < 2 * SL_SECOND);
	sl_robots_free(r);
}

static void test_robots_crawl_delay(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* ms */
	} cases[] = {
		{"User-agent: *\nCrawl-delay: 2\n", 2000},
		{"User-agent: *\nCrawl-delay: 0.5\n", 500},
		{"User-agent: *\nCrawl-delay: 2\nUser-agent: sluice\nDisallow: /a\n", 0},
		{"User-agent: sluice\nCrawl-delay: 3\nUser-agent: *\nCrawl-delay: 9\n", 3000},
		{"User-agent: *\nCrawl-delay: -2\n", 0},
		{"User-agent: *\nCrawl-delay: soon\n", 0},
		{"User-agent: *\nCrawl-delay: 1e9\n", 86400000},
		{"Crawl-delay: 2\n", 0},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_robots *r = sl_robots_parse(sl_str_of(cases[i].text), "sluice");
		assert_case(i, cases[i].text, sl_robots_delay(r) == cases[i].want * 1000);
		sl_robots_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_robots_longest_pattern_wins_and_allow_a_tie),
		cmocka_unit_test(test_robots_stars_and_the_end_sign),
		cmocka_unit_test(test_robots_the_group_that_names_us_counts_alone),
		cmocka_unit_test(test_robots_lines_as_people_write_them),
		cmocka_unit_test(test_robots_nul_and_broken_text_are_bytes),
		cmocka_unit_test(test_robots_500_kib_are_read_and_no_more),
		cmocka_unit_test(test_robots_hostile_patterns_cost_little),
		cmocka_unit_test(test_robots_crawl_delay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
