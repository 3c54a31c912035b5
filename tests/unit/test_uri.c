/* URIs: net/uri.h. The tables of §5.4 are RFC 3986's own. */
#include "base_support.h"

#include "net/uri.h"

static void test_uri_path_becomes_no_host(void **state)
{
	static const char *const refs[] = {"http:/.//a/b", "http:/x/..//a", "x:/.//a"};
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_uri base;
	struct sl_str got;

	(void)state;
	assert_true(sl_uri_parse(SL_STR("http://example.org/a"), &base, &err));
	for (size_t i = 0; i < SL_ARRAY_LEN(refs); i++) {
		print_message("%s\n", refs[i]);
		assert_false(sl_uri_resolve(&base, sl_str_of(refs[i]), &arena, &got, &err));
		assert_int_equal(err.kind, SL_ERR_DATA);
		sl_err_clear(&err);
	}
	assert_true(sl_uri_resolve(&base, SL_STR("/.//a"), &arena, &got, &err));
	assert_true(sl_str_eqz(got, "http://example.org//a"));
	assert_true(sl_uri_resolve(&base, SL_STR("http:/.//../../a"), &arena, &got, &err));
	assert_true(sl_str_eqz(got, "http:/a"));
}

static void test_uri_resolves_all_examples_of_the_rfc(void **state)
{
	static const char *const cases[][2] = {
		/* 5.4.1 normal */
		{"g:h", "g:h"},
		{"g", "http://a/b/c/g"},
		{"./g", "http://a/b/c/g"},
		{"g/", "http://a/b/c/g/"},
		{"/g", "http://a/g"},
		{"//g", "http://g/"},
		{"?y", "http://a/b/c/d;p?y"},
		{"g?y", "http://a/b/c/g?y"},
		{"#s", "http://a/b/c/d;p?q"},
		{"g#s", "http://a/b/c/g"},
		{"g?y#s", "http://a/b/c/g?y"},
		{";x", "http://a/b/c/;x"},
		{"g;x", "http://a/b/c/g;x"},
		{"g;x?y#s", "http://a/b/c/g;x?y"},
		{"", "http://a/b/c/d;p?q"},
		{".", "http://a/b/c/"},
		{"./", "http://a/b/c/"},
		{"..", "http://a/b/"},
		{"../", "http://a/b/"},
		{"../g", "http://a/b/g"},
		{"../..", "http://a/"},
		{"../../", "http://a/"},
		{"../../g", "http://a/g"},
		/* 5.4.2 abnormal */
		{"../../../g", "http://a/g"},
		{"../../../../g", "http://a/g"},
		{"/./g", "http://a/g"},
		{"/../g", "http://a/g"},
		{"g.", "http://a/b/c/g."},
		{".g", "http://a/b/c/.g"},
		{"g..", "http://a/b/c/g.."},
		{"..g", "http://a/b/c/..g"},
		{"./../g", "http://a/b/g"},
		{"./g/.", "http://a/b/c/g/"},
		{"g/./h", "http://a/b/c/g/h"},
		{"g/../h", "http://a/b/c/h"},
		{"g;x=1/./y", "http://a/b/c/g;x=1/y"},
		{"g;x=1/../y", "http://a/b/c/y"},
		{"g?y/./x", "http://a/b/c/g?y/./x"},
		{"g?y/../x", "http://a/b/c/g?y/../x"},
		{"http:g", "http:g"},
		/* as pages write them */
		{"  g\n", "http://a/b/c/g"},
		{"a b", "http://a/b/c/a%20b"},
		{"é", "http://a/b/c/%C3%A9"},
		{"%7eu%2fv", "http://a/b/c/~u%2Fv"},
		{"g%", "http://a/b/c/g%25"},
		{"%2e%2e/g", "http://a/b/g"},
		{"HTTPS://A.Example:443/x", "https://a.example/x"},
		{"http://A:8080", "http://a:8080/"},
		{"http://[::1]:80/", "http://[::1]/"},
		{"\\\\evil\\x", "http://a/b/c/%5C%5Cevil%5Cx"},
	};
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_uri base;
	struct sl_str got;

	(void)state;
	assert_true(sl_uri_parse(SL_STR("http://a/b/c/d;p?q"), &base, &err));
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_str ref = sl_str_of(cases[i][0]);
		if (!sl_uri_resolve(&base, ref, &arena, &got, &err))
			fail_msg("case %zu \"%s\": %s", i, cases[i][0], err.msg);
		if (!sl_str_eqz(got, cases[i][1]))
			fail_msg("case %zu \"%s\": got %s, want %s", i, cases[i][0], got.p,
				 cases[i][1]);
	}
	sl_arena_release(&arena);
}

static void test_uri_parts_absent_and_empty_differ(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_uri u;

	(void)state;
	assert_true(sl_uri_parse(SL_STR("https://u:p@h.example:8443/p/q?a=b#f"), &u, &err));
	assert_true(sl_str_eqz(u.scheme, "https"));
	assert_true(sl_str_eqz(u.user, "u:p"));
	assert_true(sl_str_eqz(u.host, "h.example"));
	assert_int_equal(u.port, 8443);
	assert_true(sl_str_eqz(u.path, "/p/q"));
	assert_true(sl_str_eqz(u.query, "a=b"));
	assert_true(sl_str_eqz(u.fragment, "f"));
	assert_true(sl_uri_parse(SL_STR("http://h:?#"), &u, &err));
	assert_int_equal(u.port, -1);
	assert_int_equal(sl_uri_port(&u), 80);
	assert_true(u.query.p && u.query.n == 0 && u.fragment.p && u.path.n == 0);
	assert_true(sl_uri_parse(SL_STR("mailto:a@b.example"), &u, &err));
	assert_true(!u.host.p && !u.query.p && !sl_uri_is_http(&u));
	assert_true(sl_str_eqz(u.path, "a@b.example"));
	assert_true(sl_uri_parse(SL_STR("file:///etc"), &u, &err));
	assert_true(u.host.p && u.host.n == 0);
	assert_true(sl_uri_parse(SL_STR("HTTPS://h"), &u, &err) && sl_uri_is_http(&u));
	assert_int_equal(sl_uri_port(&u), 443);
	assert_true(sl_uri_parse(SL_STR("http:///x"), &u, &err) && !sl_uri_is_http(&u));
}

static void test_uri_what_the_grammar_refuses(void **state)
{
	const struct sl_str cases[] = {
		SL_STR("http://h/a b"),
		SL_STR("http://h/\xC3\xA9"),
		SL_STR("http://h/%zz"),
		SL_STR("http://h/%4"),
		SL_STR("http://h/a\0b"),
		SL_STR("http://h/<x>"),
		SL_STR("http://h:x/"),
		SL_STR("http://h:65536/"),
		SL_STR("http://h:-1/"),
		SL_STR("http://h:+1/"),
		SL_STR("http://h\0/"),
		SL_STR("http://h%2Fx/"),
		SL_STR("http://h\\@evil/"),
		SL_STR("http://a@b@c/"),
		SL_STR("http://ch\xC3\xA2teau.example/"),
		SL_STR("http://[::1/"),
		SL_STR("http://[::1]x/"),
		SL_STR("http://[v1.x]/"),
		SL_STR("http://[]/"),
		SL_STR("http://[127.0.0.1]/"),
		SL_STR("http://[fe80::1%25eth0]/"),
		SL_STR("1http://h/"),
		SL_STR(":x"),
		SL_STR("http://h/#a#b"),
		SL_STR("http://h/a\r\nX: y"),
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_err err = SL_ERR_INIT;
		struct sl_uri u;
		assert_case(i, cases[i].p, !sl_uri_parse(cases[i], &u, &err));
		assert_case(i, cases[i].p, err.kind == SL_ERR_DATA && err.msg[0]);
	}
}

static void test_uri_length_is_bounded(void **state)
{
	static char text[SL_URI_MAX + 2];
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_uri u, base;
	struct sl_str got;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "http://h/", 9);
	assert_true(sl_uri_parse((struct sl_str){text, SL_URI_MAX}, &u, &err));
	assert_false(sl_uri_parse((struct sl_str){text, SL_URI_MAX + 1}, &u, &err));
	memset(text + 255 + 7, '/', 1);
	memset(text + 7, 'h', 255);
	assert_true(sl_uri_parse((struct sl_str){text, 300}, &u, &err));
	text[255 + 7] = 'h';
	text[255 + 8] = '/';
	assert_false(sl_uri_parse((struct sl_str){text, 300}, &u, &err));
	/* escapes make it longer */
	assert_true(sl_uri_parse(SL_STR("http://h/"), &base, &err));
	memset(text, ' ', sizeof(text));
	text[0] = text[SL_URI_MAX - 1] = 'a';
	assert_false(sl_uri_resolve(&base, (struct sl_str){text, SL_URI_MAX}, &arena, &got, &err));
	sl_arena_release(&arena);
}

static void test_uri_normal_form_is_a_fixed_point(void **state)
{
	static const char *const cases[] = {
		"HTTP://Example.ORG:80/a/./b/../%7e?q=%c3%a9#x",
		"https://h/..",
		"http://h//a//b",
		"http://h/a/../../..//b",
		"urn:Isbn:1",
		"http://h?x",
	};
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf once = SL_BUF_INIT, twice = SL_BUF_INIT;
		struct sl_uri u;
		assert_true(sl_uri_parse(sl_str_of(cases[i]), &u, &err));
		sl_uri_normal(&u, &once);
		assert_case(i, cases[i], sl_uri_parse(sl_buf_str(&once), &u, &err));
		sl_uri_normal(&u, &twice);
		assert_string_equal(once.p, twice.p);
	}
}

static void test_uri_shown_without_secrets(void **state)
{
	static const char *const cases[][2] = {
		{"https://u:T0P@h:1/p?token=T0P#T0P", "https://h:1/p"},
		{"https://u@T0P@h/p", "https://h/p"},
		{"not a uri", "not a uri"},
		{"http://h/a@b", "http://h/a@b"},
		{"http://h/\x1b[1m", "http://h/\\x1b[1m"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
		sl_uri_add_safe(&out, sl_str_of(cases[i][0]));
		assert_string_equal(sl_buf_z(&out), cases[i][1]);
	}
}

static void test_uri_values_are_escaped_whole(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	(void)state;
	sl_uri_add_escaped(&out, SL_STR("a b&c=d/é\0~-._"));
	assert_string_equal(sl_buf_z(&out), "a%20b%26c%3Dd%2F%C3%A9%00~-._");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uri_resolves_all_examples_of_the_rfc),
		cmocka_unit_test(test_uri_path_becomes_no_host),
		cmocka_unit_test(test_uri_parts_absent_and_empty_differ),
		cmocka_unit_test(test_uri_what_the_grammar_refuses),
		cmocka_unit_test(test_uri_length_is_bounded),
		cmocka_unit_test(test_uri_normal_form_is_a_fixed_point),
		cmocka_unit_test(test_uri_shown_without_secrets),
		cmocka_unit_test(test_uri_values_are_escaped_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
