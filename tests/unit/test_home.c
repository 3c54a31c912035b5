/*
 * store/home: where files are kept, and run ids as directory names.
 */
#include "base_support.h"

#include "base/file.h"
#include "base/mem.h"
#include "store/home.h"

static char *dir;

static int setup(void **state)
{
	(void)state;
	dir = support_dir();
	unsetenv("SLUICE_HOME");
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	support_remove(dir);
	return 0;
}

static void expect_home(const char *flag, const char *below)
{
	struct sl_home h = SL_HOME_INIT;
	struct sl_err err = SL_ERR_INIT;
	sl_cleanup(sl_freep) char *want = sl_xasprintf("%s%s/orders", dir, below);

	assert_ok(err, sl_home_open(&h, flag, "orders", &err));
	assert_string_equal(h.dir, want);
	assert_true(sl_file_exists(want));
	sl_home_release(&h);
	assert_null(h.dir);
}

static void set_below(const char *name, const char *below)
{
	sl_cleanup(sl_freep) char *value = sl_xasprintf("%s%s", dir, below);

	setenv(name, value, 1);
}

static void test_home_flag_beats_environment(void **state)
{
	sl_cleanup(sl_freep) char *flag = sl_xasprintf("%s/flag", dir);

	(void)state;
	set_below("SLUICE_HOME", "/env");
	expect_home(flag, "/flag");
}

static void test_home_variables_in_order(void **state)
{
	(void)state;
	set_below("HOME", "/h");
	expect_home(NULL, "/h/.local/state/sluice");
	set_below("XDG_STATE_HOME", "/xdg");
	expect_home(NULL, "/xdg/sluice");
	set_below("SLUICE_HOME", "/sl");
	expect_home("", "/sl");
}

static void test_home_relative_xdg_is_ignored(void **state)
{
	(void)state;
	set_below("HOME", "/h");
	setenv("XDG_STATE_HOME", "state", 1);
	expect_home(NULL, "/h/.local/state/sluice");
}

static void test_home_without_any_is_configuration(void **state)
{
	struct sl_home h = SL_HOME_INIT;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	setenv("HOME", "", 1);
	assert_false(sl_home_open(&h, NULL, "orders", &err));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
	assert_non_null(strstr(err.hint, "--home"));
}

static void test_home_run_dir_is_one_safe_name(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"manual-1_2.3+x", "manual-1_2.3+x"},
		{"scheduled__2026-01-01T00:00:00+00:00",
		 "scheduled__2026-01-01T00%3A00%3A00+00%3A00"},
		{"../../etc", "%2E.%2F..%2Fetc"},
		{".", "%2E"},
		{"", "%"},
		{"a%2Fb", "a%252Fb"},
		{"\xC3\xA9", "%C3%A9"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_freep) char *got = sl_home_run_dir(cases[i].in);

		assert_case(i, cases[i].in, strcmp(got, cases[i].want) == 0);
	}
}

static void test_home_long_run_ids_stay_different(void **state)
{
	char a[400], b[400];

	(void)state;
	memset(a, 'x', sizeof(a));
	a[sizeof(a) - 1] = '\0';
	memcpy(b, a, sizeof(b));
	b[sizeof(b) - 2] = 'y';
	sl_cleanup(sl_freep) char *da = sl_home_run_dir(a);
	sl_cleanup(sl_freep) char *db = sl_home_run_dir(b);
	assert_true(strlen(da) <= 200 && strlen(db) <= 200);
	assert_string_not_equal(da, db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_home_flag_beats_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_home_variables_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_home_relative_xdg_is_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_home_without_any_is_configuration, setup,
						teardown),
		cmocka_unit_test(test_home_run_dir_is_one_safe_name),
		cmocka_unit_test(test_home_long_run_ids_stay_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
