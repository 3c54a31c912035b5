/* Memory taken back all at once: base/arena.h. */
#include "base_support.h"

#include "base/arena.h"

static void test_arena_pieces_are_aligned_and_do_not_overlap(void **state)
{
	struct sl_arena a = SL_ARENA_INIT;
	char *pieces[500];

	(void)state;
	for (size_t i = 0; i < 500; i++) {
		pieces[i] = sl_arena_alloc(&a, i * 7);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		memset(pieces[i], (int)(i & 0xff), i * 7);
	}
	for (size_t i = 0; i < 500; i++)
		for (size_t k = 0; k < i * 7; k++)
			if (pieces[i][k] != (char)(i & 0xff))
				fail_msg("piece %zu was overwritten at %zu", i, k);
	sl_arena_release(&a);
	assert_null(a.head);
}

static void test_arena_large_piece_does_not_waste_the_block_in_use(void **state)
{
	struct sl_arena a = SL_ARENA_INIT;
	char *before, *after;

	(void)state;
	before = sl_arena_alloc(&a, 32);
	memset(sl_arena_alloc(&a, 8 << 20), 1, 8 << 20);
	after = sl_arena_alloc(&a, 32);
	assert_ptr_equal(after, before + 32);
	sl_arena_release(&a);
}

static void work(struct sl_arena *a)
{
	for (int i = 0; i < 20000; i++)
		memset(sl_arena_alloc(a, 100), 1, 100);
	memset(sl_arena_alloc(a, 3 << 20), 1, 3 << 20);
	sl_arena_reset(a);
}

static size_t count_spare_blocks(const struct sl_arena *a)
{
	size_t n = 0;

	/* next is the block's first member */
	for (const void *const *b = (const void *const *)a->spare; b; b = *b)
		n++;
	return n;
}

static void test_arena_reset_keeps_blocks_so_that_a_steady_flow_allocates_nothing(void **state)
{
	struct sl_arena a = SL_ARENA_INIT;
	const struct sl_arena_block *largest;
	size_t blocks;

	(void)state;
	work(&a);
	work(&a); /* the second batch begins in the largest block and settles */
	largest = a.spare;
	blocks = count_spare_blocks(&a);
	assert_true(blocks > 1);
	for (int i = 0; i < 10; i++)
		work(&a);
	assert_int_equal(count_spare_blocks(&a), blocks);
	assert_ptr_equal(a.spare, largest);
	assert_int_equal(a.used, 0);
	sl_arena_release(&a);
}

static void test_arena_reset_offers_the_largest_block_first(void **state)
{
	struct sl_arena a = SL_ARENA_INIT;
	char *p;

	(void)state;
	sl_arena_alloc(&a, 16);
	sl_arena_alloc(&a, 64 << 10); /* does not fit any more: a block twice as large */
	sl_arena_reset(&a);
	p = sl_arena_alloc(&a, 16);
	assert_ptr_equal(sl_arena_alloc(&a, 100 << 10), p + 16);
	sl_arena_release(&a);
}

static void test_arena_reset_gives_back_what_one_giant_batch_took(void **state)
{
	struct sl_arena a = SL_ARENA_INIT;

	(void)state;
	sl_arena_alloc(&a, 100 << 20);
	sl_arena_alloc(&a, 16);
	sl_arena_reset(&a);
	assert_true(count_spare_blocks(&a) <= 1);
	sl_arena_release(&a);
}

static void test_arena_copies(void **state)
{
	struct sl_arena a = SL_ARENA_INIT;
	char *zeros;
	struct sl_str s;

	(void)state;
	s = sl_arena_str(&a, SL_STR("a\0b"));
	assert_true(sl_str_eq(s, SL_STR("a\0b")));
	assert_int_equal(s.p[3], '\0');
	assert_null(sl_arena_str(&a, SL_STR_NULL).p);
	assert_non_null(sl_arena_str(&a, SL_STR("")).p);
	assert_string_equal(sl_arena_strdup(&a, "text"), "text");
	assert_string_equal(sl_arena_printf(&a, "%d-%s", 5, "x"), "5-x");
	memset(sl_arena_alloc(&a, 4096), 1, 4096);
	sl_arena_reset(&a);
	zeros = sl_arena_zalloc(&a, 64, 64);
	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(zeros[i], 0);
	sl_arena_release(&a);
	sl_arena_release(&a); /* of an empty one */
}

static void overflow(void *arg)
{
	struct sl_arena a = SL_ARENA_INIT;

	(void)arg;
	sl_arena_zalloc(&a, SIZE_MAX / 2, 3);
}

static void test_arena_product_overflow_is_a_defect(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	(void)state;
	assert_int_equal(WEXITSTATUS(support_child(overflow, NULL, &text)), 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_pieces_are_aligned_and_do_not_overlap),
		cmocka_unit_test(test_arena_large_piece_does_not_waste_the_block_in_use),
		cmocka_unit_test(
			test_arena_reset_keeps_blocks_so_that_a_steady_flow_allocates_nothing),
		cmocka_unit_test(test_arena_reset_offers_the_largest_block_first),
		cmocka_unit_test(test_arena_reset_gives_back_what_one_giant_batch_took),
		cmocka_unit_test(test_arena_copies),
		cmocka_unit_test(test_arena_product_overflow_is_a_defect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
