/*
 * store/log, inventory, runs, marks: numbers, editions, who owns an entry, what is stored.
 */
#include "home_support.h"

#include "base/file.h"
#include "base/mem.h"
#include "store/log.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct sl_log_chunk chunks[] = {{ID_A, 1 << 20, 2, 3}, {ID_B, UINT64_C(1) << 40, 1, 1}};

/* Links entry n of run with one input per name. */
static bool link_names(uint64_t n, const char *run, const char *const *names, size_t n_names)
{
	struct sl_log_input in[8];
	struct sl_err err = SL_ERR_INIT;
	bool won = false;

	for (size_t i = 0; i < n_names; i++)
		in[i] = (struct sl_log_input){
			.name = names[i], .settings = "ff", .chunks = chunks, .n_chunks = 1};
	const struct sl_log_entry e = {.n = n,
				       .source = "s",
				       .run = run,
				       .partitions = 1,
				       .inputs = in,
				       .n_inputs = n_names};
	assert_ok(err, sl_log_link(&home, &e, &won, &err));
	return won;
}

static void test_log_entry_comes_back_as_it_was(void **state)
{
	struct sl_log_input in[] = {
		{"empty", "00", "1:2:3", NULL, 0},
		{"line\nend \"q\" é", "ff", NULL, chunks, 2},
	};
	const struct sl_log_entry e = {.n = 1,
				       .source = "s",
				       .run = "run,\"inputs\":[",
				       .from = "2026-01-01T00:00:00Z",
				       .to = NULL,
				       .complete = true,
				       .partitions = 16,
				       .inputs = in,
				       .n_inputs = 2};
	struct sl_log_entry got, head;
	struct sl_err err = SL_ERR_INIT;
	bool won = false;

	(void)state;
	assert_ok(err, sl_log_link(&home, &e, &won, &err));
	assert_true(won);
	assert_ok(err, sl_log_read(&home, "s", 1, &arena, &got, &err));
	assert_string_equal(got.run, e.run);
	assert_string_equal(got.from, e.from);
	assert_null(got.to);
	assert_true(got.complete);
	assert_int_equal(got.partitions, 16);
	assert_int_equal(got.n_inputs, 2);
	assert_string_equal(got.inputs[0].stat, "1:2:3");
	assert_int_equal(got.inputs[0].n_chunks, 0);
	assert_string_equal(got.inputs[1].name, in[1].name);
	assert_null(got.inputs[1].stat);
	assert_string_equal(got.inputs[1].chunks[1].id, ID_B);
	assert_int_equal(got.inputs[1].chunks[1].bytes, UINT64_C(1) << 40);
	assert_int_equal(got.inputs[1].chunks[0].parts, 2);
	assert_int_equal(got.inputs[1].chunks[0].records, 3);
	assert_ok(err, sl_log_read_head(&home, "s", 1, &arena, &head, &err));
	assert_string_equal(head.run, e.run);
	assert_int_equal(head.n_inputs, 0);
}

static void test_log_first_link_of_a_number_wins(void **state)
{
	static const char *const a[] = {"a"}, *const b[] = {"b"};
	struct sl_log_entry got;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_true(link_names(1, "r1", a, 1));
	assert_false(link_names(1, "r2", b, 1));
	assert_ok(err, sl_log_read(&home, "s", 1, &arena, &got, &err));
	assert_string_equal(got.run, "r1");
}

static void test_log_newest_is_by_number_not_by_name(void **state)
{
	static const char *const a[] = {"a"};
	sl_cleanup(sl_freep) char *other = sl_home_path(&home, "log/s/99.json.bak");
	struct sl_err err = SL_ERR_INIT;
	uint64_t newest = 7;

	(void)state;
	assert_ok(err, sl_log_newest(&home, "s", &newest, &err));
	assert_int_equal(newest, 0);
	for (uint64_t n = 1; n <= 11; n++)
		assert_true(link_names(n, "r", a, 1));
	assert_ok(err, sl_file_replace(other, "", 0, &err));
	assert_ok(err, sl_log_newest(&home, "s", &newest, &err));
	assert_int_equal(newest, 11);
}

static void test_log_damaged_or_missing_entry_is_an_io_error(void **state)
{
	static const char *const a[] = {"a"};
	sl_cleanup(sl_freep) char *path = sl_home_path(&home, "log/s/2.json");
	struct sl_log_entry got;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_true(link_names(1, "r", a, 1));
	assert_false(sl_log_read(&home, "s", 2, &arena, &got, &err));
	assert_int_equal(err.kind, SL_ERR_IO);
	assert_ok(err, sl_file_replace(path, "{\"n\":2}", 7, &err));
	assert_false(sl_log_read(&home, "s", 2, &arena, &got, &err));
	assert_int_equal(err.kind, SL_ERR_IO);
	assert_non_null(strstr(err.msg, "2.json"));
}

static void test_inventory_holds_the_newest_edition_of_every_input(void **state)
{
	static const char *const one[] = {"a", "c"}, *const two[] = {"b", "c"};
	struct sl_inventory inv;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_ok(err, sl_log_inventory(&home, "s", 0, &arena, &inv, &err));
	assert_int_equal(inv.n, 0);
	assert_null(sl_inventory_find(&inv, "a"));
	link_names(1, "r", one, 2);
	link_names(2, "r", two, 2);
	assert_ok(err, sl_log_inventory(&home, "s", 0, &arena, &inv, &err));
	assert_int_equal(inv.newest, 2);
	assert_int_equal(inv.n, 3);
	assert_string_equal(inv.v[0].input->name, "a");
	assert_int_equal(sl_inventory_find(&inv, "a")->n, 1);
	assert_int_equal(sl_inventory_find(&inv, "b")->place, 0);
	assert_int_equal(sl_inventory_find(&inv, "c")->n, 2);
	assert_int_equal(sl_inventory_find(&inv, "c")->place, 1);
	assert_null(sl_inventory_find(&inv, "d"));
	assert_ok(err, sl_log_inventory(&home, "s", 1, &arena, &inv, &err));
	assert_int_equal(inv.newest, 1);
	assert_int_equal(sl_inventory_find(&inv, "c")->n, 1);
}

/* The inventory by whatever way as one text. */
static void describe(uint64_t upto, struct sl_buf *out)
{
	struct sl_inventory inv;
	struct sl_err err = SL_ERR_INIT;

	assert_ok(err, sl_log_inventory(&home, "s", upto, &arena, &inv, &err));
	for (size_t i = 0; i < inv.n; i++)
		sl_buf_addf(out, "%s@%d/%zu:%s ", inv.v[i].input->name, (int)inv.v[i].n,
			    inv.v[i].place, inv.v[i].input->chunks[0].id);
}

static void test_inventory_is_the_same_with_and_without_snapshot(void **state)
{
	static const char *const even[] = {"a", "b"}, *const odd[] = {"b", "c"};
	sl_cleanup(sl_freep) char *path = sl_home_path(&home, "log/s/snapshot-256.json");
	sl_cleanup(sl_buf_release) struct sl_buf with = SL_BUF_INIT, without = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	static const uint64_t upto[] = {0, 255, 256, 257};

	(void)state;
	for (uint64_t n = 1; n <= 258; n++)
		link_names(n, "r", n % 2 ? odd : even, 2);
	assert_true(sl_file_exists(path));
	for (size_t i = 0; i < SL_ARRAY_LEN(upto); i++)
		describe(upto[i], &with);
	assert_int_equal(unlink(path), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(upto); i++)
		describe(upto[i], &without);
	assert_string_equal(sl_buf_z(&with), sl_buf_z(&without));
	/* A damaged one is as good as none. */
	assert_ok(err, sl_file_replace(path, "{", 1, &err));
	sl_buf_clear(&with);
	for (size_t i = 0; i < SL_ARRAY_LEN(upto); i++)
		describe(upto[i], &with);
	assert_string_equal(sl_buf_z(&with), sl_buf_z(&without));
}

static void test_inventory_reads_only_what_a_snapshot_leaves(void **state)
{
	static const char *const a[] = {"a"};
	sl_cleanup(sl_freep) char *path = sl_home_path(&home, "log/s/3.json");
	struct sl_inventory inv;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	for (uint64_t n = 1; n <= 257; n++)
		link_names(n, "r", a, 1);
	assert_int_equal(unlink(path), 0); /* would be an error if it were needed */
	assert_ok(err, sl_log_inventory(&home, "s", 0, &arena, &inv, &err));
	assert_int_equal(sl_inventory_find(&inv, "a")->n, 257);
}

static void test_run_keeps_its_first_begin(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	uint64_t begin = 99;

	(void)state;
	assert_ok(err, sl_run_begin(&home, "r 1", "s", 4, &begin, &err));
	assert_int_equal(begin, 4);
	assert_ok(err, sl_run_begin(&home, "r 1", "s", 9, &begin, &err));
	assert_int_equal(begin, 4);
	assert_ok(err, sl_run_begin(&home, "r 2", "s", 9, &begin, &err));
	assert_int_equal(begin, 9);
	assert_false(sl_run_begin(&home, "\xff", "s", 9, &begin, &err));
	assert_int_equal(err.kind, SL_ERR_USAGE);
}

static void test_run_owns_its_entries_after_its_begin(void **state)
{
	static const char *const a[] = {"a"};
	struct sl_err err = SL_ERR_INIT;
	uint64_t begin, *own;
	size_t n;

	(void)state;
	link_names(1, "r1", a, 1);
	assert_ok(err, sl_run_entries(&home, "r1", "s", &arena, &own, &n, &err));
	assert_int_equal(n, 0); /* it never began */
	assert_ok(err, sl_run_begin(&home, "r1", "s", 1, &begin, &err));
	assert_ok(err, sl_run_entries(&home, "r1", "s", &arena, &own, &n, &err));
	assert_int_equal(n, 0);
	link_names(2, "r1", a, 1);
	link_names(3, "r2", a, 1);
	link_names(4, "r1", a, 1);
	assert_ok(err, sl_run_entries(&home, "r1", "s", &arena, &own, &n, &err));
	assert_int_equal(n, 2);
	assert_int_equal(own[0], 2);
	assert_int_equal(own[1], 4);
}

static void test_marks_belong_to_a_generation(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	unsigned g = 0;
	uint64_t *missing;
	size_t n;

	(void)state;
	assert_ok(err, sl_mark_generation(&home, "duckdb", &g, &err));
	assert_int_equal(g, 1);
	assert_ok(err, sl_mark_link(&home, "duckdb", 1, "s", 2, &err));
	assert_ok(err, sl_mark_link(&home, "duckdb", 1, "s", 2, &err));
	assert_ok(err, sl_mark_missing(&home, "pg.w", 1, "s", 2, &arena, &missing, &n, &err));
	assert_int_equal(n, 2);
	assert_ok(err, sl_mark_missing(&home, "duckdb", 1, "s", 3, &arena, &missing, &n, &err));
	assert_int_equal(n, 2);
	assert_false(sl_mark_is_missing(missing, n, 2));
	assert_true(sl_mark_is_missing(missing, n, 3));
	assert_false(sl_mark_is_missing(NULL, 0, 3));
	assert_int_equal(missing[0], 1);
	assert_int_equal(missing[1], 3);
	assert_ok(err, sl_mark_rescan(&home, "duckdb", &g, &err));
	assert_int_equal(g, 2);
	assert_ok(err, sl_mark_generation(&home, "duckdb", &g, &err));
	assert_int_equal(g, 2);
	assert_ok(err, sl_mark_missing(&home, "duckdb", g, "s", 2, &arena, &missing, &n, &err));
	assert_int_equal(n, 2);
}

static void test_what_was_told_of_an_entry_is_known_until_it_changes(void **state)
{
	(void)state;
	assert_false(sl_mark_was_told(&home, "duckdb", "s", 2, "refused r1"));
	assert_false(sl_mark_told(&home, "duckdb", "s", 2, "refused r1"));
	assert_true(sl_mark_told(&home, "duckdb", "s", 2, "refused r1"));
	assert_true(sl_mark_was_told(&home, "duckdb", "s", 2, "refused r1"));
	assert_false(sl_mark_was_told(&home, "duckdb", "s", 3, "refused r1"));
	assert_false(sl_mark_was_told(&home, "pg.w", "s", 2, "refused r1"));
	assert_false(sl_mark_told(&home, "duckdb", "s", 2, "refused r2"));
	assert_false(sl_mark_was_told(&home, "duckdb", "s", 2, "refused r1"));
}

static void test_marks_sink_has_the_connection_in_its_name(void **state)
{
	sl_cleanup(sl_freep) char *a = sl_mark_sink("duckdb", NULL);
	sl_cleanup(sl_freep) char *b = sl_mark_sink("pg", "warehouse");

	(void)state;
	assert_string_equal(a, "duckdb");
	assert_string_equal(b, "pg.warehouse");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_log_entry_comes_back_as_it_was),
		T(test_log_first_link_of_a_number_wins),
		T(test_log_newest_is_by_number_not_by_name),
		T(test_log_damaged_or_missing_entry_is_an_io_error),
		T(test_inventory_holds_the_newest_edition_of_every_input),
		T(test_inventory_is_the_same_with_and_without_snapshot),
		T(test_inventory_reads_only_what_a_snapshot_leaves),
		T(test_run_keeps_its_first_begin),
		T(test_run_owns_its_entries_after_its_begin),
		T(test_marks_belong_to_a_generation),
		T(test_what_was_told_of_an_entry_is_known_until_it_changes),
		T(test_marks_sink_has_the_connection_in_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
