/*
 * Continuations of steps, as bronze keeps them: a text is refused, or is the same when it is written
 * again.
 */
#include "fuzz.h"
#include "tasks/collect/http_ask.h"
#include "tasks/collect/web_state.h"

static void of_a_crawl(const char *text)
{
	sl_cleanup(sl_web_state_release) struct sl_web_state a = {.start = 0}, b = {.start = 0};
	sl_cleanup(sl_buf_release) struct sl_buf once = SL_BUF_INIT, twice = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	if (!sl_web_state_read(&a, text, &err)) {
		FUZZ_MUST(err.kind == SL_ERR_DATA);
		return;
	}
	sl_web_state_write(&a, &once);
	FUZZ_MUST(sl_web_state_read(&b, sl_buf_z(&once), &err));
	sl_web_state_write(&b, &twice);
	FUZZ_MUST(sl_str_eq(sl_buf_str(&once), sl_buf_str(&twice)));
	FUZZ_MUST(a.pages.n == b.pages.n && a.keys.n == b.keys.n && a.records == b.records);
	FUZZ_MUST(a.lists == b.lists && sl_str_eq(sl_buf_str(&a.url), sl_buf_str(&b.url)));
}

static void of_an_api(const char *text)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf again = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_http_place a, b;

	if (!sl_http_place_read(text, &arena, &a, &err)) {
		FUZZ_MUST(err.kind == SL_ERR_DATA);
		return;
	}
	sl_http_place_text(&a, &again);
	FUZZ_MUST(sl_http_place_read(sl_buf_z(&again), &arena, &b, &err));
	FUZZ_MUST(a.page == b.page && a.records == b.records && a.empty == b.empty);
	FUZZ_MUST(a.next && b.next ? strcmp(a.next, b.next) == 0 : a.next == b.next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sl_str in = fuzz_input(data, size);
	char *text = sl_xstrndup(in.p, in.n); /* up to a NUL, as JSON gives it */

	of_a_crawl(text);
	of_an_api(text);
	free(text);
	return 0;
}
