/* What the HTTP client does after an answer: redirects, attempts, rates; net/http.h. */
#include "http_support.h"

static void test_http_a_redirect_to_a_refused_address_is_refused(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:9/\r\nContent-Length: 0\r\n\r\n",
		NULL};
	static const char *const blocks[] = {"127.0.0.1"};
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_http_conf conf = plain();
	struct sl_guard guard;
	struct made m;

	(void)state;
	make(&m, answers, conf);
	sl_http_close(m.http);
	assert_true(sl_guard_init(&guard, blocks, 1, &arena, &m.err));
	conf.guard = &guard;
	assert_true(sl_http_open(&conf, &m.http, &m.err));
	struct sl_http_request req = {.method = "GET", .url = m.url};
	assert_false(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_int_equal(m.err.kind, SL_ERR_CONFIG);
	assert_non_null(strstr(m.err.msg, "127.0.0.2:9/\": its address is loopback"));
	unmake(&m);
	sl_arena_release(&arena);
}

static void test_http_redirects_are_followed_as_the_rfc_says(void **state)
{
	static const struct {
		const char *status, *method, *location;
		const char *want; /* request line, or NULL: an error */
	} cases[] = {
		{"301 M", "GET", "/b", "GET /b HTTP/1.1\r\n"},
		{"302 F", "HEAD", "b?c", "HEAD /b?c HTTP/1.1\r\n"},
		{"301 M", "POST", "/b", "GET /b HTTP/1.1\r\n"},
		{"303 S", "PUT", "/b#x", "GET /b HTTP/1.1\r\n"},
		{"307 T", "POST", "/b", "POST /b HTTP/1.1\r\n"},
		{"308 P", "PUT", "/b", "PUT /b HTTP/1.1\r\n"},
		{"302 F", "GET", "ftp://h/", NULL},
		{"302 F", "GET", "file:///etc/passwd", NULL},
		{"302 F", "GET", "http://a b/", NULL},
		{"302 F", "GET", "//", NULL},
		{"307 T", "POST", "http://other.invalid/", NULL},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		char first[256];
		const char *answers[] = {first, NULL, NULL};
		const struct sl_http_body body = {.bytes = "x", .size = 1};
		struct made m;
		snprintf(first, sizeof(first),
			 "HTTP/1.1 %s\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
			 cases[i].status, cases[i].location);
		if (cases[i].want)
			answers[1] = "HTTP/1.1 204 No\r\n\r\n";
		make(&m, answers, plain());
		struct sl_http_request req = {
			.method = cases[i].method, .url = m.url, .body = &body};
		if (*cases[i].method != 'P')
			req.body = NULL;
		bool ok = sl_http_do(m.http, &req, &m.answer, &m.err);
		assert_case(i, m.err.msg, ok == (cases[i].want != NULL));
		assert_case(i, m.err.msg, ok || m.err.kind == SL_ERR_PROTOCOL);
		canned_join(&m.server);
		if (ok) {
			const char *seen = sl_buf_z(&m.server.seen[1]);
			assert_case(i, seen, sl_str_starts(sl_str_of(seen), cases[i].want));
			assert_case(i, seen, *cases[i].want != 'G' || !strstr(seen, "Length"));
			assert_int_equal(m.answer.exchanges, 2);
			assert_non_null(strstr(m.answer.url, "/b"));
		}
		canned_release(&m.server);
		sl_http_answer_release(&m.answer);
		sl_http_close(m.http);
	}
}

static void test_http_redirects_end(void **state)
{
	static const char *const round =
		"HTTP/1.1 302 F\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n";
	const char *const answers[] = {round, round, round, NULL};
	struct sl_http_conf conf = plain();
	struct made m;

	(void)state;
	conf.max_redirects = 2;
	make(&m, answers, conf);
	struct sl_http_request req = {.method = "GET", .url = m.url};
	assert_false(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_int_equal(m.err.kind, SL_ERR_PROTOCOL);
	assert_int_equal(m.answer.exchanges, 3);
	unmake(&m);
}

static void test_http_credentials_do_not_go_to_another_host(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL};
	const struct sl_http_field fields[] = {
		{"Authorization", "Bearer T0PSECRET", SL_SECRET_NONE},
		{"X-Api-Key", NULL, {"K3Y"}},
		{"Cookie", "sid=abc", SL_SECRET_NONE},
		{"X-Plain", "stays", SL_SECRET_NONE}};
	char redirect[256];
	const char *const first[] = {redirect, NULL};
	struct canned other;
	struct made m;

	(void)state;
	canned_start(&other, answers);
	snprintf(redirect, sizeof(redirect),
		 "HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:%d/data\r\nSet-Cookie: s=1\r\n"
		 "Content-Length: 0\r\n\r\n",
		 other.port);
	make(&m, first, plain());
	struct sl_http_request req = {
		.method = "GET", .url = m.url, .fields = fields, .n_fields = 4};
	assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
	canned_join(&other);
	const char *seen = sl_buf_z(&other.seen[0]);
	assert_null(strstr(seen, "T0PSECRET"));
	assert_null(strstr(seen, "K3Y"));
	assert_null(strcasestr(seen, "cookie"));
	assert_non_null(strstr(seen, "X-Plain: stays\r\n"));
	canned_release(&other);
	unmake(&m);
	assert_non_null(strstr(redirect, "/data"));
}

static void test_http_tries_again_what_may_succeed(void **state)
{
	static const char *const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	static const struct {
		const char *first, *method;
		bool repeatable, again;
	} cases[] = {
		{"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "GET", false, true},
		{"HTTP/1.1 429 No\r\nContent-Length: 0\r\nRetry-After: -5\r\n\r\n", "GET", false,
		 true},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "GET", false, true},
		{"", "PUT", false, true},
		{"", "POST", false, false},
		{"", "POST", true, true},
		{"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "GET", false, false},
		{"HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n", "GET", false, false},
		{"nonsense\r\n\r\n", "GET", false, false},
	};
	struct sl_http_conf conf = plain();

	(void)state;
	conf.attempts = 2;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		const char *const answers[] = {cases[i].first, cases[i].again ? ok : NULL, NULL};
		struct made m;
		make(&m, answers, conf);
		struct sl_http_request req = {
			.method = cases[i].method, .url = m.url, .repeatable = cases[i].repeatable};
		bool done = sl_http_do(m.http, &req, &m.answer, &m.err);
		assert_case(i, m.err.msg, m.answer.exchanges == (cases[i].again ? 2 : 1));
		assert_case(i, m.err.msg, !cases[i].again || (done && m.answer.status == 200));
		unmake(&m);
	}
}

static void test_http_waits_as_long_as_it_is_told(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 429 No\r\nRetry-After: 0.503\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL};
	struct sl_http_conf conf = plain();
	struct made m;

	(void)state;
	conf.attempts = 2;
	make(&m, answers, conf);
	struct sl_http_request req = {.method = "GET", .url = m.url};
	int64_t begun = sl_clock_monotonic();
	assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
	int64_t took = sl_clock_monotonic() - begun;
	assert_int_equal(m.answer.status, 200);
	assert_in_range(took, 503000, 2000000);
	unmake(&m);
}

static void test_http_beyond_the_budget_it_gives_up_at_once_for_the_whole_host(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 503 No\r\nRetry-After: Fri, 31 Dec 2099 "
					      "23:59:59 GMT\r\nContent-Length: 0\r\n\r\n",
					      NULL};
	struct sl_http_conf conf = plain();
	struct made m;

	(void)state;
	conf.attempts = 5;
	make(&m, answers, conf);
	struct sl_http_request req = {.method = "GET", .url = m.url};
	int64_t begun = sl_clock_monotonic();
	assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_true(m.answer.retry_after_us > 3600 * SL_SECOND);
	assert_false(sl_http_expect(&req, &m.answer, &m.err));
	assert_int_equal(m.err.kind, SL_ERR_AGAIN);
	assert_non_null(strstr(m.err.hint, "asks to wait"));
	/* the next one does not even ask */
	assert_false(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_int_equal(m.err.kind, SL_ERR_AGAIN);
	assert_int_equal(m.answer.exchanges, 0);
	assert_true(m.answer.retry_after_us > 0);
	assert_true(sl_clock_monotonic() - begun < SL_SECOND);
	unmake(&m);
}

static void test_http_leaves_a_failing_host_alone(void **state)
{
	static const char *const answers[] = {"", "", NULL};
	struct sl_http_conf conf = plain();
	struct made m;

	(void)state;
	conf.rate.failures = 2;
	conf.rate.rest_us = 60 * SL_SECOND;
	conf.budget_us = SL_SECOND;
	make(&m, answers, conf);
	struct sl_http_request req = {.method = "GET", .url = m.url};
	for (int i = 0; i < 2; i++) {
		assert_false(sl_http_do(m.http, &req, &m.answer, &m.err));
		assert_int_equal(m.err.kind, SL_ERR_UNAVAILABLE);
	}
	assert_false(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_int_equal(m.err.kind, SL_ERR_AGAIN);
	assert_non_null(strstr(m.err.msg, "too many failures"));
	unmake(&m);
}

static void test_http_pieces_taken_are_not_asked_for_again(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
					      NULL};
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;
	struct sl_http_conf conf = plain();
	struct made m;

	(void)state;
	conf.attempts = 5;
	make(&m, answers, conf);
	struct sl_http_request req = {
		.method = "GET", .url = m.url, .on_data = take_piece, .ctx = &got};
	assert_false(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_int_equal(m.err.kind, SL_ERR_UNAVAILABLE);
	assert_int_equal(m.answer.exchanges, 1);
	unmake(&m);
}

static void test_http_keeps_the_delay_between_requests(void **state)
{
	static const char *const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	const char *const answers[] = {ok, ok, ok, ok, NULL};
	struct sl_http_conf conf = plain();
	struct made m;

	(void)state;
	conf.rate.delay_us = SL_SECOND / 5;
	make(&m, answers, conf);
	struct many many = {m.http, {.method = "GET", .url = m.url}, 10, 0};
	int64_t begun = sl_clock_monotonic();
	for (int i = 0; i < 4; i++)
		assert_true(sl_http_submit(m.http, &many.req, one_of_many, &many, &m.err));
	while (sl_http_pending(m.http))
		assert_true(sl_http_step(m.http, SL_SECOND, &m.err));
	assert_in_range(sl_clock_monotonic() - begun, 600000, 900000);
	unmake(&m);
}

static void test_http_the_queue_is_bounded(void **state)
{
	struct sl_http_conf conf = plain();
	struct sl_err err = SL_ERR_INIT;
	struct many many = {NULL, {.method = "GET", .url = "http://127.0.0.1:9/"}, 0, 0};

	(void)state;
	conf.queue = 2;
	assert_true(sl_http_open(&conf, &many.http, &err));
	assert_true(sl_http_submit(many.http, &many.req, one_of_many, &many, &err));
	assert_true(sl_http_room(many.http));
	assert_true(sl_http_submit(many.http, &many.req, one_of_many, &many, &err));
	assert_false(sl_http_room(many.http));
	assert_false(sl_http_submit(many.http, &many.req, one_of_many, &many, &err));
	assert_int_equal(err.kind, SL_ERR_AGAIN);
	sl_http_close(many.http);
	assert_int_equal(many.done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_a_redirect_to_a_refused_address_is_refused),
		cmocka_unit_test(test_http_redirects_are_followed_as_the_rfc_says),
		cmocka_unit_test(test_http_redirects_end),
		cmocka_unit_test(test_http_credentials_do_not_go_to_another_host),
		cmocka_unit_test(test_http_tries_again_what_may_succeed),
		cmocka_unit_test(test_http_waits_as_long_as_it_is_told),
		cmocka_unit_test(
			test_http_beyond_the_budget_it_gives_up_at_once_for_the_whole_host),
		cmocka_unit_test(test_http_leaves_a_failing_host_alone),
		cmocka_unit_test(test_http_pieces_taken_are_not_asked_for_again),
		cmocka_unit_test(test_http_keeps_the_delay_between_requests),
		cmocka_unit_test(test_http_the_queue_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
