/* Rows put aside come back as they were, from memory and from a file. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "tasks/publish/spool.h"

struct seen {
	size_t rows, large;
};

/* Row i: its number, NULL or "" in turns, and a large text now and then. */
static bool take(void *ctx, const struct sl_str *cells, struct sl_err *err)
{
	struct seen *s = ctx;
	char number[24];

	(void)err;
	snprintf(number, sizeof(number), "%zu", s->rows);
	assert_true(sl_str_eqz(cells[0], number));
	assert_int_equal(cells[1].n, 0);
	assert_int_equal(cells[1].p != NULL, s->rows % 2);
	s->large += cells[2].n;
	for (size_t i = 0; i < cells[2].n; i += 4096)
		assert_int_equal(cells[2].p[i], 'x');
	s->rows++;
	return true;
}

static void put_and_read(size_t rows, size_t large)
{
	sl_cleanup(sl_spool_release) struct sl_spool spool = SL_SPOOL_INIT("/tmp");
	sl_cleanup(sl_freep) char *text = sl_xmalloc(large + 1);
	struct sl_err err = SL_ERR_INIT;
	struct seen seen = {0, 0};
	char number[24];

	memset(text, 'x', large);
	for (size_t i = 0; i < rows; i++) {
		snprintf(number, sizeof(number), "%zu", i);
		const struct sl_str cells[] = {sl_str_of(number),
					       i % 2 ? SL_STR("") : SL_STR_NULL,
					       {text, i % 3 ? 0 : large}};
		assert_true(sl_spool_add(&spool, cells, 3, &err));
	}
	assert_true(sl_spool_each(&spool, 3, take, &seen, &err));
	assert_int_equal(seen.rows, rows);
	assert_int_equal(seen.large, (rows + 2) / 3 * large);
}

static void test_no_row_is_no_row(void **state)
{
	(void)state;
	put_and_read(0, 0);
}

static void test_few_rows_stay_in_memory(void **state)
{
	(void)state;
	put_and_read(1, 10);
	put_and_read(100, 1000);
}

static void test_many_rows_go_through_a_file_and_keep_their_order(void **state)
{
	(void)state;
	put_and_read(200000, 50);
}

static void test_a_row_larger_than_every_buffer(void **state)
{
	(void)state;
	put_and_read(4, (size_t)9 << 20);
}

static void test_a_folder_that_cannot_be_made_is_told(void **state)
{
	sl_cleanup(sl_spool_release) struct sl_spool spool = SL_SPOOL_INIT("/proc/no/such");
	sl_cleanup(sl_freep) char *text = sl_xcalloc(5 << 20, 1);
	const struct sl_str cell = {text, 5 << 20};
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_false(sl_spool_add(&spool, &cell, 1, &err));
	assert_int_equal(err.kind, SL_ERR_CREATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_row_is_no_row),
		cmocka_unit_test(test_few_rows_stay_in_memory),
		cmocka_unit_test(test_many_rows_go_through_a_file_and_keep_their_order),
		cmocka_unit_test(test_a_row_larger_than_every_buffer),
		cmocka_unit_test(test_a_folder_that_cannot_be_made_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
