/*
 * gzip inputs: pieces unpack to what the whole does, with the same end.
 */
#include "fuzz.h"
#include "tasks/collect/gunzip.h"

#define MOST ((uint64_t)1 << 20)

static bool take(void *ctx, struct sl_str bytes, struct sl_err *err)
{
	(void)err;
	sl_buf_addstr(ctx, bytes);
	return true;
}

static bool unpack(struct sl_str in, size_t step, struct sl_buf *out)
{
	struct sl_gunzip *g = sl_gunzip_open(MOST, take, out);
	struct sl_err err = SL_ERR_INIT;
	bool ok = true;

	for (size_t at = 0; ok && at < in.n; at += step)
		ok = sl_gunzip_feed(g, sl_str_sub(in, at, step), &err);
	ok = ok && sl_gunzip_end(g, &err);
	FUZZ_MUST(ok || err.kind == SL_ERR_DATA);
	sl_gunzip_close(g);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sl_cleanup(sl_buf_release) struct sl_buf whole = SL_BUF_INIT, pieces = SL_BUF_INIT;
	struct sl_str in = fuzz_input(data, size);
	const size_t step = 1 + fuzz_byte(&in) % 32;
	const bool ok = unpack(in, in.n + 1, &whole);

	FUZZ_MUST(whole.n <= MOST);
	FUZZ_MUST(unpack(in, step, &pieces) == ok);
	FUZZ_MUST(!ok || sl_str_eq(sl_buf_str(&whole), sl_buf_str(&pieces)));
	return 0;
}
