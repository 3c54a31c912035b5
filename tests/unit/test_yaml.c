/*
 * Strict YAML: what is read, what is refused, and that every place is exact.
 */
#include "diag_support.h"

#include "data/yaml.h"

static struct sl_node *parse(const char *text, struct sl_arena *arena, struct sl_diags *d)
{
	return sl_yaml_parse(sl_str_of(text), "f", arena, d);
}

static void test_yaml_mistakes_are_told_at_their_place(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "1:1 E1001"},
		{"# only a comment\n", "1:1 E1001"},
		/* duplicates, also far apart and nested; the first stays */
		{"a: 1\nb: 2\na: 3\n", "3:1 E1002"},
		{"x: {k: 1, é: 2, k: 3, k: 4}\n", "1:17 E1002, 1:23 E1002"},
		{"x:\n  k: 1\n  \"k\": 2\n", "3:3 E1002"},
		/* features that are refused */
		{"a: &x 1\nb: *x\n", "1:4 E1010, 2:4 E1010"},
		{"a: !!str 1\n", "1:4 E1010"},
		{"a: ! 1\n", "1:4 E1010"},
		{"a: !!map {b: 1}\nc: &l [1]\n", "1:4 E1010, 2:4 E1010"},
		{"a: 1\n---\nb: 2\n", "2:1 E1010"},
		{"? [a, b]\n: 1\n", "1:3 E1010"},
		{"{a: 1}: 2\n", "1:1 E1010"},
		{"a: \"x\\0y\"\n", "1:4 E1010"},
		{"a: 1\xC2\x85"
		 "b: 2\n",
		 "1:5 E1010"},
		{"é: 1\xE2\x80\xA8", "1:5 E1010"},
		{"a: 1\rb: 2\n", "1:5 E1010"},
		/* bytes */
		{"a: \xFF\n", "1:4 E1001"},
		{"a: é\nb: \xC3\n", "2:4 E1001"},
		{"a: x\x01\n", "1:5 E1001"},
		/* tabs: as indentation never, as a separator they are YAML */
		{"a: 1\n\tb: 2\n", "2:1 E1001"},
		{"a:\n  b: 1\n \tc: 2\n", "3:2 E1001"},
		{"a:\n\t- 1\n", "2:1 E1001"},
		{"a: {b: 1,\n\tc: 2}\n", "2:1 E1001"},
		{"a: {b: 1\n\t}\n", "2:1 E1001"},
		{"a: one\n \ttwo\n", "2:2 E1001"},
		{"a:\t1\n", ""},
		{"a: |\n  x\n  \ty\n", ""},
		{"a: \"x\n\ty\"\nb: 2\n", ""},
		{"a: 1\n\t# libyaml takes no tab here either\n", "2:1 E1001"},
		/* syntax */
		{"a: 1\n b: 2\n", "2:3 E1001"},
		{"a:\n  - 1\n b: 2\n", "3:2 E1001"},
		{"a: {b: 1\nc: 2\n", "2:2 E1001"},
		{"a: \"x\nb: 2\n", "3:1 E1001"},
		{"a: @x\n", "1:4 E1001"},
		{"a: */5 * * * *\n", "1:4 E1001"},
		{"a: 1\nb\nc: 2\n", "2:1 E1001"},
		{"a: b: c\n", "1:5 E1001"},
		/* plain words of other YAMLs are just text; BOM and CRLF are no mistake */
		{"\xEF\xBB\xBF"
		 "a: no\r\nb: 0o17\r\n",
		 ""},
		{"\xEF\xBB\xBF"
		 "a: 1\r\na: 2\r\n",
		 "2:1 E1002"},
		{"\xEF\xBB\xBF"
		 "a: &x 1\n",
		 "1:4 E1010"},
	};
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_arena arena = SL_ARENA_INIT;
		struct sl_diags d = SL_DIAGS_INIT;
		struct sl_node *root = parse(cases[i].text, &arena, &d);
		wrong += !same_diags(&d, "f", cases[i].want, i);
		if (!root && cases[i].want[0] == '\0')
			fail_msg("case %zu: no tree", i);
		sl_diags_release(&d);
		sl_arena_release(&arena);
	}
	assert_int_equal(wrong, 0);
}

static void test_yaml_tab_message_says_tab(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	struct sl_err err = SL_ERR_INIT;
	(void)state;
	assert_null(parse("a:\n\tb: 1\n", &arena, &d));
	assert_false(sl_diags_ok(&d, &err));
	assert_non_null(strstr(err.msg, "a tab is used for indentation"));
	sl_diags_release(&d);
	sl_arena_release(&arena);
}

static void nested(struct sl_buf *out, size_t levels)
{
	for (size_t i = 0; i < levels; i++)
		sl_buf_addc(out, '[');
	for (size_t i = 0; i < levels; i++)
		sl_buf_addc(out, ']');
}

static void test_yaml_depth_of_64_is_the_limit(void **state)
{
	(void)state;
	for (size_t levels = 64; levels <= 65; levels++) {
		struct sl_arena arena = SL_ARENA_INIT;
		struct sl_diags d = SL_DIAGS_INIT;
		sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
		nested(&text, levels);
		bool read = sl_yaml_parse(sl_buf_str(&text), "f", &arena, &d) != NULL;
		assert_int_equal(read, levels == 64);
		expect_diags(&d, "f", levels == 64 ? "" : "1:65 E1009", levels);
		sl_diags_release(&d);
		sl_arena_release(&arena);
	}
}

static void test_yaml_size_of_1_mib_is_the_limit(void **state)
{
	(void)state;
	for (size_t over = 0; over <= 1; over++) {
		struct sl_arena arena = SL_ARENA_INIT;
		struct sl_diags d = SL_DIAGS_INIT;
		sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
		sl_buf_adds(&text, "a: 1 #");
		while (text.n < ((size_t)1 << 20) + over)
			sl_buf_addc(&text, 'x');
		assert_int_equal(sl_yaml_parse(sl_buf_str(&text), "f", &arena, &d) == NULL, over);
		expect_diags(&d, "f", over ? "1:1 E1009" : "", over);
		sl_diags_release(&d);
		sl_arena_release(&arena);
	}
}

static void test_yaml_many_values_are_refused_in_time(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	(void)state;
	sl_buf_addc(&text, '[');
	for (size_t i = 0; i < 200000; i++)
		sl_buf_adds(&text, "1,");
	sl_buf_addc(&text, ']');
	assert_null(sl_yaml_parse(sl_buf_str(&text), "f", &arena, &d));
	assert_int_equal(d.total, 1);
	sl_diags_release(&d);
	sl_arena_release(&arena);
}

static void test_yaml_places_are_of_key_and_value(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	(void)state;
	struct sl_node *root = parse("été: {clé: \"v\"}\nlist:\n  - one\n", &arena, &d);
	struct sl_node *map = sl_node_get(root, "été"), *v = sl_node_get(map, "clé");
	assert_int_equal(map->at.col, 6);
	assert_int_equal(map->owner.col, 1);
	assert_int_equal(sl_node_key(map, "clé")->at.col, 7);
	assert_int_equal(v->at.col, 12);
	assert_int_equal(v->owner.col, 7);
	assert_true(v->quoted);
	struct sl_node *one = sl_node_get(root, "list")->items[0];
	assert_int_equal(one->at.line, 3);
	assert_int_equal(one->owner.col, 5);
	assert_false(one->quoted);
	sl_diags_release(&d);
	sl_arena_release(&arena);
}

static void test_yaml_null_is_plain_only(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	static const bool want[] = {true, true, true, true, true, false, false, false, false};
	(void)state;
	struct sl_node *root =
		parse("[~, null, Null, NULL, {a: }, \"\", 'null', nil, []]", &arena, &d);
	for (size_t i = 0; i < SL_ARRAY_LEN(want); i++) {
		const struct sl_node *n = root->items[i];
		if (n->kind == SL_NODE_MAP)
			n = n->items[0];
		if (sl_node_is_null(n) != want[i])
			fail_msg("item %zu", i);
	}
	sl_diags_release(&d);
	sl_arena_release(&arena);
}

static void test_yaml_comma_in_parentheses_is_joined_in_braces(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	(void)state;
	struct sl_node *root = parse("{a: decimal(12,2), b: {type: decimal(10, 2), min: 0},"
				     " c: decimal(5,2)}",
				     &arena, &d);
	expect_diags(&d, "f", "", 0);
	assert_int_equal(root->n, 3);
	assert_string_equal(sl_node_get(root, "a")->text, "decimal(12,2)");
	assert_string_equal(sl_node_get(sl_node_get(root, "b"), "type")->text, "decimal(10,2)");
	assert_int_equal(sl_node_get(root, "b")->n, 2);
	root = parse("{a: \"f(1\", 2): }", &arena, &d);
	assert_int_equal(root->n, 2); /* a quoted text is whole */
	sl_diags_release(&d);
	sl_arena_release(&arena);
}

static void test_node_set_replaces_adds_and_makes_mappings(void **state)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags d = SL_DIAGS_INIT;
	struct sl_place at = {.origin = "--set"};
	(void)state;
	struct sl_node *root = parse("a: {b: 1}\nn:\nl: [1]\n", &arena, &d);
	assert_true(sl_node_set(root, "a.b", "*.json", at, &arena, &d));
	assert_string_equal(sl_node_get(sl_node_get(root, "a"), "b")->text, "*.json");
	assert_string_equal(sl_node_get(sl_node_get(root, "a"), "b")->at.origin, "--set");
	assert_int_equal(sl_node_get(sl_node_get(root, "a"), "b")->at.line, 0);
	assert_true(sl_node_set(root, "a.c", "[x, \"y z\"]", at, &arena, &d));
	assert_string_equal(sl_node_get(sl_node_get(root, "a"), "c")->items[1]->text, "y z");
	assert_true(sl_node_set(root, "n.x.y", "", at, &arena, &d));
	assert_int_equal(sl_node_get(sl_node_get(sl_node_get(root, "n"), "x"), "y")->n, 0);
	assert_true(sl_node_set(root, "q", "'1'", at, &arena, &d));
	assert_true(sl_node_get(root, "q")->quoted);
	expect_diags(&d, "f", "", 0);
	assert_false(sl_node_set(root, "a.b.c", "1", at, &arena, &d));
	assert_false(sl_node_set(root, "l.0", "1", at, &arena, &d));
	assert_false(sl_node_set(root, "a..b", "1", at, &arena, &d));
	assert_false(sl_node_set(root, "a.c", "[x", at, &arena, &d));
	expect_diags(&d, "f", "--set E1003, --set E1003, --set E1003, --set E1001", 0);
	sl_diags_release(&d);
	sl_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml_mistakes_are_told_at_their_place),
		cmocka_unit_test(test_yaml_tab_message_says_tab),
		cmocka_unit_test(test_yaml_depth_of_64_is_the_limit),
		cmocka_unit_test(test_yaml_size_of_1_mib_is_the_limit),
		cmocka_unit_test(test_yaml_many_values_are_refused_in_time),
		cmocka_unit_test(test_yaml_places_are_of_key_and_value),
		cmocka_unit_test(test_yaml_null_is_plain_only),
		cmocka_unit_test(test_yaml_comma_in_parentheses_is_joined_in_braces),
		cmocka_unit_test(test_node_set_replaces_adds_and_makes_mappings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
