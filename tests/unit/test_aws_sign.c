/*
 * Signature Version 4 against the examples that Amazon publishes ("Signature Calculations for the
 * Authorization Header: Transferring Payload in a Single Chunk"), and the encoding of paths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/aws_sign.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HOST "examplebucket.s3.amazonaws.com"
#define DATE "20130524T000000Z"

static const struct sl_crypto *crypto;

static int setup(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	return sl_crypto_get(&crypto, &err) ? 0 : -1;
}

static const struct {
	const char *method, *path, *query, *sha256, *want;
	struct sl_aws_header headers[6];
	size_t n;
} cases[] = {
	{"GET",
	 "/test.txt",
	 "",
	 EMPTY_SHA256,
	 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
	 {{"host", HOST},
	  {"range", "bytes=0-9"},
	  {"x-amz-content-sha256", EMPTY_SHA256},
	  {"x-amz-date", DATE}},
	 4},
	{"PUT",
	 "/test%24file.text",
	 "",
	 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
	 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
	 {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
	  {"host", HOST},
	  {"x-amz-content-sha256",
	   "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
	  {"x-amz-date", DATE},
	  {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
	 5},
	{"GET",
	 "/",
	 "lifecycle=",
	 EMPTY_SHA256,
	 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
	 {{"host", HOST}, {"x-amz-content-sha256", EMPTY_SHA256}, {"x-amz-date", DATE}},
	 3},
	{"GET",
	 "/",
	 "max-keys=2&prefix=J",
	 EMPTY_SHA256,
	 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
	 {{"host", HOST}, {"x-amz-content-sha256", EMPTY_SHA256}, {"x-amz-date", DATE}},
	 3},
};

static void test_signatures_are_those_that_amazon_publishes(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;
		const struct sl_aws_request r = {
			.method = cases[i].method,
			.path = cases[i].path,
			.query = cases[i].query,
			.headers = cases[i].headers,
			.n_headers = cases[i].n,
			.body_sha256 = cases[i].sha256,
			.date = DATE,
			.region = "us-east-1",
			.service = "s3",
			.key_id = "AKIAIOSFODNN7EXAMPLE",
			.key = {"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		};

		sl_aws_sign(crypto, &r, &got);
		if (!sl_str_ends(sl_buf_str(&got), cases[i].want))
			fail_msg("case %zu: %s", i, sl_buf_z(&got));
	}
}

static void test_authorization_names_key_scope_and_headers(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;
	const struct sl_aws_header headers[] = {{"host", "h"}, {"x-amz-date", DATE}};
	const struct sl_aws_request r = {
		.method = "GET",
		.path = "/",
		.query = "",
		.headers = headers,
		.n_headers = 2,
		.body_sha256 = EMPTY_SHA256,
		.date = DATE,
		.region = "eu-west-3",
		.service = "s3",
		.key_id = "me",
		.key = {"secret"},
	};

	(void)state;
	sl_aws_sign(crypto, &r, &got);
	assert_true(sl_str_starts(sl_buf_str(&got),
				  "AWS4-HMAC-SHA256 Credential=me/20130524/eu-west-3/s3/"
				  "aws4_request, SignedHeaders=host;x-amz-date, Signature="));
	assert_null(strstr(sl_buf_z(&got), "secret"));
}

static void test_digests_of_nothing_and_of_abc(void **state)
{
	char hex[SL_AWS_SHA256_HEX];
	unsigned char md5[SL_MD5_BYTES];

	(void)state;
	sl_aws_sha256_hex(crypto, SL_STR(""), hex);
	assert_string_equal(hex, EMPTY_SHA256);
	sl_aws_sha256_hex(crypto, SL_STR("abc"), hex); /* FIPS 180-4, example */
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(crypto->md5(SL_STR("abc"), md5)); /* RFC 1321, A.5 */
	assert_memory_equal(md5, "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72",
			    16);
}

static void test_date_has_no_fraction(void **state)
{
	char date[SL_AWS_DATE];

	(void)state;
	sl_aws_date(INT64_C(1369353600) * SL_SECOND + 999999, date);
	assert_string_equal(date, DATE);
}

static void test_every_byte_but_the_unreserved_is_encoded(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf path = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf value = SL_BUF_INIT;

	(void)state;
	sl_aws_encode(SL_STR("a/b c%3A+~-_.\xc3\xa9=&"), true, &path);
	assert_string_equal(sl_buf_z(&path), "a/b%20c%253A%2B~-_.%C3%A9%3D%26");
	sl_aws_encode(SL_STR("a/b"), false, &value);
	assert_string_equal(sl_buf_z(&value), "a%2Fb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures_are_those_that_amazon_publishes),
		cmocka_unit_test(test_authorization_names_key_scope_and_headers),
		cmocka_unit_test(test_digests_of_nothing_and_of_abc),
		cmocka_unit_test(test_date_has_no_fraction),
		cmocka_unit_test(test_every_byte_but_the_unreserved_is_encoded),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
