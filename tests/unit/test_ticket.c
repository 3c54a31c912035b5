/* Tickets: what is put in comes out, and nothing that anybody may have written is believed. */
#include "base_support.h"

#include "base/mem.h"
#include "data/batch.h"
#include "store/ticket.h"

#define KEY "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define REV "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CHUNK "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct sl_ticket plain(void)
{
	return (struct sl_ticket){
		.source = SL_STR("drop"),
		.entry = 17,
		.rev = SL_STR(REV),
		.place = 3,
		.chunk_place = 2,
		.chunk = SL_STR(CHUNK),
		.part = 1023,
	};
}

static struct sl_ticket carrying(void)
{
	struct sl_ticket t = plain();

	t.offset = UINT64_MAX;
	t.bytes = SL_PART_BYTES;
	t.last = true;
	t.input = SL_STR("in box/\xC3\xA9 \n.csv");
	t.header = SL_STR("a,b\n");
	t.frames = SL_STR("(\xB5/\xFD\0\n \0-");
	return t;
}

static void assert_same(const struct sl_ticket *a, const struct sl_ticket *b)
{
	assert_true(sl_str_eq(a->source, b->source) && sl_str_eq(a->rev, b->rev) &&
		    sl_str_eq(a->chunk, b->chunk));
	assert_true(a->entry == b->entry && a->place == b->place &&
		    a->chunk_place == b->chunk_place && a->part == b->part);
	assert_true(a->offset == b->offset && a->bytes == b->bytes && a->last == b->last);
	assert_true(sl_str_eq(a->input, b->input) && sl_str_eq(a->header, b->header) &&
		    sl_str_eq(a->frames, b->frames));
	assert_int_equal(!a->header.p, !b->header.p);
	assert_int_equal(!a->frames.p, !b->frames.p);
}

static void check_round_trip(const struct sl_ticket *t)
{
	sl_cleanup(sl_buf_release) struct sl_buf body = SL_BUF_INIT;
	struct sl_ticket back;

	sl_ticket_put(t, KEY, &body);
	assert_true(sl_ticket_get(sl_buf_str(&body), KEY, &back));
	assert_same(t, &back);
}

static void test_what_is_put_comes_out(void **state)
{
	struct sl_ticket t = plain();

	(void)state;
	check_round_trip(&t);
	t.entry = t.place = t.chunk_place = UINT64_MAX;
	t.part = UINT32_MAX;
	check_round_trip(&t);
	t = carrying();
	check_round_trip(&t);
	t.header = SL_STR_NULL;
	check_round_trip(&t);
	t.header = SL_STR("");
	t.input = SL_STR("");
	check_round_trip(&t);
}

static void test_ticket_of_another_home_is_none(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf body = SL_BUF_INIT;
	const struct sl_ticket t = carrying();
	struct sl_ticket back;

	(void)state;
	sl_ticket_put(&t, REV, &body);
	assert_false(sl_ticket_get(sl_buf_str(&body), KEY, &back));
}

static void test_limits_are_kept_exactly(void **state)
{
	static const size_t limits[] = {SL_TICKET_INPUT, SL_TICKET_HEADER, SL_TICKET_FRAMES};
	sl_cleanup(sl_freep) char *large = sl_xcalloc(SL_TICKET_FRAMES + 1, 1);

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(limits); i++) {
		for (size_t over = 0; over < 2; over++) {
			sl_cleanup(sl_buf_release) struct sl_buf body = SL_BUF_INIT;
			struct sl_ticket t = carrying(), back;
			struct sl_str *views[] = {&t.input, &t.header, &t.frames};

			*views[i] = (struct sl_str){large, limits[i] + over};
			sl_ticket_put(&t, KEY, &body);
			assert_int_equal(sl_ticket_get(sl_buf_str(&body), KEY, &back), over == 0);
		}
	}
}

static void test_more_raw_bytes_than_a_part_are_refused(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf body = SL_BUF_INIT;
	struct sl_ticket t = carrying(), back;

	(void)state;
	t.bytes = SL_PART_BYTES + 1;
	sl_ticket_put(&t, KEY, &body);
	assert_false(sl_ticket_get(sl_buf_str(&body), KEY, &back));
}

/* A copy in memory of exactly its size, so that a sanitizer sees a byte read behind it. */
static bool get_exact(const char *p, size_t n)
{
	sl_cleanup(sl_freep) char *copy = sl_xmalloc(n ? n : 1);
	struct sl_ticket back;

	memcpy(copy, p, n);
	return sl_ticket_get((struct sl_str){copy, n}, KEY, &back);
}

static void test_any_changed_byte_and_any_cut_is_noticed(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf body = SL_BUF_INIT;
	const struct sl_ticket t = carrying();

	(void)state;
	sl_ticket_put(&t, KEY, &body);
	for (size_t i = 0; i < body.n; i++) {
		assert_false(get_exact(body.p, i));
		for (int bit = 0; bit < 8; bit++) {
			body.p[i] = (char)(body.p[i] ^ 1 << bit);
			assert_false(get_exact(body.p, body.n));
			body.p[i] = (char)(body.p[i] ^ 1 << bit);
		}
	}
	sl_buf_addc(&body, 'x');
	assert_false(get_exact(body.p, body.n));
}

/* Puts the right hash behind a head that a stranger wrote, so that the fields themselves are read. */
static bool get_hashed(const char *head, const char *payload)
{
	sl_cleanup(sl_buf_release) struct sl_buf body = SL_BUF_INIT;
	struct sl_hash h;
	char hex[SL_HASH_HEX];

	sl_hash_init(&h);
	sl_hash_strz(&h, KEY);
	sl_hash_strz(&h, head);
	sl_hash_strz(&h, payload);
	sl_hash_hex(&h, hex);
	sl_buf_addf(&body, "%s%s\n%s", head, hex, payload);
	return get_exact(body.p, body.n);
}

static void test_hostile_heads_with_a_right_hash_are_refused(void **state)
{
	static const struct {
		const char *head, *payload;
		bool right;
	} cases[] = {
		{"SLT1 s 1 r 0 0 c 0 0 0 0 - - - ", "", true},
		{"SLT1 s 1 r 0 0 c 0 0 3 1 1 - 2 ", "iFF", true},
		{"SLT1 s 1 r 0 0 c 0 0 3 1 1 - 2 ", "iF", false},   /* shorter than it says */
		{"SLT1 s 1 r 0 0 c 0 0 3 1 1 - 2 ", "iFFx", false}, /* longer */
		{"SLT1 s 1 r 0 0 c 0 0 3 1 - - 2 ", "FF", false},   /* bytes of no input */
		{"SLT1 s 1 r 0 0 c 0 0 3 1 1 - - ", "i", false},    /* an input without bytes */
		{"SLT1 s 1 r 0 0 c 0 0 3 1 - 1 - ", "h", false},    /* a header without bytes */
		{"SLT1 s 1 r 0 0 c 0 0 3 2 1 - 2 ", "iFF", false},
		{"SLT1 s 1 r 0 0 c 0 0 -3 1 1 - 2 ", "iFF", false},
		{"SLT1 s 1 r 0 0 c 0 0 3 1 1 - 99999999999999999999 ", "iFF", false},
		{"SLT1 s 1 r 0 0 c 0 0 3 1 18446744073709551615 - 2 ", "iFF", false},
		{"SLT1 s 1 r 0 0 c 4294967296 0 0 0 - - - ", "", false},
		{"SLT1 s 1 r 0 0 c 0 0 0 0 - - ", "", false},
		{"SLT1 s 1 r 0 0 c 0 0 0 0 - - - more ", "", false},
		{"SLT1  1 r 0 0 c 0 0 0 0 - - - ", "", false},
		{"SLT2 s 1 r 0 0 c 0 0 0 0 - - - ", "", false},
		{"", "", false},
		{" ", "", false},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++)
		if (get_hashed(cases[i].head, cases[i].payload) != cases[i].right)
			fail_msg("case %zu: \"%s\"", i, cases[i].head);
}

static void test_a_line_without_end_is_not_searched_for_ever(void **state)
{
	sl_cleanup(sl_freep) char *text = sl_xmalloc(1 << 20);

	(void)state;
	memset(text, 'x', 1 << 20);
	assert_false(get_exact(text, 1 << 20));
	memset(text, '\n', 1 << 20);
	assert_false(get_exact(text, 1 << 20));
	assert_false(get_exact(text, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_put_comes_out),
		cmocka_unit_test(test_ticket_of_another_home_is_none),
		cmocka_unit_test(test_limits_are_kept_exactly),
		cmocka_unit_test(test_more_raw_bytes_than_a_part_are_refused),
		cmocka_unit_test(test_any_changed_byte_and_any_cut_is_noticed),
		cmocka_unit_test(test_hostile_heads_with_a_right_hash_are_refused),
		cmocka_unit_test(test_a_line_without_end_is_not_searched_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
