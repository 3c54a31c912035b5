/* The HTTP client against answers told byte for byte: net/http.h. */
#include "http_support.h"

#include <fcntl.h>

#include "net/http_guard.h"

static const struct sl_guard open_guard = {.open = true};

/* The defaults, but local addresses are let through and there is one attempt. */
static struct sl_http_conf plain(void)
{
	struct sl_http_conf conf = SL_HTTP_CONF_INIT;

	conf.guard = &open_guard;
	conf.attempts = 1;
	return conf;
}

struct made {
	struct canned server;
	struct sl_http *http;
	char url[64];
	struct sl_http_answer answer;
	struct sl_err err;
};

static void make(struct made *m, const char *const *answers, struct sl_http_conf conf)
{
	*m = (struct made){0};
	canned_start(&m->server, answers);
	snprintf(m->url, sizeof(m->url), "http://127.0.0.1:%d/a?b=c", m->server.port);
	assert_true(sl_http_open(&conf, &m->http, &m->err));
}

static void unmake(struct made *m)
{
	canned_join(&m->server);
	canned_release(&m->server);
	sl_http_answer_release(&m->answer);
	sl_http_close(m->http);
}

static void test_http_get_gives_status_headers_and_body(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 201 Made\r\nETag: \"x\"\r\nX-A:  1 \r\n"
					      "x-a: 2\r\nContent-Length: 3\r\n\r\nabc",
					      NULL};
	const struct sl_http_field fields[] = {{"X-Sent", "yes", SL_SECRET_NONE},
					       {"X-Empty", "", SL_SECRET_NONE},
					       {"X-Key", NULL, {"K3Y"}}};
	struct made m;

	(void)state;
	make(&m, answers, plain());
	struct sl_http_request req = {
		.method = "GET", .url = m.url, .fields = fields, .n_fields = 3};
	assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_int_equal(m.answer.status, 201);
	assert_string_equal(sl_buf_z(&m.answer.body), "abc");
	assert_true(sl_str_eqz(sl_http_header(&m.answer, "etag"), "\"x\""));
	assert_true(sl_str_eqz(sl_http_header(&m.answer, "X-A"), "1"));
	assert_null(sl_http_header(&m.answer, "nothing").p);
	assert_true(sl_http_expect(&req, &m.answer, &m.err));
	unmake(&m);
}

static void test_http_sends_fields_and_secrets_and_nothing_of_a_proxy(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 204 No\r\n\r\n", NULL};
	const struct sl_http_field fields[] = {{"X-Empty", "", SL_SECRET_NONE},
					       {"X-Key", NULL, {"K3Y"}}};
	struct made m;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	make(&m, answers, plain());
	struct sl_http_request req = {
		.method = "DELETE", .url = m.url, .fields = fields, .n_fields = 2};
	assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
	canned_join(&m.server);
	assert_memory_equal(m.server.seen[0].p, "DELETE /a?b=c HTTP/1.1\r\n", 24);
	assert_non_null(strstr(m.server.seen[0].p, "\r\nX-Empty:\r\n"));
	assert_non_null(strstr(m.server.seen[0].p, "\r\nX-Key: K3Y\r\n"));
	unsetenv("http_proxy");
	canned_release(&m.server);
	sl_http_answer_release(&m.answer);
	sl_http_close(m.http);
}

static void test_http_body_comes_from_memory_or_a_range_of_a_file(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
					      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
					      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL};
	char path[] = "/tmp/test_http.XXXXXX";
	int fd = mkstemp(path);
	struct made m;

	(void)state;
	assert_int_equal(write(fd, "0123456789", 10), 10);
	make(&m, answers, plain());
	const struct sl_http_body bodies[] = {{.bytes = "a\0b", .size = 3},
					      {.fd = fd, .offset = 2, .size = 5}};
	const char *const want[] = {"a\0b", "23456"};
	for (size_t i = 0; i < 3; i++) {
		struct sl_http_request req = {.method = i == 0 ? "POST" : "PUT",
					      .url = m.url,
					      .body = i < 2 ? &bodies[i] : NULL};
		assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
	}
	for (size_t i = 0; i < 2; i++) {
		const struct sl_buf *seen = &m.server.seen[i];
		size_t n = (size_t)bodies[i].size;
		assert_memory_equal(seen->p + seen->n - n, want[i], n);
	}
	assert_non_null(strstr(m.server.seen[2].p, "Content-Length: 0\r\n"));
	close(fd);
	unlink(path);
	unmake(&m);
}

static bool take_piece(void *ctx, struct sl_str piece, struct sl_err *err)
{
	(void)err;
	sl_buf_addstr(ctx, piece);
	return true;
}

static bool refuse_piece(void *ctx, struct sl_str piece, struct sl_err *err)
{
	(void)ctx, (void)piece;
	return sl_err_set(err, SL_ERR_IO, "full");
}

static void test_http_hands_out_pieces_of_a_success_only(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright",
					      "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\ngone",
					      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright",
					      NULL};
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;
	struct made m;

	(void)state;
	make(&m, answers, plain());
	struct sl_http_request req = {
		.method = "GET", .url = m.url, .on_data = take_piece, .ctx = &got};
	assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_string_equal(sl_buf_z(&got), "right");
	assert_int_equal(m.answer.body.n, 0);
	assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_string_equal(sl_buf_z(&got), "right");
	assert_false(sl_http_expect(&req, &m.answer, &m.err));
	assert_int_equal(m.err.kind, SL_ERR_NO_INPUT);
	assert_non_null(strstr(m.err.msg, "/a\": status 404: gone"));
	req.on_data = refuse_piece;
	assert_false(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_int_equal(m.err.kind, SL_ERR_IO);
	unmake(&m);
}

static void test_http_limits_and_cuts_are_errors_by_kind(void **state)
{
	static const struct {
		const char *answer;
		enum sl_err_kind want;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", SL_ERR_NONE},
		{"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890", SL_ERR_PROTOCOL},
		{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012345678", SL_ERR_UNAVAILABLE},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0123",
		 SL_ERR_UNAVAILABLE},
		{"HTTP/1.1 200 OK\r\nX: 0123456789012345678901234567890123456789\r\n"
		 "Y: 0123456789012345678901234567890123456789\r\n\r\n",
		 SL_ERR_PROTOCOL},
		{"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot", SL_ERR_PROTOCOL},
		{"SSH-2.0-x\r\n", SL_ERR_PROTOCOL},
		{"", SL_ERR_UNAVAILABLE},
	};
	struct sl_http_conf conf = plain();

	(void)state;
	conf.max_body = 10;
	conf.max_headers = 80;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		const char *const answers[] = {cases[i].answer, NULL};
		struct made m;
		make(&m, answers, conf);
		struct sl_http_request req = {.method = "GET", .url = m.url};
		assert_case(i, cases[i].answer,
			    sl_http_do(m.http, &req, &m.answer, &m.err) ==
				    (cases[i].want == SL_ERR_NONE));
		assert_case(i, m.err.msg, m.err.kind == cases[i].want);
		assert_case(i, m.err.msg, !strstr(m.err.msg, "b=c"));
		unmake(&m);
	}
}

struct many {
	struct sl_http *http;
	struct sl_http_request req;
	size_t done, failed;
};

static bool one_of_many(void *ctx, struct sl_http_answer *answer, const struct sl_err *failure,
			struct sl_err *err)
{
	struct many *m = ctx;

	m->done++;
	if (failure) {
		m->failed++;
		return true;
	}
	assert_string_equal(sl_buf_z(&answer->body), "ok");
	return m->done > 3 || sl_http_submit(m->http, &m->req, one_of_many, m, err);
}

static void test_http_many_requests_and_one_handed_in_by_another(void **state)
{
	static const char *const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	const char *const answers[] = {ok, ok, ok, ok, ok, "", NULL};
	struct made m;

	(void)state;
	make(&m, answers, plain());
	struct many many = {m.http, {.method = "GET", .url = m.url}, 0, 0};
	for (int i = 0; i < 3; i++)
		assert_true(sl_http_submit(m.http, &many.req, one_of_many, &many, &m.err));
	while (sl_http_pending(m.http))
		assert_true(sl_http_step(m.http, SL_SECOND, &m.err));
	assert_int_equal(many.done, 6);
	assert_int_equal(many.failed, 1);
	unmake(&m);
}

static void test_http_other_schemes_are_refused(void **state)
{
	static const char *const urls[] = {"ftp://127.0.0.1/", "file:///etc/passwd", "/a",     "",
					   "gopher://x",       "httpx://x",	     "http:/x"};
	struct sl_http_conf conf = plain();
	struct sl_http *http;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_true(sl_http_open(&conf, &http, &err));
	for (size_t i = 0; i < SL_ARRAY_LEN(urls); i++) {
		struct sl_http_answer answer = {0};
		struct sl_http_request req = {.method = "GET", .url = urls[i]};
		assert_case(i, urls[i], !sl_http_do(http, &req, &answer, &err));
		assert_case(i, urls[i], err.kind == SL_ERR_CONFIG);
	}
	sl_http_close(http);
}

static void test_http_closing_ends_what_is_on_the_way(void **state)
{
	static const char *const answers[] = {"", NULL};
	struct made m;

	(void)state;
	make(&m, answers, plain());
	struct many many = {m.http, {.method = "GET", .url = m.url}, 0, 0};
	assert_true(sl_http_submit(m.http, &many.req, one_of_many, &many, &m.err));
	assert_true(sl_http_submit(m.http, &many.req, one_of_many, &many, &m.err));
	assert_true(sl_http_step(m.http, 0, &m.err));
	sl_http_close(m.http);
	m.http = NULL;
	unmake(&m);
	assert_int_equal(many.done, 0);
}

static void test_http_the_guard_looks_at_the_address_not_at_the_name(void **state)
{
	static const char *const urls[] = {
		"http://127.0.0.1:9/", "http://localhost:9/",	    "http://2130706433:9/",
		"http://0x7f.1:9/",    "http://017700000001:9/",    "http://127.1:9/",
		"http://[::1]:9/",     "http://[::ffff:7f00:1]:9/", "http://[64:ff9b::a00:1]:9/",
		"http://0:9/",	       "http://169.254.169.254:9/", "http://10.0.0.1:9/",
		"http://[fd00::1]:9/",
	};
	struct sl_http_conf conf = SL_HTTP_CONF_INIT;
	struct sl_http *http;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_true(sl_http_open(&conf, &http, &err));
	for (size_t i = 0; i < SL_ARRAY_LEN(urls); i++) {
		struct sl_http_answer answer = {0};
		struct sl_http_request req = {.method = "GET", .url = urls[i]};
		sl_err_clear(&err);
		assert_case(i, urls[i], !sl_http_do(http, &req, &answer, &err));
		if (err.kind != SL_ERR_CONFIG || !strstr(err.msg, "its address is"))
			fail_msg("%s: %s", urls[i], err.msg);
		assert_case(i, urls[i], answer.exchanges == 1);
		sl_http_answer_release(&answer);
	}
	sl_http_close(http);
}

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

static void test_http_asks_whether_its_copy_still_holds(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 304 Not\r\nETag: \"x\"\r\n\r\n", NULL};
	struct made m;

	(void)state;
	make(&m, answers, plain());
	struct sl_http_request req = {.method = "GET",
				      .url = m.url,
				      .etag = "\"x\"",
				      .last_modified = "Tue, 25 Nov 2025 10:00:00 GMT"};
	assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_int_equal(m.answer.status, 304);
	assert_true(sl_http_expect(&req, &m.answer, &m.err));
	canned_join(&m.server);
	assert_non_null(strstr(m.server.seen[0].p, "If-None-Match: \"x\"\r\n"));
	assert_non_null(
		strstr(m.server.seen[0].p, "If-Modified-Since: Tue, 25 Nov 2025 10:00:00 GMT\r\n"));
	assert_non_null(strstr(m.server.seen[0].p, "User-Agent: Sluice/" SLUICE_VERSION "\r\n"));
	canned_release(&m.server);
	sl_http_answer_release(&m.answer);
	sl_http_close(m.http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_get_gives_status_headers_and_body),
		cmocka_unit_test(test_http_sends_fields_and_secrets_and_nothing_of_a_proxy),
		cmocka_unit_test(test_http_body_comes_from_memory_or_a_range_of_a_file),
		cmocka_unit_test(test_http_hands_out_pieces_of_a_success_only),
		cmocka_unit_test(test_http_limits_and_cuts_are_errors_by_kind),
		cmocka_unit_test(test_http_many_requests_and_one_handed_in_by_another),
		cmocka_unit_test(test_http_other_schemes_are_refused),
		cmocka_unit_test(test_http_closing_ends_what_is_on_the_way),
		cmocka_unit_test(test_http_the_guard_looks_at_the_address_not_at_the_name),
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
		cmocka_unit_test(test_http_asks_whether_its_copy_still_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
