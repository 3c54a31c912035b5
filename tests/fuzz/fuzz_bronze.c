/*
 * Bronze: a header whose checksum holds is refused, or is the same when it is written again; frames
 * unpack to as many bytes as the part has, or not at all.
 */
#include <xxhash.h>

#include "fuzz.h"
#include "store/bronze_header.h"

static bool same_part(const struct sl_part *a, const struct sl_part *b)
{
	return a->at == b->at && a->frames == b->frames && a->offset == b->offset &&
	       a->bytes == b->bytes && a->records == b->records && a->oversize == b->oversize &&
	       a->last == b->last;
}

static void header(struct sl_str json)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf payload = SL_BUF_INIT, again = SL_BUF_INIT;
	struct sl_chunk a, b;
	const char *why = NULL;

	sl_buf_addstr(&payload, json);
	sl_buf_addf(&payload, "\n");
	sl_buf_addf(&payload, "%016llx", (unsigned long long)XXH3_64bits(payload.p, payload.n));
	if (!sl_bronze_header_get(sl_buf_str(&payload), &arena, &a, &why)) {
		FUZZ_MUST(why);
		return;
	}
	sl_bronze_header_put(&a, "00", 0, &again);
	FUZZ_MUST(again.n > SL_SKIP_HEAD);
	const struct sl_str text = sl_str_sub(sl_buf_str(&again), SL_SKIP_HEAD, again.n);
	FUZZ_MUST(sl_bronze_header_get(text, &arena, &b, &why));
	FUZZ_MUST(a.n_parts == b.n_parts && a.bytes == b.bytes && a.records == b.records);
	FUZZ_MUST(sl_str_eq(a.header, b.header) && strcmp(a.id, b.id) == 0);
	for (size_t i = 0; i < a.n_parts; i++)
		FUZZ_MUST(same_part(&a.parts[i], &b.parts[i]));
}

static void frames(struct sl_str in)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	const uint64_t bytes = fuzz_byte(&in) + (fuzz_byte(&in) << 8);

	if (sl_bronze_unpack(in, bytes, &out, &err))
		FUZZ_MUST(out.n == bytes);
	else
		FUZZ_MUST(err.kind == SL_ERR_DATA);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_str in = fuzz_input(data, size);

	if (fuzz_byte(&in) % 2)
		header(in);
	else
		frames(in);
	return 0;
}
