/*
 * tasks/collect: the stage over a small pipeline, and races for an entry's number and for files.
 */
#include "folder_support.h"
#include "gzip_support.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "tasks/collect/session.h"

struct fixture {
	struct sl_run run;
	struct sl_pipeline *p;
};

#define EACH "sources:\n  drop: {kind: file, path: \"in/*.csv\", codec: csv}\n"
#define WHOLE "sources:\n  drop: {kind: file, path: \"in/*.csv\", codec: csv, input: whole}\n"

static void open_fixture(struct fixture *f, const char *sources, const char *run_id)
{
	struct sl_pipeline_opts opts = {.store_needed = true};
	struct sl_diags diags = SL_DIAGS_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf yaml = SL_BUF_INIT, text = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	sl_buf_addf(&yaml,
		    "sluice: 1\npipeline: t\n%scontract:\n  id: {type: int64}\n"
		    "store: {table: t, mode: append}\nparallel: {max: 4, bytes: 1MiB}\n",
		    sources);
	put_bytes("pipeline.yaml", yaml.p, yaml.n);
	*f = (struct fixture){.run = {.run_id = run_id, .part_k = 1, .part_n = 1}};
	f->p = sl_pipeline_open(below("pipeline.yaml"), &opts, &diags, &err);
	if (!f->p) {
		sl_diags_print(&diags, &text);
		fail_msg("%s: %s", err.msg, sl_buf_z(&text));
	}
	sl_diags_release(&diags);
	f->run.p = f->p;
	assert_ok(err, sl_home_open(&f->run.home, below("home"), "t", &err));
}

static void close_fixture(struct fixture *f)
{
	sl_pipeline_close(f->p);
	sl_home_release(&f->run.home);
	sl_arena_release(&f->run.arena);
}

/* Collects as run_id; returns the error's kind. *ret may be NULL. */
static enum sl_err_kind collect_as(const char *sources, const char *run_id, struct sl_result *ret,
				   struct sl_err *err)
{
	struct fixture f;

	sl_err_clear(err);
	open_fixture(&f, sources, run_id);
	bool ok = sl_collect_all(&f.run, err);
	if (ret)
		*ret = f.run.result;
	close_fixture(&f);
	return ok ? SL_ERR_NONE : err->kind;
}

static struct sl_log_entry entry(uint64_t n)
{
	struct sl_home h = SL_HOME_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_log_entry e;

	assert_ok(err, sl_home_open(&h, below("home"), "t", &err));
	assert_ok(err, sl_log_read(&h, "drop", n, &arena, &e, &err));
	sl_home_release(&h);
	return e;
}

static void mark(uint64_t n)
{
	struct sl_home h = SL_HOME_INIT;
	struct sl_err err = SL_ERR_INIT;

	assert_ok(err, sl_home_open(&h, below("home"), "t", &err));
	assert_ok(err, sl_mark_link(&h, "duckdb", 1, "drop", n, &err));
	sl_home_release(&h);
}

static uint64_t newest(void)
{
	struct sl_home h = SL_HOME_INIT;
	struct sl_err err = SL_ERR_INIT;
	uint64_t n;

	assert_ok(err, sl_home_open(&h, below("home"), "t", &err));
	assert_ok(err, sl_log_newest(&h, "drop", &n, &err));
	sl_home_release(&h);
	return n;
}

/* Raw bytes of all parts of a chunk, "@offset" in the input before each. */
static char *content(const struct sl_log_chunk *c, struct sl_str *header)
{
	struct sl_home h = SL_HOME_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_bronze_reader *r = NULL;
	sl_cleanup(sl_buf_release) struct sl_buf part = SL_BUF_INIT;
	struct sl_buf all = SL_BUF_INIT;

	assert_ok(err, sl_home_open(&h, below("home"), "t", &err));
	assert_ok(err, sl_bronze_open(&h, "drop", c->id, &r, &err));
	for (size_t k = 0; k < sl_bronze_chunk(r)->n_parts; k++) {
		assert_ok(err, sl_bronze_read(r, k, &part, &err));
		sl_buf_addf(&all, "@%d ", (int)sl_bronze_chunk(r)->parts[k].offset);
		sl_buf_addstr(&all, sl_buf_str(&part));
	}
	if (header)
		*header = sl_arena_str(&arena, sl_bronze_chunk(r)->header);
	sl_bronze_close(r);
	sl_home_release(&h);
	char *ret = sl_arena_strdup(&arena, sl_buf_z(&all));
	sl_buf_release(&all);
	return ret;
}

static void test_collect_makes_one_entry_with_header_kept_aside(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_result r;
	struct sl_str header;

	(void)state;
	put("in/b.csv", "id\n1\n2\n");
	put("in/a.csv", "id\n3");
	assert_int_equal(collect_as(EACH, "r1", &r, &err), SL_ERR_NONE);
	struct sl_log_entry e = entry(1);
	assert_int_equal(newest(), 1);
	assert_string_equal(e.run, "r1");
	assert_true(e.complete);
	assert_int_equal(e.n_inputs, 2);
	assert_string_equal(e.inputs[0].name, "in/a.csv");
	assert_string_equal(content(&e.inputs[0].chunks[0], &header), "@3 3");
	assert_true(sl_str_eqz(header, "id\n"));
	assert_string_equal(content(&e.inputs[1].chunks[0], NULL), "@3 1\n2\n");
	assert_int_equal(r.written, 2);
	assert_int_equal(r.entries, 1);
	assert_int_equal(r.n_in, 3);
	assert_int_equal(r.partitions, 1);
	assert_int_equal(r.pending, 0);
}

static void test_collect_rerun_writes_nothing_and_says_the_same(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_result r;

	(void)state;
	put("in/a.csv", "id\n1\n");
	assert_int_equal(collect_as(EACH, "r1", &r, &err), SL_ERR_NONE);
	assert_int_equal(collect_as(EACH, "r1", &r, &err), SL_ERR_NONE);
	assert_int_equal(r.written, 0);
	assert_int_equal(r.entries, 1);
	assert_int_equal(r.partitions, 1);
	assert_int_equal(newest(), 1);
}

static void test_collect_rerun_takes_what_changed_as_a_further_entry(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_result r;

	(void)state;
	put("in/a.csv", "id\n1\n");
	put("in/b.csv", "id\n2\n");
	assert_int_equal(collect_as(EACH, "r1", &r, &err), SL_ERR_NONE);
	put("in/b.csv", "id\n2\n3\n");
	assert_int_equal(collect_as(EACH, "r1", &r, &err), SL_ERR_NONE);
	struct sl_log_entry e = entry(2);
	assert_string_equal(e.run, "r1");
	assert_int_equal(e.n_inputs, 1);
	assert_string_equal(e.inputs[0].name, "in/b.csv");
	assert_int_equal(r.entries, 2);
	assert_int_equal(r.written, 1);
}

static void test_collect_other_run_with_nothing_new(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_result r;

	(void)state;
	put("in/a.csv", "id\n1\n");
	assert_int_equal(collect_as(EACH, "r1", &r, &err), SL_ERR_NONE);
	/* r1's entry waits: there is work for a store. */
	assert_int_equal(collect_as(EACH, "r2", &r, &err), SL_ERR_NONE);
	assert_int_equal(r.pending, 1);
	assert_int_equal(r.partitions, 1);
	assert_int_equal(r.entries, 0);
	mark(1);
	assert_int_equal(collect_as(EACH, "r3", &r, &err), SL_ERR_NOTHING);
	assert_int_equal(newest(), 1);
}

static void test_collect_interval_run_counts_what_was_there_before_it(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct fixture f;

	(void)state;
	put("in/a.csv", "id\n1\n");
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
	open_fixture(&f, EACH, "r2");
	f.run.has_interval = true;
	f.run.interval_end = SL_DAY;
	assert_ok(err, sl_collect_all(&f.run, &err));
	assert_int_equal(f.run.result.pending, 1);
	assert_int_equal(f.run.result.entries, 0);
	mark(1);
	assert_false(sl_collect_all(&f.run, &err));
	assert_int_equal(err.kind, SL_ERR_NOTHING);
	put("in/b.csv", "id\n2\n");
	assert_ok(err, sl_collect_all(&f.run, &err));
	close_fixture(&f);
	put("in/c.csv", "id\n3\n");
	assert_int_equal(collect_as(EACH, "r3", NULL, &err), SL_ERR_NONE);
	open_fixture(&f, EACH, "r2");
	f.run.has_interval = true;
	assert_ok(err, sl_collect_all(&f.run, &err)); /* r3 began later */
	assert_int_equal(f.run.result.pending, 0);
	close_fixture(&f);
	struct sl_log_entry e = entry(2);
	assert_string_equal(e.from, "1970-01-01T00:00:00Z");
	assert_string_equal(e.to, "1970-01-02T00:00:00Z");
}

static void test_collect_emptied_file_is_an_edition_without_rows(void **state)
{
	static const char *const empty[] = {"", "id\n", "id"};
	struct sl_err err = SL_ERR_INIT;
	uint64_t n = 0;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(empty); i++) {
		put("in/a.csv", "id\n1\n");
		assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
		put("in/a.csv", empty[i]);
		assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
		n += 2;
		assert_int_equal(newest(), n);
		assert_int_equal(entry(n).inputs[0].n_chunks, 0);
	}
}

static void test_collect_removed_file_withdraws_nothing(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	put("in/a.csv", "id\n1\n");
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
	mark(1);
	assert_int_equal(unlink(below("in/a.csv")), 0);
	assert_int_equal(collect_as(EACH, "r2", NULL, &err), SL_ERR_NOTHING);
	assert_int_equal(newest(), 1);
}

static void test_collect_settings_that_change_make_a_new_edition(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	put("in/a.csv", "id\n1\n");
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
	assert_int_equal(collect_as("sources:\n  drop: {kind: file, path: \"in/*.csv\", "
				    "codec: {csv: {delimiter: \";\"}}}\n",
				    "r2", NULL, &err),
			 SL_ERR_NONE);
	struct sl_log_entry a = entry(1), b = entry(2);
	assert_string_not_equal(a.inputs[0].settings, b.inputs[0].settings);
	assert_string_not_equal(a.inputs[0].chunks[0].id, b.inputs[0].chunks[0].id);
}

static void test_collect_again_reads_anew_as_a_further_entry(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct fixture f;

	(void)state;
	put("in/a.csv", "id\n1\n");
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
	open_fixture(&f, EACH, "r1");
	f.run.again = true;
	assert_ok(err, sl_collect_all(&f.run, &err));
	assert_int_equal(f.run.result.written, 0);
	close_fixture(&f);
	assert_int_equal(newest(), 2);
	assert_string_equal(entry(1).inputs[0].chunks[0].id, entry(2).inputs[0].chunks[0].id);
}

static void test_collect_dry_run_writes_nothing(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct fixture f;

	(void)state;
	put("in/a.csv", "id\n1\n");
	open_fixture(&f, EACH, "r1");
	f.run.dry_run = true;
	assert_ok(err, sl_collect_all(&f.run, &err));
	close_fixture(&f);
	assert_int_equal(rmdir(below("home/t")), 0); /* empty */
}

static void test_collect_trusts_a_fingerprint_older_than_the_clock_tick(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct stat st;

	(void)state;
	put("in/a.csv", "id\n1\n");
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
	assert_null(entry(1).inputs[0].stat); /* just written: may change within the tick */
	put("in/a.csv", "id\n1\n2\n");
	assert_int_equal(stat(below("in/a.csv"), &st), 0);
	while (sl_clock_now() - st.st_ctim.tv_sec * SL_SECOND < 31 * SL_SECOND / 10)
		assert_true(sl_sleep(100000, &err));
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
	assert_non_null(entry(2).inputs[0].stat);
	/* Not read again: its chunk is not made again. */
	sl_cleanup(sl_freep) char *bronze = sl_xstrdup(below("home/t/bronze"));
	assert_int_equal(rename(bronze, below("elsewhere")), 0);
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
	assert_false(sl_file_exists(bronze));
	struct fixture f;

	open_fixture(&f, EACH, "r1");
	f.run.again = true;
	assert_ok(err, sl_collect_all(&f.run, &err));
	close_fixture(&f);
	assert_true(sl_file_exists(bronze));
}

static void test_collect_what_is_no_plain_file_is_refused(void **state)
{
	static const struct {
		const char *what, *word;
	} cases[] = {{"fifo", "FIFO"}, {"dir", "directory"}, {"link", "leads out"}};
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	put("secret", "id\n1\n");
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		put("in/ok.csv", "id\n1\n");
		const char *path = below("in/x.csv");

		if (i == 0)
			assert_int_equal(mkfifo(path, 0600), 0);
		else if (i == 1)
			assert_int_equal(mkdir(path, 0700), 0);
		else
			assert_int_equal(symlink("../secret", path), 0);
		assert_case(i, cases[i].what,
			    collect_as(EACH, "r1", NULL, &err) == SL_ERR_NO_INPUT);
		assert_case(i, err.msg, strstr(err.msg, "x.csv") && strstr(err.msg, cases[i].word));
		assert_int_equal(remove(path), 0);
	}
	assert_int_equal(newest(), 0);
}

static void test_collect_missing_inputs(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NO_INPUT); /* no folder */
	assert_int_equal(mkdir(below("in"), 0700), 0);
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NOTHING);
	assert_int_equal(collect_as(WHOLE, "r1", NULL, &err), SL_ERR_NO_INPUT);
	assert_int_equal(collect_as("sources:\n  drop: {kind: file, path: in/a.csv, codec: csv}\n",
				    "r1", NULL, &err),
			 SL_ERR_NO_INPUT);
}

static void test_collect_whole_is_one_input_of_all_files(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_str header;

	(void)state;
	put("in/b.csv", "\xEF\xBB\xBFid\r\n2\r\n");
	put("in/a.csv", "id\n1");
	put("in/c.csv", "");
	assert_int_equal(collect_as(WHOLE, "r1", NULL, &err), SL_ERR_NONE);
	struct sl_log_entry e = entry(1);
	assert_int_equal(e.n_inputs, 1);
	assert_string_equal(e.inputs[0].name, "whole");
	assert_int_equal(e.inputs[0].n_chunks, 1);
	assert_string_equal(content(&e.inputs[0].chunks[0], &header), "@3 1@11 2\r\n");
	assert_true(sl_str_eqz(header, "id\n"));
	assert_int_equal(unlink(below("in/b.csv")), 0);
	assert_int_equal(collect_as(WHOLE, "r1", NULL, &err), SL_ERR_NONE);
	e = entry(2);
	assert_string_equal(content(&e.inputs[0].chunks[0], NULL), "@3 1");
}

static void test_collect_whole_needs_one_header(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	put("in/a.csv", "id\n1\n");
	put("in/b.csv", "nr\n2\n");
	assert_int_equal(collect_as(WHOLE, "r1", NULL, &err), SL_ERR_DATA);
	assert_non_null(strstr(err.msg, "in/b.csv"));
	assert_int_equal(newest(), 0);
}

static void test_collect_gzip_gives_the_same_bytes(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf gz = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_log_entry e;

	(void)state;
	pack_gzip(SL_STR("id\n1\n2\n"), &gz);
	put_bytes("in/a.csv", gz.p, gz.n);
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
	e = entry(1);
	assert_string_equal(content(&e.inputs[0].chunks[0], NULL), "@3 1\n2\n");
	put_bytes("in/b.csv", gz.p, gz.n - 3);
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_DATA);
	assert_non_null(strstr(err.msg, "in/b.csv"));
}

static void test_collect_interval_in_path(void **state)
{
	static const char dated[] = "sources:\n  drop: {kind: file, codec: csv, path: "
				    "\"in/{interval_start:%Y}/{interval_start:%m-%d}.csv\"}\n";
	struct sl_err err = SL_ERR_INIT;
	struct fixture f;

	(void)state;
	put("in/1970/01-02.csv", "id\n1\n");
	assert_int_equal(collect_as(dated, "r1", NULL, &err), SL_ERR_USAGE);
	sl_err_clear(&err);
	open_fixture(&f, dated, "r1");
	f.run.has_interval = true;
	f.run.interval_start = SL_DAY;
	f.run.interval_end = 2 * SL_DAY;
	assert_ok(err, sl_collect_all(&f.run, &err));
	close_fixture(&f);
	assert_string_equal(entry(1).inputs[0].name, "in/1970/01-02.csv");
}

/* Entry of the records below, cut into as many partitions as `parallel` allows. */
static void test_collect_partitions_by_bytes_chunks_and_limit(void **state)
{
	static const struct {
		size_t files, bytes;
		uint32_t want;
	} cases[] = {{1, 3000000, 1}, {2, 600000, 2}, {3, 300000, 1}, {8, 900000, 4}};
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		sl_cleanup(sl_freep) char *text = sl_xmalloc(cases[i].bytes);
		struct sl_result r;
		char run[8];

		for (size_t k = 0; k < cases[i].bytes; k++)
			text[k] = k % 20 == 19 ? '\n' : (char)('0' + i);
		for (size_t k = 0; k < cases[i].files; k++) {
			char name[32];

			snprintf(name, sizeof(name), "in/%zu.csv", k);
			put_bytes(name, text, cases[i].bytes);
		}
		snprintf(run, sizeof(run), "r%zu", i);
		assert_int_equal(collect_as(EACH, run, &r, &err), SL_ERR_NONE);
		assert_case(i, run, r.partitions == cases[i].want);
		assert_int_equal(entry(newest()).partitions, cases[i].want);
	}
}

/* --- races --- */

static int steals; /* how often another run takes the number while the source is read */
static const struct sl_source_kind *real_kind;

static bool steal(const void *params, struct sl_collect *c, struct sl_err *err)
{
	const struct sl_run *run = sl_collect_run(c);
	struct sl_log_entry e = {.source = "drop", .run = "thief", .partitions = 1};
	bool won;

	if (!real_kind->collect(params, c, err))
		return false;
	if (steals-- > 0) {
		assert_ok(*err, sl_log_newest(&run->home, "drop", &e.n, err));
		e.n++;
		assert_ok(*err, sl_log_link(&run->home, &e, &won, err));
	}
	return true;
}

static enum sl_err_kind collect_with_thief(int times)
{
	struct sl_source_kind kind;
	struct sl_err err = SL_ERR_INIT;
	struct fixture f;

	open_fixture(&f, EACH, "r1");
	real_kind = f.p->sources[0].kind;
	kind = *real_kind;
	kind.collect = steal;
	f.p->sources[0].kind = &kind;
	steals = times;
	bool ok = sl_collect_all(&f.run, &err);
	close_fixture(&f);
	return ok ? SL_ERR_NONE : err.kind;
}

static void test_collect_loser_of_a_number_starts_over(void **state)
{
	(void)state;
	put("in/a.csv", "id\n1\n");
	assert_int_equal(collect_with_thief(2), SL_ERR_NONE);
	assert_int_equal(newest(), 3);
	assert_string_equal(entry(3).run, "r1");
	put("in/a.csv", "id\n2\n");
	assert_int_equal(collect_with_thief(1000), SL_ERR_AGAIN);
}

static int touches; /* how often the file moves while it is cut */
static const struct sl_codec *real_codec;

static bool cut_and_touch(const void *params, struct sl_cutter *c, const char *p, size_t from,
			  size_t n, struct sl_cut_event *ev)
{
	if (from == 0 && p[0] == 'i' && touches > 0) { /* once a reading, at its header */
		int fd = open(below("in/a.csv"), O_WRONLY | O_APPEND);

		touches--;
		assert_int_equal(write(fd, "9\n", 2), 2);
		close(fd);
	}
	return real_codec->cut(params, c, p, from, n, ev);
}

static enum sl_err_kind collect_moving(const char *sources, int times)
{
	struct sl_codec codec;
	struct sl_err err = SL_ERR_INIT;
	struct fixture f;

	open_fixture(&f, sources, "r1");
	real_codec = f.p->sources[0].codec;
	codec = *real_codec;
	codec.cut = cut_and_touch;
	f.p->sources[0].codec = &codec;
	touches = times;
	bool ok = sl_collect_all(&f.run, &err);
	close_fixture(&f);
	return ok ? SL_ERR_NONE : err.kind;
}

static void check_moving(const char *sources)
{
	put("in/a.csv", "id\n1\n");
	assert_int_equal(collect_moving(sources, 1), SL_ERR_NONE);
	struct sl_log_entry e = entry(1);
	assert_string_equal(content(&e.inputs[0].chunks[0], NULL), "@3 1\n9\n");
	assert_int_equal(e.inputs[0].n_chunks, 1);
	assert_int_equal(collect_moving(sources, 1000), SL_ERR_AGAIN);
	assert_int_equal(newest(), 1);
}

static void test_collect_file_that_moves_is_read_again(void **state)
{
	(void)state;
	check_moving(EACH);
}

static void test_collect_whole_reads_a_file_that_moves_again(void **state)
{
	(void)state;
	check_moving(WHOLE);
}

static void test_collect_refuses_to_mix_files_and_all_files_as_one(void **state)
{
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	put("in/a.csv", "id\n1\n");
	assert_int_equal(collect_as(EACH, "r1", NULL, &err), SL_ERR_NONE);
	assert_int_equal(collect_as(WHOLE, "r2", NULL, &err), SL_ERR_CONFIG);
	assert_non_null(strstr(err.msg, "\"input: each\""));
	assert_int_equal(newest(), 1);
}

static bool cut_and_add(const void *params, struct sl_cutter *c, const char *p, size_t from,
			size_t n, struct sl_cut_event *ev)
{
	if (touches-- > 0)
		put("in/b.csv", "id\n2\n");
	return real_codec->cut(params, c, p, from, n, ev);
}

static void test_collect_whole_sees_a_file_that_comes_meanwhile(void **state)
{
	struct sl_codec codec;
	struct sl_err err = SL_ERR_INIT;
	struct fixture f;

	(void)state;
	put("in/a.csv", "id\n1\n");
	open_fixture(&f, WHOLE, "r1");
	real_codec = f.p->sources[0].codec;
	codec = *real_codec;
	codec.cut = cut_and_add;
	f.p->sources[0].codec = &codec;
	touches = 1;
	assert_ok(err, sl_collect_all(&f.run, &err));
	close_fixture(&f);
	struct sl_log_entry e = entry(1);
	assert_string_equal(content(&e.inputs[0].chunks[0], NULL), "@3 1\n@8 2\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_collect_makes_one_entry_with_header_kept_aside),
		T(test_collect_rerun_writes_nothing_and_says_the_same),
		T(test_collect_rerun_takes_what_changed_as_a_further_entry),
		T(test_collect_other_run_with_nothing_new),
		T(test_collect_interval_run_counts_what_was_there_before_it),
		T(test_collect_emptied_file_is_an_edition_without_rows),
		T(test_collect_removed_file_withdraws_nothing),
		T(test_collect_settings_that_change_make_a_new_edition),
		T(test_collect_again_reads_anew_as_a_further_entry),
		T(test_collect_dry_run_writes_nothing),
		T(test_collect_trusts_a_fingerprint_older_than_the_clock_tick),
		T(test_collect_what_is_no_plain_file_is_refused),
		T(test_collect_missing_inputs),
		T(test_collect_whole_is_one_input_of_all_files),
		T(test_collect_whole_needs_one_header),
		T(test_collect_gzip_gives_the_same_bytes),
		T(test_collect_interval_in_path),
		T(test_collect_partitions_by_bytes_chunks_and_limit),
		T(test_collect_loser_of_a_number_starts_over),
		T(test_collect_file_that_moves_is_read_again),
		T(test_collect_whole_reads_a_file_that_moves_again),
		T(test_collect_refuses_to_mix_files_and_all_files_as_one),
		T(test_collect_whole_sees_a_file_that_comes_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
