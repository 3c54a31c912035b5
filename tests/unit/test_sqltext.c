/*
 * SQL as text: one statement, named parameters, nothing else touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "data/sqltext.h"

static void test_names_become_numbers_outside_quotes_only(void **state)
{
	static const struct {
		const char *in, *want, *names;
	} cases[] = {
		{"select :a", "select $1", "a"},
		{"select :a, :b, :a", "select $1, $2, $1", "a b"},
		{"select ':a', \":b\", :c", "select ':a', \":b\", $1", "c"},
		{"select x::date, :d::date", "select x::date, $1::date", "d"},
		{"select 1 -- :a\n, :b", "select 1 -- :a\n, $1", "b"},
		{"select /* :a /* :b */ :c */ :d", "select /* :a /* :b */ :c */ $1", "d"},
		{"select 'it''s :a', :b", "select 'it''s :a', $1", "b"},
		{"select E'it\\'s :a', :b", "select E'it\\'s :a', $1", "b"},
		{"select $$ :a $$, $t$ :b $$ $t$, :c", "select $$ :a $$, $t$ :b $$ $t$, $1", "c"},
		{"select x[1:2], :e", "select x[1:2], $1", "e"},
		{"select 1;", "select 1", ""},
		{"-- head\nselect 1 ; -- tail\n", "-- head\nselect 1  -- tail", ""},
		{"select ';'", "select ';'", ""},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
		sl_cleanup(sl_buf_release) struct sl_buf names = SL_BUF_INIT;
		struct sl_err err = SL_ERR_INIT;
		struct sl_sqltext t;

		if (!sl_sqltext_read(sl_str_of(cases[i].in), true, &arena, &t, &err))
			fail_msg("case %zu: %s", i, err.msg);
		for (size_t n = 0; n < t.n_names; n++)
			sl_buf_addf(&names, "%s%s", n ? " " : "", t.names[n]);
		if (strcmp(t.sql, cases[i].want) != 0 ||
		    strcmp(sl_buf_z(&names), cases[i].names) != 0)
			fail_msg("case %zu: %s (%s)", i, t.sql, sl_buf_z(&names));
	}
}

static void test_more_than_one_statement_and_open_quotes_are_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"  -- nothing\n",
		";",
		"select 1; drop table x",
		"select 'a",
		"select \"a",
		"select /* a",
		"select $$ a",
		"select 1;;x",
		"select E'a\\'",
		"select 1; ' -- '",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
		sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
		struct sl_err err = SL_ERR_INIT;
		struct sl_sqltext t;

		if (sl_sqltext_read(sl_str_of(wrong[i]), true, &arena, &t, &err))
			fail_msg("case %zu passes: %s", i, wrong[i]);
		assert_int_equal(err.kind, SL_ERR_CONFIG);
	}
}

static void test_verb_tells_what_only_reads(void **state)
{
	static const struct {
		const char *sql;
		bool reads;
	} cases[] = {
		{"SELECT 1", true},
		{"-- c\n(select 1)", true},
		{"with a as (x) select 1", true},
		{"delete from x", false},
		{"COPY (select 1) to 'x'", false},
		{"attach 'x.db'", false},
		{"insert into x values (1)", false},
		{"explain select 1", true},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
		struct sl_err err = SL_ERR_INIT;
		struct sl_sqltext t;

		assert_true(sl_sqltext_read(sl_str_of(cases[i].sql), true, &arena, &t, &err));
		if (sl_sqltext_reads(&t) != cases[i].reads)
			fail_msg("case %zu: %s", i, cases[i].sql);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_become_numbers_outside_quotes_only),
		cmocka_unit_test(test_more_than_one_statement_and_open_quotes_are_refused),
		cmocka_unit_test(test_verb_tells_what_only_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
