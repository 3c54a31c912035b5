/*
 * tasks/collect/web_state: a crawl's state as text, and back.
 */
#include "base_support.h"

#include "base/mem.h"
#include "net/uri.h"
#include "store/bronze_header.h"
#include "tasks/collect/web_state.h"

static void see(struct sl_web_seen *seen, const char *what, int n)
{
	for (int i = 0; i < n; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%s %d", what, i);
		assert_true(sl_web_first_time(seen, sl_str_of(text)));
	}
}

static void test_state_reads_back_what_was_written(void **state)
{
	struct sl_web_state a = {.start = 2, .lists = 7, .records = 140, .partial = true};
	struct sl_web_state b = {.start = 0};
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	see(&a.pages, "page", 3);
	see(&a.keys, "key", 2);
	sl_buf_adds(&a.url, "http://x/?page=8 9");
	sl_web_state_write(&a, &text);
	assert_ok(err, sl_web_state_read(&b, sl_buf_z(&text), &err));
	assert_true(b.start == 2 && b.lists == 7 && b.records == 140 && b.partial);
	assert_string_equal(sl_buf_z(&b.url), "http://x/?page=8 9");
	assert_int_equal(b.pages.n, 3);
	assert_true(sl_web_was_seen(&b.pages, SL_STR("page 2")));
	assert_true(sl_web_was_seen(&b.keys, SL_STR("key 1")));
	assert_false(sl_web_was_seen(&b.keys, SL_STR("key 2")));
	sl_web_state_release(&a);
	sl_web_state_release(&b);
}

static void test_state_of_the_largest_crawl_is_a_continuation(void **state)
{
	struct sl_web_state s = {.start = 1, .lists = 5000, .records = 10000};
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	struct sl_chunk chunk = {.next = NULL};

	(void)state;
	see(&s.pages, "page", 10000); /* 5000 list pages, each behind a redirect */
	see(&s.keys, "key", 10001);
	for (int i = 0; i < SL_URI_MAX; i++)
		sl_buf_addc(&s.url, 'x');
	sl_web_state_write(&s, &text);
	chunk.next = sl_buf_z(&text);
	assert_true(sl_bronze_step_size(&chunk) <= SL_CONTINUATION_MAX);
	sl_web_state_release(&s);
}

static void test_state_that_is_damaged_is_refused(void **state)
{
	static const char *const texts[] = {"",
					    "0 0 0",
					    "0 0 0 2 - - ",
					    "0 0 0 0 00000000000 - ",
					    "0 0 0 0 00000000000g - ",
					    "-1 0 0 0 - - "};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		struct sl_web_state s = {.start = 0};
		struct sl_err err = SL_ERR_INIT;

		assert_case(i, texts[i], !sl_web_state_read(&s, texts[i], &err));
		assert_int_equal(err.kind, SL_ERR_DATA);
		sl_web_state_release(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_reads_back_what_was_written),
		cmocka_unit_test(test_state_of_the_largest_crawl_is_a_continuation),
		cmocka_unit_test(test_state_that_is_damaged_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
