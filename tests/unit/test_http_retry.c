/* Waiting times and the rate of one host: net/http_retry.h, net/rate.h. */
#include "base_support.h"

#include "net/http_retry.h"
#include "net/rate.h"

/* Tue, 25 Nov 2025 10:00:00 GMT */
#define NOW (INT64_C(1764064800) * SL_SECOND)

static void test_retry_after_as_seconds_and_as_dates(void **state)
{
	static const struct {
		const char *value, *date;
		int64_t want; /* ms, -1: says nothing */
	} cases[] = {
		{"120", NULL, 120000},
		{"0.503", NULL, 503},
		{" 5 ", NULL, 5000},
		{"0", NULL, -1},
		{"-5", NULL, -1},
		{"+5", NULL, -1},
		{"", NULL, -1},
		{"soon", NULL, -1},
		{"5 s", NULL, -1},
		{"1e3", NULL, 1000000},
		{"1e99", NULL, -1},
		{"NaN", NULL, -1},
		{"inf", NULL, -1},
		{"99999999999999999999", NULL, 1000000000000},
		{"Tue, 25 Nov 2025 10:00:30 GMT", "Tue, 25 Nov 2025 10:00:00 GMT", 30000},
		/* the server's clock is an hour behind ours: its own Date counts */
		{"Tue, 25 Nov 2025 09:00:30 GMT", "Tue, 25 Nov 2025 09:00:00 GMT", 30000},
		{"Tue, 25 Nov 2025 10:00:30 GMT", NULL, 30000},
		{"Tue, 25 Nov 2025 10:00:30 GMT", "nonsense", 30000},
		{"Tuesday, 25-Nov-25 10:00:30 GMT", NULL, 30000},
		{"Tue Nov 25 10:00:30 2025", NULL, 30000},
		{"Tue, 25 Nov 2025 09:59:59 GMT", NULL, -1},
		{"Fri, 31 Dec 2099 23:59:59 GMT", NULL, INT64_C(2338379999000)},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_str date = cases[i].date ? sl_str_of(cases[i].date) : SL_STR_NULL;
		int64_t got = sl_retry_after(sl_str_of(cases[i].value), date, NOW);
		if (got != (cases[i].want < 0 ? -1 : cases[i].want * 1000))
			fail_msg("case %zu \"%s\": %" PRId64, i, cases[i].value, got);
	}
	assert_true(sl_retry_after(SL_STR_NULL, SL_STR_NULL, NOW) == -1);
}

static void test_http_dates_that_are_none(void **state)
{
	static const char *const cases[] = {
		"",
		"Tue,",
		"25 Nov 2025 10:00:30 GMT",
		"Tue, 25 Nov 2025 10:00:30",
		"Tue, 25 Nov 2025 10:00:30 CET",
		"Tue, 25 Nov 2025 10:00 GMT",
		"Tue, 31 Feb 2025 10:00:30 GMT",
		"Tue, 25 Xyz 2025 10:00:30 GMT",
		"Tue, 25 Nov 2025 24:00:30 GMT",
		"Tue, 25 Nov +025 10:00:30 GMT",
		"Tue, 25 Nov 2025 10:00:30 GMT x",
		"Tue, 5 Nov 2025 10:00:30 GMT",
	};
	sl_time t;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++)
		assert_case(i, cases[i], !sl_http_date(sl_str_of(cases[i]), NOW, &t));
	assert_true(sl_http_date(SL_STR("Sunday, 06-Nov-94 08:49:37 GMT"), NOW, &t));
	assert_true(t == INT64_C(784111777) * SL_SECOND);
	assert_true(sl_http_date(SL_STR("Sun Nov  6 08:49:37 1994"), NOW, &t));
	assert_true(t == INT64_C(784111777) * SL_SECOND);
}

static void test_backoff_is_spread_over_a_growing_and_bounded_range(void **state)
{
	(void)state;
	for (unsigned attempt = 0; attempt < 70; attempt++) {
		int64_t top = attempt < 6 ? SL_BACKOFF_BASE_US << attempt : SL_BACKOFF_MAX_US;
		top = top < SL_BACKOFF_MAX_US ? top : SL_BACKOFF_MAX_US;
		assert_true(sl_backoff(attempt, 0) == 1);
		assert_true(sl_backoff(attempt, UINT32_MAX) <= top);
		assert_true(sl_backoff(attempt, UINT32_MAX) > top - top / 1000);
		int64_t middle = sl_backoff(attempt, UINT32_C(1) << 31);
		assert_true(middle >= top / 2 - 1 && middle <= top / 2 + 1);
	}
}

static void test_which_statuses_and_methods_are_tried_again(void **state)
{
	static const int yes[] = {408, 425, 429, 500, 502, 503, 504};
	size_t n = 0;

	(void)state;
	for (int status = 100; status < 600; status++)
		n += sl_retry_status(status);
	assert_int_equal(n, SL_ARRAY_LEN(yes));
	for (size_t i = 0; i < SL_ARRAY_LEN(yes); i++)
		assert_true(sl_retry_status(yes[i]));
	assert_true(sl_retry_method("GET") && sl_retry_method("DELETE") && sl_retry_method("PUT"));
	assert_false(sl_retry_method("POST") || sl_retry_method("PATCH") || sl_retry_method("get"));
}

static void test_rate_delay_is_from_start_to_start(void **state)
{
	const struct sl_rate_conf conf = {.delay_us = 100, .in_flight = 2};
	struct sl_rate r = {0};

	(void)state;
	assert_true(sl_rate_wait(&r, &conf, 1000) == 0);
	sl_rate_begin(&r, &conf, 1000);
	assert_true(sl_rate_wait(&r, &conf, 1000) == 100);
	assert_true(sl_rate_wait(&r, &conf, 1099) == 1);
	assert_true(sl_rate_wait(&r, &conf, 1100) == 0);
	sl_rate_begin(&r, &conf, 1100);
	assert_true(sl_rate_wait(&r, &conf, 9999) == SL_RATE_FULL);
	sl_rate_end(&r, &conf, 1150, true);
	assert_true(sl_rate_wait(&r, &conf, 1150) == 50);
	r.delay_us = 500; /* the host's wish is greater */
	sl_rate_begin(&r, &conf, 1200);
	assert_true(sl_rate_wait(&r, &conf, 1200) == SL_RATE_FULL);
	sl_rate_end(&r, &conf, 1200, true);
	assert_true(sl_rate_wait(&r, &conf, 1200) == 500);
}

static void test_rate_pause_never_gets_shorter(void **state)
{
	const struct sl_rate_conf conf = {.in_flight = 1};
	struct sl_rate r = {0};

	(void)state;
	sl_rate_pause(&r, 500);
	sl_rate_pause(&r, 300);
	assert_true(sl_rate_wait(&r, &conf, 100) == 400);
	assert_true(sl_rate_paused(&r, 100) == 400);
	assert_true(sl_rate_paused(&r, 500) == 0);
}

static void test_rate_a_failing_host_rests_and_is_probed_by_one(void **state)
{
	const struct sl_rate_conf conf = {.in_flight = 3, .failures = 2, .rest_us = 1000};
	struct sl_rate r = {0};

	(void)state;
	sl_rate_begin(&r, &conf, 0);
	sl_rate_end(&r, &conf, 0, false);
	sl_rate_begin(&r, &conf, 0);
	sl_rate_end(&r, &conf, 0, true); /* not in a row */
	for (int i = 0; i < 2; i++) {
		assert_true(sl_rate_wait(&r, &conf, 0) == 0);
		sl_rate_begin(&r, &conf, 0);
		sl_rate_end(&r, &conf, 0, false);
	}
	assert_true(sl_rate_resting(&r, &conf));
	assert_true(sl_rate_wait(&r, &conf, 0) == 1000);
	assert_true(sl_rate_wait(&r, &conf, 1000) == 0);
	sl_rate_begin(&r, &conf, 1000);
	assert_true(sl_rate_wait(&r, &conf, 1000) == SL_RATE_FULL);
	sl_rate_end(&r, &conf, 1100, false);
	assert_true(sl_rate_wait(&r, &conf, 1100) == 1000);
	sl_rate_begin(&r, &conf, 2100);
	sl_rate_end(&r, &conf, 2100, true);
	assert_false(sl_rate_resting(&r, &conf));
	assert_true(sl_rate_wait(&r, &conf, 2100) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_after_as_seconds_and_as_dates),
		cmocka_unit_test(test_http_dates_that_are_none),
		cmocka_unit_test(test_backoff_is_spread_over_a_growing_and_bounded_range),
		cmocka_unit_test(test_which_statuses_and_methods_are_tried_again),
		cmocka_unit_test(test_rate_delay_is_from_start_to_start),
		cmocka_unit_test(test_rate_pause_never_gets_shorter),
		cmocka_unit_test(test_rate_a_failing_host_rests_and_is_probed_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
