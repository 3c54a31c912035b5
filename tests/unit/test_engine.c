/*
 * The engines below the switch: every type comes back in one canonical form from both, errors have
 * the kind that the operator needs, a busy file and a held lock are waited for but never for ever.
 */
#include <signal.h>
#include <sys/wait.h>

#include "base/cancel.h"
#include "store_support.h"

static const struct sl_column every_type[] = {
	{"b", {.kind = SL_BOOL}},	{"i", {.kind = SL_INT64}},     {"f", {.kind = SL_FLOAT64}},
	{"d4", {SL_DECIMAL, 4, 2}},	{"d9", {SL_DECIMAL, 9, 0}},    {"d12", {SL_DECIMAL, 12, 2}},
	{"d18", {SL_DECIMAL, 18, 18}},	{"t", {.kind = SL_TEXT}},      {"day", {.kind = SL_DATE}},
	{"ts", {.kind = SL_TIMESTAMP}}, {"l", {.kind = SL_TEXT_LIST}},
};

/* What both engines must answer, row by row: extremes, the usual, NULL. */
static const char want_rows[] =
	"true 9223372036854775807 0.1 99.99 999999999 1234567890.05 0.999999999999999999 "
	"plain 2026-11-25 2026-11-25T17:52:40.500000Z [\"a\",\"b \\\"q\\\" \\\\ "
	"{,}\",\"\",\"NULL\"]; "
	"false -9223372036854775808 1e+300 -0.01 0 -0.05 -0.000000000000000001 "
	"\xc3\xa9 \"',\\{} 0001-01-01 1969-12-31T23:59:59Z []; "
	"true 0 -2.5 0.00 -10000 100000000.00 0.000000000000000000  9999-12-31 "
	"9999-12-31T23:59:59.999999Z [\"\xe2\x82\xac\"]; "
	"- - - - - - - - - - -";

static void set(struct sl_batch *b, size_t col, size_t row, int64_t v)
{
	b->cols[col].valid[row] = 1;
	if (b->cols[col].type.kind == SL_BOOL)
		b->cols[col].u.b[row] = (uint8_t)v;
	else
		b->cols[col].u.i64[row] = v;
}

static void set_double(struct sl_batch *b, size_t row, double v)
{
	b->cols[2].valid[row] = 1;
	b->cols[2].u.f64[row] = v;
}

static void set_text(struct sl_batch *b, size_t row, const char *text, struct sl_str *list,
		     size_t n)
{
	b->cols[7].valid[row] = b->cols[10].valid[row] = 1;
	b->cols[7].u.str[row] = sl_str_of(text);
	b->cols[10].u.list[row] = (struct sl_list){list, n};
}

static void fill_every_type(struct sl_batch *b)
{
	static struct sl_str one[] = {{"a", 1}, {"b \"q\" \\ {,}", 11}, {"", 0}, {"NULL", 4}};
	static struct sl_str euro[] = {{"\xe2\x82\xac", 3}};
	static const int64_t v[3][8] = {
		{1, INT64_MAX, 9999, 999999999, 123456789005, 999999999999999999, 20782,
		 INT64_C(1795629160500000)},
		{0, INT64_MIN, -1, 0, -5, -1, -719162, -1000000},
		{1, 0, 0, -10000, 10000000000, 0, 2932896, INT64_C(253402300799999999)},
	};
	static const size_t cols[] = {0, 1, 3, 4, 5, 6, 8, 9};

	for (size_t row = 0; row < 4; row++)
		sl_batch_add_row(b, (struct sl_pos){0, 0});
	for (size_t row = 0; row < 3; row++)
		for (size_t i = 0; i < SL_ARRAY_LEN(cols); i++)
			set(b, cols[i], row, v[row][i]);
	set_double(b, 0, 0.1);
	set_double(b, 1, 1e300);
	set_double(b, 2, -2.5);
	set_text(b, 0, "plain", one, 4);
	set_text(b, 1, "\xc3\xa9 \"',\\{}", NULL, 0);
	set_text(b, 2, "", euro, 1);
}

static struct sl_db *connect_rw(struct world *w, const struct sl_engine **eng)
{
	struct sl_db *db;

	assert_ok(w, sl_store_connect(&w->p, &w->home, false, 300000, eng, &db, &w->err));
	return db;
}

static void make_table(struct world *w, const struct sl_engine *eng, struct sl_db *db)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;
	char type[32];

	sl_buf_adds(&sql, "create schema if not exists silver; create table silver.every_type (");
	for (size_t i = 0; i < SL_ARRAY_LEN(every_type); i++) {
		eng->type_name(every_type[i].type, type);
		sl_buf_addf(&sql, "%s %s, ", every_type[i].name, type);
	}
	sl_buf_adds(&sql, "_sl_input bigint, _sl_seq bigint, _sl_change bigint)");
	assert_ok(w, eng->script(db, sl_buf_z(&sql), &w->err));
}

static void test_every_type_comes_back_in_canonical_text(void **state)
{
	struct world *w = *state;
	const struct sl_engine *eng;
	struct sl_db *db = connect_rw(w, &eng);
	sl_cleanup(sl_schema_release) struct sl_schema schema = SL_SCHEMA_INIT;
	struct sl_copy_extra extra = {.input = -7, .seq = 100, .change = 3};
	struct sl_batch b;
	uint64_t rows = 0;
	bool duplicate;

	make_table(w, eng, db);
	for (size_t i = 0; i < SL_ARRAY_LEN(every_type); i++)
		sl_schema_add(&schema, every_type[i].name, every_type[i].type);
	sl_batch_init(&b, &schema, 8);
	fill_every_type(&b);
	sl_batch_reject(&b, sl_batch_add_row(&b, (struct sl_pos){0, 0}), "", "x", "never copied");
	assert_ok(w, eng->begin(db, &w->err));
	assert_ok(w, eng->copy_begin(db, "silver.every_type", &schema, SL_COPY_CHANGE, &w->err));
	assert_ok(w, eng->copy_batch(db, &b, &extra, &w->err));
	assert_ok(w, eng->copy_end(db, &rows, &duplicate, &w->err));
	assert_ok(w, eng->commit(db, &w->err));
	sl_batch_release(&b);
	eng->close(db);
	assert_int_equal(rows, 4);
	assert_int_equal(extra.seq, 105);
	assert_string_equal(ask(w, "select b, i, f, d4, d9, d12, d18, t, day, ts, l "
				   "from silver.every_type order by _sl_seq"),
			    want_rows);
	assert_string_equal(ask(w, "select _sl_input, _sl_seq, _sl_change from silver.every_type "
				   "order by _sl_seq limit 1"),
			    "-7 100 3");
}

static void test_results_of_expressions_are_canonical(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *sql, *want;
	} cases[] = {
		{"select count(*), sum(cast(5 as bigint)), 1 = 1", "1 5 true"},
		{"select cast(0.1 as double precision) * 3", "0.30000000000000004"},
		{"select cast('2026-01-02 03:04:05.25' as timestamp)",
		 "2026-01-02T03:04:05.250000Z"},
		{"select date_trunc('month', cast('2026-01-02T03:04:05Z' as timestamptz))",
		 "2026-01-01T00:00:00Z"},
		{"select round(cast('2.345' as decimal(10,3)), 2), cast(null as date)", "2.35 -"},
		{"select lower('ABC') || 'x', sqrt(cast(16 as double precision))", "abcx 4"},
		{"select cast('01:02:03' as time)", "01:02:03"},
	};

	const struct sl_engine *eng;
	struct sl_db *db = connect_rw(w, &eng);

	eng->close(db); /* makes the file, which ask opens read-only */
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		const char *got = ask(w, cases[i].sql);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("case %zu: \"%s\", not \"%s\"", i, got, cases[i].want);
	}
}

static bool count_cols(void *ctx, const struct sl_db_col *cols, size_t n, struct sl_err *err)
{
	(void)err;
	assert_string_equal(cols[n - 1].name, "last");
	*(size_t *)ctx += n;
	return true;
}

static void test_columns_are_told_also_without_rows(void **state)
{
	struct world *w = *state;
	const struct sl_engine *eng;
	struct sl_db *db = connect_rw(w, &eng);
	size_t n = 0;
	const char *none = "no";

	assert_ok(w, eng->query(db, "select 1 as first, 'x' as last where $1 = 'yes'", &none, 1,
				count_cols, NULL, &n, &w->err));
	assert_int_equal(n, 2);
	eng->close(db);
}

static bool stop_at_third(void *ctx, const struct sl_db_col *cols, size_t n,
			  const struct sl_str *cells, struct sl_err *err)
{
	(void)cols, (void)n, (void)cells;
	return ++*(int *)ctx < 3 || sl_err_set(err, SL_ERR_IO, "pipe closed");
}

static void test_query_ends_when_its_reader_does(void **state)
{
	struct world *w = *state;
	const struct sl_engine *eng;
	struct sl_db *db = connect_rw(w, &eng);
	int rows = 0;

	assert_fails(w, SL_ERR_IO,
		     eng->query(db, "select * from generate_series(1, 1000000) as g(i)", NULL, 0,
				NULL, stop_at_third, &rows, &w->err));
	assert_string_equal(w->err.msg, "pipe closed");
	assert_int_equal(rows, 3);
	assert_ok(w, eng->script(db, "select 1", &w->err)); /* the connection is still good */
	eng->close(db);
}

static void test_errors_have_the_kind_of_their_cure(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *sql;
		enum sl_err_kind kind;
	} cases[] = {
		{"select nonsense from nowhere", SL_ERR_CONFIG},
		{"selekt 1", SL_ERR_CONFIG},
		{"select cast('x' as bigint)", SL_ERR_DATA},
	};
	const struct sl_engine *eng;
	struct sl_db *db = connect_rw(w, &eng);

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		assert_fails(w, cases[i].kind, eng->script(db, cases[i].sql, &w->err));
		assert_null(strchr(w->err.msg, '\n'));
	}
	eng->close(db);
}

static void test_copy_gives_up_without_a_trace(void **state)
{
	struct world *w = *state;
	const struct sl_engine *eng;
	struct sl_db *db = connect_rw(w, &eng);
	sl_cleanup(sl_schema_release) struct sl_schema schema = SL_SCHEMA_INIT;
	struct sl_copy_extra extra = {.input = 1};
	struct sl_batch b;

	sl_schema_add(&schema, "id", (struct sl_type){SL_INT64, 0, 0});
	assert_ok(w, eng->script(db,
				 "create schema silver; create table silver.u "
				 "(id bigint, _sl_input bigint, _sl_seq bigint)",
				 &w->err));
	sl_batch_init(&b, &schema, 1);
	set(&b, 0, sl_batch_add_row(&b, (struct sl_pos){0, 0}), 1);
	assert_ok(w, eng->begin(db, &w->err));
	assert_ok(w, eng->copy_begin(db, "silver.u", &schema, 0, &w->err));
	assert_ok(w, eng->copy_batch(db, &b, &extra, &w->err));
	eng->copy_abort(db, NULL);
	eng->rollback(db);
	sl_batch_release(&b);
	eng->close(db);
	assert_string_equal(ask(w, "select count(*) from silver.u"), "0");
}

static void test_a_row_is_numbered_also_behind_rows_left_out(void **state)
{
	struct world *w = *state;
	const struct sl_engine *eng;
	struct sl_db *db = connect_rw(w, &eng);
	sl_cleanup(sl_schema_release) struct sl_schema schema = SL_SCHEMA_INIT;
	struct sl_copy_extra extra = {.input = 1, .seq = 10};
	struct sl_batch b;
	bool duplicate;

	sl_schema_add(&schema, "id", (struct sl_type){SL_INT64, 0, 0});
	assert_ok(w, eng->script(db,
				 "create schema if not exists silver; create table silver.n "
				 "(id bigint, _sl_input bigint, _sl_seq bigint)",
				 &w->err));
	sl_batch_init(&b, &schema, 4);
	for (int64_t i = 0; i < 4; i++)
		set(&b, 0, sl_batch_add_row(&b, (struct sl_pos){0, 0}), i);
	sl_batch_reject(&b, 0, "", "x", "left out");
	sl_batch_reject(&b, 2, "", "x", "left out");
	assert_ok(w, eng->begin(db, &w->err));
	assert_ok(w, eng->copy_begin(db, "silver.n", &schema, 0, &w->err));
	for (int i = 0; i < 2; i++)
		assert_ok(w, eng->copy_batch(db, &b, &extra, &w->err));
	assert_ok(w, eng->copy_end(db, NULL, &duplicate, &w->err));
	assert_ok(w, eng->commit(db, &w->err));
	sl_batch_release(&b);
	eng->close(db);
	assert_string_equal(ask(w, "select id, _sl_seq from silver.n order by _sl_seq"),
			    "1 11; 3 13; 1 15; 3 17");
}

/* --- two at a time --- */

/* A child that runs fn and leaves without the parent's atexit work; *ret tells when it is ready. */
static pid_t in_child(struct world *w, void (*fn)(struct world *), int *ret_ready)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		fn(w);
		(void)!write(fds[1], "r", 1);
		pause();
		_exit(0);
	}
	close(fds[1]);
	*ret_ready = fds[0];
	return pid;
}

static void wait_ready(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void hold_open(struct world *w)
{
	const struct sl_engine *eng;

	connect_rw(w, &eng);
}

static void test_busy_file_is_waited_for_then_names_its_holder(void **state)
{
	struct world *w = *state;
	const struct sl_engine *eng;
	struct sl_db *db = NULL;
	char pid_text[32];
	int ready;

	if (on_pg())
		skip();
	pid_t pid = in_child(w, hold_open, &ready);
	wait_ready(ready);
	snprintf(pid_text, sizeof(pid_text), "process %d", (int)pid);
	assert_fails(w, SL_ERR_AGAIN,
		     sl_store_connect(&w->p, &w->home, false, 200000, &eng, &db, &w->err));
	end_child(pid);
	if (!strstr(w->err.msg, pid_text))
		fail_msg("\"%s\" lacks \"%s\"", w->err.msg, pid_text);
	eng->close(connect_rw(w, &eng)); /* the killed one left nothing behind */
}

static void test_missing_file_is_no_input_for_a_reader(void **state)
{
	struct world *w = *state;
	const struct sl_engine *eng;
	struct sl_db *db = NULL;

	if (on_pg())
		skip();
	assert_fails(w, SL_ERR_NO_INPUT,
		     sl_store_connect(&w->p, &w->home, true, 0, &eng, &db, &w->err));
}

static void hold_lock(struct world *w)
{
	struct sl_sink *s = open_sink(w);
	struct sl_db *db = sl_sink_db(s);

	assert_ok(w, sl_sink_engine(s)->begin(db, &w->err));
	assert_ok(w, sl_sink_engine(s)->lock(db, "test", &w->err));
}

static void hold_lock_as_other(struct world *w)
{
	struct sl_sink *s = open_sink(w);

	assert_ok(w, sl_sink_engine(s)->script(sl_sink_db(s),
					       "set application_name = 'psql'; begin; "
					       "select * from sluice.pipeline for update",
					       &w->err));
}

static void test_stopped_store_loses_the_lock(void **state)
{
	struct world *w = *state;
	int ready;

	if (!on_pg())
		skip();
	pid_t pid = in_child(w, hold_lock, &ready);
	wait_ready(ready);
	kill(pid, SIGSTOP);
	setenv("SLUICE_STORE_WAIT", "600ms", 1);
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}));
	store(w);
	unsetenv("SLUICE_STORE_WAIT");
	end_child(pid);
	assert_string_equal(table(w), "1 a 1");
}

/* Woken again, it finds its connection gone and says that the same call can succeed later. */
static void test_store_that_lost_its_lock_is_told_to_try_again(void **state)
{
	struct world *w = *state;
	int status;

	if (!on_pg())
		skip();
	sl_sink_close(open_sink(w));
	pid_t pid = fork();
	if (pid == 0) {
		struct sl_sink *s = open_sink(w);
		const struct sl_engine *eng = sl_sink_engine(s);
		struct sl_db *db = sl_sink_db(s);
		bool held = eng->begin(db, &w->err) && eng->lock(db, "test", &w->err);
		raise(SIGSTOP);
		_exit(!held || eng->script(db, "select 1", &w->err) ? 1 : 100 + (int)w->err.kind);
	}
	waitpid(pid, &status, WUNTRACED);
	assert_true(WIFSTOPPED(status));
	setenv("SLUICE_STORE_WAIT", "400ms", 1);
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}));
	store(w);
	unsetenv("SLUICE_STORE_WAIT");
	kill(pid, SIGCONT);
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 100 + SL_ERR_AGAIN);
}

/* The child says that it runs, works for ever, and must end with SL_ERR_CANCELLED. */
static void test_stop_request_ends_a_running_statement(void **state)
{
	struct world *w = *state;
	int fds[2], status;
	char c;

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		const struct sl_engine *eng;
		struct sl_db *db = connect_rw(w, &eng);
		sl_cancel_setup();
		(void)!write(fds[1], "r", 1);
		bool ok = eng->script(db,
				      "select sum(a.i * b.i) from generate_series(1, 1000000) "
				      "a(i), generate_series(1, 1000000) b(i)",
				      &w->err);
		_exit(ok ? 1 : 100 + (int)w->err.kind);
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	usleep(300000); /* so that it is the statement that is met; before it, the check answers */
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	close(fds[0]);
	close(fds[1]);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 100 + SL_ERR_CANCELLED);
}

static void test_lock_of_another_program_is_left_alone(void **state)
{
	struct world *w = *state;
	int ready;

	if (!on_pg())
		skip();
	pid_t pid = in_child(w, hold_lock_as_other, &ready);
	wait_ready(ready);
	setenv("SLUICE_STORE_WAIT", "400ms", 1);
	struct sl_sink *s = open_sink(w);
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}));
	assert_fails(w, SL_ERR_AGAIN, try_switch(w, s));
	unsetenv("SLUICE_STORE_WAIT");
	end_child(pid);
	put_input(w, 0, "x", 1, ROWS({1, "a", 1}));
	assert_ok(w, try_switch(w, s));
	sl_sink_close(s);
}

/* Each child stores ten entries of its source, all over the same keys. */
static void race(struct world *w, size_t source)
{
	for (uint64_t n = 1; n <= 10; n++) {
		struct row rows[] = {{(int64_t)(n % 3), "same", 5},
				     {(int64_t)(n % 4), source ? "b" : "a", (int64_t)n}};
		sl_cleanup(sl_freep) char *name = sl_xasprintf("in%" PRIu64, n);
		put_input(w, source, name, n, rows, 2);
		store(w);
	}
}

static void test_two_stores_at_once_give_the_table_of_one(void **state)
{
	struct world *w = *state;
	pid_t pids[2];

	for (size_t i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			race(w, i);
			_exit(0);
		}
	}
	for (size_t i = 0; i < 2; i++) {
		int status;
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_string_equal(table(w), "0 b 8; 1 b 9; 2 b 10; 3 b 7");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

static int run_group(const char *engine)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_type_comes_back_in_canonical_text),
		TEST(test_a_row_is_numbered_also_behind_rows_left_out),
		TEST(test_results_of_expressions_are_canonical),
		TEST(test_columns_are_told_also_without_rows),
		TEST(test_query_ends_when_its_reader_does),
		TEST(test_errors_have_the_kind_of_their_cure),
		TEST(test_copy_gives_up_without_a_trace),
		TEST(test_busy_file_is_waited_for_then_names_its_holder),
		TEST(test_missing_file_is_no_input_for_a_reader),
		TEST(test_stopped_store_loses_the_lock),
		TEST(test_store_that_lost_its_lock_is_told_to_try_again),
		TEST(test_stop_request_ends_a_running_statement),
		TEST(test_lock_of_another_program_is_left_alone),
		TEST(test_two_stores_at_once_give_the_table_of_one),
	};

	test_engine = engine;
	return cmocka_run_group_tests_name(engine, tests, NULL, NULL);
}

/* Refusals by a server, and no server at all. */
static void test_connection_refusals_have_their_kind(void **state)
{
	static const struct {
		const char *uri;
		enum sl_err_kind kind;
	} cases[] = {
		{"postgres://u@127.0.0.1:1/db", SL_ERR_UNAVAILABLE},
		{"postgres://u@no-such-host.invalid/db", SL_ERR_UNAVAILABLE},
		{"postgres://u@127.0.0.1:1/db?sslmode=nonsense", SL_ERR_CONFIG},
	};
	struct world w = {.err = SL_ERR_INIT};
	const struct sl_engine *eng;
	struct sl_db *db;

	(void)state;
	w.home.dir = sl_xstrdup("/nonexistent");
	w.p.name = "test";
	w.p.backend = (struct sl_backend){.store = "pg", .store_conn = "refused"};
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		setenv("SLUICE_CONN_REFUSED", cases[i].uri, 1);
		assert_fails(&w, cases[i].kind,
			     sl_store_connect(&w.p, &w.home, false, 0, &eng, &db, &w.err));
	}
	const char *uri = getenv("SLUICE_TEST_PG");
	if (uri) {
		sl_cleanup(sl_freep) char *none = sl_xstrndup(uri, strlen(uri) - 8);
		sl_cleanup(sl_freep) char *other = sl_xasprintf("%sno_such_database", none);
		setenv("SLUICE_CONN_REFUSED", other, 1);
		assert_fails(&w, SL_ERR_CONFIG,
			     sl_store_connect(&w.p, &w.home, false, 0, &eng, &db, &w.err));
	}
	free(w.home.dir);
}

int main(void)
{
	const struct CMUnitTest refusals[] = {
		cmocka_unit_test(test_connection_refusals_have_their_kind),
	};
	int failed = cmocka_run_group_tests(refusals, NULL, NULL);

	if (duckdb_is_here())
		failed += run_group("duckdb");
	else
		print_message("skipped on DuckDB: no libduckdb.so (scripts/get-duckdb)\n");
	if (getenv("SLUICE_TEST_PG"))
		failed += run_group("pg");
	else
		print_message("skipped on PostgreSQL: SLUICE_TEST_PG is not set\n");
	return failed;
}
