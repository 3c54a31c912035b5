/*
 * gzip by zlib, with a limit on what comes out and on its ratio to what went in.
 */
#include "tasks/collect/gunzip.h"

#define ZLIB_CONST
#include <zlib.h>

#include "base/mem.h"

#define OUT_BYTES ((size_t)256 << 10)
#define RATIO 1000 /* deflate reaches 1032 on zeros; data that people keep stay below 100 */
#define RATIO_FREE ((uint64_t)16 << 20) /* bytes that may come out whatever the ratio */

struct sl_gunzip {
	z_stream z;
	bool inside; /* a member has begun and not ended */
	uint64_t in, out, max;
	sl_gunzip_sink sink;
	void *ctx;
	unsigned char buf[OUT_BYTES];
};

bool sl_gunzip_is(struct sl_str first)
{
	return first.n >= 2 && first.p[0] == '\x1f' && first.p[1] == '\x8b';
}

struct sl_gunzip *sl_gunzip_open(uint64_t max_bytes, sl_gunzip_sink sink, void *ctx)
{
	struct sl_gunzip *g = sl_xcalloc(1, sizeof(*g));

	g->max = max_bytes;
	g->sink = sink;
	g->ctx = ctx;
	if (inflateInit2(&g->z, 15 + 16) != Z_OK) /* 16: gzip wrapper only */
		SL_BUG("out of memory for unpacking");
	return g;
}

void sl_gunzip_close(struct sl_gunzip *g)
{
	if (!g)
		return;
	inflateEnd(&g->z);
	free(g);
}

static bool check_limits(const struct sl_gunzip *g, struct sl_err *err)
{
	if (g->out > g->max) {
		sl_err_set(err, SL_ERR_DATA, "it unpacks to more than %" PRIu64 " bytes", g->max);
		return sl_err_hint(err, "raise the source's max_bytes if that is meant");
	}
	if (g->out > RATIO_FREE && g->out / RATIO > g->in)
		return sl_err_set(err, SL_ERR_DATA, "it unpacks to more than %d times its size",
				  RATIO);
	return true;
}

/* Inflates until the output is full, the input used up, or the member at its end. */
static bool step(struct sl_gunzip *g, struct sl_err *err)
{
	unsigned before = g->z.avail_in;

	g->z.next_out = g->buf;
	g->z.avail_out = OUT_BYTES;
	int r = inflate(&g->z, Z_NO_FLUSH);
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return sl_err_set(err, SL_ERR_DATA, "its gzip data are damaged: %s",
				  g->z.msg ? g->z.msg : "unknown form");
	size_t n = OUT_BYTES - g->z.avail_out;
	g->in += before - g->z.avail_in;
	g->out += n;
	g->inside = r != Z_STREAM_END;
	if (!check_limits(g, err))
		return false;
	return n == 0 || g->sink(g->ctx, (struct sl_str){(const char *)g->buf, n}, err);
}

/* Behind a member: another one, or the zeros with which tapes and block devices fill up. */
static bool next_member(struct sl_gunzip *g, struct sl_err *err)
{
	while (g->z.avail_in && *g->z.next_in == 0) {
		g->z.next_in++;
		g->z.avail_in--;
	}
	if (g->z.avail_in == 0)
		return true;
	if (*g->z.next_in != 0x1f)
		return sl_err_set(err, SL_ERR_DATA, "other bytes follow its gzip data");
	inflateReset(&g->z);
	g->inside = true;
	return true;
}

bool sl_gunzip_feed(struct sl_gunzip *g, struct sl_str bytes, struct sl_err *err)
{
	g->z.next_in = (const unsigned char *)bytes.p;
	g->z.avail_in = (unsigned)bytes.n;
	do {
		if (!g->inside && !next_member(g, err))
			return false;
		if (g->inside && !step(g, err))
			return false;
	} while (g->z.avail_in || (g->inside && g->z.avail_out == 0));
	return true;
}

bool sl_gunzip_end(struct sl_gunzip *g, struct sl_err *err)
{
	return !g->inside || sl_err_set(err, SL_ERR_DATA, "its gzip data are cut off");
}
