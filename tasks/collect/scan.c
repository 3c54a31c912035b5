/*
 * Scan: see scan.h. A tap that cuts an input into records as the packer does, and gives them on
 * when there are enough.
 */
#include "tasks/collect/scan.h"

#include "data/batch.h"
#include "tasks/collect/session.h"

#define ENOUGH ((size_t)256 << 10) /* bytes that make a part */
#define ENOUGH_ROWS 4096

/* tap is the first member, so that a tap is the scan. */
struct scan {
	struct sl_tap tap;
	const struct sl_source *source;
	bool (*take)(void *ctx, const struct sl_scan_part *part, struct sl_err *err);
	void *ctx;
	struct sl_buf input, header, bytes;
	size_t whole, rows; /* bytes and records in bytes that are whole */
	struct sl_cutter cutter;
	bool header_open;
};

static struct scan *scan_of(struct sl_tap *tap)
{
	return (struct scan *)(void *)tap;
}

static bool read_all(struct sl_tap *tap, const char *input, bool known)
{
	(void)tap, (void)input, (void)known;
	return false;
}

static void forget(struct sl_tap *tap)
{
	struct scan *s = scan_of(tap);
	const struct sl_codec *codec = s->source->codec;

	sl_buf_clear(&s->header);
	sl_buf_clear(&s->bytes);
	s->whole = s->rows = 0;
	s->cutter = (struct sl_cutter){0};
	s->header_open = codec->has_header && codec->has_header(s->source->codec_params);
}

static bool begin(struct sl_tap *tap, const char *file, struct sl_err *err)
{
	struct scan *s = scan_of(tap);

	(void)err;
	forget(tap);
	sl_buf_clear(&s->input);
	sl_buf_adds(&s->input, file);
	return true;
}

/* The whole records go to take; what has come of the next one stays. */
static bool hand_over(struct scan *s, bool last, struct sl_err *err)
{
	const size_t rest = s->bytes.n - s->whole;
	sl_cleanup(sl_buf_release) struct sl_buf next = SL_BUF_INIT;

	sl_buf_add(&next, s->bytes.p ? s->bytes.p + s->whole : "", rest);
	s->bytes.n = s->whole;
	memset(sl_buf_room(&s->bytes, SL_DECODE_PADDING), 0, SL_DECODE_PADDING);
	const struct sl_scan_part part = {
		.input = sl_buf_z(&s->input),
		.header = s->header.n ? sl_buf_str(&s->header) : SL_STR_NULL,
		.bytes = sl_buf_str(&s->bytes),
		.last = last,
	};
	if (!s->take(s->ctx, &part, err))
		return false;
	sl_buf_clear(&s->bytes);
	sl_buf_addstr(&s->bytes, sl_buf_str(&next));
	s->whole = s->rows = 0;
	return true;
}

/* The bytes up to end are a record, the header, or blank. */
static void note(struct scan *s, size_t end, bool blank)
{
	if (!s->header_open) {
		s->whole = end;
		s->rows += !blank;
		return;
	}
	if (!blank)
		sl_buf_add(&s->header, s->bytes.p, end);
	s->header_open = blank;
	memmove(s->bytes.p, s->bytes.p + end, s->bytes.n - end);
	s->bytes.n -= end;
}

static bool take_bytes(struct sl_tap *tap, struct sl_str piece, struct sl_err *err)
{
	struct scan *s = scan_of(tap);
	const struct sl_codec *codec = s->source->codec;
	size_t from = s->bytes.n;
	struct sl_cut_event ev;

	sl_buf_addstr(&s->bytes, piece);
	while (from < s->bytes.n &&
	       codec->cut(s->source->codec_params, &s->cutter, s->bytes.p, from, s->bytes.n, &ev)) {
		const bool header = s->header_open;

		note(s, ev.end, ev.blank);
		from = header ? 0 : ev.end;
		if (s->whole < ENOUGH && s->rows < ENOUGH_ROWS)
			continue;
		if (!hand_over(s, false, err))
			return false;
		from = 0;
	}
	if (s->bytes.n - s->whole <= SL_PART_BYTES)
		return true;
	return sl_err_set(err, SL_ERR_DATA, "a record of \"%s\" is larger than %zu bytes",
			  sl_buf_z(&s->input), SL_PART_BYTES);
}

static bool end_file(struct sl_tap *tap, struct sl_err *err)
{
	struct scan *s = scan_of(tap);

	if (s->bytes.n > s->whole)
		note(s, s->bytes.n, sl_str_trim(sl_buf_str(&s->bytes)).n == 0);
	return hand_over(s, true, err);
}

bool sl_scan(struct sl_run *run, const struct sl_source *source,
	     bool (*take)(void *ctx, const struct sl_scan_part *part, struct sl_err *err),
	     void *ctx, struct sl_err *err)
{
	struct scan s = {
		.tap = {0, true, read_all, begin, take_bytes, end_file, forget},
		.source = source,
		.take = take,
		.ctx = ctx,
	};
	struct sl_collect c;

	sl_collect_init(&c, run, source);
	c.tap = &s.tap;
	const bool ok = source->kind->collect(source->params, &c, err);
	sl_collect_release(&c);
	sl_buf_release(&s.input);
	sl_buf_release(&s.header);
	sl_buf_release(&s.bytes);
	return ok;
}
