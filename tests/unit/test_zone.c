/*
 * The rule in the footer of a zone's file. No zone of today's database uses the forms "Jn" and "n",
 * so the reader's own functions are tested here, under other names than those in the library.
 */
#define sl_zone_get zone_get_here
#define sl_zone_name zone_name_here
#define sl_zone_to_utc zone_to_utc_here
#include "common/base/zone.c"

#include "base_support.h"

static void test_zone_rule_forms(void **state)
{
	static const struct {
		const char *rule, *local;
		enum sl_local result;
		const char *utc;
	} cases[] = {
		/* J60 is March 1 in every year, 59 is it only when the year has no leap day */
		{"A3B,J60/0,J300", "2023-03-01T00:30:00", SL_LOCAL_GAP, NULL},
		{"A3B,J60/0,J300", "2024-03-01T00:30:00", SL_LOCAL_GAP, NULL},
		{"A3B,J60/0,J300", "2024-02-29T00:30:00", SL_LOCAL_OK, "2024-02-29T03:30:00Z"},
		{"A3B,59/0,300", "2023-03-01T00:30:00", SL_LOCAL_GAP, NULL},
		{"A3B,59/0,300", "2024-02-29T00:30:00", SL_LOCAL_GAP, NULL},
		{"<+03>-3", "2024-02-29T00:30:00", SL_LOCAL_OK, "2024-02-28T21:30:00Z"},
		{"A-1:30:15", "2024-01-01T00:00:00", SL_LOCAL_OK, "2023-12-31T22:29:45Z"},
		/* the day before the last Sunday of March, by a time beyond the day and below zero
		 */
		{"A0B,M3.5.0/-2,M10.5.0/25", "2024-03-30T22:30:00", SL_LOCAL_GAP, NULL},
		{"A0B,M3.5.0/-2,M10.5.0/25", "2024-10-28T00:30:00", SL_LOCAL_AMBIGUOUS,
		 "2024-10-27T23:30:00Z"},
		{"A0B,M3.2.0,M11.1.0", "2024-03-10T02:30:00", SL_LOCAL_GAP,
		 NULL}, /* default 02:00 */
		{"A0B-2,M3.2.0,M11.1.0", "2024-07-01T12:00:00", SL_LOCAL_OK,
		 "2024-07-01T10:00:00Z"},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		int offset = 0;
		struct sl_zone z = {.offset = &offset};
		enum sl_time_result parsed;
		struct sl_civil c;
		char text[32] = "";
		sl_time t;

		assert_case(i, cases[i].rule, read_rule(cases[i].rule, &z.rule));
		snprintf(text, sizeof(text), "%sZ", cases[i].local);
		parsed = sl_time_parse(sl_str_of(text), NULL, &t);
		assert_case(i, text, parsed == SL_TIME_OK);
		sl_civil_from_time(t, &c);
		assert_case(i, text, sl_zone_to_utc(&z, &c, &t, NULL) == cases[i].result);
		if (!cases[i].utc)
			continue;
		sl_time_text(t, text);
		assert_case(i, text, strcmp(text, cases[i].utc) == 0);
	}
}

static void test_zone_rules_that_are_none_are_refused(void **state)
{
	static const char *const rules[] = {
		"A",
		"3",
		"A3B,",
		"A3B,M3.5.0",
		"A3B,M13.1.0,M3.1.0",
		"A3B,M3.6.0,M4.1.0",
		"A3B,M3.1.7,M4.1.0",
		"A3B,J366,J1",
		"A3B,M3.1.0,M4.1.0x",
		"<A3",
		"A168",
		"A3:60",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(rules); i++) {
		struct rule r;

		assert_case(i, rules[i], !read_rule(rules[i], &r));
	}
}

/* Every shortened copy of a file is refused, and none is read beyond its end (the sanitizer looks).
 */
static void test_zone_cut_file_is_refused(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf file = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_ok(err, sl_file_read(ZONE_DIR "Europe/Paris", ZONE_FILE_MAX, &file, &err));
	for (size_t n = 0; n <= file.n; n++) {
		struct sl_buf cut = {sl_xmalloc(n), n, n};
		struct sl_zone z = {0};

		memcpy(cut.p, file.p, n);
		if (read_tzif(&cut, &z) != (n == file.n))
			fail_msg("%zu of %zu bytes", n, file.n);
		free(z.at);
		free(z.offset);
		sl_buf_release(&cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zone_rule_forms),
		cmocka_unit_test(test_zone_rules_that_are_none_are_refused),
		cmocka_unit_test(test_zone_cut_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
