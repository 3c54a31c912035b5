/* Clean parts: what is written comes back, and damage never passes for rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/clean.h"

static const struct sl_column columns[] = {
	{"flag", {.kind = SL_BOOL}},	       {"n", {.kind = SL_INT64}},
	{"x", {.kind = SL_FLOAT64}},	       {"price", {SL_DECIMAL, 12, 2}},
	{"name", {.kind = SL_TEXT}},	       {"day", {.kind = SL_DATE}},
	{"at", {.kind = SL_TIMESTAMP}},	       {"tags", {.kind = SL_TEXT_LIST}},
	{"raw_not_stored", {.kind = SL_TEXT}},
};

#define STORED (SL_ARRAY_LEN(columns) - 1)
#define PART "{\"name\":\"Ann-Lea 42\"}\n{\"name\":\"b\xc3\xa9 1\"}\n{\"name\":\"c\"}\n"

static const struct sl_clean_id id = {"rev1", "chunk1", 3};

struct world {
	struct sl_home home;
	struct sl_schema schema, stored;
	struct sl_clean_writer *writer;
	struct sl_batch batch; /* rows: kept, rejected, kept with NULLs */
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static void fill_row(struct sl_batch *b, size_t row, int64_t n, const char *name)
{
	struct sl_list *tags = &b->cols[7].u.list[row];

	b->cols[0].u.b[row] = 1;
	b->cols[1].u.i64[row] = n;
	b->cols[2].u.f64[row] = 0.1;
	b->cols[3].u.i64[row] = -5;
	b->cols[4].u.str[row] = sl_str_of(name);
	b->cols[5].u.i64[row] = 20000;
	b->cols[6].u.i64[row] = INT64_C(1700000000000001);
	tags->v = sl_arena_zalloc(&b->arena, 2, sizeof(*tags->v));
	tags->v[0] = SL_STR("one");
	tags->v[1] = SL_STR("");
	tags->n = 2;
	b->cols[8].u.str[row] = SL_STR("secret");
	for (size_t c = 0; c < SL_ARRAY_LEN(columns); c++)
		b->cols[c].valid[row] = 1;
}

static int setup(void **state)
{
	struct world *w = sl_xcalloc(1, sizeof(*w));
	char dir[] = "/tmp/sluice-clean-XXXXXX";
	static const char part[] = PART;
	uint32_t at = 0;

	sl_home_at(&w->home, sl_xstrdup(mkdtemp(dir)));
	w->writer = sl_clean_writer_new();
	for (size_t c = 0; c < SL_ARRAY_LEN(columns); c++) {
		sl_schema_add(&w->schema, columns[c].name, columns[c].type);
		if (c < STORED)
			sl_schema_add(&w->stored, columns[c].name, columns[c].type);
	}
	sl_batch_init(&w->batch, &w->schema, 8);
	for (const char *p = part; *p; p = strchr(p, '\n') + 1) {
		uint32_t length = (uint32_t)(strchr(p, '\n') - p);

		sl_batch_add_row(&w->batch, (struct sl_pos){at, length});
		at += length + 1;
	}
	fill_row(&w->batch, 0, 7, "Ann");
	fill_row(&w->batch, 1, 8, "gone");
	sl_batch_reject(&w->batch, 1, "name", "enum", "not one of the %d choices", 2);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	nftw(w->home.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	sl_batch_release(&w->batch);
	sl_clean_writer_free(w->writer);
	sl_schema_release(&w->schema);
	sl_schema_release(&w->stored);
	sl_home_release(&w->home);
	free(w);
	return 0;
}

static const struct sl_counts counts = {.n_in = 3, .ok = 2, .bad = 1};

static void write_it(struct world *w)
{
	struct sl_err err = SL_ERR_INIT;

	assert_true(sl_clean_write(w->writer, &w->home, &id, &w->batch, STORED, SL_STR(PART), 1000,
				   &counts, &err));
}

static struct sl_clean_reader *open_it(struct world *w)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_clean_reader *r;

	assert_true(sl_clean_open(&w->home, &id, &r, &err));
	return r;
}

static void test_clean_part_gives_back_kept_rows_of_every_type(void **state)
{
	struct world *w = *state;
	struct sl_err err = SL_ERR_INIT;
	struct sl_clean_reader *r;
	struct sl_batch b;

	write_it(w);
	r = open_it(w);
	assert_non_null(r);
	assert_memory_equal(sl_clean_counts(r), &counts, sizeof(counts));
	sl_batch_init(&b, &w->stored, SL_PART_ROWS);
	assert_true(sl_clean_rows(r, &b, &err));
	assert_int_equal(b.rows, 2);
	assert_int_equal(b.state[1], SL_ROW_KEPT);
	assert_int_equal(b.cols[0].u.b[0], 1);
	assert_int_equal(b.cols[1].u.i64[0], 7);
	assert_true(b.cols[2].u.f64[0] == 0.1);
	assert_int_equal(b.cols[3].u.i64[0], -5);
	assert_true(sl_str_eqz(b.cols[4].u.str[0], "Ann"));
	assert_int_equal(b.cols[5].u.i64[0], 20000);
	assert_int_equal(b.cols[6].u.i64[0], INT64_C(1700000000000001));
	assert_int_equal(b.cols[7].u.list[0].n, 2);
	assert_true(sl_str_eqz(b.cols[7].u.list[0].v[0], "one"));
	assert_int_equal(b.cols[7].u.list[0].v[1].n, 0);
	for (size_t c = 0; c < STORED; c++) {
		assert_int_equal(b.cols[c].valid[0], 1);
		assert_int_equal(b.cols[c].valid[1], 0);
	}
	sl_batch_release(&b);
	sl_clean_close(r);
}

static void test_clean_reject_points_into_the_input_and_hides_its_letters(void **state)
{
	struct world *w = *state;
	struct sl_err err = SL_ERR_INIT;
	struct sl_clean_reject *v;
	struct sl_clean_reader *r;
	size_t n;

	write_it(w);
	r = open_it(w);
	assert_true(sl_clean_rejects(r, &v, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(v[0].offset, 1000 + w->batch.pos[1].offset);
	assert_int_equal(v[0].length, w->batch.pos[1].length);
	assert_true(sl_str_eqz(v[0].field, "name"));
	assert_true(sl_str_eqz(v[0].rule, "enum"));
	assert_true(sl_str_eqz(v[0].reason, "not one of the 2 choices"));
	assert_true(sl_str_eqz(v[0].excerpt, "{\"aaaa\":\"aa 9\"}"));
	sl_clean_close(r);
}

static void test_clean_excerpt_ends_within_200_bytes(void **state)
{
	struct world *w = *state;
	struct sl_err err = SL_ERR_INIT;
	struct sl_clean_reject *v;
	struct sl_clean_reader *r;
	char part[1000];
	size_t n;

	memset(part, '\n', sizeof(part));
	w->batch.pos[1] = (struct sl_pos){0, sizeof(part)};
	assert_true(sl_clean_write(w->writer, &w->home, &id, &w->batch, STORED,
				   (struct sl_str){part, sizeof(part)}, 0, &counts, &err));
	r = open_it(w);
	assert_true(sl_clean_rejects(r, &v, &n, &err));
	assert_in_range(v[0].excerpt.n, 150, 200);
	assert_true(sl_str_starts(v[0].excerpt, "\\x0a\\x0a"));
	assert_true(sl_str_ends(v[0].excerpt, "…"));
	sl_clean_close(r);
}

static char *path_of(const struct world *w)
{
	return sl_xasprintf("%s/clean/rev1/chunk1-3", w->home.dir);
}

static void test_clean_same_rows_give_same_bytes(void **state)
{
	struct world *w = *state;
	sl_cleanup(sl_buf_release) struct sl_buf first = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf second = SL_BUF_INIT;
	sl_cleanup(sl_freep) char *path = path_of(w);
	struct sl_err err = SL_ERR_INIT;
	bool there = false;

	write_it(w);
	assert_true(sl_file_read(path, 1 << 20, &first, &err));
	assert_true(sl_clean_exist(&w->home, &id, 1, &there, &err) && there);
	assert_true(sl_clean_remove(&w->home, &id, 1, &err));
	assert_true(sl_clean_remove(&w->home, &id, 1, &err)); /* missing ones are no error */
	assert_true(sl_clean_exist(&w->home, &id, 1, &there, &err) && !there);
	w->batch.cols[1].u.i64[2] = 99; /* below a NULL: no part of the value */
	write_it(w);
	assert_true(sl_file_read(path, 1 << 20, &second, &err));
	assert_true(sl_str_eq(sl_buf_str(&first), sl_buf_str(&second)));
}

static void test_clean_missing_part_is_no_error(void **state)
{
	assert_null(open_it(*state));
}

static void test_clean_any_damaged_byte_makes_it_missing_and_removed(void **state)
{
	struct world *w = *state;
	sl_cleanup(sl_buf_release) struct sl_buf good = SL_BUF_INIT;
	sl_cleanup(sl_freep) char *path = path_of(w);
	struct sl_err err = SL_ERR_INIT;

	write_it(w);
	assert_true(sl_file_read(path, 1 << 20, &good, &err));
	for (size_t i = 0; i < good.n; i += 7) {
		good.p[i] ^= 1;
		assert_true(sl_file_replace(path, good.p, good.n, &err));
		assert_null(open_it(w));
		assert_false(sl_file_exists(path));
		good.p[i] ^= 1;
	}
	for (size_t n = 0; n < good.n; n += 11) {
		assert_true(sl_file_replace(path, good.p, n, &err));
		assert_null(open_it(w));
	}
	write_it(w);
	sl_clean_close(open_it(w));
}

/* Replaces a number in the header, with a checksum that fits. */
static void forge(struct world *w, const char *key, const char *number)
{
	sl_cleanup(sl_freep) char *path = path_of(w);
	sl_cleanup(sl_buf_release) struct sl_buf old = SL_BUF_INIT, out = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	assert_true(sl_file_read(path, 1 << 20, &old, &err));
	const char *from = strstr(sl_buf_z(&old), key);
	assert_non_null(from);
	from += strlen(key);
	sl_buf_add(&out, old.p, (size_t)(from - old.p));
	sl_buf_adds(&out, number);
	from += strspn(from, "0123456789");
	sl_buf_add(&out, from, (size_t)(old.p + old.n - from) - sizeof(uint64_t));
	const uint64_t sum = XXH3_64bits(out.p, out.n);
	sl_buf_add(&out, &sum, sizeof(sum));
	assert_true(sl_file_replace(path, out.p, out.n, &err));
}

static void test_clean_frame_larger_than_stated_is_not_unpacked(void **state)
{
	struct world *w = *state;
	struct sl_err err = SL_ERR_INIT;
	struct sl_clean_reject *rejects;
	struct sl_batch b;
	size_t n;

	write_it(w);
	forge(w, "\"cols_raw\":", "9");
	forge(w, "\"rejects_raw\":", "9");
	struct sl_clean_reader *r = open_it(w);
	assert_non_null(r);
	sl_batch_init(&b, &w->stored, SL_PART_ROWS);
	assert_false(sl_clean_rows(r, &b, &err));
	assert_int_equal(err.kind, SL_ERR_IO);
	sl_err_clear(&err);
	assert_false(sl_clean_rejects(r, &rejects, &n, &err));
	assert_int_equal(err.kind, SL_ERR_IO);
	sl_batch_release(&b);
	sl_clean_close(r);
}

static void test_clean_part_that_states_absurd_sizes_is_made_again(void **state)
{
	struct world *w = *state;

	write_it(w);
	forge(w, "\"cols_raw\":", "1099511627776");
	assert_null(open_it(w));
	write_it(w);
	sl_clean_close(open_it(w));
}

static void test_clean_other_columns_are_refused(void **state)
{
	struct world *w = *state;
	struct sl_err err = SL_ERR_INIT;
	struct sl_clean_reader *r;
	struct sl_batch b;

	write_it(w);
	r = open_it(w);
	w->stored.cols[3].type.scale = 3;
	sl_batch_init(&b, &w->stored, SL_PART_ROWS);
	assert_false(sl_clean_rows(r, &b, &err));
	assert_int_equal(err.kind, SL_ERR_IO);
	sl_batch_release(&b);
	sl_clean_close(r);
}

static void test_clean_oversize_record_is_one_reject(void **state)
{
	struct world *w = *state;
	struct sl_err err = SL_ERR_INIT;
	struct sl_clean_reject *v;
	struct sl_clean_reader *r;
	struct sl_batch b;
	size_t n;

	assert_true(
		sl_clean_write_oversize(w->writer, &w->home, &id, 12, UINT64_C(5000000000), &err));
	r = open_it(w);
	assert_int_equal(sl_clean_counts(r)->n_in, 1);
	assert_int_equal(sl_clean_counts(r)->bad, 1);
	assert_true(sl_clean_rejects(r, &v, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(v[0].length, UINT64_C(5000000000));
	assert_true(sl_str_eqz(v[0].rule, "size"));
	sl_batch_init(&b, &w->stored, SL_PART_ROWS);
	assert_true(sl_clean_rows(r, &b, &err));
	assert_int_equal(b.rows, 0);
	sl_batch_release(&b);
	sl_clean_close(r);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_clean_part_gives_back_kept_rows_of_every_type),
		T(test_clean_reject_points_into_the_input_and_hides_its_letters),
		T(test_clean_excerpt_ends_within_200_bytes),
		T(test_clean_same_rows_give_same_bytes),
		T(test_clean_missing_part_is_no_error),
		T(test_clean_any_damaged_byte_makes_it_missing_and_removed),
		T(test_clean_frame_larger_than_stated_is_not_unpacked),
		T(test_clean_part_that_states_absurd_sizes_is_made_again),
		T(test_clean_other_columns_are_refused),
		T(test_clean_oversize_record_is_one_reject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
