/*
 * Encodings: pieces of an input become what the whole does; turned texts and repaired ones are
 * UTF-8, and repairing what is whole changes nothing.
 */
#include "data/encoding.h"
#include "fuzz.h"

static void recode(enum sl_encoding e, struct sl_str in, size_t step, struct sl_buf *all)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	struct sl_recoder r = {.encoding = e};

	for (size_t at = 0; at < in.n; at += step)
		sl_buf_addstr(all, sl_recode(&r, sl_str_sub(in, at, step), false, &out));
	sl_buf_addstr(all, sl_recode(&r, SL_STR(""), true, &out));
}

static void repaired(struct sl_str in)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	const struct sl_str out = sl_utf8_repaired(in, &arena);

	FUZZ_MUST(sl_utf8_valid(out, NULL));
	if (sl_utf8_valid(in, NULL))
		FUZZ_MUST(sl_str_eq(in, out));
	for (int e = SL_ENCODING_WINDOWS_1252; e <= SL_ENCODING_ISO_8859_15; e++)
		FUZZ_MUST(sl_utf8_valid(sl_encoding_text(e, in, &arena), NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sl_cleanup(sl_buf_release) struct sl_buf whole = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf pieces = SL_BUF_INIT;
	struct sl_str in = fuzz_input(data, size);
	const unsigned choice = fuzz_byte(&in);

	recode(choice % 4, in, in.n + 1, &whole);
	recode(choice % 4, in, 1 + choice / 4 % 16, &pieces);
	FUZZ_MUST(sl_str_eq(sl_buf_str(&whole), sl_buf_str(&pieces)));
	repaired(in);
	return 0;
}
