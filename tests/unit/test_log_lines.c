/* Log lines on stderr: base/log.h. */
#include "base_support.h"

#include <regex.h>

#include <jansson.h>

#include "base/log.h"

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("\"%s\" does not match %s", text, pattern);
	regfree(&re);
}

static void log_a_warning(void *arg)
{
	(void)arg;
	sl_log_setup(SL_INFO, false, "collect imo");
	sl_log(SL_DEBUG, "below the level", NULL);
	sl_log(SL_WARNING, "http 429, waiting 3 s", "host=%s attempt=%d/5", "x.example", 2);
	sl_log(SL_INFO, "no pairs", NULL);
}

static void test_log_line_is_level_time_who_message_pairs(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	(void)state;
	support_child(log_a_warning, NULL, &text);
	assert_matches(text.p, "^WARNING [0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3} collect imo "
			       "http 429, waiting 3 s host=x\\.example attempt=2/5\n"
			       "INFO [0-9:.]+ collect imo no pairs\n$");
}

static void log_controls(void *arg)
{
	(void)arg;
	sl_log(SL_ERROR, "a\nERROR forged", "value=%s", "b\r\x1b[31m\xff");
}

static void test_log_control_bytes_cannot_forge_a_line(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	(void)state;
	support_child(log_controls, NULL, &text);
	assert_matches(text.p, "a\\\\x0aERROR forged value=b\\\\x0d\\\\x1b\\[31m\\\\xff\n$");
	assert_ptr_equal(strchr(text.p, '\n'), text.p + text.n - 1);
}

static void log_long_text(void *arg)
{
	char text[9000];
	const bool *json = arg;

	memset(text, '\n', sizeof(text)); /* each becomes four or two bytes */
	text[sizeof(text) - 1] = '\0';
	sl_log_setup(SL_INFO, *json, "who");
	sl_log(SL_INFO, text, "key=%s other=%s", text, "last");
}

static void test_log_line_stays_below_4096_bytes(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	bool json = false;

	(void)state;
	support_child(log_long_text, &json, &text);
	assert_in_range(text.n, 3000, 4095);
	assert_int_equal(text.p[text.n - 1], '\n');
}

static void test_log_long_json_line_is_still_json(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	bool json = true;
	json_t *line;

	(void)state;
	support_child(log_long_text, &json, &text);
	assert_in_range(text.n, 1000, 4095);
	line = json_loads(text.p, 0, NULL);
	assert_non_null(line);
	json_decref(line);
}

static void log_json(void *arg)
{
	(void)arg;
	sl_log_setup(SL_INFO, true, "store orders");
	sl_log(SL_WARNING, "say \"hi\"", "path=%s rows=%d", "a b=c.csv", 7);
}

static void assert_member(const json_t *line, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(line, key));

	assert_non_null(got);
	assert_string_equal(got, want);
}

static void test_log_json_gives_each_pair_its_member(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	json_t *line;

	(void)state;
	support_child(log_json, NULL, &text);
	line = json_loads(text.p, 0, NULL);
	assert_non_null(line);
	assert_member(line, "level", "WARNING");
	assert_member(line, "who", "store orders");
	assert_member(line, "message", "say \"hi\"");
	assert_member(line, "rows", "7");
	json_decref(line);
}

static void log_quotes(void *arg)
{
	const bool *json = arg;

	sl_log_setup(SL_INFO, *json, "run");
	sl_log(SL_ERROR, "no file", "hint=\"give \"--set a.path='x'\", or b\" rows=%d first=\"%s\"",
	       7, "\"q\"");
}

static void test_log_value_in_quotes_ends_where_its_quotes_end(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf json = SL_BUF_INIT;
	bool as_json = false;
	json_t *line;

	(void)state;
	support_child(log_quotes, &as_json, &text);
	assert_non_null(strstr(sl_buf_z(&text),
			       "hint=\"give '--set a.path='x'', or b\" rows=7 first=\"'q'\"\n"));
	as_json = true;
	support_child(log_quotes, &as_json, &json);
	line = json_loads(json.p, 0, NULL);
	assert_non_null(line);
	assert_member(line, "hint", "give \"--set a.path='x'\", or b");
	assert_member(line, "rows", "7");
	assert_member(line, "first", "\"q\"");
	json_decref(line);
}

static void test_log_enabled_says_what_is_written(void **state)
{
	(void)state;
	sl_log_setup(SL_WARNING, false, "x");
	assert_false(sl_log_enabled(SL_INFO));
	assert_true(sl_log_enabled(SL_WARNING));
	assert_true(sl_log_enabled(SL_ERROR));
	sl_log_setup(SL_INFO, false, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_line_is_level_time_who_message_pairs),
		cmocka_unit_test(test_log_control_bytes_cannot_forge_a_line),
		cmocka_unit_test(test_log_line_stays_below_4096_bytes),
		cmocka_unit_test(test_log_long_json_line_is_still_json),
		cmocka_unit_test(test_log_json_gives_each_pair_its_member),
		cmocka_unit_test(test_log_value_in_quotes_ends_where_its_quotes_end),
		cmocka_unit_test(test_log_enabled_says_what_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
