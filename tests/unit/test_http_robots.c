/* robots.txt inside the HTTP client: net/http.h. */
#include "http_support.h"

#define ANSWER(status, body) "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n" body

static void test_http_robots_txt_comes_first_and_once(void **state)
{
	static const char *const answers[] = {
		ANSWER("200 OK", "User-agent: sluice\nDisallow: /private\nCrawl-delay: 0.2\n"),
		ANSWER("200 OK", "one"), ANSWER("200 OK", "two"), NULL};
	struct sl_http_conf conf = plain();
	struct made m;
	char forbidden[80];

	(void)state;
	conf.robots = true;
	make(&m, answers, conf);
	struct sl_http_request req = {.method = "GET", .url = m.url};
	assert_ok(m.err, sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_string_equal(m.answer.body.p, "one");
	snprintf(forbidden, sizeof(forbidden), "http://127.0.0.1:%d/private?x", m.server.port);
	struct sl_http_request no = {.method = "GET", .url = forbidden};
	assert_false(sl_http_do(m.http, &no, &m.answer, &m.err));
	assert_int_equal(m.err.kind, SL_ERR_AUTH);
	assert_true(m.answer.forbidden);
	assert_int_equal(m.answer.exchanges, 0);
	int64_t begun = sl_clock_monotonic();
	assert_ok(m.err, sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_string_equal(m.answer.body.p, "two");
	assert_in_range(sl_clock_monotonic() - begun, 100000, 400000);
	canned_join(&m.server);
	assert_true(sl_str_starts(sl_buf_str(&m.server.seen[0]), "GET /robots.txt HTTP/1.1\r\n"));
	assert_true(sl_str_starts(sl_buf_str(&m.server.seen[1]), "GET /a?b=c HTTP/1.1\r\n"));
	canned_release(&m.server);
	sl_http_answer_release(&m.answer);
	sl_http_close(m.http);
}

static void test_http_robots_txt_that_is_not_there_or_cannot_be_had(void **state)
{
	static const struct {
		const char *robots;
		enum sl_err_kind want;
	} cases[] = {
		{ANSWER("404 No", "User-agent: *\nDisallow: /\n"), SL_ERR_NONE},
		{ANSWER("403 No", ""), SL_ERR_NONE},
		{ANSWER("500 No", ""), SL_ERR_UNAVAILABLE},
		{ANSWER("429 No", ""), SL_ERR_AGAIN},
		{"", SL_ERR_UNAVAILABLE},
		{"HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		 SL_ERR_UNAVAILABLE},
		{ANSWER("200 OK", "\xff\0\xfe"), SL_ERR_NONE},
	};
	struct sl_http_conf conf = plain();

	(void)state;
	conf.robots = true;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		bool good = cases[i].want == SL_ERR_NONE;
		const char *const answers[] = {cases[i].robots,
					       good ? ANSWER("200 OK", "page") : NULL, NULL};
		struct made m;
		make(&m, answers, conf);
		struct sl_http_request req = {.method = "GET", .url = m.url};
		bool ok = sl_http_do(m.http, &req, &m.answer, &m.err);
		assert_case(i, m.err.msg, ok == good);
		assert_case(i, m.err.msg, m.err.kind == cases[i].want);
		assert_case(i, m.err.msg, !m.answer.forbidden);
		unmake(&m);
	}
}

static void test_http_a_redirect_into_what_robots_txt_forbids_is_not_followed(void **state)
{
	static const char *const answers[] = {
		ANSWER("200 OK", "User-agent: *\nDisallow: /private\n"),
		"HTTP/1.1 302 F\r\nLocation: /private/x\r\nContent-Length: 0\r\n\r\n", NULL};
	struct sl_http_conf conf = plain();
	struct made m;

	(void)state;
	conf.robots = true;
	make(&m, answers, conf);
	struct sl_http_request req = {.method = "GET", .url = m.url};
	assert_false(sl_http_do(m.http, &req, &m.answer, &m.err));
	assert_true(m.answer.forbidden);
	unmake(&m);
}

static void test_http_many_wait_for_one_robots_txt(void **state)
{
	static const char *const ok = ANSWER("200 OK", "ok");
	static const char *const robots = ANSWER("200 OK", "");
	const char *const answers[] = {robots, ok, ok, ok, NULL};
	struct sl_http_conf conf = plain();
	struct made m;

	(void)state;
	conf.robots = true;
	make(&m, answers, conf);
	struct many many = {m.http, {.method = "GET", .url = m.url}, 10, 0};
	for (int i = 0; i < 3; i++)
		assert_true(sl_http_submit(m.http, &many.req, one_of_many, &many, &m.err));
	while (sl_http_pending(m.http))
		assert_true(sl_http_step(m.http, SL_SECOND, &m.err));
	assert_int_equal(many.done, 13);
	assert_int_equal(many.failed, 0);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_robots_txt_comes_first_and_once),
		cmocka_unit_test(test_http_robots_txt_that_is_not_there_or_cannot_be_had),
		cmocka_unit_test(test_http_a_redirect_into_what_robots_txt_forbids_is_not_followed),
		cmocka_unit_test(test_http_many_wait_for_one_robots_txt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
