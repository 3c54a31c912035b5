/*
 * store/partition: which task owns which chunk.
 */
#include "base_support.h"

#include "base/mem.h"
#include "store/log.h"

#define MANY 200

static void partition(const struct sl_log_chunk *v, size_t n, uint32_t parts, uint32_t *owner)
{
	const struct sl_log_chunk *at[MANY];

	for (size_t i = 0; i < n; i++)
		at[i] = &v[i];
	sl_partition(at, n, parts, owner);
}

static void test_partition_largest_goes_first_onto_the_lightest(void **state)
{
	const struct sl_log_chunk v[] = {
		{"a", 10, 1, 1}, {"b", 50, 1, 1}, {"c", 20, 1, 1}, {"d", 30, 1, 1}, {"e", 40, 1, 1},
	};
	const uint32_t want[] = {0, 0, 0, 1, 1};
	uint32_t owner[5];

	(void)state;
	/* 50 → 0, 40 → 1, 30 → 1 (40 < 50), 20 → 0 (50 < 70), 10 → 0 (equal: the first). */
	partition(v, 5, 2, owner);
	for (size_t i = 0; i < 5; i++)
		assert_case(i, v[i].id, owner[i] == want[i]);
}

static void test_partition_does_not_depend_on_the_order_given(void **state)
{
	struct sl_log_chunk v[MANY], back[MANY];
	uint32_t a[MANY], b[MANY];

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		v[i] = (struct sl_log_chunk){.id = sl_xasprintf("id%03zu", i),
					     .bytes = (i * 7919) % 13};
	for (size_t i = 0; i < MANY; i++)
		back[MANY - 1 - i] = v[i];
	partition(v, MANY, 7, a);
	partition(back, MANY, 7, b);
	for (size_t i = 0; i < MANY; i++)
		assert_case(i, v[i].id, a[i] == b[MANY - 1 - i]);
	for (size_t i = 0; i < MANY; i++)
		sl_freep(&v[i].id);
}

static void test_partition_spreads_evenly(void **state)
{
	struct sl_log_chunk v[MANY];
	uint32_t owner[MANY];
	uint64_t load[8] = {0};

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		v[i] = (struct sl_log_chunk){.id = "same", .bytes = i % 2 ? 64 << 20 : 0};
	partition(v, MANY, 8, owner);
	for (size_t i = 0; i < MANY; i++)
		load[owner[i]] += v[i].bytes;
	for (size_t k = 0; k < 8; k++)
		assert_in_range(load[k] >> 26, 12, 13);
}

static void test_partition_of_nothing_and_of_one(void **state)
{
	const struct sl_log_chunk v[] = {{"a", 1, 1, 1}};
	uint32_t owner[1] = {9};

	(void)state;
	partition(v, 0, 3, owner);
	assert_int_equal(owner[0], 9);
	partition(v, 1, 1, owner);
	assert_int_equal(owner[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partition_largest_goes_first_onto_the_lightest),
		cmocka_unit_test(test_partition_does_not_depend_on_the_order_given),
		cmocka_unit_test(test_partition_spreads_evenly),
		cmocka_unit_test(test_partition_of_nothing_and_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
