/*
 * tasks/collect/pack: the same bytes fall into the same parts and chunks, whatever pieces they come in.
 */
#include "folder_support.h"

#include "tasks/collect/session.h"

/* Chunk ids of text fed in pieces of step bytes. */
static char *pack_ids(const char *codec, struct sl_str text, size_t step,
		      struct sl_log_chunk *first)
{
	struct sl_home h = SL_HOME_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_pack p = {.home = &h, .codec = sl_codec_find(codec), .arena = &arena};
	sl_cleanup(sl_buf_release) struct sl_buf ids = SL_BUF_INIT;
	void *params = sl_arena_zalloc(&arena, 1, p.codec->params_size + 1);
	struct sl_diags diags = SL_DIAGS_INIT;

	assert_true(sl_fields_read(p.codec->params, params, p.codec->params_size, NULL, NULL, codec,
				   &arena, &diags));
	p.params = params;
	assert_ok(err, sl_home_open(&h, below("home"), "t", &err));
	sl_pack_begin(&p, "drop", "i", "00");
	for (size_t i = 0; i < text.n; i += step)
		assert_ok(err, sl_pack_bytes(&p, sl_str_sub(text, i, step), &err));
	assert_ok(err, sl_pack_file_end(&p, &err));
	assert_ok(err, sl_pack_finish(&p, &err));
	for (size_t i = 0; i < p.n_chunks; i++)
		sl_buf_addf(&ids, "%s/%u/%u ", p.chunks[i].id, p.chunks[i].parts,
			    p.chunks[i].records);
	if (first)
		*first = p.chunks[0];
	sl_pack_release(&p);
	sl_home_release(&h);
	return sl_arena_strdup(&arena, sl_buf_z(&ids));
}

static void check_pieces(const char *codec, struct sl_str text)
{
	static const size_t steps[] = {1021, 65536, 262144, 1 << 20, 3 << 20, SIZE_MAX / 2};
	const char *want = pack_ids(codec, text, steps[0], NULL);

	for (size_t i = 1; i < SL_ARRAY_LEN(steps); i++)
		assert_case(i, want, strcmp(pack_ids(codec, text, steps[i], NULL), want) == 0);
}

/* Lines of all lengths, now and then one larger than a part. */
static void make_lines(struct sl_buf *b, const char *quote)
{
	uint32_t x = 1;

	for (size_t i = 0; i < 40000; i++) {
		x = x * 1664525 + 1013904223;
		size_t n = i % 9973 == 500 ? (1 << 20) + (x >> 16) * 20 : (x >> 24) % 100;

		sl_buf_adds(b, quote);
		memset(sl_buf_room(b, n), 'a', n);
		sl_buf_grew(b, n);
		sl_buf_addf(b, "%s%s", quote, i % 7 ? "\n" : "\r\n\n");
	}
	sl_buf_adds(b, "no line end");
}

static void test_pack_layout_does_not_depend_on_the_pieces(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;

	(void)state;
	sl_buf_adds(&b, "\n\nid\n");
	make_lines(&b, "\"");
	check_pieces("csv", sl_buf_str(&b));
	sl_buf_clear(&b);
	make_lines(&b, "");
	check_pieces("jsonl", sl_buf_str(&b));
}

static void test_pack_json_array_by_elements(void **state)
{
	struct sl_log_chunk c;

	(void)state;
	pack_ids("json", SL_STR("[ {\"a\":1}, {\"a\":[2,3]},\n{\"a\":\"]\"} ]\n\n"), 5, &c);
	assert_int_equal(c.records, 3);
	pack_ids("json", SL_STR("[{\"a\":1},{\"a\""), 5, &c);
	assert_int_equal(c.records, 2); /* the one cut off counts as well */
}

static void test_pack_record_of_exactly_a_part_is_no_oversize(void **state)
{
	sl_cleanup(sl_freep) char *text = sl_xmalloc(SL_PART_BYTES + 2);
	static const size_t sizes[] = {SL_PART_BYTES, SL_PART_BYTES + 1};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sl_home h = SL_HOME_INIT;
		struct sl_err err = SL_ERR_INIT;
		struct sl_bronze_reader *r = NULL;
		struct sl_log_chunk c;

		memset(text, 'x', SL_PART_BYTES + 2);
		text[sizes[i] - 1] = '\n';
		pack_ids("jsonl", (struct sl_str){text, sizes[i]}, 262144, &c);
		assert_ok(err, sl_home_open(&h, below("home"), "t", &err));
		assert_ok(err, sl_bronze_open(&h, "drop", c.id, &r, &err));
		assert_int_equal(sl_bronze_chunk(r)->n_parts, 1);
		assert_int_equal(sl_bronze_chunk(r)->parts[0].oversize, i == 1);
		assert_int_equal(sl_bronze_chunk(r)->parts[0].bytes, sizes[i]);
		sl_bronze_close(r);
		sl_home_release(&h);
	}
}

static void test_pack_part_is_filled_to_its_last_byte(void **state)
{
	sl_cleanup(sl_freep) char *text = sl_xmalloc(SL_PART_BYTES + 1);
	struct sl_log_chunk c;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		memset(text, 'x', SL_PART_BYTES + 1);
		text[99] = text[SL_PART_BYTES - 1 + i] = '\n';
		pack_ids("jsonl", (struct sl_str){text, SL_PART_BYTES + i}, 262144, &c);
		assert_int_equal(c.parts, 1 + i);
	}
}

static void test_pack_part_holds_as_many_records_as_a_batch(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	struct sl_log_chunk c;

	(void)state;
	for (size_t i = 0; i < SL_PART_ROWS; i++)
		sl_buf_adds(&b, "1\n\n");
	pack_ids("jsonl", sl_buf_str(&b), 1000, &c);
	assert_int_equal(c.parts, 1);
	sl_buf_adds(&b, "1\n");
	pack_ids("jsonl", sl_buf_str(&b), 1000, &c);
	assert_int_equal(c.parts, 2);
	assert_int_equal(c.records, SL_PART_ROWS + 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_pack_layout_does_not_depend_on_the_pieces),
		T(test_pack_json_array_by_elements),
		T(test_pack_record_of_exactly_a_part_is_no_oversize),
		T(test_pack_part_is_filled_to_its_last_byte),
		T(test_pack_part_holds_as_many_records_as_a_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
