/* Connections from the environment, in Airflow's two forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/conn.h"

static const char *nz(const char *text)
{
	return text ? text : "-";
}

/* Everything of a connection as one line. */
static const char *shown(struct sl_arena *arena, const char *value, struct sl_err *err)
{
	struct sl_conn c;

	setenv("SLUICE_CONN_T", value, 1);
	if (!sl_conn_get("t", arena, &c, err))
		return NULL;
	char *line = sl_arena_printf(arena, "%s %s %s %s %d %s", nz(c.type), nz(c.login),
				     nz(c.password.hidden), nz(c.host), c.port, nz(c.schema));
	for (size_t i = 0; i < c.n_extra; i++)
		line = sl_arena_printf(arena, "%s %s=%s", line, c.extra_key[i], c.extra_value[i]);
	return line;
}

static void test_conn_forms(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"postgres://u:p%40ss%2Fw@db.example:5432/shop?sslmode=require",
		 "postgres u p@ss/w db.example 5432 shop sslmode=require"},
		{"postgresql://u@h/db", "postgres u - h 0 db"},
		{"Postgres://h", "postgres - - h 0 -"},
		{"postgres://:secret@h:6/", "postgres - secret h 6 -"},
		{"postgres://u:a:b@h", "postgres u a:b h 0 -"},
		{"postgres://u@%2Fvar%2Frun/db", "postgres u - /var/run 0 db"},
		{"postgres://u@[::1]:5433/db", "postgres u - ::1 5433 db"},
		{"redis://[fe80::1]", "redis - - fe80::1 0 -"},
		{"google-cloud-platform://", "google_cloud_platform - - - 0 -"},
		{"http://https%3A%2F%2Fh/x", "http - - https://h 0 x"},
		{"http://https://h:8443/x?a=1", "http - - https://h 8443 x a=1"},
		{"http://h?a=b+c&d=&e", "http - - h 0 - a=b c d= e="},
		{"http://h?__extra__=%7B%22n%22%3A%201%2C%22s%22%3A%22x%22%7D",
		 "http - - h 0 - n=1 s=x"},
		{"{\"conn_type\": \"postgres\", \"host\": \"h\", \"login\": \"u\", "
		 "\"password\": \"p\", \"port\": 5432, \"schema\": \"db\", "
		 "\"extra\": {\"sslmode\": \"require\", \"deep\": {\"a\": [1]}}}",
		 "postgres u p h 5432 db sslmode=require deep={\"a\":[1]}"},
		{" {\"conn_type\": \"redis\", \"port\": \"6379\", \"extra\": \"{\\\"db\\\": 2}\"}",
		 "redis - - - 6379 - db=2"},
	};
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_err err = SL_ERR_INIT;
		const char *got = shown(&arena, cases[i].in, &err);
		if (!got || strcmp(got, cases[i].want) != 0)
			fail_msg("case %zu: \"%s\" (%s), not \"%s\"", i, nz(got), err.msg,
				 cases[i].want);
	}
}

static void test_conn_bad_forms_do_not_show_the_password(void **state)
{
	static const char *const cases[] = {
		"postgres:/secret@h",
		"u:secret@h",
		"://u:secret@h",
		"postgres://u:secret@h:99999/db",
		"postgres://u:secret@h:x/db",
		"postgres://u:secret@h?__extra__=[1]",
		"postgres://u:secret@h?a=%00",
		"http://u:secret@https://h",
		"http://secret:@https://h",
		"{\"conn_type\": \"postgres\", \"password\": \"secret\"",
		"{\"password\": \"secret\"}",
		"{\"conn_type\": \"postgres\", \"password\": \"secret\", \"port\": \"x\"}",
	};
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_err err = SL_ERR_INIT;
		if (shown(&arena, cases[i], &err))
			fail_msg("case %zu is taken", i);
		if (err.kind != SL_ERR_CONFIG || strstr(err.msg, "secret"))
			fail_msg("case %zu: %s", i, err.msg);
	}
}

static void test_conn_unknown_names_both_variables(void **state)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_conn c;

	(void)state;
	assert_false(sl_conn_get("no_such", &arena, &c, &err));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
	assert_non_null(strstr(err.msg, "SLUICE_CONN_NO_SUCH"));
	assert_non_null(strstr(err.msg, "AIRFLOW_CONN_NO_SUCH"));
	assert_null(strstr(err.hint, "postgres:")); /* it may be any server's */
}

static void test_conn_ours_comes_before_airflows(void **state)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_conn c;

	(void)state;
	setenv("AIRFLOW_CONN_BOTH", "postgres://airflow", 1);
	assert_true(sl_conn_get("both", &arena, &c, &err));
	assert_string_equal(c.host, "airflow");
	setenv("SLUICE_CONN_BOTH", "postgres://u:secret@ours:1/db", 1);
	assert_true(sl_conn_get("both", &arena, &c, &err));
	assert_string_equal(c.host, "ours");
	assert_string_equal(sl_conn_safe(&c, &arena), "postgres://u@ours:1/db");
	assert_null(sl_conn_extra(&c, "sslmode"));
}

static void test_conn_safe_shows_no_password_behind_a_bare_slash(void **state)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_conn c;

	(void)state;
	setenv("SLUICE_CONN_T", "postgres://us/er:secret@h", 1);
	assert_true(sl_conn_get("t", &arena, &c, &err));
	assert_string_equal(sl_conn_safe(&c, &arena), "postgres://us");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conn_forms),
		cmocka_unit_test(test_conn_bad_forms_do_not_show_the_password),
		cmocka_unit_test(test_conn_unknown_names_both_variables),
		cmocka_unit_test(test_conn_ours_comes_before_airflows),
		cmocka_unit_test(test_conn_safe_shows_no_password_behind_a_bare_slash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
