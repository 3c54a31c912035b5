/* Regular expressions: the letters looked for first change no result (data/pattern.h). */
#include "base_support.h"
#include "data/pattern.h"

static struct sl_pattern make(const char *text, bool ignore_case)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_pattern p = {.code = NULL};

	if (!sl_pattern_make(&p, text, ignore_case, &err))
		fail_msg("%s", err.msg);
	return p;
}

static void assert_prefix(const char *text, bool ignore_case, const char *want)
{
	struct sl_pattern p = make(text, ignore_case);

	if (!sl_str_eqz(sl_buf_str(&p.prefix), want))
		fail_msg("\"%s\": prefix \"%s\"", text, sl_buf_z(&p.prefix));
	sl_pattern_release(&p);
}

static void test_pattern_prefix_is_what_every_match_begins_with(void **state)
{
	(void)state;
	assert_prefix("classe ENERGIE ([A-G])", false, "classe ENERGIE");
	assert_prefix("abcd", false, "abcd");
	assert_prefix("abcd*", false, "abc");
	assert_prefix("abcé?", false, "abc");
	assert_prefix("abcd(?#four)*", false, "abc");
	assert_prefix("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", false,
		      "abcdefghijklmnopqrstuvwxyzabcdef");
	assert_prefix("abc", false, "abc");
	assert_prefix("abc+", false, "");
	assert_prefix("abcd|e", false, "");
	assert_prefix("abcd(?<=\\Gabcd)", false, "");
	assert_prefix("^abcd", false, "");
	assert_prefix("(abcd)", false, "");
	assert_prefix("", false, "");
	assert_prefix("abcd", true, "");
}

static int find(const struct sl_pattern *p, struct sl_str text, size_t from, uint32_t options,
		PCRE2_SIZE place[2])
{
	const int found = sl_pattern_find(p, text, from, options);

	if (found > 0)
		memcpy(place, pcre2_get_ovector_pointer(p->match), 2 * sizeof(*place));
	return found;
}

static void assert_same(const char *pattern, struct sl_str text, size_t from, uint32_t options)
{
	struct sl_pattern p = make(pattern, false);
	PCRE2_SIZE place[2] = {0, 0}, want[2] = {0, 0};
	const int found = find(&p, text, from, options, place);

	assert_true(p.prefix.n > 0);
	sl_buf_clear(&p.prefix);
	assert_int_equal(found, find(&p, text, from, options, want));
	assert_memory_equal(place, want, sizeof(want));
	sl_pattern_release(&p);
}

static void test_pattern_finds_the_same_with_and_without_its_prefix(void **state)
{
	static const char *const patterns[] = {
		"part ([0-9]+)",     "part(?! 1)", "parts?\\b", "part \\K",
		"part (?<=a part )", "partis*",	   "part $",
	};
	const struct sl_str texts[] = {
		SL_STR("a part, a part 1, a part 22"),
		SL_STR("part 1"),
		SL_STR("PART 1"),
		SL_STR("pa"),
		SL_STR("part"),
		SL_STR(""),
		SL_STR_NULL,
		SL_STR("é part\0part 3"),
		SL_STR("un très long texte, puis enfin le part 44: partissement"),
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(patterns); i++)
		for (size_t k = 0; k < SL_ARRAY_LEN(texts); k++)
			for (size_t from = 0; from <= texts[k].n; from++) {
				if (from < texts[k].n && (texts[k].p[from] & 0xc0) == 0x80)
					continue; /* inside a letter */
				assert_same(patterns[i], texts[k], from, 0);
				assert_same(patterns[i], texts[k], from, PCRE2_NOTEMPTY_ATSTART);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pattern_prefix_is_what_every_match_begins_with),
		cmocka_unit_test(test_pattern_finds_the_same_with_and_without_its_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
