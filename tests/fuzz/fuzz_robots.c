/*
 * robots.txt: /robots.txt itself is always allowed, the delay is bounded, and line ends of another
 * kind change nothing.
 */
#include "base/clock.h"
#include "fuzz.h"
#include "net/robots.h"

static char *with_crlf(struct sl_str s, size_t *n)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			sl_buf_addc(&out, '\r');
		sl_buf_addc(&out, s.p[i]);
	}
	sl_buf_addc(&out, '\n');
	*n = out.n;
	return sl_buf_detach(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_str in = fuzz_input(data, size);
	const struct sl_str target = fuzz_part(&in);
	struct sl_robots *r = sl_robots_parse(in, "sluice");
	size_t n;
	char *text = with_crlf(in, &n);
	struct sl_robots *same = sl_robots_parse((struct sl_str){text, n}, "sluice");

	FUZZ_MUST(sl_robots_allows(r, SL_STR("/robots.txt")));
	FUZZ_MUST(sl_robots_delay(r) >= 0 && sl_robots_delay(r) <= SL_DAY);
	if (!memmem(in.p, in.n, "\r", 1)) {
		FUZZ_MUST(sl_robots_allows(r, target) == sl_robots_allows(same, target));
		FUZZ_MUST(sl_robots_delay(r) == sl_robots_delay(same));
	}
	sl_robots_free(same);
	sl_robots_free(r);
	free(text);
	return 0;
}
