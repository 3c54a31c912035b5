/*
 * tasks/collect/glob: which files a pattern means, and where they are looked for.
 */
#include "folder_support.h"

#include "tasks/collect/glob.h"

static void test_glob_matches_by_component_and_sorts_by_bytes(void **state)
{
	static const struct {
		const char *pattern, *want;
	} cases[] = {
		{"in/*.csv", "in/B.csv in/a.csv in/b.csv "},
		{"./in/*.csv", "in/B.csv in/a.csv in/b.csv "},
		{"in/[ab].csv", "in/a.csv in/b.csv "},
		{"in/?.json", "in/a.json "},
		{"*/*/c.csv", "in/x/c.csv in/y/c.csv "},
		{"in/*/c.csv", "in/x/c.csv in/y/c.csv "},
		{"in/x/../*.json", "in/x/../a.json "},
		{"in/a.csv", "in/a.csv "},
		{"in/missing.csv", "in/missing.csv "},
		{"in/*.xml", ""},
		{"in/.*.csv", "in/.hidden.csv "},
		{"none/*.csv", ""},
	};

	(void)state;
	put("in/b.csv", "");
	put("in/a.csv", "");
	put("in/B.csv", "");
	put("in/a.json", "");
	put("in/.hidden.csv", "");
	put("in/x/c.csv", "");
	put("in/y/c.csv", "");
	put("in/z/d.csv", "");
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;
		struct sl_matches m;
		struct sl_err err = SL_ERR_INIT;

		assert_ok(err, sl_glob(dir, cases[i].pattern, &arena, &m, &err));
		for (size_t k = 0; k < m.n; k++)
			sl_buf_addf(&got, "%s ", m.v[k].name);
		assert_case(i, cases[i].pattern, strcmp(sl_buf_z(&got), cases[i].want) == 0);
	}
}

static void test_glob_fixed_directory_ends_before_the_first_wildcard(void **state)
{
	struct sl_matches m;
	struct sl_err err = SL_ERR_INIT;
	const char *absolute = below("in/x/*.csv");

	(void)state;
	put("in/x/c.csv", "");
	assert_ok(err, sl_glob("/nowhere", absolute, &arena, &m, &err));
	assert_string_equal(m.root, below("in/x/"));
	assert_string_equal(m.v[0].rel, "c.csv");
	assert_string_equal(m.v[0].name, below("in/x/c.csv"));
	assert_ok(err, sl_glob(dir, "in/*/c.csv", &arena, &m, &err));
	assert_string_equal(m.v[0].rel, "x/c.csv");
	assert_true(m.wild);
	assert_ok(err, sl_glob(dir, "in/x/c.csv", &arena, &m, &err));
	assert_false(m.wild);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_glob_matches_by_component_and_sorts_by_bytes),
		T(test_glob_fixed_directory_ends_before_the_first_wildcard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
