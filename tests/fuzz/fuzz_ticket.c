/*
 * Tickets in a queue: what is put is got, with any one bit turned or the end cut off it is none.
 */
#include "fuzz.h"
#include "store/ticket.h"

#define KEY "0123456789abcdef"

static void same(const struct sl_ticket *a, const struct sl_ticket *b)
{
	FUZZ_MUST(sl_str_eq(a->source, b->source) && sl_str_eq(a->chunk, b->chunk));
	FUZZ_MUST(a->entry == b->entry && a->part == b->part && a->offset == b->offset);
	FUZZ_MUST(sl_str_eq(a->input, b->input) && sl_str_eq(a->header, b->header));
	FUZZ_MUST(sl_str_eq(a->frames, b->frames) && a->last == b->last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sl_str hash =
		SL_STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	sl_cleanup(sl_buf_release) struct sl_buf body = SL_BUF_INIT;
	struct sl_str in = fuzz_input(data, size);
	struct sl_ticket got;

	(void)!sl_ticket_get(in, KEY, &got);
	const size_t where = fuzz_byte(&in) + (fuzz_byte(&in) << 8);
	const struct sl_ticket put = {.source = SL_STR("drop"),
				      .entry = fuzz_byte(&in),
				      .rev = hash,
				      .chunk = hash,
				      .part = fuzz_byte(&in),
				      .offset = fuzz_byte(&in),
				      .bytes = 1 + fuzz_byte(&in),
				      .last = fuzz_byte(&in) % 2,
				      .input = fuzz_part(&in),
				      .header = fuzz_part(&in),
				      .frames = in};
	if (put.input.n > SL_TICKET_INPUT)
		return 0;
	sl_ticket_put(&put, KEY, &body);
	FUZZ_MUST(sl_ticket_get(sl_buf_str(&body), KEY, &got));
	same(&put, &got);
	FUZZ_MUST(!sl_ticket_get(sl_str_sub(sl_buf_str(&body), 0, body.n - 1), KEY, &got));
	body.p[where % body.n] ^= (char)(1 << where % 8);
	FUZZ_MUST(!sl_ticket_get(sl_buf_str(&body), KEY, &got));
	return 0;
}
