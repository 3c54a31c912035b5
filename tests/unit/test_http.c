/* The HTTP client against answers told byte for byte: net/http.h. */
#include "http_support.h"

#include <fcntl.h>

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

static bool refuse_piece(void *ctx, const struct sl_http_answer *a, struct sl_str piece,
			 struct sl_err *err)
{
	(void)ctx, (void)a, (void)piece;
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

static void test_http_cookies_stay_with_their_host(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nSet-Cookie: s=1; Path=/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL};
	struct sl_http_conf conf = plain();

	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		struct made m;
		conf.cookies = keep;
		make(&m, answers, conf);
		struct sl_http_request req = {.method = "GET", .url = m.url};
		assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
		assert_true(sl_http_do(m.http, &req, &m.answer, &m.err));
		canned_join(&m.server);
		assert_int_equal(strstr(m.server.seen[1].p, "Cookie: s=1\r\n") != NULL, keep);
		canned_release(&m.server);
		sl_http_answer_release(&m.answer);
		sl_http_close(m.http);
	}
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
		cmocka_unit_test(test_http_asks_whether_its_copy_still_holds),
		cmocka_unit_test(test_http_cookies_stay_with_their_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
