/*
 * Batches: rows begin all NULL, the first reject of a row stays, reset leaves nothing behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/batch.h"

static struct sl_schema schema;
static struct sl_batch batch;

static int setup(void **state)
{
	(void)state;
	sl_schema_add(&schema, "id", (struct sl_type){.kind = SL_INT64});
	sl_schema_add(&schema, "name", (struct sl_type){.kind = SL_TEXT});
	sl_schema_add(&schema, "tags", (struct sl_type){.kind = SL_TEXT_LIST});
	sl_schema_add(&schema, "ok", (struct sl_type){.kind = SL_BOOL});
	sl_batch_init(&batch, &schema, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sl_batch_release(&batch);
	sl_schema_release(&schema);
	return 0;
}

static void test_a_new_row_is_kept_and_all_null(void **state)
{
	(void)state;
	assert_int_equal(sl_batch_add_row(&batch, (struct sl_pos){7, 9}), 0);
	assert_int_equal(batch.rows, 1);
	assert_int_equal(batch.state[0], SL_ROW_KEPT);
	assert_int_equal(batch.pos[0].offset, 7);
	assert_int_equal(batch.pos[0].length, 9);
	for (size_t i = 0; i < schema.n; i++)
		assert_int_equal(batch.cols[i].valid[0], 0);
}

static void test_reset_leaves_nothing_of_the_rows_before(void **state)
{
	(void)state;
	sl_batch_add_row(&batch, (struct sl_pos){0, 1});
	batch.cols[0].valid[0] = 1;
	batch.cols[0].u.i64[0] = 42;
	batch.cols[1].valid[0] = 1;
	batch.cols[1].u.str[0] = SL_STR("text");
	batch.clean = true;
	sl_batch_reject(&batch, 0, "id", "type", "reason");
	sl_batch_reset(&batch);
	assert_int_equal(batch.rows, 0);
	assert_int_equal(batch.n_rejects, 0);
	assert_false(batch.clean);
	sl_batch_add_row(&batch, (struct sl_pos){0, 1});
	assert_int_equal(batch.state[0], SL_ROW_KEPT);
	assert_int_equal(batch.cols[0].valid[0], 0);
	assert_int_equal(batch.cols[0].u.i64[0], 0);
	assert_null(batch.cols[1].u.str[0].p);
}

static void test_the_first_reject_of_a_row_stays(void **state)
{
	(void)state;
	sl_batch_add_row(&batch, (struct sl_pos){0, 1});
	sl_batch_add_row(&batch, (struct sl_pos){1, 1});
	char reason[] = "one";
	sl_batch_reject(&batch, 1, "id", "type", "%s %d", reason, 1);
	reason[0] = 'X';
	sl_batch_reject(&batch, 1, "name", "enum", "two");
	assert_int_equal(batch.n_rejects, 1);
	assert_int_equal(batch.rejects[0].row, 1);
	assert_string_equal(batch.rejects[0].field, "id");
	assert_string_equal(batch.rejects[0].reason, "one 1");
	assert_int_equal(sl_batch_count(&batch, SL_ROW_REJECTED), 1);
	assert_int_equal(sl_batch_count(&batch, SL_ROW_KEPT), 1);
}

static void test_a_filtered_row_is_not_rejected_afterwards(void **state)
{
	(void)state;
	sl_batch_add_row(&batch, (struct sl_pos){0, 1});
	batch.state[0] = SL_ROW_FILTERED;
	sl_batch_reject(&batch, 0, "id", "type", "late");
	assert_int_equal(batch.n_rejects, 0);
	assert_int_equal(batch.state[0], SL_ROW_FILTERED);
}

static void test_many_rejects_grow_the_list(void **state)
{
	(void)state;
	struct sl_batch big;
	sl_batch_init(&big, &schema, 1000);
	for (size_t i = 0; i < 1000; i++)
		sl_batch_reject(&big, sl_batch_add_row(&big, (struct sl_pos){0, 1}), "", "r", "%zu",
				i);
	assert_int_equal(big.n_rejects, 1000);
	assert_string_equal(big.rejects[999].reason, "999");
	sl_batch_release(&big);
	sl_batch_release(&big);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_new_row_is_kept_and_all_null),
		T(test_reset_leaves_nothing_of_the_rows_before),
		T(test_the_first_reject_of_a_row_stays),
		T(test_a_filtered_row_is_not_rejected_afterwards),
		T(test_many_rejects_grow_the_list),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
