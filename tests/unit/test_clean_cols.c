/* Columns of clean parts: whatever the widths of numbers and texts, the same values come back;
 * bytes that are cut short give none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/clean_cols.h"

#define ROWS 3
#define NONE INT64_C(-9000000000000000001) /* stands for NULL */

static const struct sl_column int_col = {"n", {.kind = SL_INT64}};
static const struct sl_column text_col = {"t", {.kind = SL_TEXT}};

static void init(struct sl_batch *b, const struct sl_column *col, struct sl_schema *schema)
{
	*schema = (struct sl_schema)SL_SCHEMA_INIT;
	sl_schema_add(schema, col->name, col->type);
	sl_batch_init(b, schema, 8);
}

static void test_integers_come_back_whatever_their_range(void **state)
{
	static const int64_t cases[][ROWS] = {
		{0, 0, 0},
		{NONE, NONE, NONE},
		{-7, NONE, 248},		/* one byte above the least */
		{1000000, 1000256, NONE},	/* two */
		{-1, 65535, 65536},		/* four */
		{0, INT64_C(4294967295), NONE}, /* four, at its end */
		{0, INT64_C(4294967296), 1},	/* eight */
		{INT64_MIN, INT64_MAX, NONE},
		{INT64_MAX, INT64_MAX, INT64_MAX},
	};

	(void)state;
	for (size_t c = 0; c < SL_ARRAY_LEN(cases); c++) {
		struct sl_schema schema;
		struct sl_batch from, to;
		struct sl_buf raw = SL_BUF_INIT;

		init(&from, &int_col, &schema);
		sl_batch_init(&to, &schema, 8);
		for (size_t i = 0; i < ROWS; i++) {
			sl_batch_add_row(&from, (struct sl_pos){0, 0});
			from.cols[0].valid[i] = cases[c][i] != NONE;
			from.cols[0].u.i64[i] = cases[c][i] == NONE ? 0 : cases[c][i];
		}
		sl_clean_pack(&from, 1, &raw);
		assert_true(sl_clean_unpack(sl_buf_str(&raw), ROWS, &to));
		assert_memory_equal(to.cols[0].valid, from.cols[0].valid, ROWS);
		assert_memory_equal(to.cols[0].u.i64, from.cols[0].u.i64, ROWS * sizeof(int64_t));
		sl_buf_release(&raw);
		sl_batch_release(&from);
		sl_batch_release(&to);
		sl_schema_release(&schema);
	}
}

static void test_texts_come_back_whatever_their_lengths_and_cut_bytes_give_none(void **state)
{
	static const size_t lengths[][ROWS] = {{0, 0, 0}, {255, 1, 0}, {256, 0, 3}, {65536, 2, 0}};
	char *text = sl_xcalloc(65537, 1);

	(void)state;
	memset(text, 'x', 65536);
	for (size_t c = 0; c < SL_ARRAY_LEN(lengths); c++) {
		struct sl_schema schema;
		struct sl_batch from, to;
		struct sl_buf raw = SL_BUF_INIT;

		init(&from, &text_col, &schema);
		sl_batch_init(&to, &schema, 8);
		for (size_t i = 0; i < ROWS; i++) {
			sl_batch_add_row(&from, (struct sl_pos){0, 0});
			from.cols[0].valid[i] = 1;
			from.cols[0].u.str[i] = (struct sl_str){text, lengths[c][i]};
		}
		sl_clean_pack(&from, 1, &raw);
		for (size_t cut = 0; cut < raw.n && cut < 300; cut++) {
			assert_false(
				sl_clean_unpack(sl_str_sub(sl_buf_str(&raw), 0, cut), ROWS, &to));
			sl_batch_reset(&to);
		}
		assert_true(sl_clean_unpack(sl_buf_str(&raw), ROWS, &to));
		for (size_t i = 0; i < ROWS; i++)
			assert_int_equal(to.cols[0].u.str[i].n, lengths[c][i]);
		sl_buf_release(&raw);
		sl_batch_release(&from);
		sl_batch_release(&to);
		sl_schema_release(&schema);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers_come_back_whatever_their_range),
		cmocka_unit_test(
			test_texts_come_back_whatever_their_lengths_and_cut_bytes_give_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
