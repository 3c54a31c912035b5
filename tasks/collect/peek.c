/*
 * Looks at a source: see peek.h. The cutter is asked piece by piece where records end, as the
 * packer asks it; what it has told is kept until there are records enough.
 */
#include "tasks/collect/peek.h"

#include "data/batch.h"
#include "tasks/collect/session.h"

/* One look. tap is the first member, so that a tap is the look. */
struct look {
	struct sl_tap tap;
	const struct sl_source *source;
	size_t limit;
	struct sl_peek *ret;
	struct sl_cutter cutter;
	bool header_open;
	size_t whole; /* bytes of ret->bytes that are whole records */
	bool found;   /* the error at hand only ends the listing */
	size_t inputs, fresh;
};

static struct look *look_of(struct sl_tap *tap)
{
	return (struct look *)(void *)tap;
}

static bool found(struct look *l, struct sl_err *err)
{
	l->ret->bytes.n = l->whole;
	l->found = true;
	return sl_err_set(err, SL_ERR_CANCELLED, "seen enough");
}

/* --- the first records --- */

static bool skip_known(struct sl_tap *tap, const char *input, bool known)
{
	(void)input;
	look_of(tap)->ret->listed = true;
	return known && !tap->any;
}

static void forget(struct sl_tap *tap)
{
	struct look *l = look_of(tap);

	if (l->found) /* the listing was ended by us: the source takes it for a failure */
		return;
	sl_buf_clear(&l->ret->header);
	sl_buf_clear(&l->ret->bytes);
	l->ret->offset = l->ret->records = 0;
	l->whole = 0;
	l->cutter = (struct sl_cutter){0};
	l->header_open = l->source->codec->has_header &&
			 l->source->codec->has_header(l->source->codec_params);
}

static bool begin(struct sl_tap *tap, const char *file, struct sl_err *err)
{
	struct look *l = look_of(tap);

	(void)err;
	forget(tap);
	sl_buf_clear(&l->ret->input);
	sl_buf_adds(&l->ret->input, file);
	return true;
}

/* The bytes up to end are the header record, or blank lines before it. */
static void take_header(struct look *l, size_t end, bool blank)
{
	struct sl_buf *bytes = &l->ret->bytes;

	if (!blank) {
		sl_buf_add(&l->ret->header, bytes->p, end);
		l->header_open = false;
	}
	memmove(bytes->p, bytes->p + end, bytes->n - end);
	bytes->n -= end;
	l->ret->offset += end;
}

static bool too_large(const struct look *l, struct sl_err *err)
{
	return sl_err_set(err, SL_ERR_DATA, "the first record of \"%s\" is larger than %zu bytes",
			  sl_buf_z(&l->ret->input), SL_PART_BYTES);
}

/* Records end where the cutter says so. True when there are enough, or the next one is too large.
 */
static bool cut(struct look *l, size_t from)
{
	struct sl_buf *bytes = &l->ret->bytes;
	const struct sl_codec *codec = l->source->codec;
	struct sl_cut_event ev;

	while (from < bytes->n &&
	       codec->cut(l->source->codec_params, &l->cutter, bytes->p, from, bytes->n, &ev)) {
		from = ev.end;
		if (l->header_open) {
			take_header(l, ev.end, ev.blank);
			from = 0;
			continue;
		}
		if (ev.end - l->whole > SL_PART_BYTES)
			return true;
		l->whole = ev.end;
		l->ret->records += !ev.blank;
		if (l->ret->records == l->limit)
			return true;
	}
	return false;
}

static bool take_bytes(struct sl_tap *tap, struct sl_str piece, struct sl_err *err)
{
	struct look *l = look_of(tap);
	const size_t from = l->ret->bytes.n;

	sl_buf_addstr(&l->ret->bytes, piece);
	if (!cut(l, from) && l->ret->bytes.n - l->whole <= SL_PART_BYTES)
		return true;
	return l->whole > 0 ? found(l, err) : too_large(l, err);
}

/* Would what is left be blank if its line ended here? */
static bool rest_is_blank(const struct look *l)
{
	struct sl_cutter copy = l->cutter;
	struct sl_cut_event ev;

	if (l->source->codec->cut(l->source->codec_params, &copy, "\n", 0, 1, &ev))
		return ev.blank;
	return sl_str_trim(sl_str_sub(sl_buf_str(&l->ret->bytes), l->whole, l->ret->bytes.n)).n ==
	       0;
}

static bool end_file(struct sl_tap *tap, struct sl_err *err)
{
	struct look *l = look_of(tap);

	if (l->ret->bytes.n > l->whole) {
		const bool blank = rest_is_blank(l);

		l->whole = l->ret->bytes.n;
		if (l->header_open)
			take_header(l, l->whole, blank);
		else
			l->ret->records += !blank;
		l->whole = l->ret->bytes.n;
	}
	l->ret->last = true;
	return found(l, err);
}

/* --- both looks --- */

static bool execute(struct sl_run *run, struct look *l, struct sl_err *err)
{
	struct sl_collect c;
	uint64_t newest = 0;

	sl_collect_init(&c, run, l->source);
	c.tap = &l->tap;
	bool ok = !run->home.shared || (sl_log_newest(&run->home, l->source->name, &newest, err) &&
					sl_collect_restart(&c, newest, err));
	ok = ok && l->source->kind->collect(l->source->params, &c, err);
	sl_collect_release(&c);
	if (!ok && l->found) {
		sl_err_clear(err);
		ok = true;
	}
	return ok;
}

bool sl_peek_first(struct sl_run *run, const struct sl_source *source, size_t limit, bool any,
		   struct sl_peek *ret, bool *ret_found, struct sl_err *err)
{
	struct look l = {
		.tap = {limit, any, skip_known, begin, take_bytes, end_file, forget},
		.source = source,
		.limit = limit,
		.ret = ret,
	};

	*ret = (struct sl_peek){.last = false};
	if (!execute(run, &l, err))
		return false;
	memset(sl_buf_room(&ret->bytes, SL_DECODE_PADDING), 0, SL_DECODE_PADDING);
	*ret_found = l.found;
	return true;
}

void sl_peek_release(struct sl_peek *p)
{
	sl_buf_release(&p->input);
	sl_buf_release(&p->header);
	sl_buf_release(&p->bytes);
}

static bool count(struct sl_tap *tap, const char *input, bool known)
{
	struct look *l = look_of(tap);

	(void)input;
	l->inputs++;
	l->fresh += !known;
	return true;
}

bool sl_peek_count(struct sl_run *run, const struct sl_source *source, size_t *ret_inputs,
		   size_t *ret_new, struct sl_err *err)
{
	struct sl_peek none = {.last = false};
	struct look l = {
		.tap = {0, false, count, begin, take_bytes, end_file, forget},
		.source = source,
		.ret = &none,
	};
	const bool ok = execute(run, &l, err);

	sl_peek_release(&none);
	*ret_inputs = l.inputs;
	*ret_new = l.fresh;
	return ok;
}
