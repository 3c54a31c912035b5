/*
 * What an error of PostgreSQL means: exit class, whether a retry can help, and the cure. The file is
 * compiled in, because the module that holds it needs libpq.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engines/pg_error.c"

static void test_pg_sqlstate_decides_the_class(void **state)
{
	(void)state;
	static const struct {
		const char *sqlstate;
		int connecting, connected; /* exit codes */
	} cases[] = {
		{"08000", 69, 75}, {"08006", 69, 75}, {"08P01", 76, 76}, {"40001", 75, 75},
		{"40P01", 75, 75}, {"57P01", 69, 75}, {"57P02", 69, 75}, {"57P03", 69, 75},
		{"57P04", 78, 78}, {"57014", 75, 75}, {"53000", 75, 75}, {"53200", 75, 75},
		{"53300", 75, 75}, {"53100", 74, 74}, {"55P03", 75, 75}, {"28000", 77, 77},
		{"28P01", 77, 77}, {"42501", 77, 77}, {"3D000", 78, 78}, {"42P01", 78, 78},
		{"42703", 78, 78}, {"25006", 78, 78}, {"22003", 65, 65}, {"22021", 65, 65},
		{"23505", 65, 65}, {"23514", 65, 65}, {"P0001", 65, 65}, {"58030", 74, 74},
		{"XX000", 74, 74}, {"", 69, 75},      {NULL, 69, 75},
	};
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		const int one = sl_err_exit_code(sl_pg_kind(cases[i].sqlstate, false));
		const int two = sl_err_exit_code(sl_pg_kind(cases[i].sqlstate, true));
		if (one != cases[i].connecting || two != cases[i].connected)
			fail_msg("%s: %d, %d", cases[i].sqlstate ? cases[i].sqlstate : "NULL", one,
				 two);
	}
}

static void test_pg_refused_connection_is_judged_by_libpqs_words(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int code;
		const char *cure;
	} cases[] = {
		{"server does not support SSL, but SSL was required", 78, "sslmode"},
		{"received invalid response to SSL negotiation: H", 76, "port"},
		{"expected authentication request from server, but received H", 76, "port"},
		{"fe_sendauth: no password supplied", 77, "password"},
		{"SSL error: certificate verify failed", 78, "sslrootcert"},
		{"root certificate file \"/x\" does not exist", 78, "sslrootcert"},
		{"server certificate for \"a\" does not match host name \"b\"", 78, "verify-ca"},
		{"invalid sslmode value: \"x\"", 78, ""},
		{"Connection refused", 69, ""},
		{"server closed the connection unexpectedly", 69, ""},
	};
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_err err = {.kind = SL_ERR_UNAVAILABLE};
		sl_pg_judge_connect(&err, "", cases[i].text);
		if (sl_err_exit_code(err.kind) != cases[i].code || !strstr(err.hint, cases[i].cure))
			fail_msg("%s: %d, %s", cases[i].text, sl_err_exit_code(err.kind), err.hint);
	}
}

static void test_pg_missing_grant_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *cure;
	} cases[] = {
		{"permission denied for table shop",
		 "grant select, insert, update, delete on table \"shop\" to \"me\";"},
		{"permission denied for schema public",
		 "grant usage, create on schema \"public\" to \"me\";"},
		{"permission denied for database lake",
		 "grant create on database \"lake\" to \"me\";"},
		{"must be owner of table shop", "alter table \"shop\" owner to \"me\";"},
		{"permission denied to create extension", "grant \"me\" what the statement needs"},
	};
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_err err = SL_ERR_INIT;
		sl_pg_hint_grant(&err, cases[i].text, "me");
		assert_string_equal(err.hint, cases[i].cure);
	}
}

static void test_pg_only_a_rows_own_fault_is_one(void **state)
{
	(void)state;
	static const char *const rows[] = {"22003", "22021", "23502", "23505", "23514", "P0001"};
	static const char *const others[] = {"40001", "57P01", "42703", "53100", "", NULL};
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++)
		assert_true(sl_pg_is_row_fault(rows[i]));
	for (size_t i = 0; i < SL_ARRAY_LEN(others); i++)
		assert_false(sl_pg_is_row_fault(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pg_sqlstate_decides_the_class),
		cmocka_unit_test(test_pg_refused_connection_is_judged_by_libpqs_words),
		cmocka_unit_test(test_pg_missing_grant_is_named),
		cmocka_unit_test(test_pg_only_a_rows_own_fault_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
