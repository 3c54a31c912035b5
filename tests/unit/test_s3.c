/*
 * What a connection says of a bucket, and the little XML of S3's answers. Requests: see
 * tests/integration/test_s3.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/s3_private.h"
#include "net/s3_xml.h"

static struct sl_s3 *open_uri(const char *uri, struct sl_err *err)
{
	struct sl_s3 *s = NULL;

	setenv("SLUICE_CONN_S3_UNIT", uri, 1);
	return sl_s3_open("s3_unit", "orders", &s, err) ? s : NULL;
}

static void test_where_requests_go(void **state)
{
	static const struct {
		const char *uri, *url, *host, *path, *base;
	} cases[] = {
		{"aws://k:s@/lake", "https://lake.s3.us-east-1.amazonaws.com",
		 "lake.s3.us-east-1.amazonaws.com", "", "orders/"},
		{"aws://k:s@/lake?region_name=eu-west-3", "https://lake.s3.eu-west-3.amazonaws.com",
		 "lake.s3.eu-west-3.amazonaws.com", "", "orders/"},
		{"aws://k:s@/my.lake", "https://s3.us-east-1.amazonaws.com",
		 "s3.us-east-1.amazonaws.com", "/my.lake", "orders/"},
		{"aws://k:s@/lake?endpoint_url=http%3A%2F%2Fh%3A9000%2F&prefix=%2Fa%2Fb%2F",
		 "http://h:9000", "h:9000", "/lake", "a/b/orders/"},
		{"aws://k:s@/lake?endpoint_url=https%3A%2F%2Fh%3A443", "https://h:443", "h",
		 "/lake", "orders/"},
		{"aws://k:s@/lake?endpoint_url=http%3A%2F%2Fh%3A80", "http://h:80", "h", "/lake",
		 "orders/"},
		{"s3://http://k:s@h:7070/lake", "http://h:7070", "h:7070", "/lake", "orders/"},
		{"s3://k:s@h/lake", "https://h", "h", "/lake", "orders/"},
		{"{\"conn_type\":\"aws\",\"login\":\"k\",\"password\":\"s\",\"extra\":"
		 "{\"bucket_name\":\"lake\",\"endpoint_url\":\"http://h\"}}",
		 "http://h", "h", "/lake", "orders/"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_err err = SL_ERR_INIT;
		struct sl_s3 *s = open_uri(cases[i].uri, &err);

		if (!s)
			fail_msg("case %zu: %s", i, err.msg);
		assert_string_equal(s->url, cases[i].url);
		assert_string_equal(s->host, cases[i].host);
		assert_string_equal(s->path, cases[i].path);
		assert_string_equal(s->base, cases[i].base);
		sl_cleanup(sl_freep) char *where = sl_s3_where(s, "log/x");
		assert_true(sl_str_ends(sl_str_of(where), "orders/log/x"));
		sl_s3_close(s);
	}
}

static void test_what_is_missing_or_not_done_is_refused(void **state)
{
	static const struct {
		const char *uri, *word;
	} cases[] = {
		{"aws://k:s@/", "bucket"},
		{"aws://@/lake", "access key"},
		{"aws://k@/lake", "secret key"},
		{"aws://k:s@/lake?role_arn=arn", "role_arn"},
		{"aws://k:s@/lake?verify=False", "always verified"},
		{"aws://k:s@/lake?endpoint_url=h%3A9000", "endpoint"},
		{"aws://k:s@/lake?endpoint_url=ftp%3A%2F%2Fh", "endpoint"},
		{"aws://k:s@/lake?endpoint_url=http%3A%2F%2Fh%2Fdeeper", "endpoint"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_err err = SL_ERR_INIT;

		assert_null(open_uri(cases[i].uri, &err));
		assert_int_equal(err.kind, SL_ERR_CONFIG);
		if (!strstr(err.msg, cases[i].word))
			fail_msg("case %zu: %s", i, err.msg);
	}
}

static void test_tokens_differ(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_s3 *s = open_uri("aws://k:s@/lake", &err);
	char a[SL_S3_TOKEN], b[SL_S3_TOKEN];

	(void)state;
	sl_s3_token(s, a);
	sl_s3_token(s, b);
	assert_string_not_equal(a, b);
	sl_s3_close(s);
}

static void test_elements_are_found_in_order(void **state)
{
	struct sl_str doc = SL_STR("<L><Key>a</Key><Key/><Keys>no</Keys><Key>c</Key><Key>cut");
	static const char *const want[] = {"a", "", "c"};
	struct sl_str inner;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(want); i++) {
		assert_true(sl_xml_next(&doc, "Key", &inner));
		assert_true(sl_str_eqz(inner, want[i]));
	}
	assert_false(sl_xml_next(&doc, "Key", &inner));
	assert_null(sl_xml_first(SL_STR(""), "Key").p);
	assert_null(sl_xml_first(SL_STR_NULL, "Key").p);
}

static void test_text_goes_in_and_out(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"&lt;a&gt; &amp;amp; &quot;&apos;", "<a> &amp; \"'"},
		{"&#34;&#127;&#0;&#128;&#x22;&#;", "\"\x7f&#0;&#128;&#x22;&#;"},
		{"&unknown; & &", "&unknown; & &"},
		{"", ""},
	};
	sl_cleanup(sl_buf_release) struct sl_buf in = SL_BUF_INIT;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

		sl_xml_text(sl_str_of(cases[i].in), &out);
		assert_string_equal(sl_buf_z(&out), cases[i].want);
	}
	sl_xml_add(SL_STR("<\"a&b'>"), &in);
	assert_string_equal(sl_buf_z(&in), "&lt;&quot;a&amp;b&apos;&gt;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_requests_go),
		cmocka_unit_test(test_what_is_missing_or_not_done_is_refused),
		cmocka_unit_test(test_tokens_differ),
		cmocka_unit_test(test_elements_are_found_in_order),
		cmocka_unit_test(test_text_goes_in_and_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
