/*
 * data/encoding: UTF-16 in pieces of any size, encodings of one byte, repairs.
 */
#include "base_support.h"

#include "data/encoding.h"

/* Everything that comes out when in is fed in pieces of step bytes. */
static void recode_all(enum sl_encoding e, struct sl_str in, size_t step, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf some = SL_BUF_INIT;
	struct sl_recoder r = {.encoding = e};

	sl_buf_clear(out);
	for (size_t at = 0; at < in.n; at += step)
		sl_buf_addstr(out, sl_recode(&r, sl_str_sub(in, at, step), false, &some));
	sl_buf_addstr(out, sl_recode(&r, SL_STR(""), true, &some));
}

static void expect(enum sl_encoding e, struct sl_str in, struct sl_str want)
{
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;

	for (size_t step = 1; step <= in.n + 1; step++) {
		recode_all(e, in, step, &got);
		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.p ? got.p : "", want.p, want.n);
	}
}

static void test_utf16_with_a_mark_becomes_utf8(void **state)
{
	(void)state;
	expect(SL_ENCODING_AUTO,
	       SL_STR("\xff\xfe"
		      "a\0\xe9\0"),
	       SL_STR("a\xc3\xa9"));
	expect(SL_ENCODING_AUTO, SL_STR("\xfe\xff\0a\x20\xac"), SL_STR("a\xe2\x82\xac"));
	expect(SL_ENCODING_AUTO, SL_STR("\xff\xfe\x3d\xd8\x25\xdd"), SL_STR("\xf0\x9f\x94\xa5"));
	expect(SL_ENCODING_AUTO, SL_STR("\xff\xfe"), SL_STR(""));
}

static void test_other_bytes_stay_as_they_are(void **state)
{
	(void)state;
	expect(SL_ENCODING_AUTO, SL_STR(""), SL_STR(""));
	expect(SL_ENCODING_AUTO, SL_STR("a"), SL_STR("a"));
	expect(SL_ENCODING_AUTO, SL_STR("\xff"), SL_STR("\xff"));
	expect(SL_ENCODING_AUTO,
	       SL_STR("\xef\xbb\xbf"
		      "abc"),
	       SL_STR("\xef\xbb\xbf"
		      "abc"));
	expect(SL_ENCODING_UTF8,
	       SL_STR("\xff\xfe"
		      "a\0"),
	       SL_STR("\xff\xfe"
		      "a\0"));
	expect(SL_ENCODING_WINDOWS_1252, SL_STR("\xff\xfe\x80"), SL_STR("\xff\xfe\x80"));
}

static void test_utf16_that_is_declared_needs_no_mark(void **state)
{
	(void)state;
	expect(SL_ENCODING_UTF16LE, SL_STR("a\0b\0"), SL_STR("ab"));
	expect(SL_ENCODING_UTF16LE,
	       SL_STR("\xff\xfe"
		      "a\0"),
	       SL_STR("a"));
	expect(SL_ENCODING_UTF16BE, SL_STR("\0a\0b"), SL_STR("ab"));
}

static void test_broken_utf16_becomes_broken_utf8_and_nothing_else_does(void **state)
{
	(void)state;
	expect(SL_ENCODING_UTF16LE, SL_STR("\x3d\xd8z\0"), SL_STR("\xed\xa0\xbdz"));
	expect(SL_ENCODING_UTF16LE, SL_STR("\x25\xddz\0"), SL_STR("\xed\xb4\xa5z"));
	expect(SL_ENCODING_UTF16LE, SL_STR("\x3d\xd8\x3d\xd8\x25\xdd"),
	       SL_STR("\xed\xa0\xbd\xf0\x9f\x94\xa5"));
	expect(SL_ENCODING_UTF16LE, SL_STR("a\0z"), SL_STR("a\xff"));
	expect(SL_ENCODING_UTF16LE, SL_STR("\x3d\xd8"), SL_STR("\xed\xa0\xbd"));
}

static void test_every_broken_sequence_is_replaced_once(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"\x80", "?"},		 {"a\xc3", "a?"},
		{"\xc3z", "?z"},	 {"\xe2\x82z", "?z"},
		{"\xf0\x9f\x94", "?"},	 {"\xf0\x9f\x94\xffz", "??z"},
		{"\xed\xa0\x80", "???"}, /* a surrogate: none of its bytes begins a letter */
		{"\xc0\xaf", "??"},	 {"\xf5\x80", "??"},
		{"\xe0\x80\x80", "???"}, {"\xc3\xa9", "\xc3\xa9"},
	};
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf want = SL_BUF_INIT;

		for (const char *p = cases[i].want; *p; p++)
			sl_buf_add(&want, *p == '?' ? "\xef\xbf\xbd" : p, *p == '?' ? 3 : 1);
		assert_true(sl_str_eq(sl_utf8_repaired(sl_str_of(cases[i].in), &arena),
				      sl_buf_str(&want)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf16_with_a_mark_becomes_utf8),
		cmocka_unit_test(test_other_bytes_stay_as_they_are),
		cmocka_unit_test(test_utf16_that_is_declared_needs_no_mark),
		cmocka_unit_test(test_broken_utf16_becomes_broken_utf8_and_nothing_else_does),
		cmocka_unit_test(test_every_broken_sequence_is_replaced_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
