/*
 * Field tables: every type from YAML and from text, places of mistakes, identity, help, describe.
 */
#include "diag_support.h"

#include "data/field.h"

static const char *const modes[] = {"append", "latest", NULL};

struct all {
	bool on;
	int64_t count, wait;
	uint64_t size;
	const char *text, *must, *token;
	int mode;
	struct sl_texts names;
	struct sl_pairs pairs;
	struct sl_node *any;
};

static const struct sl_field table[] = {
	SL_F_BOOL(struct all, on, SL_F_FLAG, "true", "switch"),
	SL_F_INT(struct all, count, SL_F_IDENTITY | SL_F_FLAG, "3", 1, 9, "how many"),
	SL_F_DURATION(struct all, wait, 0, "30s", 0, 60 * INT64_C(1000000), "how long"),
	SL_F_SIZE(struct all, size, 0, "1MiB", 1024, 1 << 30, "how large"),
	SL_F_TEXT(struct all, text, SL_F_IDENTITY, NULL, "a text"),
	SL_F_TEXT(struct all, must, SL_F_REQUIRED, NULL, "a text \"needed\""),
	SL_F_TEXT(struct all, token, SL_F_SECRET, NULL, "secret"),
	SL_F_ENUM(struct all, mode, SL_F_IDENTITY, "latest", modes, "how"),
	SL_F_TEXTS(struct all, names, SL_F_IDENTITY, "names"),
	SL_F_PAIRS(struct all, pairs, SL_F_IDENTITY, "pairs"),
	SL_F_NODE(struct all, any, SL_F_IDENTITY, "anything"),
	SL_F_END,
};

/* Reads {must: m, <inside>} as the value of key "k". */
static bool read_all(const char *inside, struct all *a, struct sl_arena *arena, struct sl_diags *d)
{
	const char *text = sl_arena_printf(arena, "k: {must: m%s%s}", *inside ? ", " : "", inside);
	struct sl_node *root = sl_yaml_parse(sl_str_of(text), "f", arena, d);
	assert_non_null(root);
	return sl_fields_read(table, a, sizeof(*a), sl_node_get(root, "k"), NULL, "thing", arena,
			      d);
}

static void test_fields_defaults_fill_what_is_absent(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	struct all a;
	(void)state;
	memset(&a, 0xff, sizeof(a));
	assert_true(read_all("", &a, &arena, &d));
	assert_true(a.on);
	assert_int_equal(a.count, 3);
	assert_int_equal(a.wait, 30000000);
	assert_int_equal(a.size, 1048576);
	assert_null(a.text);
	assert_int_equal(a.mode, 1);
	assert_int_equal(a.names.n, 0);
	assert_null(a.any);
	sl_arena_release(&arena);
}

static void test_fields_read_every_type(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	struct all a;
	(void)state;
	assert_true(read_all("on: false, count: 9, wait: 250ms, size: 64KiB, text: 007, "
			     "mode: append, names: [a, 2], pairs: {x: 1, y: 'null'}, any: [1]",
			     &a, &arena, &d));
	assert_false(a.on);
	assert_int_equal(a.count, 9);
	assert_int_equal(a.wait, 250000);
	assert_int_equal(a.size, 65536);
	assert_string_equal(a.text, "007");
	assert_int_equal(a.mode, 0);
	assert_int_equal(a.names.n, 2);
	assert_string_equal(a.names.v[1], "2");
	assert_string_equal(a.pairs.key[1], "y");
	assert_string_equal(a.pairs.value[1], "null");
	assert_int_equal(a.any->kind, SL_NODE_SEQ);
	assert_true(read_all("names: one", &a, &arena, &d));
	assert_int_equal(a.names.n, 1);
	assert_string_equal(a.names.v[0], "one");
	sl_arena_release(&arena);
}

static void test_fields_mistakes_are_told_at_the_value(void **state)
{
	/* "k: {must: m, " is 13 letters */
	static const struct {
		const char *inside, *want;
	} cases[] = {
		{"on: yes", "1:18 E1005"},
		{"on: 'true'", "1:18 E1005"},
		{"on: 1", "1:18 E1005"},
		{"count: 1_0", "1:21 E1005"},
		{"count: 0x1", "1:21 E1005"},
		{"count: '4'", "1:21 E1005"},
		{"count: 1.0", "1:21 E1005"},
		{"count: 0", "1:21 E1006"},
		{"count: 10", "1:21 E1006"},
		{"count: 99999999999999999999", "1:21 E1006"},
		{"count: [1]", "1:21 E1005"},
		{"wait: 5", "1:20 E1005"},
		{"wait: 5 parsecs", "1:20 E1005"},
		{"wait: 61s", "1:20 E1006"},
		{"size: 64 KiBs", "1:20 E1005"},
		{"size: 1023", "1:20 E1006"},
		{"text: {a: 1}", "1:20 E1005"},
		{"text: ~", "1:20 E1005"},
		{"token: abc", "1:21 E1010"},
		{"mode: latst", "1:20 E1007"},
		{"mode: [latest]", "1:20 E1005"},
		{"names: [a, [b], null]", "1:25 E1005, 1:30 E1005"},
		{"names: {a: b}", "1:21 E1005"},
		{"pairs: {a: b, c: [d]}", "1:31 E1005"},
		{"pairs: a", "1:21 E1005"},
		{"colour: red, cuont: 3", "1:14 E1003, 1:27 E1003"},
		{"text: *x", "1:20 E1010"}, /* told once, by the reader of YAML */
	};
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_arena arena = SL_ARENA_INIT;
		struct sl_diags d = SL_DIAGS_INIT;
		struct all a;
		bool ok = read_all(cases[i].inside, &a, &arena, &d);
		expect_diags(&d, "f", cases[i].want, i);
		assert_false(ok);
		sl_diags_release(&d);
		sl_arena_release(&arena);
	}
}

static void test_fields_missing_key_is_told_at_the_mappings_key(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	struct all a;
	(void)state;
	struct sl_node *root =
		sl_yaml_parse(SL_STR("x: 1\nthing:\n    on: true\n"), "f", &arena, &d);
	assert_false(sl_fields_read(table, &a, sizeof(a), sl_node_get(root, "thing"), NULL, "thing",
				    &arena, &d));
	expect_diags(&d, "f", "2:1 E1004", 0);
	sl_diags_release(&d);
	sl_arena_release(&arena);
}

static void test_fields_extra_keys_pass_and_help_to_suggest(void **state)
{
	static const char *const extra[] = {"kind", NULL};
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct all a;
	(void)state;
	struct sl_node *root = sl_yaml_parse(SL_STR("{must: 1, kind: 2, kid: 3}"), "f", &arena, &d);
	assert_true(sl_fields_read(table, &a, sizeof(a), root, sl_fields_any, "t", &arena, &d));
	assert_false(sl_fields_read(table, &a, sizeof(a), root, extra, "t", &arena, &d));
	assert_false(sl_diags_ok(&d, &err));
	assert_string_equal(err.msg,
			    "f:1:20: unknown key \"kid\" in t (did you mean \"kind\"?) [E1003]");
	sl_diags_release(&d);
	sl_arena_release(&arena);
}

static void test_fields_text_cut_at_a_comma_is_explained(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct all a;
	(void)state;
	assert_false(read_all("text: first, then second", &a, &arena, &d));
	assert_false(sl_diags_ok(&d, &err));
	assert_string_equal(err.msg, "f:1:27: unknown key \"then second\" in thing: inside {} "
				     "quote a text that holds a comma [E1003]");
	sl_diags_release(&d);
	sl_arena_release(&arena);
}

static void test_field_set_reads_text_of_argv_and_environment(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	struct sl_place flag = {.origin = "--x"}, env = {.origin = "SLUICE_X"};
	struct all a = {0};
	(void)state;
	assert_true(sl_field_set(sl_field_find(table, "count"), &a, "7", flag, &arena, &d));
	assert_int_equal(a.count, 7);
	assert_true(sl_field_set(sl_field_find(table, "token"), &a, "s3", env, &arena, &d));
	assert_string_equal(a.token, "s3");
	assert_false(sl_field_set(sl_field_find(table, "token"), &a, "s3", flag, &arena, &d));
	assert_false(sl_field_set(sl_field_find(table, "size"), &a, "x", env, &arena, &d));
	expect_diags(&d, "f", "--x E1010, SLUICE_X E1005", 0);
	assert_null(sl_field_find(table, "coun"));
	sl_diags_release(&d);
	sl_arena_release(&arena);
}

static void hash_of(const char *inside, char out[SL_HASH_HEX])
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	struct sl_hash h;
	struct all a;
	assert_true(read_all(inside, &a, &arena, &d));
	sl_hash_init(&h);
	sl_fields_hash(table, &a, &h);
	sl_hash_hex(&h, out);
	sl_arena_release(&arena);
}

static void test_fields_hash_takes_identity_alone(void **state)
{
	static const char *const same[] = {"on: false", "wait: 1s",	"size: 2KiB",
					   "count: 3",	"mode: latest", "names: []"};
	static const char *const other[] = {
		"count: 4",    "text: ''",	"text: a",	 "mode: append",  "names: [a]",
		"names: [ab]", "names: [a, b]", "pairs: {a: b}", "pairs: {b: a}", "any: 1",
		"any: '1'",    "any: [1]",	"any: {a: 1}",	 "any: {b: 1}"};
	char base[SL_HASH_HEX], seen[SL_ARRAY_LEN(other)][SL_HASH_HEX];
	(void)state;
	hash_of("", base);
	for (size_t i = 0; i < SL_ARRAY_LEN(same); i++) {
		hash_of(same[i], seen[0]);
		if (strcmp(seen[0], base) != 0)
			fail_msg("\"%s\" changed the hash", same[i]);
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(other); i++) {
		hash_of(other[i], seen[i]);
		if (strcmp(seen[i], base) == 0)
			fail_msg("\"%s\" left the hash", other[i]);
		for (size_t k = 0; k < i; k++)
			if (strcmp(seen[i], seen[k]) == 0)
				fail_msg("\"%s\" hashes as \"%s\"", other[i], other[k]);
	}
}

static void test_fields_help_and_describe(void **state)
{
	static const struct sl_field few[] = {
		SL_F_INT(struct all, count, SL_F_FLAG, "3", 1, 9, "how many"),
		SL_F_TEXT(struct all, must, SL_F_REQUIRED | SL_F_IDENTITY, NULL, "a \"text\""),
		SL_F_BOOL(struct all, on, SL_F_FLAG, "false", "switch"),
		SL_F_ENUM(struct all, mode, 0, "latest", modes, "how"),
		SL_F_END,
	};
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	(void)state;
	sl_fields_help(few, &out);
	assert_string_equal(sl_buf_z(&out), "  --count INT             how many (default 3; 1…9)\n"
					    "  must TEXT               a \"text\" (required)\n"
					    "  --on                    switch\n"
					    "  mode append|latest      how (default latest)\n");
	sl_buf_clear(&out);
	sl_fields_describe(few, &out);
	assert_string_equal(
		sl_buf_z(&out),
		"[{\"name\":\"count\",\"type\":\"int\",\"flag\":true,\"default\":\"3\",\"min\":1,"
		"\"max\":9,\"help\":\"how many\"},"
		"{\"name\":\"must\",\"type\":\"text\",\"required\":true,\"identity\":true,"
		"\"help\":\"a \\\"text\\\"\"},"
		"{\"name\":\"on\",\"type\":\"bool\",\"flag\":true,\"default\":\"false\","
		"\"help\":\"switch\"},"
		"{\"name\":\"mode\",\"type\":\"enum\",\"default\":\"latest\","
		"\"choices\":[\"append\",\"latest\"],\"help\":\"how\"}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_defaults_fill_what_is_absent),
		cmocka_unit_test(test_fields_read_every_type),
		cmocka_unit_test(test_fields_mistakes_are_told_at_the_value),
		cmocka_unit_test(test_fields_missing_key_is_told_at_the_mappings_key),
		cmocka_unit_test(test_fields_extra_keys_pass_and_help_to_suggest),
		cmocka_unit_test(test_fields_text_cut_at_a_comma_is_explained),
		cmocka_unit_test(test_field_set_reads_text_of_argv_and_environment),
		cmocka_unit_test(test_fields_hash_takes_identity_alone),
		cmocka_unit_test(test_fields_help_and_describe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
