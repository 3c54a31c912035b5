/* Duplicates within a part: per key the greatest (version, row) stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tasks/normalize/dedup.h"

#define NONE INT64_MIN

struct row {
	const char *key; /* NULL: NULL */
	int64_t version; /* NONE: NULL */
	enum sl_row_state before, want;
};

#define K SL_ROW_KEPT
#define DUP SL_ROW_DUP
#define BAD SL_ROW_REJECTED

static void check(const struct row *rows, size_t n, bool with_version)
{
	struct sl_schema schema = SL_SCHEMA_INIT;
	size_t key_col = sl_schema_add(&schema, "id", (struct sl_type){.kind = SL_TEXT});
	size_t version_col = sl_schema_add(&schema, "v", (struct sl_type){.kind = SL_INT64});
	struct sl_store store = {
		.mode = SL_MODE_LATEST,
		.key = {.n = 1},
		.key_cols = &key_col,
		.version_col = with_version ? (ptrdiff_t)version_col : -1,
	};
	struct sl_batch b;

	sl_batch_init(&b, &schema, 64);
	for (size_t i = 0; i < n; i++) {
		sl_batch_add_row(&b, (struct sl_pos){0, 0});
		b.cols[key_col].u.str[i] = sl_str_of(rows[i].key);
		b.cols[key_col].valid[i] = rows[i].key != NULL;
		b.cols[version_col].u.i64[i] = rows[i].version;
		b.cols[version_col].valid[i] = rows[i].version != NONE;
		b.state[i] = (uint8_t)rows[i].before;
	}
	sl_dedup(&store, &b);
	for (size_t i = 0; i < n; i++)
		if (b.state[i] != rows[i].want)
			fail_msg("row %zu: state %d, want %d", i, b.state[i], rows[i].want);
	sl_batch_release(&b);
	sl_schema_release(&schema);
}

static void test_dedup_greatest_version_stays_wherever_it_stands(void **state)
{
	static const struct row rows[] = {
		{"a", 1, K, DUP}, {"a", 3, K, K}, {"a", 2, K, DUP}, {"b", -5, K, K}, {"", 1, K, K},
	};

	(void)state;
	check(rows, 5, true);
}

static void test_dedup_later_row_wins_at_equal_version(void **state)
{
	static const struct row rows[] = {{"a", 1, K, DUP}, {"a", 1, K, DUP}, {"a", 1, K, K}};

	(void)state;
	check(rows, 3, true);
}

static void test_dedup_null_version_is_smallest(void **state)
{
	static const struct row rows[] = {
		{"a", -9, K, K}, {"a", NONE, K, DUP}, {"b", NONE, K, DUP}, {"b", NONE, K, K}};

	(void)state;
	check(rows, 4, true);
}

static void test_dedup_without_version_the_last_row_stays(void **state)
{
	static const struct row rows[] = {{"a", 9, K, DUP}, {"a", 1, K, K}};

	(void)state;
	check(rows, 2, false);
}

static void test_dedup_rejected_row_displaces_nothing(void **state)
{
	static const struct row rows[] = {{"a", 1, K, K}, {"a", 2, BAD, BAD}};

	(void)state;
	check(rows, 2, true);
}

static void test_dedup_null_key_is_a_reject(void **state)
{
	static const struct row rows[] = {{NULL, 1, K, BAD}, {NULL, 2, K, BAD}, {"a", 1, K, K}};

	(void)state;
	check(rows, 3, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dedup_greatest_version_stays_wherever_it_stands),
		cmocka_unit_test(test_dedup_later_row_wins_at_equal_version),
		cmocka_unit_test(test_dedup_null_version_is_smallest),
		cmocka_unit_test(test_dedup_without_version_the_last_row_stays),
		cmocka_unit_test(test_dedup_rejected_row_displaces_nothing),
		cmocka_unit_test(test_dedup_null_key_is_a_reject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
