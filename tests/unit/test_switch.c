/* The switch: whatever is stored in whatever order, the table is a function of the newest inputs.
 */
#include "store_support.h"

/* --- append --- */

static void test_append_stores_every_row(void **state)
{
	struct world *w = *state;

	set_mode(w, SL_MODE_APPEND);
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}, {1, "a", 1}, {2, NULL, NO_VERSION}));
	put_input(w, 0, "y", 1, ROWS({3, "c", 3}));
	store(w);
	assert_string_equal(table(w), "1 a 1; 1 a 1; 2 - -; 3 c 3");
	assert_out(w, (struct sl_outcome){.inserted = 4, .written = 4});
	assert_string_equal(ask(w, "select name, edition, place, rev, ok from sluice.applied "
				   "order by name"),
			    "x 1 0 rev1 3; y 1 1 rev1 1");
	assert_string_equal(ask(w, "select entry, run, state, ok, inserted from sluice.entry"),
			    "1 run1 stored 4 4");
}

static void test_append_rerun_writes_nothing(void **state)
{
	struct world *w = *state;

	set_mode(w, SL_MODE_APPEND);
	for (int i = 0; i < 2; i++) {
		put_input(w, 0, "x", 1, ROWS({1, "a", 1}, {2, "b", 2}));
		store(w);
	}
	assert_string_equal(table(w), "1 a 1; 2 b 2");
	assert_out(w, (struct sl_outcome){.unchanged = 2});
	assert_string_equal(ask(w, "select inserted, unchanged from sluice.entry"), "2 0");
}

static void test_append_edited_input_replaces_its_rows_only(void **state)
{
	struct world *w = *state;

	set_mode(w, SL_MODE_APPEND);
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}, {2, "b", 2}));
	put_input(w, 0, "y", 1, ROWS({9, "y", 9}));
	store(w);
	put_input(w, 0, "x", 2, ROWS({1, "edited", 1}));
	store(w);
	assert_string_equal(table(w), "1 edited 1; 9 y 9");
	assert_out(w, (struct sl_outcome){.inserted = 1, .written = 3});
}

static void test_append_emptied_input_loses_its_rows(void **state)
{
	struct world *w = *state;

	set_mode(w, SL_MODE_APPEND);
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}));
	store(w);
	put_input(w, 0, "x", 2, NO_ROWS);
	store(w);
	assert_string_equal(table(w), "");
	assert_string_equal(ask(w, "select edition, ok from sluice.applied"), "2 0");
}

static void test_older_edition_is_superseded(void **state)
{
	struct world *w = *state;

	set_mode(w, SL_MODE_APPEND);
	put_input(w, 0, "x", 2, ROWS({1, "new", 1}));
	store(w);
	put_input(w, 0, "x", 1, ROWS({1, "old", 1}, {2, "old", 1}));
	store(w);
	assert_string_equal(table(w), "1 new 1");
	assert_out(w, (struct sl_outcome){.superseded = 2});
}

static void test_new_rules_replace_and_old_ones_can_come_back(void **state)
{
	struct world *w = *state;
	static const char *const revs[] = {"rev1", "rev2", "rev1"};

	set_mode(w, SL_MODE_APPEND);
	for (size_t i = 0; i < SL_ARRAY_LEN(revs); i++) {
		set_rev(w, revs[i]);
		put_input(w, 0, "x", 1, &(struct row){1, revs[i], 1}, 1);
		store(w);
		assert_string_equal(ask(w, "select name from silver.t"), revs[i]);
	}
	assert_out(w, (struct sl_outcome){.inserted = 1, .written = 2});
}

/* --- latest --- */

static void test_latest_fills_an_empty_table(void **state)
{
	struct world *w = *state;

	put_input(w, 0, "x", 1, ROWS({1, "a", 1}, {2, "b", NO_VERSION}));
	store(w);
	assert_string_equal(table(w), "1 a 1; 2 b -");
	assert_out(w, (struct sl_outcome){.inserted = 2, .written = 2});
	assert_string_equal(ask(w, "select _sl_seq, _sl_change from silver.t order by 1"),
			    "0 1; 1 1");
}

static void test_latest_same_key_twice_in_an_empty_table_keeps_the_greater(void **state)
{
	struct world *w = *state;

	put_input(w, 0, "x", 1,
		  ROWS({1, "old", 1}, {1, "new", 2}, {1, "none", NO_VERSION}, {2, "first", 7},
		       {2, "second", 7}));
	store(w);
	assert_string_equal(table(w), "1 new 2; 2 second 7");
	assert_out(w, (struct sl_outcome){.inserted = 2, .stale = 3, .written = 2});
}

static void test_latest_greater_version_wins_and_smaller_is_stale(void **state)
{
	struct world *w = *state;

	put_input(w, 0, "x", 1, ROWS({1, "one", 5}, {2, "two", 5}));
	store(w);
	put_input(w, 0, "y", 2, ROWS({1, "newer", 6}, {2, "older", 4}, {3, "three", 1}));
	store(w);
	assert_string_equal(table(w), "1 newer 6; 2 two 5; 3 three 1");
	assert_out(w, (struct sl_outcome){.inserted = 1, .updated = 1, .stale = 1, .written = 2});
}

static void test_latest_null_version_is_smallest(void **state)
{
	struct world *w = *state;

	put_input(w, 0, "x", 1, ROWS({1, "none", NO_VERSION}, {2, "some", -5}));
	store(w);
	put_input(w, 0, "y", 2, ROWS({1, "some", -5}, {2, "none", NO_VERSION}));
	store(w);
	assert_string_equal(table(w), "1 some -5; 2 some -5");
	put_input(w, 0, "z", 3, ROWS({3, "first", NO_VERSION}));
	store(w);
	put_input(w, 0, "zz", 4, ROWS({3, "later edition", NO_VERSION}));
	store(w);
	assert_string_equal(ask(w, "select name from silver.t where id = 3"), "later edition");
}

static void test_latest_equal_versions_go_by_source_then_edition_then_place(void **state)
{
	struct world *w = *state;

	put_input(w, 1, "second source", 1, ROWS({1, "b1", 5}));
	store(w);
	put_input(w, 0, "first source", 9, ROWS({1, "a9", 5}));
	store(w);
	assert_string_equal(table(w), "1 b1 5");
	assert_out(w, (struct sl_outcome){.stale = 1});
	put_input(w, 1, "p", 2, ROWS({1, "place 0", 5}));
	put_input(w, 1, "q", 2, ROWS({1, "place 1", 5}));
	store(w);
	assert_string_equal(table(w), "1 place 1 5");
	assert_out(w, (struct sl_outcome){.updated = 1, .stale = 1, .written = 1});
}

static void test_latest_owner_replaces_also_with_a_smaller_version(void **state)
{
	struct world *w = *state;

	put_input(w, 0, "x", 1, ROWS({1, "wrong", 50}));
	store(w);
	put_input(w, 0, "x", 2, ROWS({1, "mended", 5}));
	store(w);
	assert_string_equal(table(w), "1 mended 5");
	/* also when another input of the entry holds the key too: the greatest of them */
	put_input(w, 0, "x", 3, ROWS({1, "x3", 1}));
	put_input(w, 0, "y", 3, ROWS({1, "y3", 2}));
	store(w);
	assert_string_equal(table(w), "1 y3 2");
	assert_out(w, (struct sl_outcome){.updated = 1, .stale = 1, .written = 1});
}

static void test_latest_change_of_owner_alone_keeps_the_change_number(void **state)
{
	struct world *w = *state;

	put_input(w, 0, "x", 1, ROWS({1, "same", 5}, {2, "other", 5}));
	store(w);
	put_input(w, 0, "y", 2, ROWS({1, "same", 5}, {2, "changed", 5}));
	store(w);
	assert_out(w, (struct sl_outcome){.updated = 1, .unchanged = 1, .written = 2});
	assert_string_equal(ask(w, "select t.id, t._sl_change, a.name from silver.t t "
				   "join sluice.applied a on a.input = t._sl_input order by 1"),
			    "1 1 y; 2 2 y");
}

static void test_latest_rerun_and_unchanged_rows_write_nothing(void **state)
{
	struct world *w = *state;

	put_input(w, 0, "x", 1, ROWS({1, "a", 1}, {2, "b", 2}));
	store(w);
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}, {2, "b", 2}));
	store(w);
	assert_out(w, (struct sl_outcome){.unchanged = 2});
	put_input(w, 0, "x", 2, ROWS({2, "b", 2}, {1, "a", 1}, {3, "c", 3}));
	store(w);
	assert_out(w, (struct sl_outcome){.inserted = 1, .unchanged = 2, .written = 1});
	assert_string_equal(ask(w, "select id, _sl_change from silver.t order by 1"),
			    "1 1; 2 1; 3 2");
}

static void test_latest_each_input_keeps_rows_that_it_no_longer_makes(void **state)
{
	struct world *w = *state;

	put_input(w, 0, "x", 1, ROWS({1, "a", 1}, {2, "b", 2}));
	store(w);
	put_input(w, 0, "x", 2, ROWS({1, "a", 1}));
	store(w);
	assert_string_equal(table(w), "1 a 1; 2 b 2");
}

static void test_latest_whole_input_loses_what_its_new_edition_lacks(void **state)
{
	struct world *w = *state;

	w->sources[0].input = SL_INPUT_WHOLE;
	put_input(w, 0, "all", 1, ROWS({1, "a", 1}, {2, "b", 2}, {3, "c", 3}));
	store(w);
	put_input(w, 1, "other", 1, ROWS({9, "kept", 1}));
	store(w);
	put_input(w, 0, "all", 2, ROWS({1, "a", 1}, {3, "changed", 3}));
	store(w);
	assert_string_equal(table(w), "1 a 1; 3 changed 3; 9 kept 1");
	assert_out(w, (struct sl_outcome){.updated = 1, .unchanged = 1, .written = 2});
	put_input(w, 0, "all", 3, NO_ROWS);
	store(w);
	assert_string_equal(table(w), "9 kept 1");
	assert_out(w, (struct sl_outcome){.written = 2});
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return *seed >> 16;
}

/* Twelve entries of two sources over five keys, stored in a random order, some twice. */
static void store_shuffled(struct world *w, unsigned seed)
{
	static const char *const names[] = {"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"};
	size_t order[12];

	for (size_t i = 0; i < 12; i++)
		order[i] = i;
	for (size_t i = 11; i > 0; i--) {
		size_t k = next_random(&seed) % (i + 1), t = order[i];
		order[i] = order[k];
		order[k] = t;
	}
	struct sl_sink *s = open_sink(w);
	for (size_t i = 0; i < 12; i++) {
		unsigned content = (unsigned)order[i] * 7919U; /* of the entry, not of the order */
		struct row rows[2][4];
		for (size_t in = 0; in < 2; in++) {
			for (size_t r = 0; r < 4; r++) {
				int64_t version = (int64_t)(next_random(&content) % 4);
				rows[in][r] = (struct row){next_random(&content) % 5,
							   names[next_random(&content) % 9],
							   version ? version : NO_VERSION};
			}
			sl_cleanup(sl_freep) char *name = sl_xasprintf("in%zu-%zu", order[i], in);
			put_input(w, order[i] % 2, name, order[i] / 2 + 1, rows[in], 4);
		}
		assert_ok(w, try_switch(w, s));
	}
	sl_sink_close(s);
}

static void test_latest_is_the_same_in_any_order(void **state)
{
	struct world *w = *state;
	static const char sql[] = "select t.id, t.name, t.version, a.name from silver.t t "
				  "join sluice.applied a on a.input = t._sl_input order by 1";
	const char *want = NULL;

	for (unsigned seed = 1; seed <= 6; seed++) {
		drop_all(w);
		store_shuffled(w, seed);
		const char *got = ask(w, sql);
		if (want)
			assert_string_equal(got, want);
		want = got;
	}
}

/* --- fences --- */

static void test_store_with_old_rules_is_fenced_off(void **state)
{
	struct world *w = *state;
	struct sl_sink *old = open_sink(w);

	if (on_pg()) { /* another store brings other rules, and goes */
		set_rev(w, "rev2");
		sl_sink_close(open_sink(w));
		set_rev(w, "rev1");
	} else {
		assert_ok(w, sl_sink_engine(old)->script(sl_sink_db(old),
							 "update sluice.pipeline set era = 7",
							 &w->err));
	}
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}));
	assert_fails(w, SL_ERR_AGAIN, try_switch(w, old));
	sl_sink_close(old);
	assert_string_equal(table(w), "");
}

static void test_old_rev_is_told(void **state)
{
	struct world *w = *state;
	struct sl_sink *s = open_sink(w);

	assert_string_equal(sl_sink_old_rev(s), "");
	sl_sink_close(s);
	const char *era = ask(w, "select era from sluice.pipeline");
	sl_sink_close(open_sink(w));
	assert_string_equal(ask(w, "select era from sluice.pipeline"), era);
	set_rev(w, "rev2");
	s = open_sink(w);
	assert_string_equal(sl_sink_old_rev(s), "rev1");
	sl_sink_close(s);
	assert_string_not_equal(ask(w, "select era from sluice.pipeline"), era);
}

static void test_changed_shape_is_refused(void **state)
{
	struct world *w = *state;
	struct sl_sink *s = NULL;

	sl_sink_close(open_sink(w));
	snprintf(w->p.shape, sizeof(w->p.shape), "shape2");
	assert_fails(w, SL_ERR_CONFIG, sl_sink_open(&w->p, &w->home, &s, &w->err));
	assert_non_null(strstr(w->err.hint, "sluice rebuild"));
}

static void test_table_of_another_pipeline_is_refused(void **state)
{
	struct world *w = *state;
	struct sl_sink *s = NULL;

	sl_sink_close(open_sink(w));
	w->p.name = "second";
	assert_fails(w, SL_ERR_CONFIG, sl_sink_open(&w->p, &w->home, &s, &w->err));
	assert_non_null(strstr(w->err.msg, "\"test\""));
}

static void test_changed_column_is_named(void **state)
{
	struct world *w = *state;
	struct sl_sink *s = NULL;

	sl_sink_close(open_sink(w));
	w->p.schema.cols[1].type = (struct sl_type){SL_DECIMAL, 12, 2};
	assert_fails(w, SL_ERR_CONFIG, sl_sink_open(&w->p, &w->home, &s, &w->err));
	assert_non_null(strstr(w->err.msg, "\"name\""));
	w->p.schema.cols[1].type = (struct sl_type){SL_TEXT, 0, 0};
	w->p.schema.cols[1].name = "title";
	assert_fails(w, SL_ERR_CONFIG, sl_sink_open(&w->p, &w->home, &s, &w->err));
	assert_non_null(strstr(w->err.msg, "\"title\""));
}

/* --- refused entries, telemetry --- */

static void test_refused_entry_writes_rejects_only(void **state)
{
	struct world *w = *state;
	struct sl_sink *s = open_sink(w);
	static const char rejects[] = "select name, entry, field, rule, reason from sluice.reject";

	w->bad = 2;
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}));
	assert_ok(w, try_refuse(w, s));
	sl_sink_close(s);
	assert_string_equal(table(w), "");
	assert_string_equal(ask(w, rejects),
			    "x 1 name required is missing; x 1 name required is missing");
	assert_string_equal(ask(w, "select state, ok, bad, inserted from sluice.entry"),
			    "refused 1 2 0");
	assert_string_equal(ask(w, "select count(*) from sluice.applied"), "0");

	w->bad = 1; /* the rules were mended: stored, with the reject that is left */
	set_rev(w, "rev2");
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}, {2, "b", 1}));
	store(w);
	assert_string_equal(table(w), "1 a 1; 2 b 1");
	assert_string_equal(ask(w, rejects), "x 1 name required is missing");
	assert_string_equal(ask(w, "select state, ok, bad, inserted from sluice.entry"),
			    "stored 2 1 2");
}

static void change_state(struct world *w, const char *sql)
{
	const struct sl_engine *eng;
	struct sl_db *db;

	assert_ok(w, sl_store_connect(&w->p, &w->home, false, 3000000, &eng, &db, &w->err));
	assert_ok(w, eng->script(db, sql, &w->err));
	eng->close(db);
}

static void test_state_of_an_older_format_is_brought_up_and_a_newer_one_refused(void **state)
{
	struct world *w = *state;
	static const char tables[] = "select count(*) from information_schema.tables "
				     "where table_schema = 'sluice'";
	struct sl_sink *s = NULL;

	put_input(w, 0, "x", 1, ROWS({1, "a", 1}));
	store(w);
	const char *now = ask(w, "select version from sluice.format");
	const char *n = ask(w, tables);
	change_state(w, "drop table sluice.origin; update sluice.format set version = 1");
	put_input(w, 0, "y", 2, ROWS({2, "b", 1}));
	store(w);
	assert_string_equal(ask(w, "select version from sluice.format"), now);
	assert_string_equal(ask(w, tables), n);
	assert_string_equal(table(w), "1 a 1; 2 b 1");
	change_state(w, "update sluice.format set version = 99");
	assert_fails(w, SL_ERR_CONFIG, sl_sink_open(&w->p, &w->home, &s, &w->err));
	assert_non_null(strstr(w->err.msg, "newer program"));
	assert_string_equal(ask(w, "select version from sluice.format"), "99");
}

static void test_rows_that_were_not_judged_are_not_stored(void **state)
{
	struct world *w = *state;
	struct sl_sink *s = open_sink(w);

	put_input(w, 0, "x", 1, ROWS({1, "a", 1}));
	w->inputs[0].counts.ok = 2;
	assert_fails(w, SL_ERR_AGAIN, try_switch(w, s));
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}));
	assert_ok(w, try_switch(w, s)); /* the sink is still good */
	sl_sink_close(s);
	assert_string_equal(table(w), "1 a 1");
}

static void test_stage_execution_is_folded_once(void **state)
{
	struct world *w = *state;
	struct sl_sink *s = open_sink(w);
	const struct sl_str collect =
		SL_STR("{\"id\":\"collect-1\",\"pipeline\":\"test\",\"run\":\"r\","
		       "\"stage\":\"collect\",\"exit\":0,\"seconds\":0.25,"
		       "\"started\":\"2026-11-25T10:00:00Z\",\"n_in\":7}");
	const struct sl_str json[] = {collect, SL_STR("not json"), collect};

	for (int i = 0; i < 2; i++)
		assert_ok(w, sl_stage_runs_fold(sl_sink_engine(s), sl_sink_db(s), "test", json, 3,
						&w->err));
	sl_sink_close(s);
	assert_string_equal(ask(w, "select id, stage, exit, seconds, started, n_in, error "
				   "from sluice.stage_run"),
			    "collect-1 collect 0 0.25 2026-11-25T10:00:00Z 7 -");
}

static void test_more_stage_executions_than_one_statement_takes_are_folded(void **state)
{
	struct world *w = *state;
	struct sl_sink *s = open_sink(w);
	struct sl_str json[150];

	for (size_t i = 0; i < SL_ARRAY_LEN(json); i++)
		json[i] = sl_str_of(sl_arena_printf(
			&w->arena, "{\"id\":\"normalize-%zu\",\"pipeline\":\"test\",\"run\":\"r\"}",
			i));
	assert_ok(w, sl_stage_runs_fold(sl_sink_engine(s), sl_sink_db(s), "test", json,
					SL_ARRAY_LEN(json), &w->err));
	sl_sink_close(s);
	assert_string_equal(ask(w, "select count(*), count(distinct id) from sluice.stage_run"),
			    "150 150");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

static int run_group(const char *engine)
{
	const struct CMUnitTest tests[] = {
		TEST(test_append_stores_every_row),
		TEST(test_append_rerun_writes_nothing),
		TEST(test_append_edited_input_replaces_its_rows_only),
		TEST(test_append_emptied_input_loses_its_rows),
		TEST(test_older_edition_is_superseded),
		TEST(test_new_rules_replace_and_old_ones_can_come_back),
		TEST(test_latest_fills_an_empty_table),
		TEST(test_latest_same_key_twice_in_an_empty_table_keeps_the_greater),
		TEST(test_latest_greater_version_wins_and_smaller_is_stale),
		TEST(test_latest_null_version_is_smallest),
		TEST(test_latest_equal_versions_go_by_source_then_edition_then_place),
		TEST(test_latest_owner_replaces_also_with_a_smaller_version),
		TEST(test_latest_change_of_owner_alone_keeps_the_change_number),
		TEST(test_latest_rerun_and_unchanged_rows_write_nothing),
		TEST(test_latest_each_input_keeps_rows_that_it_no_longer_makes),
		TEST(test_latest_whole_input_loses_what_its_new_edition_lacks),
		TEST(test_latest_is_the_same_in_any_order),
		TEST(test_store_with_old_rules_is_fenced_off),
		TEST(test_old_rev_is_told),
		TEST(test_changed_shape_is_refused),
		TEST(test_table_of_another_pipeline_is_refused),
		TEST(test_changed_column_is_named),
		TEST(test_refused_entry_writes_rejects_only),
		TEST(test_rows_that_were_not_judged_are_not_stored),
		TEST(test_state_of_an_older_format_is_brought_up_and_a_newer_one_refused),
		TEST(test_stage_execution_is_folded_once),
		TEST(test_more_stage_executions_than_one_statement_takes_are_folded),
	};

	test_engine = engine;
	return cmocka_run_group_tests_name(engine, tests, NULL, NULL);
}

int main(void)
{
	int failed = 0;

	if (duckdb_is_here())
		failed += run_group("duckdb");
	else
		print_message("skipped on DuckDB: no libduckdb.so (scripts/get-duckdb)\n");
	if (getenv("SLUICE_TEST_PG"))
		failed += run_group("pg");
	else
		print_message("skipped on PostgreSQL: SLUICE_TEST_PG is not set\n");
	return failed;
}
