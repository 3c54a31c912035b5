/*
 * A depot of files: rules that hold whatever kind it is. Of a folder; with SLUICE_CONN_TEST_DEPOT
 * of that connection's bucket (tests/contract/test_depot.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/depot.h"

struct world {
	char dir[64];
	struct sl_depot *depot;
	struct sl_err err;
};

#define assert_ok(w, call)                                                                         \
	do {                                                                                       \
		if (!(call))                                                                       \
			fail_msg("%s: %s", #call, (w)->err.msg);                                   \
	} while (0)

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static int setup_folder(void **state)
{
	struct world *w = sl_xcalloc(1, sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/sluice-depot-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	w->depot = sl_depot_folder(w->dir);
	*state = w;
	return 0;
}

/* In a place of its own in the bucket. */
static int setup_bucket(void **state)
{
	struct world *w = sl_xcalloc(1, sizeof(*w));
	static int number;
	sl_cleanup(sl_freep) char *below = sl_xasprintf("place-%d", ++number);

	snprintf(w->dir, sizeof(w->dir), "/tmp/sluice-depot-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	w->depot = sl_depot_s3("test_depot", below, w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	sl_depot_close(w->depot);
	nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

static void put(struct world *w, const char *name, const char *text)
{
	bool won = false;

	assert_ok(w, sl_depot_put(w->depot, name, sl_str_of(text), SL_DURABLE, &won, &w->err));
	assert_true(won);
}

static void assert_holds(struct world *w, const char *name, const char *want)
{
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;

	assert_ok(w, sl_depot_get(w->depot, name, 1 << 20, &got, &w->err));
	assert_string_equal(sl_buf_z(&got), want);
}

static void test_first_put_of_a_name_wins(void **state)
{
	struct world *w = *state;

	for (enum sl_worth worth = SL_DURABLE; worth <= SL_CACHE; worth++) {
		const char *name = worth == SL_CACHE ? "clean/r/c-1" : "log/drop/1.json";
		bool won = true;

		put(w, name, "first");
		assert_ok(w, sl_depot_put(w->depot, name, SL_STR("second"), worth, &won, &w->err));
		assert_false(won);
		assert_ok(w, sl_depot_put(w->depot, name, SL_STR("third"), worth, NULL, &w->err));
		assert_holds(w, name, "first");
	}
}

static void test_an_empty_file_is_a_file(void **state)
{
	struct world *w = *state;

	put(w, "stored/pg.w/1/drop/1", "");
	assert_holds(w, "stored/pg.w/1/drop/1", "");
}

static void test_last_replace_wins(void **state)
{
	struct world *w = *state;

	assert_ok(w, sl_depot_replace(w->depot, "seen/s.json", SL_STR("a"), SL_DURABLE, &w->err));
	assert_ok(w, sl_depot_replace(w->depot, "seen/s.json", SL_STR("b"), SL_CACHE, &w->err));
	assert_holds(w, "seen/s.json", "b");
}

static void test_get_is_bounded_and_tells_a_missing_file(void **state)
{
	struct world *w = *state;
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;

	put(w, "a/five", "12345");
	sl_buf_adds(&got, "x");
	assert_ok(w, sl_depot_get(w->depot, "a/five", 5, &got, &w->err));
	assert_string_equal(sl_buf_z(&got), "x12345");
	assert_false(sl_depot_get(w->depot, "a/five", 4, &got, &w->err));
	assert_int_equal(w->err.kind, SL_ERR_DATA);
	sl_err_clear(&w->err);
	assert_false(sl_depot_get(w->depot, "a/six", 5, &got, &w->err));
	assert_int_equal(w->err.kind, SL_ERR_NO_INPUT);
	assert_string_equal(sl_buf_z(&got), "x12345"); /* nothing is added by what fails */
	sl_err_clear(&w->err);
}

/* Few names are asked for one by one, many by listing: both must see the same. */
static void test_exist_tells_each_of_many(void **state)
{
	enum { MOST = 12 };
	struct world *w = *state;
	char *names[MOST];

	for (size_t i = 0; i < MOST; i++) {
		names[i] = sl_xasprintf("clean/r/part-%zu", i);
		if (i % 3)
			put(w, names[i], "x");
	}
	put(w, "clean/r/part-100", "not asked for");
	for (size_t n = 0; n <= MOST; n += n < 3 ? 1 : 3) {
		bool there[MOST];

		assert_ok(w,
			  sl_depot_exist(w->depot, (const char *const *)names, n, there, &w->err));
		for (size_t i = 0; i < n; i++)
			assert_int_equal(there[i], i % 3 != 0);
	}
	for (size_t i = 0; i < MOST; i++)
		free(names[i]);
}

static void test_removed_is_gone_and_missing_is_no_error(void **state)
{
	struct world *w = *state;
	static const char *const names[] = {"clean/r/a", "clean/r/never", "clean/r/b"};
	bool there[3];

	put(w, "clean/r/a", "x");
	put(w, "clean/r/b", "x");
	put(w, "clean/r/c", "x");
	assert_ok(w, sl_depot_remove(w->depot, names, 3, &w->err));
	assert_ok(w, sl_depot_remove(w->depot, names, 3, &w->err));
	assert_ok(w, sl_depot_remove(w->depot, NULL, 0, &w->err));
	assert_ok(w, sl_depot_exist(w->depot, names, 3, there, &w->err));
	assert_false(there[0] || there[1] || there[2]);
	assert_holds(w, "clean/r/c", "x");
}

static void test_list_is_sorted_by_bytes_with_directories_and_no_deeper(void **state)
{
	struct world *w = *state;
	static const char *const want[] = {"10.json", "9.json", "Z", "a b%3A+", "sub", "\xc3\xa9"};
	sl_cleanup(sl_names_release) struct sl_names names = {0};
	sl_cleanup(sl_names_release) struct sl_names none = {0};

	put(w, "log/s/9.json", "");
	put(w, "log/s/\xc3\xa9", "");
	put(w, "log/s/10.json", "");
	put(w, "log/s/sub/deep/er", "");
	put(w, "log/s/a b%3A+", "");
	put(w, "log/s/Z", "");
	put(w, "log/s2/1.json", ""); /* shares the begin of its name only */
	assert_ok(w, sl_depot_list(w->depot, "log/s", &names, &w->err));
	assert_int_equal(names.n, SL_ARRAY_LEN(want));
	for (size_t i = 0; i < names.n; i++)
		assert_string_equal(names.v[i], want[i]);
	assert_ok(w, sl_depot_list(w->depot, "log/none", &none, &w->err));
	assert_int_equal(none.n, 0);
}

static void count(void *ctx, const char *name)
{
	(void)name;
	(*(size_t *)ctx)++;
}

static void test_each_before_leaves_the_young_and_directories(void **state)
{
	struct world *w = *state;
	const sl_time later = sl_clock_now() + 3600 * SL_SECOND;
	size_t n = 0;

	put(w, "clean/old/x", "");
	put(w, "clean/y", "");
	assert_ok(w, sl_depot_each(w->depot, "clean", later, count, &n, &w->err));
	assert_int_equal(n, 1);
	assert_ok(w,
		  sl_depot_each(w->depot, "clean", later - 7200 * SL_SECOND, count, &n, &w->err));
	assert_int_equal(n, 1);
}

static void test_pieces_are_read_anywhere_and_end_with_the_file(void **state)
{
	struct world *w = *state;
	struct sl_depot_reader *r = NULL;
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;

	put(w, "bronze/s/x", "0123456789");
	assert_ok(w, sl_depot_open(w->depot, "bronze/s/x", &r, &w->err));
	assert_int_equal(sl_depot_size(r), 10);
	assert_ok(w, sl_depot_read(r, 8, 2, &got, &w->err));
	assert_ok(w, sl_depot_read(r, 0, 3, &got, &w->err));
	assert_ok(w, sl_depot_read(r, 3, 0, &got, &w->err));
	assert_ok(w, sl_depot_read(r, 7, 100, &got, &w->err));
	assert_ok(w, sl_depot_read(r, 10, 1, &got, &w->err));
	assert_ok(w, sl_depot_read(r, 1000, 1, &got, &w->err));
	assert_string_equal(sl_buf_z(&got), "89012789");
	sl_depot_reader_close(r);
	sl_depot_reader_close(NULL);
	assert_false(sl_depot_open(w->depot, "bronze/s/y", &r, &w->err));
	assert_int_equal(w->err.kind, SL_ERR_NO_INPUT);
	sl_err_clear(&w->err);
}

static struct sl_depot_writer *write_large(struct world *w, const char *text)
{
	struct sl_depot_writer *writer = NULL;

	assert_ok(w, sl_depot_create(w->depot, "bronze/s", 4, &writer, &w->err));
	assert_ok(w, sl_depot_write(writer, sl_str_of(text), &w->err));
	assert_ok(w, sl_depot_write(writer, SL_STR("more"), &w->err));
	return writer;
}

static void test_large_file_has_its_head_in_front_and_the_first_wins(void **state)
{
	struct world *w = *state;
	struct sl_depot_writer *a = write_large(w, "one"), *b = write_large(w, "two");
	struct sl_depot_writer *abandoned = write_large(w, "three");
	sl_cleanup(sl_names_release) struct sl_names names = {0};
	bool won = false, there = false;

	assert_ok(w, sl_depot_secure(w->depot, "bronze/s/ab/x", &there, &w->err));
	assert_false(there);
	assert_ok(w, sl_depot_publish(a, "bronze/s/ab/x", SL_STR("HEAD"), &won, &w->err));
	assert_true(won);
	assert_ok(w, sl_depot_publish(b, "bronze/s/ab/x", SL_STR("head"), &won, &w->err));
	assert_false(won);
	sl_depot_writer_close(a);
	sl_depot_writer_close(b);
	sl_depot_writer_close(abandoned);
	sl_depot_writer_close(NULL);
	assert_holds(w, "bronze/s/ab/x", "HEADonemore");
	assert_ok(w, sl_depot_secure(w->depot, "bronze/s/ab/x", &there, &w->err));
	assert_true(there);
	assert_ok(w, sl_depot_list(w->depot, "bronze/s", &names, &w->err));
	assert_int_equal(names.n, 1); /* and nothing else is left */
}

static void age(const struct world *w, const char *name)
{
	sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/%s", w->dir, name);
	const struct timeval old[] = {{1000000000, 0}, {1000000000, 0}};

	assert_int_equal(utimes(path, old), 0);
}

static void leave(const struct world *w, const char *name)
{
	sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/%s", w->dir, name);
	struct sl_err err = SL_ERR_INIT;

	assert_true(sl_file_replace(path, "half", 4, &err));
}

static void test_sweep_takes_old_unfinished_files_and_nothing_else(void **state)
{
	struct world *w = *state;
	size_t n = 0;

	put(w, "log/s/1.json", "kept");
	age(w, "log/s/1.json");
	leave(w, "log/s/.tmp-7-1");
	leave(w, "runs/r/stages/.tmp-7-2");
	leave(w, ".tmp-8-0");
	age(w, "log/s/.tmp-7-1");
	age(w, ".tmp-8-0");
	assert_ok(w, sl_depot_sweep(w->depot, 1500000000 * SL_SECOND, &n, &w->err));
	assert_int_equal(n, 2);
	assert_holds(w, "log/s/1.json", "kept");
	assert_holds(w, "runs/r/stages/.tmp-7-2", "half"); /* somebody writes it now */
	assert_ok(w, sl_depot_sweep(w->depot, 1500000000 * SL_SECOND, &n, &w->err));
	assert_int_equal(n, 0);
}

static void test_where_names_the_file(void **state)
{
	struct world *w = *state;
	sl_cleanup(sl_freep) char *file = sl_depot_where(w->depot, "log/s/1.json");
	sl_cleanup(sl_freep) char *all = sl_depot_where(w->depot, "");

	assert_true(sl_str_starts(sl_str_of(file), w->dir));
	assert_true(sl_str_ends(sl_str_of(file), "/log/s/1.json"));
	assert_string_equal(all, w->dir);
}

#define RULES(setup)                                                                               \
	cmocka_unit_test_setup_teardown(test_first_put_of_a_name_wins, setup, teardown),           \
		cmocka_unit_test_setup_teardown(test_an_empty_file_is_a_file, setup, teardown),    \
		cmocka_unit_test_setup_teardown(test_last_replace_wins, setup, teardown),          \
		cmocka_unit_test_setup_teardown(test_get_is_bounded_and_tells_a_missing_file,      \
						setup, teardown),                                  \
		cmocka_unit_test_setup_teardown(test_exist_tells_each_of_many, setup, teardown),   \
		cmocka_unit_test_setup_teardown(test_removed_is_gone_and_missing_is_no_error,      \
						setup, teardown),                                  \
		cmocka_unit_test_setup_teardown(                                                   \
			test_list_is_sorted_by_bytes_with_directories_and_no_deeper, setup,        \
			teardown),                                                                 \
		cmocka_unit_test_setup_teardown(test_each_before_leaves_the_young_and_directories, \
						setup, teardown),                                  \
		cmocka_unit_test_setup_teardown(                                                   \
			test_pieces_are_read_anywhere_and_end_with_the_file, setup, teardown),     \
		cmocka_unit_test_setup_teardown(                                                   \
			test_large_file_has_its_head_in_front_and_the_first_wins, setup, teardown)

int main(void)
{
	const struct CMUnitTest folder[] = {
		RULES(setup_folder),
		cmocka_unit_test_setup_teardown(
			test_sweep_takes_old_unfinished_files_and_nothing_else, setup_folder,
			teardown),
		cmocka_unit_test_setup_teardown(test_where_names_the_file, setup_folder, teardown),
	};

	const struct CMUnitTest bucket[] = {RULES(setup_bucket)};

	if (!getenv("SLUICE_CONN_TEST_DEPOT"))
		return cmocka_run_group_tests_name("folder", folder, NULL, NULL);
	return cmocka_run_group_tests_name("bucket", bucket, NULL, NULL);
}
