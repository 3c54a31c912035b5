/*
 * For the targets of codecs: an input is cut in pieces as collect does, and its records are decoded
 * as one part as normalize does.
 */
#ifndef FUZZ_CODEC_H
#define FUZZ_CODEC_H

#include "data/codec.h"
#include "fuzz.h"

#define FUZZ_ROWS 8192 /* more than libFuzzer's longest input has bytes */

/* Where records end in in, cut in pieces of step bytes, each an allocation of its own. */
static inline size_t fuzz_cut(const struct sl_codec *codec, const void *params, struct sl_str in,
			      size_t step, struct sl_buf *ends)
{
	struct sl_cutter c = {{0}};
	struct sl_cut_event ev = {0};
	size_t records = 0, last = 0;

	for (size_t base = 0; base < in.n; base += step) {
		const size_t n = in.n - base < step ? in.n - base : step;
		char *piece = sl_xmalloc(n);

		memcpy(piece, in.p + base, n);
		for (size_t from = 0; codec->cut(params, &c, piece, from, n, &ev); from = ev.end) {
			FUZZ_MUST(ev.end >= from && ev.end <= n);
			last = base + ev.end;
			if (ev.blank)
				continue;
			sl_buf_add(ends, &last, sizeof(last));
			records++;
		}
		free(piece);
	}
	if (in.n > last && !(codec->cut(params, &c, "\n", 0, 1, &ev) && ev.blank)) {
		sl_buf_add(ends, &in.n, sizeof(in.n));
		records++;
	}
	return records;
}

/* Whatever the pieces, the records are those of the whole; returns how many. */
static inline size_t fuzz_same_cuts(const struct sl_codec *codec, const void *params,
				    struct sl_str in, size_t step)
{
	sl_cleanup(sl_buf_release) struct sl_buf whole = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf pieces = SL_BUF_INIT;
	const size_t records = fuzz_cut(codec, params, in, in.n + 1, &whole);

	FUZZ_MUST(fuzz_cut(codec, params, in, step, &pieces) == records);
	FUZZ_MUST(sl_str_eq(sl_buf_str(&whole), sl_buf_str(&pieces)));
	return records;
}

/* The input as a part: padded, in an allocation of its own. */
static inline char *fuzz_padded(struct sl_str in, char padding)
{
	char *p = sl_xmalloc(in.n + SL_DECODE_PADDING);

	memcpy(p, in.p, in.n);
	memset(p + in.n, padding, SL_DECODE_PADDING);
	return p;
}

#endif
