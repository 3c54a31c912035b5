/* BLAKE2b-256: base/hash.h. */
#include "base_support.h"

#include "base/hash.h"

static void hex_of(struct sl_str s, char out[SL_HASH_HEX])
{
	struct sl_hash h;

	sl_hash_init(&h);
	sl_hash_bytes(&h, s.p, s.n);
	sl_hash_hex(&h, out);
}

static void test_hash_is_blake2b_256(void **state)
{
	char hex[SL_HASH_HEX];

	(void)state; /* values of b2sum -l 256 */
	hex_of(SL_STR("abc"), hex);
	assert_string_equal(hex,
			    "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	hex_of(SL_STR(""), hex);
	assert_string_equal(hex,
			    "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

static void test_hash_pieces_give_the_same_as_the_whole(void **state)
{
	char text[1000], whole[SL_HASH_HEX], pieces[SL_HASH_HEX];
	struct sl_hash h;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	hex_of((struct sl_str){text, sizeof(text)}, whole);
	sl_hash_init(&h);
	for (size_t i = 0; i < sizeof(text); i += 125)
		sl_hash_bytes(&h, text + i, 125);
	sl_hash_hex(&h, pieces);
	assert_string_equal(whole, pieces);
}

static int64_t hash_two(const char *a, const char *b)
{
	struct sl_hash h;

	sl_hash_init(&h);
	sl_hash_strz(&h, a);
	sl_hash_strz(&h, b);
	return sl_hash_i64(&h);
}

static void test_hash_fields_are_length_prefixed(void **state)
{
	(void)state;
	assert_int_not_equal(hash_two("ab", "c"), hash_two("a", "bc"));
	assert_int_not_equal(hash_two("", "a"), hash_two(NULL, "a"));
	assert_int_equal(hash_two("a", "b"), hash_two("a", "b"));
}

static void test_hash_str_is_length_then_bytes_little_endian(void **state)
{
	struct sl_hash a, b;
	char x[SL_HASH_HEX], y[SL_HASH_HEX];

	(void)state;
	sl_hash_init(&a);
	sl_hash_str(&a, SL_STR("abc"));
	sl_hash_hex(&a, x);
	sl_hash_init(&b);
	sl_hash_bytes(&b, "\3\0\0\0\0\0\0\0abc", 11);
	sl_hash_hex(&b, y);
	assert_string_equal(x, y);
}

static void test_hash_i64_is_the_first_eight_bytes_little_endian(void **state)
{
	struct sl_hash h;

	(void)state;
	sl_hash_init(&h);
	sl_hash_bytes(&h, "abc", 3);
	assert_true((uint64_t)sl_hash_i64(&h) == UINT64_C(0x723942633c81ddbd));
}

static void test_hash_first_bytes_are_those_of_the_whole(void **state)
{
	static const uint8_t want[] = {0xbd, 0xdd, 0x81, 0x3c, 0x63};
	uint8_t got[sizeof(want) + 1] = {0};
	struct sl_hash h;

	(void)state;
	sl_hash_init(&h);
	sl_hash_bytes(&h, "abc", 3);
	sl_hash_first(&h, got, sizeof(want));
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(got[sizeof(want)], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_is_blake2b_256),
		cmocka_unit_test(test_hash_pieces_give_the_same_as_the_whole),
		cmocka_unit_test(test_hash_fields_are_length_prefixed),
		cmocka_unit_test(test_hash_str_is_length_then_bytes_little_endian),
		cmocka_unit_test(test_hash_i64_is_the_first_eight_bytes_little_endian),
		cmocka_unit_test(test_hash_first_bytes_are_those_of_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
