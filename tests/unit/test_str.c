/* Slices and UTF-8: base/str.h. */
#include "base/mem.h"
#include "base_support.h"

static void test_str_null_differs_from_empty_only_by_its_pointer(void **state)
{
	(void)state;
	assert_true(sl_str_eq(SL_STR_NULL, SL_STR("")));
	assert_null(sl_str_trim(SL_STR_NULL).p);
	assert_null(sl_str_sub(SL_STR_NULL, 1, 2).p);
	assert_non_null(sl_str_trim(SL_STR("  ")).p);
}

static void test_str_compare_is_by_bytes_and_shorter_first(void **state)
{
	(void)state;
	assert_int_equal(sl_str_cmp(SL_STR("a"), SL_STR("ab")), -1);
	assert_int_equal(sl_str_cmp(SL_STR("ab"), SL_STR("a")), 1);
	assert_int_equal(sl_str_cmp(SL_STR("a\0b"), SL_STR("a\0b")), 0);
	assert_int_equal(sl_str_cmp(SL_STR("\xff"), SL_STR("a")), 1);
	assert_int_equal(sl_str_cmp(SL_STR_NULL, SL_STR("")), 0);
}

static void test_str_starts_and_ends(void **state)
{
	(void)state;
	assert_true(sl_str_starts(SL_STR("abc"), "ab"));
	assert_true(sl_str_starts(SL_STR_NULL, ""));
	assert_false(sl_str_starts(SL_STR("a"), "ab"));
	assert_true(sl_str_ends(SL_STR("abc"), "bc"));
	assert_false(sl_str_ends(SL_STR("c"), "bc"));
}

/* memmem is the reference; the ends of the text are where 16 bytes at once go wrong. */
static void test_str_search_finds_the_first_place_at_every_distance_from_the_ends(void **state)
{
	static const char letters[] = "abcaabbccabcabaabbacabcacbabcabcaccbabcacabbcabcaabcbcacbab";

	(void)state;
	for (size_t n = 0; n < sizeof(letters); n++)
		for (size_t from = 0; from + 1 < sizeof(letters); from++)
			for (size_t len = 1; len <= 20 && from + len < sizeof(letters); len++) {
				char *s =
					sl_xstrndup(letters, n); /* of its own: ASan sees its end */
				struct sl_str wanted = {letters + from, len};

				assert_ptr_equal(sl_str_search((struct sl_str){s, n}, wanted),
						 memmem(s, n, wanted.p, wanted.n));
				free(s);
			}
	assert_null(sl_str_search(SL_STR_NULL, SL_STR("a")));
}

static void test_str_sub_is_clamped(void **state)
{
	(void)state;
	assert_true(sl_str_eqz(sl_str_sub(SL_STR("abc"), 1, SIZE_MAX), "bc"));
	assert_true(sl_str_eqz(sl_str_sub(SL_STR("abc"), 9, 1), ""));
	assert_true(sl_str_eqz(sl_str_sub(SL_STR("abc"), 0, 2), "ab"));
}

static void test_str_trim_knows_the_wide_blanks_and_keeps_the_rest(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{" a\t\r\n\v\f", "a"},
		{"\xc2\xa0"
		 "12\xe2\x80\xaf",
		 "12"},
		{"\xef\xbb\xbf"
		 "a b\xe2\x80\x87",
		 "a b"},
		{"\xe2\x80\xa6", "\xe2\x80\xa6"}, /* an ellipsis shares two bytes with them */
		{"\xc3\xa0", "\xc3\xa0"},	  /* à ends in 0xa0 */
		{" \xc2\xa0 ", ""},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++)
		assert_case(i, cases[i].in,
			    sl_str_eqz(sl_str_trim(sl_str_of(cases[i].in)), cases[i].want));
}

static void test_str_next_gives_every_part_and_an_empty_last_one_once(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {{"a,b", "[a][b]"}, {"a,", "[a][]"}, {"", "[]"}, {",", "[][]"}, {"a", "[a]"}};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;
		struct sl_str rest = sl_str_of(cases[i].in), part;

		while (sl_str_next(&rest, ',', &part))
			sl_buf_addf(&got, "[" SL_STR_FMT "]", SL_STR_ARG(part));
		assert_case(i, cases[i].in, strcmp(sl_buf_z(&got), cases[i].want) == 0);
	}
}

static void test_utf8_refuses_what_rfc_3629_refuses(void **state)
{
	static const struct {
		const char *in;
		long bad; /* offset, -1: well-formed */
	} cases[] = {
		{"", -1},
		{"plain ascii, longer than one word", -1},
		{"é€😀", -1},
		{"\xed\x9f\xbf\xee\x80\x80", -1}, /* around the surrogates */
		{"\xf4\x8f\xbf\xbf", -1},	  /* U+10FFFF */
		{"12345678\x80", 8},		  /* lone tail behind a whole word */
		{"\xc0\xaf", 0},		  /* overlong */
		{"\xe0\x80\xaf", 0},
		{"\xf0\x80\x80\xaf", 0},
		{"a\xed\xa0\x80", 1},	 /* surrogate */
		{"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
		{"\xf5\x80\x80\x80", 0},
		{"ab\xc3", 2}, /* cut */
		{"ab\xe2\x82", 2},
		{"ab\xf0\x9f\x98", 2},
		{"\xe2\x28\xa1", 0},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		size_t bad = 999;
		bool ok = sl_utf8_valid(sl_str_of(cases[i].in), &bad);

		assert_case(i, cases[i].in, ok == (cases[i].bad < 0));
		assert_case(i, cases[i].in, ok || bad == (size_t)cases[i].bad);
	}
}

static void test_utf8_every_code_point_is_accepted_and_every_surrogate_refused(void **state)
{
	(void)state;
	for (unsigned c = 0x80; c < 0x110000; c++) {
		char z[4];
		size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		unsigned lead = n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0;
		bool surrogate = c >= 0xd800 && c < 0xe000;

		for (size_t i = n; i-- > 1;)
			z[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
		z[0] = (char)(lead | c >> (6 * (n - 1)));
		if (sl_utf8_len(z, n) != (surrogate ? 0 : n))
			fail_msg("U+%04X", c);
	}
}

static void test_str_distance_counts_single_edits_and_swaps(void **state)
{
	static const struct {
		const char *a, *b;
		size_t want;
	} cases[] = {
		{"columns", "columns", 0},
		{"colums", "columns", 1},
		{"columsn", "columns", 1},
		{"", "abc", 3},
		{"abc", "", 3},
		{"kitten", "sitting", 3},
		{"ca", "abc", 3},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++)
		assert_case(i, cases[i].a,
			    sl_str_distance(cases[i].a, cases[i].b) == cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str_null_differs_from_empty_only_by_its_pointer),
		cmocka_unit_test(test_str_compare_is_by_bytes_and_shorter_first),
		cmocka_unit_test(test_str_starts_and_ends),
		cmocka_unit_test(
			test_str_search_finds_the_first_place_at_every_distance_from_the_ends),
		cmocka_unit_test(test_str_sub_is_clamped),
		cmocka_unit_test(test_str_trim_knows_the_wide_blanks_and_keeps_the_rest),
		cmocka_unit_test(test_str_next_gives_every_part_and_an_empty_last_one_once),
		cmocka_unit_test(test_utf8_refuses_what_rfc_3629_refuses),
		cmocka_unit_test(
			test_utf8_every_code_point_is_accepted_and_every_surrogate_refused),
		cmocka_unit_test(test_str_distance_counts_single_edits_and_swaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
