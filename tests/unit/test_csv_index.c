/*
 * data/csv_index: every variant gives the same ends, and records read by them are those that are
 * read byte by byte.
 */
#include "base_support.h"

#include "base/mem.h"
#include "data/csv.h"
#include "data/csv_index.h"

#define ROUNDS 60000
#define LONGEST 300
#define CELLS 512

static uint64_t seed = 20261125;

static uint32_t draw(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % below;
}

/* Bytes that are mostly marks, so that every order of them comes; in half of the rounds all quotes
 * stand where they should. Its own allocation, so that reading past the padding is seen. */
static struct sl_str draw_csv(void)
{
	static const char wild[] = "ab\"\"\",,,\n\n\r\r\n";
	static const char *const tame[] = {"a",	       "bcd",		"\"\"",	    "\"x\"",
					   "\"a,\n\"", "\"\"\"\"",	"\"\r\n\"", "\"a\"\"b\"",
					   "",	       "wide wide wide"};
	const bool regular = draw(2);
	size_t n = 0, want = draw(LONGEST);
	char *p = sl_xcalloc(LONGEST + 32 + SL_DECODE_PADDING, 1);

	while (n < want) {
		if (!regular) {
			p[n++] = wild[draw(sizeof(wild) - 1)];
			continue;
		}
		const char *cell = tame[draw(SL_ARRAY_LEN(tame))];
		memcpy(p + n, cell, strlen(cell));
		n += strlen(cell);
		p[n++] = ",,,\n\r"[draw(5)];
	}
	if (draw(3) == 0 && n > 0)
		n--;
	memset(p + n, '"', SL_DECODE_PADDING); /* what lies behind must not count */
	return (struct sl_str){p, n};
}

static void test_index_is_the_same_in_every_variant(void **state)
{
	const sl_csv_index_fn *variants = sl_csv_index_variants();
	uint32_t ends[2][LONGEST + 32 + SL_CSV_INDEX_SLACK];
	size_t regular = 0;

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct sl_str s = draw_csv();
		struct sl_csv_marks marks = {draw(4) ? '"' : -1, draw(4) ? ',' : 'a'};
		size_t n[2] = {0, 0};
		bool first = variants[0](marks, s, ends[0], &n[0]);

		for (size_t v = 1; variants[v]; v++) {
			assert_int_equal(variants[v](marks, s, ends[1], &n[1]), first);
			if (!first)
				continue;
			assert_int_equal(n[0], n[1]);
			assert_memory_equal(ends[0], ends[1], n[0] * sizeof(ends[0][0]));
		}
		regular += first;
		free((char *)(uintptr_t)s.p);
	}
	assert_in_range(regular, ROUNDS / 3, ROUNDS - 1000);
}

static void assert_same_cells(const struct sl_csv_reader *a, const struct sl_csv_reader *b,
			      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(a->cells[i].text.p, b->cells[i].text.p);
		assert_int_equal(a->cells[i].text.n, b->cells[i].text.n);
		assert_int_equal(a->cells[i].quoted, b->cells[i].quoted);
		assert_int_equal(a->cells[i].escaped, b->cells[i].escaped);
	}
}

static void test_index_gives_the_records_that_are_read_byte_by_byte(void **state)
{
	static struct sl_csv_cell cells[2][CELLS + 1];
	struct sl_csv_reader with = {'"', -1, ',', CELLS, cells[0], .next = 0};
	struct sl_csv_reader without = {'"', -1, ',', CELLS, cells[1], .next = 0};
	size_t indexed = 0;

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct sl_str s = draw_csv();

		sl_csv_part(&with, s, 0);
		indexed += with.indexed;
		for (size_t at = 0; at < s.n;) {
			struct sl_csv_record r[2];
			size_t next = sl_csv_record(&with, s, at, &r[0]);

			assert_int_equal(sl_csv_record(&without, s, at, &r[1]), next);
			assert_int_equal(r[0].n, r[1].n);
			assert_int_equal(r[0].blank, r[1].blank);
			assert_int_equal(r[0].pos.offset, r[1].pos.offset);
			assert_int_equal(r[0].pos.length, r[1].pos.length);
			assert_ptr_equal(r[0].fault, r[1].fault);
			if (!r[0].fault)
				assert_same_cells(&with, &without, r[0].n);
			at = next;
		}
		free((char *)(uintptr_t)s.p);
	}
	free(with.ends);
	assert_in_range(indexed, ROUNDS / 3, ROUNDS - 1000);
}

static void test_index_ends_with_the_bytes(void **state)
{
	char bytes[256 + 64];
	uint32_t ends[256 + SL_CSV_INDEX_SLACK];
	const struct sl_csv_marks marks = {'"', ','};

	(void)state;
	for (size_t n = 0; n <= 256; n++) { /* around every multiple of a block */
		const sl_csv_index_fn *v = sl_csv_index_variants();
		size_t found = 0;

		memset(bytes, ',', sizeof(bytes));
		for (; *v; v++) {
			assert_true((*v)(marks, (struct sl_str){bytes, n}, ends, &found));
			assert_int_equal(found, n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index_is_the_same_in_every_variant),
		cmocka_unit_test(test_index_gives_the_records_that_are_read_byte_by_byte),
		cmocka_unit_test(test_index_ends_with_the_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
