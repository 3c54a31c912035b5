/* Instants, civil dates, zones: base/clock.h. Expected instants were computed by Python's zoneinfo.
 */
#include "base_support.h"

#include "base/clock.h"

static const struct sl_zone *zone(const char *name)
{
	struct sl_err err = SL_ERR_INIT;
	const struct sl_zone *z = NULL;

	assert_ok(err, sl_zone_get(name, &z, &err));
	return z;
}

static void test_civil_every_day_of_ten_thousand_years_round_trips(void **state)
{
	struct sl_civil before = {1, 1, 1, 0, 0, 0, 0}, c;
	int64_t day = sl_days_from_civil(1, 1, 1), last = sl_days_from_civil(9999, 12, 31);

	(void)state;
	assert_int_equal(sl_days_from_civil(1970, 1, 1), 0);
	assert_int_equal(day, -719162);
	assert_int_equal(last, 2932896);
	for (; day <= last; day++) {
		sl_civil_from_time(day * SL_DAY + 86399 * SL_SECOND + 999999, &c);
		if (sl_days_from_civil(c.year, c.month, c.day) != day || c.hour != 23 ||
		    c.micro != 999999)
			fail_msg("day %ld", (long)day);
		c.hour = c.minute = c.second = c.micro = 0;
		if (!sl_civil_valid(&c) || c.year < before.year)
			fail_msg("day %ld is %d-%d-%d", (long)day, c.year, c.month, c.day);
		before = c;
	}
}

static void test_date_parse(void **state)
{
	static const struct {
		const char *in;
		bool ok;
	} cases[] = {
		{"2024-02-29", true},  {"2023-02-29", false},  {"1900-02-29", false},
		{"2000-02-29", true},  {"0001-01-01", true},   {"0000-01-01", false},
		{"9999-12-31", true},  {"2024-13-01", false},  {"2024-00-01", false},
		{"2024-01-00", false}, {"2024-04-31", false},  {"2024-1-1", false},
		{"20240101", false},   {"2024-01-01 ", false}, {"", false},
		{"+024-01-01", false},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		int32_t days;
		char out[16];
		bool ok = sl_date_parse(sl_str_of(cases[i].in), &days);

		assert_case(i, cases[i].in, ok == cases[i].ok);
		if (!ok)
			continue;
		assert_case(i, cases[i].in, sl_date_text(days, out) == 10);
		assert_case(i, cases[i].in, strcmp(out, cases[i].in) == 0);
	}
}

struct time_case {
	const char *in;
	enum sl_time_result result;
	const char *want;
};

static void check_times(const struct time_case *cases, size_t n, const struct sl_zone *z)
{
	for (size_t i = 0; i < n; i++) {
		char out[32];
		sl_time t = 42;
		enum sl_time_result r = sl_time_parse(sl_str_of(cases[i].in), z, &t);

		assert_case(i, cases[i].in, r == cases[i].result);
		if (!cases[i].want) {
			assert_case(i, cases[i].in, t == 42);
			continue;
		}
		assert_case(i, out, sl_time_text(t, out) == strlen(out));
		assert_case(i, cases[i].in, strcmp(out, cases[i].want) == 0);
	}
}

static void test_time_parse_with_offset(void **state)
{
	static const struct time_case cases[] = {
		{"2026-11-25T17:52:40Z", SL_TIME_OK, "2026-11-25T17:52:40Z"},
		{"2026-11-25t17:52:40z", SL_TIME_OK, "2026-11-25T17:52:40Z"},
		{"2026-11-25 17:52:40+01:00", SL_TIME_OK, "2026-11-25T16:52:40Z"},
		{"2026-11-25T17:52:40-0530", SL_TIME_OK, "2026-11-25T23:22:40Z"},
		{"2026-11-25T17:52:40+01", SL_TIME_OK, "2026-11-25T16:52:40Z"},
		{"2026-11-25T17:52:40.5Z", SL_TIME_OK, "2026-11-25T17:52:40.500000Z"},
		{"2026-11-25T17:52:40.123456789Z", SL_TIME_OK, "2026-11-25T17:52:40.123456Z"},
		{"2026-11-25T17:52:40.0000009999999999Z", SL_TIME_OK, "2026-11-25T17:52:40Z"},
		{"1969-12-31T23:59:59.999999Z", SL_TIME_OK, "1969-12-31T23:59:59.999999Z"},
		{"0001-01-01T00:00:00Z", SL_TIME_OK, "0001-01-01T00:00:00Z"},
		{"9999-12-31T23:59:59.999999Z", SL_TIME_OK, "9999-12-31T23:59:59.999999Z"},
		{"0001-01-01T00:00:00+00:01", SL_TIME_RANGE, NULL},
		{"9999-12-31T23:59:59-00:01", SL_TIME_RANGE, NULL},
		{"2026-02-30T00:00:00Z", SL_TIME_RANGE, NULL},
		{"2026-11-25T24:00:00Z", SL_TIME_RANGE, NULL},
		{"2026-11-25T23:60:00Z", SL_TIME_RANGE, NULL},
		{"2026-11-25T23:00:61Z", SL_TIME_RANGE, NULL},
		{"2026-11-25T17:52:40+24:00", SL_TIME_RANGE, NULL},
		{"2026-11-25T17:52:40+01:60", SL_TIME_RANGE, NULL},
		{"2026-11-25T17:52:40", SL_TIME_NAIVE, NULL},
		{"2026-11-25", SL_TIME_NAIVE, NULL},
		{"2026-11-25T17:52Z", SL_TIME_SYNTAX, NULL},
		{"2026-11-25T17:52:40,5Z", SL_TIME_SYNTAX, NULL},
		{"2026-11-25T17:52:40.Z", SL_TIME_SYNTAX, NULL},
		{"2026-11-25  17:52:40Z", SL_TIME_SYNTAX, NULL},
		{"2026-11-25T17:52:40+1", SL_TIME_SYNTAX, NULL},
		{"2026-11-25T17:52:40+01:", SL_TIME_SYNTAX, NULL},
		{"2026-11-25T17:52:40Z ", SL_TIME_SYNTAX, NULL},
		{"2026-11-25T", SL_TIME_SYNTAX, NULL},
		{"2026-11-25Z", SL_TIME_SYNTAX, NULL},
		{"20261125T175240Z", SL_TIME_SYNTAX, NULL},
		{"", SL_TIME_SYNTAX, NULL},
	};

	(void)state;
	check_times(cases, SL_ARRAY_LEN(cases), NULL);
}

static void test_time_leap_second_only_where_one_can_be(void **state)
{
	static const struct time_case cases[] = {
		{"2016-12-31T23:59:60Z", SL_TIME_OK, "2017-01-01T00:00:00Z"},
		{"2016-12-31T23:59:60.25Z", SL_TIME_OK, "2017-01-01T00:00:00.250000Z"},
		{"2015-07-01T01:59:60+02:00", SL_TIME_OK, "2015-07-01T00:00:00Z"},
		{"2015-06-30T19:59:60-04:00", SL_TIME_OK, "2015-07-01T00:00:00Z"},
		{"2015-07-01T01:59:60", SL_TIME_OK, "2015-07-01T00:00:00Z"}, /* in Paris */
		{"2015-06-30T23:59:60+02:00", SL_TIME_RANGE, NULL},
		{"2016-12-31T12:59:60Z", SL_TIME_RANGE, NULL},
		{"2016-12-31T23:58:60Z", SL_TIME_RANGE, NULL},
		{"2016-12-30T23:59:60Z", SL_TIME_RANGE, NULL},
		{"9999-12-31T23:59:60Z", SL_TIME_RANGE, NULL},
	};

	(void)state;
	check_times(cases, SL_ARRAY_LEN(cases), zone("Europe/Paris"));
}

static void test_time_naive_is_read_in_the_zone(void **state)
{
	static const struct time_case cases[] = {
		{"2025-01-15T12:00:00", SL_TIME_OK, "2025-01-15T11:00:00Z"},
		{"2025-07-15 12:00:00.5", SL_TIME_OK, "2025-07-15T10:00:00.500000Z"},
		{"2025-07-15", SL_TIME_OK, "2025-07-14T22:00:00Z"},
		{"2025-07-15T12:00:00+05:00", SL_TIME_OK, "2025-07-15T07:00:00Z"},
		{"2040-07-01T12:00:00", SL_TIME_OK, "2040-07-01T10:00:00Z"}, /* the footer's rule */
		{"2040-12-01T12:00:00", SL_TIME_OK, "2040-12-01T11:00:00Z"},
		{"2040-03-25T02:30:00", SL_TIME_GAP, NULL},
		{"2040-10-28T02:30:00", SL_TIME_AMBIGUOUS, "2040-10-28T00:30:00Z"},
		{"1940-06-14T22:59:59", SL_TIME_OK, "1940-06-14T21:59:59Z"},
		{"1900-01-01T00:00:00", SL_TIME_OK, "1899-12-31T23:50:39Z"}, /* local mean time */
		{"2025-03-30T01:59:59.999999", SL_TIME_OK, "2025-03-30T00:59:59.999999Z"},
		{"2025-03-30T02:00:00", SL_TIME_GAP, NULL},
		{"2025-03-30T02:30:00", SL_TIME_GAP, NULL},
		{"2025-03-30T03:00:00", SL_TIME_OK, "2025-03-30T01:00:00Z"},
		{"2025-10-26T01:59:59", SL_TIME_OK, "2025-10-25T23:59:59Z"},
		{"2025-10-26T02:00:00", SL_TIME_AMBIGUOUS, "2025-10-26T00:00:00Z"},
		{"2025-10-26T03:00:00", SL_TIME_OK, "2025-10-26T02:00:00Z"},
	};

	(void)state;
	check_times(cases, SL_ARRAY_LEN(cases), zone("Europe/Paris"));
}

static void test_time_ambiguous_gives_both_instants(void **state)
{
	char first[32], second[32];
	sl_time t, later;

	(void)state;
	assert_int_equal(
		sl_time_parse_both(SL_STR("2025-10-26T02:30:00"), zone("Europe/Paris"), &t, &later),
		SL_TIME_AMBIGUOUS);
	sl_time_text(t, first);
	sl_time_text(later, second);
	assert_string_equal(first, "2025-10-26T00:30:00Z");
	assert_string_equal(second, "2025-10-26T01:30:00Z");
	assert_int_equal(sl_time_parse_both(SL_STR("2025-10-27"), zone("Europe/Paris"), &t, &later),
			 SL_TIME_OK);
	assert_true(t == later);
}

static void test_time_from_civil_is_what_its_text_gives(void **state)
{
	const struct sl_civil twice = {2025, 10, 26, 2, 30, 0, 250000};
	const struct sl_civil leap = {2016, 12, 31, 23, 59, 60, 0},
			      none = {.year = 2025, .month = 13, .day = 1};
	sl_time t, later, want;

	(void)state;
	assert_int_equal(sl_time_from_civil(&twice, SL_STR(""), zone("Europe/Paris"), &t, &later),
			 SL_TIME_AMBIGUOUS);
	assert_true(later - t == 3600 * SL_SECOND);
	assert_int_equal(sl_time_from_civil(&twice, SL_STR("+01:30"), NULL, &t, &later),
			 SL_TIME_OK);
	assert_int_equal(sl_time_parse(SL_STR("2025-10-26T01:00:00.25Z"), NULL, &want), SL_TIME_OK);
	assert_true(t == want && later == want);
	assert_int_equal(sl_time_from_civil(&leap, SL_STR("Z"), NULL, &t, &later), SL_TIME_OK);
	assert_int_equal(sl_time_parse(SL_STR("2017-01-01T00:00:00Z"), NULL, &want), SL_TIME_OK);
	assert_true(t == want);
	assert_int_equal(sl_time_from_civil(&none, SL_STR("Z"), NULL, &t, &later), SL_TIME_RANGE);
	assert_int_equal(sl_time_from_civil(&leap, SL_STR("Zone"), NULL, &t, &later),
			 SL_TIME_SYNTAX);
	assert_int_equal(sl_time_from_civil(&twice, SL_STR(""), NULL, &t, &later), SL_TIME_NAIVE);
}

/* Unusual zones: half an hour of summer time, a day left out, negative summer time, no summer time
 * any more, rules of the southern half, offsets of 14 hours. */
static void test_zone_unusual_ones(void **state)
{
	static const struct {
		const char *zone;
		struct time_case time;
	} cases[] = {
		{"Australia/Lord_Howe",
		 {"2045-04-02T01:45:00", SL_TIME_AMBIGUOUS, "2045-04-01T14:45:00Z"}},
		{"Australia/Lord_Howe", {"2045-10-01T02:15:00", SL_TIME_GAP, NULL}},
		{"Pacific/Apia", {"2011-12-30T12:00:00", SL_TIME_GAP, NULL}},
		{"Pacific/Apia", {"2011-12-31T00:00:00", SL_TIME_OK, "2011-12-30T10:00:00Z"}},
		{"Pacific/Kiritimati", {"2050-01-01T00:00:00", SL_TIME_OK, "2049-12-31T10:00:00Z"}},
		{"Europe/Dublin", {"2050-07-01T12:00:00", SL_TIME_OK, "2050-07-01T11:00:00Z"}},
		{"America/Sao_Paulo", {"2050-01-01T12:00:00", SL_TIME_OK, "2050-01-01T15:00:00Z"}},
		{"Pacific/Auckland", {"2050-01-01T00:30:00", SL_TIME_OK, "2049-12-31T11:30:00Z"}},
		{"America/New_York",
		 {"2099-11-01T01:30:00", SL_TIME_AMBIGUOUS, "2099-11-01T05:30:00Z"}},
		{"Asia/Kathmandu", {"1985-12-31T12:00:00", SL_TIME_OK, "1985-12-31T06:30:00Z"}},
		{"Asia/Kathmandu", {"2050-01-01T12:00:00", SL_TIME_OK, "2050-01-01T06:15:00Z"}},
		{"Africa/Monrovia", {"1960-01-01T00:00:00", SL_TIME_OK, "1960-01-01T00:44:30Z"}},
		{"UTC", {"2050-01-01T00:00:00", SL_TIME_OK, "2050-01-01T00:00:00Z"}},
		{"Etc/GMT+5", {"2050-01-01T00:00:00", SL_TIME_OK, "2050-01-01T05:00:00Z"}},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++)
		check_times(&cases[i].time, 1, zone(cases[i].zone));
}

static void test_zone_is_cached(void **state)
{
	(void)state;
	assert_ptr_equal(zone("Asia/Tokyo"), zone("Asia/Tokyo"));
	assert_string_equal(sl_zone_name(zone("Asia/Tokyo")), "Asia/Tokyo");
}

static void test_zone_names_that_are_none_are_refused(void **state)
{
	static const char *const names[] = {
		"Europe/Pariss",  "Europe",	     "",
		"/etc/localtime", "../zoneinfo/UTC", "Europe/../UTC",
		"zone.tab",	  "UTC\n",	     ".",
		"CET-1CEST",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		struct sl_err err = SL_ERR_INIT;
		const struct sl_zone *z = NULL;

		assert_case(i, names[i], !sl_zone_get(names[i], &z, &err));
		assert_case(i, names[i], err.kind == SL_ERR_CONFIG && err.hint[0] && !z);
	}
}

static void test_time_format_writes_its_letters_and_refuses_others(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	sl_time t;

	(void)state;
	assert_int_equal(sl_time_parse(SL_STR("2024-12-31T05:06:07Z"), NULL, &t), SL_TIME_OK);
	sl_buf_adds(&out, "in/");
	assert_ok(err, sl_time_format(t, "%Y/%m/%d-%H%M%S.%j.100%%", &out, &err));
	assert_string_equal(out.p, "in/2024/12/31-050607.366.100%");
	assert_false(sl_time_format(t, "x%Y%b", &out, &err));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
	assert_string_equal(out.p, "in/2024/12/31-050607.366.100%");
	assert_false(sl_time_format(t, "100%", &out, &err));
}

static void test_clocks_run(void **state)
{
	int64_t first = sl_clock_monotonic();

	(void)state;
	assert_true(sl_clock_now() > INT64_C(1700000000) * SL_SECOND);
	assert_true(sl_clock_monotonic() >= first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_civil_every_day_of_ten_thousand_years_round_trips),
		cmocka_unit_test(test_date_parse),
		cmocka_unit_test(test_time_parse_with_offset),
		cmocka_unit_test(test_time_leap_second_only_where_one_can_be),
		cmocka_unit_test(test_time_naive_is_read_in_the_zone),
		cmocka_unit_test(test_time_ambiguous_gives_both_instants),
		cmocka_unit_test(test_time_from_civil_is_what_its_text_gives),
		cmocka_unit_test(test_zone_unusual_ones),
		cmocka_unit_test(test_zone_is_cached),
		cmocka_unit_test(test_zone_names_that_are_none_are_refused),
		cmocka_unit_test(test_time_format_writes_its_letters_and_refuses_others),
		cmocka_unit_test(test_clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
