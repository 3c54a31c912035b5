/*
 * store/bronze: what goes into a chunk comes out again, and damage is seen.
 */
#include "home_support.h"

#include <fcntl.h>
#include <zstd.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/batch.h"
#include "data/codec.h"
#include "store/bronze.h"

static struct sl_chunk_key key_of(const char *header)
{
	return (struct sl_chunk_key){.source = "drop",
				     .input = "in/é.csv",
				     .codec = "csv",
				     .settings = "00ff",
				     .header = sl_str_of(header)};
}

/* Parts of these texts as one chunk. */
static struct sl_chunk write_chunk(const struct sl_chunk_key *key, uint64_t offset,
				   const char *const *parts, size_t n, bool last, bool *is_new)
{
	struct sl_bronze_writer *w = NULL;
	struct sl_err err = SL_ERR_INIT;
	struct sl_chunk c;

	assert_ok(err, sl_bronze_begin(&home, key, offset, &w, &err));
	for (size_t i = 0; i < n; i++)
		assert_ok(err, sl_bronze_part(w, sl_str_of(parts[i]), 2, &err));
	assert_ok(err, sl_bronze_finish(w, last, &arena, &c, is_new, &err));
	return c;
}

static char *chunk_path(const char *id)
{
	return sl_home_path(&home, "bronze/drop/%.2s/%s.zst", id, id);
}

static struct sl_bronze_reader *open_chunk(const char *id)
{
	struct sl_bronze_reader *r = NULL;
	struct sl_err err = SL_ERR_INIT;

	assert_ok(err, sl_bronze_open(&home, "drop", id, &r, &err));
	return r;
}

static void test_bronze_gives_back_parts_and_places(void **state)
{
	static const char *const parts[] = {"1;a\n2;b\n", "3;c\n4;d\n"};
	const struct sl_chunk_key key = key_of("id;t\n");
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	bool is_new = false;
	struct sl_chunk c = write_chunk(&key, 5, parts, 2, true, &is_new);
	struct sl_bronze_reader *r = open_chunk(c.id);
	const struct sl_chunk *got = sl_bronze_chunk(r);

	(void)state;
	assert_true(is_new);
	assert_string_equal(got->input, "in/é.csv");
	assert_string_equal(got->codec, "csv");
	assert_true(sl_str_eqz(got->header, "id;t\n"));
	assert_int_equal(got->bytes, 16);
	assert_int_equal(got->records, 4);
	assert_int_equal(got->n_parts, 2);
	assert_int_equal(got->parts[0].offset, 5);
	assert_int_equal(got->parts[1].offset, 13);
	assert_false(got->parts[0].last);
	assert_true(got->parts[1].last);
	for (size_t k = 2; k-- > 0;) {
		assert_ok(err, sl_bronze_read(r, k, &out, &err));
		assert_true(sl_str_eqz(sl_buf_str(&out), parts[k]));
		for (size_t i = 0; i < SL_DECODE_PADDING; i++)
			assert_int_equal(out.p[out.n + i], 0);
	}
	sl_bronze_close(r);
}

static void test_bronze_second_writer_finds_the_first_ones(void **state)
{
	static const char *const parts[] = {"1\n"};
	const struct sl_chunk_key key = key_of(NULL);
	bool is_new;

	(void)state;
	struct sl_chunk a = write_chunk(&key, 0, parts, 1, true, &is_new);
	assert_true(is_new);
	struct sl_chunk b = write_chunk(&key, 0, parts, 1, true, &is_new);
	assert_false(is_new);
	assert_string_equal(a.id, b.id);
}

static void test_bronze_identity_covers_all_that_decides_rows(void **state)
{
	static const char *const parts[] = {"1\n"};
	struct sl_chunk_key keys[7];
	struct sl_chunk c[9];
	bool is_new;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++)
		keys[i] = key_of(NULL);
	keys[1].input = "other";
	keys[2].codec = "jsonl";
	keys[3].settings = "00fe";
	keys[4].header = SL_STR("a");
	keys[5].header = SL_STR("");
	keys[6].source = "drop2";
	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++)
		c[i] = write_chunk(&keys[i], 0, parts, 1, true, &is_new);
	c[7] = write_chunk(&keys[0], 2, parts, 1, true, &is_new);
	c[8] = write_chunk(&keys[0], 0, parts, 1, false, &is_new);
	for (size_t i = 0; i < SL_ARRAY_LEN(c); i++)
		for (size_t k = 0; k < i; k++)
			assert_case(i, c[k].id, strcmp(c[i].id, c[k].id) != 0);
}

/* Hard to compress, so that the writer must go to a file before it knows the header. */
static void fill(char *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (char)(seed >> 24);
	}
}

static void test_bronze_large_chunk_is_plain_zstd(void **state)
{
	const struct sl_chunk_key key = key_of("\xE9;NUL\0");
	sl_cleanup(sl_freep) char *bytes = sl_xmalloc(3 * SL_PART_BYTES);
	sl_cleanup(sl_freep) char *back = sl_xmalloc(4 * SL_PART_BYTES);
	sl_cleanup(sl_buf_release) struct sl_buf file = SL_BUF_INIT;
	struct sl_bronze_writer *w = NULL;
	struct sl_err err = SL_ERR_INIT;
	struct sl_chunk c;
	bool is_new;

	(void)state;
	fill(bytes, 3 * SL_PART_BYTES, 7);
	assert_ok(err, sl_bronze_begin(&home, &key, 0, &w, &err));
	for (size_t i = 0; i < 3; i++)
		assert_ok(err, sl_bronze_part(
				       w, (struct sl_str){bytes + i * SL_PART_BYTES, SL_PART_BYTES},
				       1, &err));
	assert_int_equal(sl_bronze_bytes(w), 3 * SL_PART_BYTES);
	assert_ok(err, sl_bronze_finish(w, true, &arena, &c, &is_new, &err));

	sl_cleanup(sl_freep) char *path = chunk_path(c.id);
	assert_ok(err, sl_file_read(path, SIZE_MAX, &file, &err));
	size_t n = ZSTD_decompress(back, 4 * SL_PART_BYTES, file.p, file.n);
	assert_int_equal(n, 3 * SL_PART_BYTES);
	assert_memory_equal(back, bytes, n);

	struct sl_bronze_reader *r = open_chunk(c.id);
	assert_true(sl_str_eqz(sl_bronze_chunk(r)->header, "\xE9;NUL"));
	assert_ok(err, sl_bronze_read(r, 2, &file, &err));
	assert_int_equal(file.n, SL_PART_BYTES);
	assert_memory_equal(file.p, bytes + 2 * SL_PART_BYTES, SL_PART_BYTES);
	sl_bronze_close(r);
}

static void test_bronze_as_many_parts_as_a_chunk_may_have(void **state)
{
	const struct sl_chunk_key key = key_of(NULL);
	sl_cleanup(sl_freep) char *bytes = sl_xmalloc(40000);
	struct sl_bronze_writer *w = NULL;
	struct sl_err err = SL_ERR_INIT;
	struct sl_chunk c;
	bool is_new;
	uint64_t at = 0;

	(void)state;
	fill(bytes, 40000, 3);
	assert_ok(err, sl_bronze_begin(&home, &key, 0, &w, &err));
	for (size_t i = 0; i < SL_CHUNK_PARTS; i++) {
		assert_true(sl_bronze_fits(w, 40000));
		at += 1000000; /* a gap before each, and each ends a file: the longest index entries
				*/
		sl_bronze_seek(w, at);
		assert_ok(err, sl_bronze_part(w, (struct sl_str){bytes, 40000}, 16384, &err));
		sl_bronze_file_end(w);
		at += 40000;
	}
	assert_false(sl_bronze_fits(w, 1));
	assert_ok(err, sl_bronze_finish(w, true, &arena, &c, &is_new, &err));
	struct sl_bronze_reader *r = open_chunk(c.id);
	const struct sl_part *p = &sl_bronze_chunk(r)->parts[SL_CHUNK_PARTS - 1];
	assert_int_equal(p->offset, at - 40000);
	assert_true(p->last && sl_bronze_chunk(r)->parts[0].last);
	sl_bronze_close(r);
}

static void test_bronze_chunk_is_full_at_its_bytes(void **state)
{
	const struct sl_chunk_key key = key_of(NULL);
	sl_cleanup(sl_freep) char *bytes = sl_xcalloc(1, SL_PART_BYTES);
	struct sl_bronze_writer *w = NULL;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_ok(err, sl_bronze_begin(&home, &key, 0, &w, &err));
	for (size_t i = 0; i < 63; i++)
		assert_ok(err, sl_bronze_part(w, (struct sl_str){bytes, SL_PART_BYTES}, 1, &err));
	assert_true(sl_bronze_fits(w, SL_PART_BYTES));
	assert_true(sl_bronze_fits(w, UINT64_MAX));
	assert_ok(err, sl_bronze_part(w, (struct sl_str){bytes, SL_PART_BYTES}, 1, &err));
	assert_false(sl_bronze_fits(w, 1));
	sl_bronze_abandon(w);
}

static void test_bronze_oversize_record_comes_in_pieces(void **state)
{
	const struct sl_chunk_key key = key_of(NULL);
	struct sl_bronze_writer *w = NULL;
	struct sl_err err = SL_ERR_INIT;
	struct sl_chunk c;
	bool is_new;

	(void)state;
	assert_ok(err, sl_bronze_begin(&home, &key, 0, &w, &err));
	assert_ok(err, sl_bronze_oversize(w, SL_STR("aaaa"), false, &err));
	assert_ok(err, sl_bronze_oversize(w, SL_STR("bb"), false, &err));
	assert_ok(err, sl_bronze_oversize(w, SL_STR(""), true, &err));
	assert_ok(err, sl_bronze_part(w, SL_STR("c"), 1, &err));
	assert_ok(err, sl_bronze_finish(w, true, &arena, &c, &is_new, &err));
	struct sl_bronze_reader *r = open_chunk(c.id);
	const struct sl_chunk *got = sl_bronze_chunk(r);
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	assert_int_equal(got->n_parts, 2);
	assert_true(got->parts[0].oversize && !got->parts[1].oversize);
	assert_int_equal(got->parts[0].bytes, 6);
	assert_int_equal(got->parts[0].records, 1);
	assert_int_equal(got->parts[1].offset, 6);
	assert_ok(err, sl_bronze_read(r, 1, &out, &err));
	assert_true(sl_str_eqz(sl_buf_str(&out), "c"));
	sl_bronze_close(r);
}

static void test_bronze_abandoned_chunk_leaves_nothing(void **state)
{
	const struct sl_chunk_key key = key_of(NULL);
	sl_cleanup(sl_freep) char *bytes = sl_xmalloc(SL_PART_BYTES);
	sl_cleanup(sl_freep) char *path = sl_home_path(&home, "bronze/drop");
	struct sl_bronze_writer *w = NULL;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	fill(bytes, SL_PART_BYTES, 1);
	assert_ok(err, sl_bronze_begin(&home, &key, 0, &w, &err));
	assert_ok(err, sl_bronze_part(w, (struct sl_str){bytes, SL_PART_BYTES}, 1, &err));
	sl_bronze_abandon(w);
	assert_int_equal(rmdir(path), 0); /* empty, also of temporary files */
	sl_bronze_abandon(NULL);
}

/* Opens and reads all parts of the chunk. False when either fails, or gives just what was written
 * (a frame's head has bits that matter to nobody, its content has a checksum). */
static bool reads_wrongly(const char *id, const char *const *want, struct sl_err *err)
{
	bool same = true;
	struct sl_bronze_reader *r = NULL;
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	bool ok = sl_bronze_open(&home, "drop", id, &r, err);

	for (size_t k = 0; ok && k < sl_bronze_chunk(r)->n_parts; k++) {
		ok = sl_bronze_read(r, k, &out, err);
		same = ok && same && sl_str_eqz(sl_buf_str(&out), want[k]);
	}
	sl_bronze_close(r);
	return ok && !same;
}

static void test_bronze_every_damaged_byte_is_seen(void **state)
{
	static const char *const parts[] = {"1;a\n2;b\n", "3;c\n4;d\n"};
	const struct sl_chunk_key key = key_of("id;t\n");
	sl_cleanup(sl_buf_release) struct sl_buf file = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	bool is_new;
	struct sl_chunk c = write_chunk(&key, 5, parts, 2, true, &is_new);
	sl_cleanup(sl_freep) char *path = chunk_path(c.id);
	size_t seen = 0;

	(void)state;
	assert_ok(err, sl_file_read(path, 65536, &file, &err));
	for (size_t i = 0; i < file.n; i++) {
		file.p[i] ^= 0x20;
		assert_ok(err, sl_file_replace(path, file.p, file.n, &err));
		assert_case(i, path, !reads_wrongly(c.id, parts, &err));
		seen += err.kind == SL_ERR_IO && strstr(err.msg, c.id) &&
			strstr(err.hint, "--again");
		sl_err_clear(&err);
		file.p[i] ^= 0x20;
	}
	assert_true(seen + 2 >= file.n);
	for (size_t n = 0; n < file.n; n++) {
		assert_ok(err, sl_file_replace(path, file.p, n, &err));
		assert_false(reads_wrongly(c.id, parts, &err));
		assert_case(n, "cut", err.kind == SL_ERR_IO);
		sl_err_clear(&err);
	}
	sl_buf_addc(&file, 'x');
	assert_ok(err, sl_file_replace(path, file.p, file.n, &err));
	assert_false(reads_wrongly(c.id, parts, &err));
	assert_int_equal(err.kind, SL_ERR_IO);
}

#define BOMB_BYTES ((size_t)64 << 20)
#define SKIPPABLE_HEAD 8

/* Fills n bytes with a frame that readers pass over. */
static void put_skippable(char *to, size_t n)
{
	const uint32_t head[] = {0x184D2A50, (uint32_t)(n - SKIPPABLE_HEAD)};

	memset(to, 0, n);
	memcpy(to, head, sizeof(head));
}

/* A frame that unpacks to far more than its part, of exactly the size that the header states. */
static void test_bronze_bomb_stops_at_the_size_of_its_part(void **state)
{
	const struct sl_chunk_key key = key_of(NULL);
	sl_cleanup(sl_freep) char *noise = sl_xmalloc(SL_PART_BYTES);
	sl_cleanup(sl_freep) char *zeros = sl_xcalloc(1, BOMB_BYTES);
	sl_cleanup(sl_buf_release) struct sl_buf file = SL_BUF_INIT, out = SL_BUF_INIT;
	struct sl_bronze_writer *w = NULL;
	struct sl_err err = SL_ERR_INIT;
	struct sl_chunk c;
	bool is_new;

	(void)state;
	fill(noise, SL_PART_BYTES, 7);
	assert_ok(err, sl_bronze_begin(&home, &key, 0, &w, &err));
	assert_ok(err, sl_bronze_part(w, (struct sl_str){noise, SL_PART_BYTES}, 1, &err));
	assert_ok(err, sl_bronze_finish(w, true, &arena, &c, &is_new, &err));
	sl_cleanup(sl_freep) char *path = chunk_path(c.id);
	assert_ok(err, sl_file_read(path, 4 << 20, &file, &err));
	const size_t room = c.parts[0].frames;
	char *frame = file.p + file.n - room;
	size_t n = ZSTD_compress(frame, room - SKIPPABLE_HEAD, zeros, BOMB_BYTES, 19);

	assert_false(ZSTD_isError(n));
	put_skippable(frame + n, room - n);
	assert_ok(err, sl_file_replace(path, file.p, file.n, &err));
	struct sl_bronze_reader *r = open_chunk(c.id);
	assert_false(sl_bronze_read(r, 0, &out, &err));
	assert_int_equal(err.kind, SL_ERR_IO);
	assert_non_null(strstr(err.msg, c.id));
	assert_true(out.cap <= SL_PART_BYTES + (64 << 10));
	sl_bronze_close(r);
}

static void test_bronze_missing_chunk_names_the_cure(void **state)
{
	struct sl_bronze_reader *r = NULL;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_false(sl_bronze_open(&home, "drop", "00ff", &r, &err));
	assert_int_equal(err.kind, SL_ERR_IO);
	assert_non_null(strstr(err.msg, "missing"));
	assert_non_null(strstr(err.hint, "collect"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_bronze_gives_back_parts_and_places),
		T(test_bronze_second_writer_finds_the_first_ones),
		T(test_bronze_identity_covers_all_that_decides_rows),
		T(test_bronze_large_chunk_is_plain_zstd),
		T(test_bronze_as_many_parts_as_a_chunk_may_have),
		T(test_bronze_chunk_is_full_at_its_bytes),
		T(test_bronze_oversize_record_comes_in_pieces),
		T(test_bronze_abandoned_chunk_leaves_nothing),
		T(test_bronze_every_damaged_byte_is_seen),
		T(test_bronze_bomb_stops_at_the_size_of_its_part),
		T(test_bronze_missing_chunk_names_the_cure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
