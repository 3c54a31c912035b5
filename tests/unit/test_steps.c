/*
 * tasks/collect/steps: what is read step by step stands once, under names that do not depend on
 * bytes, and whoever comes next goes on behind it.
 */
#include "base_support.h"

#include <ftw.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "tasks/collect/rows.h"
#include "tasks/collect/session.h"

static char *dir; /* pipeline.yaml, home/ */
static struct sl_arena arena;

/* A site of pages. A continuation is the number of the page that follows. */
static struct site {
	enum sl_steps_kind kind;
	const char *pages[8]; /* NULL-terminated */
	const char *asks;
	int asked;		   /* requests, over all collections */
	int dies_at;		   /* the request that fails, 0: none */
	void (*meanwhile)(size_t); /* when a page has been read and is not kept yet */
	const char *end;	   /* of a cursor: the newest there is; NULL: nothing new */
	const char *seen_from;	   /* of the last collection */
	const char *seen_end;	   /* when its last step was over */
	bool partial;
	bool stutters;	       /* every page breaks off once */
	const char *long_next; /* instead of a number */
	bool is_table;	       /* of the numbers up to end, a step each */
} site;

static int setup(void **state)
{
	(void)state;
	dir = support_dir();
	site = (struct site){.kind = SL_STEPS_INTERVAL, .asks = "all"};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sl_arena_release(&arena);
	support_remove(dir);
	return 0;
}

static bool read_page(struct sl_collect *c, struct sl_steps *s, struct sl_err *err)
{
	uint64_t at = 0;
	char number[8];

	if (s->at && !site.long_next)
		assert_true(sl_num_u64(sl_str_of(s->at), 7, &at));
	if (++site.asked == site.dies_at)
		return sl_err_set(err, SL_ERR_UNAVAILABLE, "the site is gone");
	if (site.stutters &&
	    (!sl_step_begin(c, s, err) || !sl_collect_bytes(c, SL_STR("7\n8"), err)))
		return false;
	if (!sl_step_begin(c, s, err) || !sl_collect_bytes(c, sl_str_of(site.pages[at]), err))
		return false;
	if (site.meanwhile)
		site.meanwhile(at);
	snprintf(number, sizeof(number), "%d", (int)at + 1);
	const char *next = site.long_next ? site.long_next : number;
	s->partial |= site.partial;
	return sl_step_end(c, s, site.pages[at + 1] ? next : NULL, err);
}

/* A number of a continuation or range; 0: none. */
static uint64_t number_of(const char *text)
{
	uint64_t n = 0;

	for (; text && *text; text++)
		n = *text >= '0' && *text <= '9' ? 10 * n + (uint64_t)(*text - '0') : n;
	return n;
}

/* As a database answers: all rows up to the end that stood when it was asked. */
static bool read_answer(struct sl_rows *r, const struct sl_steps *s, struct sl_err *err)
{
	const uint64_t end = number_of(s->end);

	for (uint64_t i = number_of(s->at ? s->at : s->from) + 1; i <= end; i++) {
		char text[24];

		if (++site.asked == site.dies_at)
			return sl_err_set(err, SL_ERR_UNAVAILABLE, "the server is gone");
		if (site.meanwhile)
			site.meanwhile(i);
		if (!sl_rows_next(r, err))
			return false;
		snprintf(text, sizeof(text), "%" PRIu64, i);
		sl_buf_addf(&r->lines, "%s\n", text);
		const struct sl_str behind = sl_str_of(text);
		if (!sl_rows_put(r, &behind, 1, err))
			return false;
	}
	return sl_rows_end(r, err);
}

static bool read_table(struct sl_collect *c, struct sl_err *err)
{
	struct sl_steps s;
	sl_cleanup(sl_rows_release) struct sl_rows r = {.c = c, .steps = &s, .step = 1};

	if (!sl_steps_begin(c, SL_STEPS_CURSOR, site.asks, &s, err))
		return false;
	while (!s.done) {
		s.end = s.end ? s.end : site.end;
		s.done = number_of(s.end) == number_of(s.from);
		if (!s.done && !read_answer(&r, &s, err)) {
			if (!r.moved)
				return false;
			sl_err_clear(err);
		}
		sl_rows_reset(&r);
	}
	return sl_steps_end(c, &s, err);
}

static bool read_site(const void *params, struct sl_collect *c, struct sl_err *err)
{
	struct sl_steps s;

	(void)params;
	if (site.is_table)
		return read_table(c, err);
	if (!sl_steps_begin(c, site.kind, site.asks, &s, err))
		return false;
	site.seen_from = s.from ? sl_arena_strdup(&arena, s.from) : NULL;
	if (site.kind == SL_STEPS_CURSOR && !s.done && !s.end) {
		s.end = site.end;
		s.done = !site.end;
	}
	while (!s.done)
		if (!read_page(c, &s, err))
			return false;
	site.seen_end = s.end ? sl_arena_strdup(&arena, s.end) : NULL;
	return sl_steps_end(c, &s, err);
}

/* --- one collection --- */

struct as {
	const char *run;
	bool again, dry, day;
	const char *codec;
};

static const char *below(const char *rel)
{
	return sl_arena_printf(&arena, "%s/%s", dir, rel);
}

static struct sl_pipeline *open_pipeline(const char *codec)
{
	struct sl_pipeline_opts opts = {.store_needed = true};
	struct sl_diags diags = SL_DIAGS_INIT;
	struct sl_err err = SL_ERR_INIT;
	const char *yaml = sl_arena_printf(
		&arena,
		"sluice: 1\npipeline: t\nsources:\n  drop: {kind: file, path: x, codec: %s}\n"
		"contract:\n  id: {type: int64}\nstore: {table: t, mode: append}\n",
		codec ? codec : "jsonl");

	assert_ok(err, sl_file_replace(below("pipeline.yaml"), yaml, strlen(yaml), &err));
	struct sl_pipeline *p = sl_pipeline_open(below("pipeline.yaml"), &opts, &diags, &err);
	sl_diags_release(&diags);
	assert_non_null(p);
	return p;
}

static bool collect(struct as as, struct sl_err *err)
{
	static const struct sl_source_kind kind = {.name = "file", .collect = read_site};
	struct sl_run run = {.run_id = as.run,
			     .again = as.again,
			     .dry_run = as.dry,
			     .has_interval = as.day,
			     .interval_end = SL_DAY,
			     .part_k = 1,
			     .part_n = 1};
	uint64_t chunks;

	sl_err_clear(err);
	run.p = open_pipeline(as.codec);
	run.p->sources[0].kind = &kind;
	assert_ok(*err, sl_home_open(&run.home, below("home"), "t", err));
	bool ok = sl_collect_one(&run, &run.p->sources[0], NULL, &chunks, err);
	sl_home_release(&run.home);
	sl_pipeline_close(run.p);
	sl_arena_release(&run.arena);
	return ok;
}

static void must(struct as as)
{
	struct sl_err err = SL_ERR_INIT;

	assert_ok(err, collect(as, &err));
}

static void must_fail(struct as as, enum sl_err_kind kind)
{
	struct sl_err err = SL_ERR_INIT;

	assert_false(collect(as, &err));
	assert_int_equal(err.kind, kind);
}

/* --- what there is afterwards --- */

static void with_home(void (*f)(const struct sl_home *, void *), void *arg)
{
	struct sl_home h = SL_HOME_INIT;
	struct sl_err err = SL_ERR_INIT;

	assert_ok(err, sl_home_open(&h, below("home"), "t", &err));
	f(&h, arg);
	sl_home_release(&h);
}

static void read_newest(const struct sl_home *h, void *arg)
{
	struct sl_err err = SL_ERR_INIT;

	assert_ok(err, sl_log_newest(h, "drop", arg, &err));
}

static uint64_t newest(void)
{
	uint64_t n = 0;

	with_home(read_newest, &n);
	return n;
}

static void read_entry(const struct sl_home *h, void *arg)
{
	struct sl_log_entry *e = arg;
	struct sl_err err = SL_ERR_INIT;

	assert_ok(err, sl_log_read(h, "drop", e->n, &arena, e, &err));
}

static struct sl_log_entry entry(uint64_t n)
{
	struct sl_log_entry e = {.n = n};

	with_home(read_entry, &e);
	return e;
}

struct reading {
	struct sl_log_entry e;
	struct sl_buf text;
};

static void read_content(const struct sl_home *h, void *arg)
{
	struct reading *r = arg;
	sl_cleanup(sl_buf_release) struct sl_buf part = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	for (size_t i = 0; i < r->e.inputs[0].n_chunks; i++) {
		struct sl_bronze_reader *b;

		assert_ok(err, sl_bronze_open(h, "drop", r->e.inputs[0].chunks[i].id, &b, &err));
		const struct sl_chunk *c = sl_bronze_chunk(b);
		if (c->header.p)
			sl_buf_addf(&r->text, "[" SL_STR_FMT "]", SL_STR_ARG(c->header));
		for (size_t k = 0; k < c->n_parts; k++) {
			assert_ok(err, sl_bronze_read(b, k, &part, &err));
			sl_buf_addf(&r->text, "@%d ", (int)c->parts[k].offset);
			sl_buf_addstr(&r->text, sl_buf_str(&part));
		}
		sl_bronze_close(b);
	}
}

/* Raw bytes of an entry's one input, "@offset" before each part. */
static const char *content(uint64_t n)
{
	struct reading r = {.e = entry(n), .text = SL_BUF_INIT};

	assert_int_equal(r.e.n_inputs, 1);
	with_home(read_content, &r);
	const char *ret = sl_arena_strdup(&arena, sl_buf_z(&r.text));
	sl_buf_release(&r.text);
	return ret;
}

static int files;

static int count_chunk(const char *path, const struct stat *st, int what)
{
	(void)st;
	files += what == FTW_F && sl_str_ends(sl_str_of(path), ".zst");
	return 0;
}

static int chunks_on_disk(void)
{
	files = 0;
	ftw(below("home/t/bronze"), count_chunk, 16);
	return files;
}

static void pages(const char *a, const char *b, const char *c)
{
	site.pages[0] = a;
	site.pages[1] = b;
	site.pages[2] = c;
	site.pages[3] = NULL;
}

/* --- a crawl --- */

static void test_steps_stand_in_their_order(void **state)
{
	(void)state;
	pages("1\n2\n", "3\n", "4\n");
	must((struct as){.run = "r1", .day = true});
	struct sl_log_entry e = entry(1);
	assert_string_equal(e.inputs[0].name, "1970-01-01T00:00:00Z/1970-01-02T00:00:00Z");
	assert_true(e.complete);
	assert_int_equal(e.inputs[0].n_chunks, 3);
	assert_string_equal(content(1), "@0 1\n2\n@4 3\n@6 4\n");
}

static void test_steps_without_an_interval_are_what_the_run_saw(void **state)
{
	(void)state;
	pages("1\n", NULL, NULL);
	must((struct as){.run = "r1"});
	must((struct as){.run = "r2"});
	assert_string_equal(entry(1).inputs[0].name, "run r1");
	assert_string_equal(entry(2).inputs[0].name, "run r2");
}

static void test_steps_that_stand_are_never_asked_for_twice(void **state)
{
	(void)state;
	pages("1\n", "2\n", "3\n");
	site.dies_at = 3;
	must_fail((struct as){.run = "r1"}, SL_ERR_UNAVAILABLE);
	assert_int_equal(newest(), 0);
	pages("9\n", "9\n", "3\n"); /* the site has moved on: the first two pages are kept */
	must((struct as){.run = "r1"});
	assert_int_equal(site.asked, 4);
	assert_string_equal(content(1), "@0 1\n@2 2\n@4 3\n");
}

static void test_steps_begin_anew_for_another_run_or_question(void **state)
{
	(void)state;
	pages("1\n", "2\n", NULL);
	site.dies_at = 2;
	must_fail((struct as){.run = "r1", .day = true}, SL_ERR_UNAVAILABLE);
	site.asks = "other";
	site.dies_at = 4;
	must_fail((struct as){.run = "r1", .day = true}, SL_ERR_UNAVAILABLE);
	must((struct as){.run = "r2", .day = true}); /* the same input, at the same edition */
	assert_int_equal(site.asked, 6);
}

static void another_attempt_is_quicker(size_t at)
{
	if (at != 1)
		return;
	site.meanwhile = NULL;
	pages("1\n", "other\n", "other end\n");
	site.dies_at = site.asked + 2;
	must_fail((struct as){.run = "r1"}, SL_ERR_UNAVAILABLE);
	site.dies_at = 0;
}

static void test_steps_loser_goes_on_from_the_winner(void **state)
{
	(void)state;
	pages("1\n", "2\n", NULL);
	site.meanwhile = another_attempt_is_quicker;
	must((struct as){.run = "r1"});
	/* the loser's own second page was the last: the winner's says that a third follows */
	assert_string_equal(content(1), "@0 1\n@2 other\n@8 other end\n");
	assert_int_equal(chunks_on_disk(), 3);
}

static void test_steps_half_read_are_forgotten(void **state)
{
	(void)state;
	pages("1\n", "2\n", NULL);
	site.stutters = true;
	must((struct as){.run = "r1"});
	assert_string_equal(content(1), "@0 1\n@2 2\n");
}

static void test_steps_of_a_run_with_an_entry_are_adopted(void **state)
{
	(void)state;
	pages("1\n", NULL, NULL);
	must((struct as){.run = "r1"});
	pages("2\n", NULL, NULL);
	must((struct as){.run = "r1"});
	assert_int_equal(site.asked, 1);
	assert_int_equal(newest(), 1);
}

static void test_steps_again_are_a_further_edition(void **state)
{
	(void)state;
	pages("1\n", NULL, NULL);
	must((struct as){.run = "r1"});
	pages("2\n", NULL, NULL);
	must((struct as){.run = "r1", .again = true});
	assert_string_equal(content(2), "@0 2\n");
	assert_string_equal(entry(2).inputs[0].name, entry(1).inputs[0].name);
}

static void test_steps_dry_run_asks_for_nothing(void **state)
{
	(void)state;
	pages("1\n", NULL, NULL);
	must((struct as){.run = "r1", .dry = true});
	assert_int_equal(site.asked, 0);
	assert_int_equal(newest(), 0);
}

/* --- nothing --- */

static void test_steps_without_records_leave_nothing_behind(void **state)
{
	(void)state;
	pages("", "\n", "");
	must((struct as){.run = "r1"});
	assert_int_equal(newest(), 0);
	assert_int_equal(chunks_on_disk(), 0);
	pages("", "1\n", ""); /* the same run finds what came meanwhile */
	must((struct as){.run = "r1"});
	assert_string_equal(content(1), "@0 1\n");
}

static void test_steps_empty_between_records_are_kept_for_their_continuation(void **state)
{
	(void)state;
	pages("1\n", "", "3\n");
	site.dies_at = 3;
	must_fail((struct as){.run = "r1"}, SL_ERR_UNAVAILABLE);
	must((struct as){.run = "r1"});
	assert_int_equal(site.asked, 4);
	assert_string_equal(content(1), "@0 1\n@2 3\n");
	assert_int_equal(entry(1).inputs[0].n_chunks, 2);
}

static void test_steps_again_that_find_nothing_are_an_edition_without_rows(void **state)
{
	(void)state;
	pages("1\n", NULL, NULL);
	must((struct as){.run = "r1"});
	pages("", NULL, NULL);
	must((struct as){.run = "r1", .again = true});
	assert_int_equal(entry(2).inputs[0].n_chunks, 0);
}

static void test_steps_that_missed_something_say_so_also_when_resumed(void **state)
{
	(void)state;
	pages("1\n", "2\n", NULL);
	site.partial = true;
	must((struct as){.run = "r1"});
	assert_false(entry(1).complete);
	site.dies_at = site.asked + 2;
	must_fail((struct as){.run = "r2"}, SL_ERR_UNAVAILABLE);
	site.dies_at = 0;
	site.partial = false; /* the first page's word stands */
	must((struct as){.run = "r2"});
	assert_false(entry(2).complete);
	must((struct as){.run = "r3"});
	assert_true(entry(3).complete);
}

/* --- a cursor --- */

static void begin_cursor(const char *end)
{
	site.kind = SL_STEPS_CURSOR;
	site.end = end;
}

static void test_cursor_ranges_follow_each_other(void **state)
{
	(void)state;
	begin_cursor("10");
	pages("1\n", "2\n", NULL);
	must((struct as){.run = "r1"});
	assert_null(entry(1).from);
	assert_string_equal(entry(1).to, "10");
	assert_int_equal(entry(1).range, SL_RANGE_CURSOR);
	assert_string_equal(entry(1).inputs[0].name, "begin");
	begin_cursor("25");
	must((struct as){.run = "r2"});
	assert_string_equal(site.seen_from, "10");
	assert_string_equal(entry(2).from, "10");
	assert_string_equal(entry(2).inputs[0].name, "after 10");
}

static void test_cursor_with_nothing_new_stays(void **state)
{
	(void)state;
	begin_cursor("10");
	pages("1\n", NULL, NULL);
	must((struct as){.run = "r1"});
	begin_cursor(NULL);
	must((struct as){.run = "r2"});
	assert_int_equal(newest(), 1);
	assert_int_equal(chunks_on_disk(), 1);
}

static void test_cursor_end_stays_where_the_first_step_fixed_it(void **state)
{
	(void)state;
	begin_cursor("10");
	pages("1\n", "2\n", NULL);
	site.dies_at = 2;
	must_fail((struct as){.run = "r1"}, SL_ERR_UNAVAILABLE);
	begin_cursor("99");
	site.dies_at = 0;
	must((struct as){.run = "r1"});
	assert_string_equal(site.seen_end, "10");
	assert_string_equal(entry(1).to, "10");
}

static void test_cursor_again_repeats_the_runs_range_and_moves_nothing(void **state)
{
	(void)state;
	begin_cursor("10");
	pages("1\n", NULL, NULL);
	must((struct as){.run = "r1"});
	begin_cursor("20");
	must((struct as){.run = "r2"});
	begin_cursor("30");
	must((struct as){.run = "r1", .again = true});
	assert_null(site.seen_from);
	assert_string_equal(site.seen_end, "10");
	assert_int_equal(entry(3).range, SL_RANGE_REPEAT);
	assert_string_equal(entry(3).inputs[0].name, "begin");
	must((struct as){.run = "r3"});
	assert_string_equal(site.seen_from, "20");
}

static void another_attempt_sees_less(size_t row)
{
	if (row != 2)
		return;
	site.meanwhile = NULL;
	site.end = "3";
	site.dies_at = site.asked + 3; /* its first step stands, and with it the range's end */
	must_fail((struct as){.run = "r1"}, SL_ERR_UNAVAILABLE);
	site.dies_at = 0;
}

static void test_cursor_reads_no_row_behind_the_end_that_another_attempt_fixed(void **state)
{
	(void)state;
	site.is_table = true;
	site.end = "5";
	site.meanwhile = another_attempt_sees_less;
	must((struct as){.run = "r1"});
	assert_string_equal(entry(1).to, "3");
	assert_string_equal(content(1), "@0 1\n@2 2\n@4 3\n");
	site.end = "5";
	must((struct as){.run = "r2"});
	assert_string_equal(content(2), "@0 4\n@2 5\n");
}

/* --- limits --- */

static void test_step_larger_than_a_chunk_is_refused(void **state)
{
	const size_t n = (size_t)2 * SL_PART_ROWS * SL_CHUNK_PARTS;
	sl_cleanup(sl_freep) char *text = sl_xmalloc(n + 3);

	(void)state;
	for (size_t i = 0; i < n + 2; i++)
		text[i] = i % 2 ? '\n' : '1';
	text[n] = '\0'; /* parts enough for exactly one chunk */
	pages(text, NULL, NULL);
	must((struct as){.run = "r1"});
	assert_int_equal(entry(1).inputs[0].n_chunks, 1);
	text[n] = '1';
	text[n + 2] = '\0';
	must_fail((struct as){.run = "r2"}, SL_ERR_DATA);
}

static void test_continuation_up_to_its_limit_is_kept(void **state)
{
	const size_t n = SL_CONTINUATION_MAX - strlen("\"next\":\"\",");
	sl_cleanup(sl_freep) char *next = sl_xmalloc(n + 2);

	(void)state;
	memset(next, 'x', n + 1);
	next[n] = '\0';
	site.long_next = next;
	pages("1\n", "2\n", NULL);
	site.dies_at = 2;
	must_fail((struct as){.run = "r1"}, SL_ERR_UNAVAILABLE);
	site.dies_at = 0;
	pages("3\n", NULL, NULL); /* the rest, whatever the continuation says */
	must((struct as){.run = "r1"});
	assert_string_equal(content(1), "@0 1\n@2 3\n");
	next[n] = 'x';
	next[n + 1] = '\0';
	pages("1\n", "2\n", NULL);
	must_fail((struct as){.run = "r2"}, SL_ERR_DATA);
}

static void test_every_step_has_a_header_of_its_own(void **state)
{
	(void)state;
	pages("id\n1\n", "other\n2\n", NULL);
	must((struct as){.run = "r1", .codec = "csv"});
	assert_string_equal(content(1), "[id\n]@3 1\n[other\n]@11 2\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_steps_stand_in_their_order),
		T(test_steps_without_an_interval_are_what_the_run_saw),
		T(test_steps_that_stand_are_never_asked_for_twice),
		T(test_steps_begin_anew_for_another_run_or_question),
		T(test_steps_loser_goes_on_from_the_winner),
		T(test_steps_half_read_are_forgotten),
		T(test_steps_of_a_run_with_an_entry_are_adopted),
		T(test_steps_again_are_a_further_edition),
		T(test_steps_dry_run_asks_for_nothing),
		T(test_steps_without_records_leave_nothing_behind),
		T(test_steps_empty_between_records_are_kept_for_their_continuation),
		T(test_steps_again_that_find_nothing_are_an_edition_without_rows),
		T(test_steps_that_missed_something_say_so_also_when_resumed),
		T(test_cursor_ranges_follow_each_other),
		T(test_cursor_with_nothing_new_stays),
		T(test_cursor_end_stays_where_the_first_step_fixed_it),
		T(test_cursor_again_repeats_the_runs_range_and_moves_nothing),
		T(test_cursor_reads_no_row_behind_the_end_that_another_attempt_fixed),
		T(test_step_larger_than_a_chunk_is_refused),
		T(test_continuation_up_to_its_limit_is_kept),
		T(test_every_step_has_a_header_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
