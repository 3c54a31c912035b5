/*
 * Packs a text, as one gzip member.
 */
#ifndef GZIP_SUPPORT_H
#define GZIP_SUPPORT_H

#include <zlib.h>

#include "base/buf.h"

static inline void pack_gzip(struct sl_str s, struct sl_buf *out)
{
	z_stream z = {0};
	size_t bound = s.n + 1024;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)s.p;
	z.avail_in = (uInt)s.n;
	z.next_out = (Bytef *)sl_buf_room(out, bound);
	z.avail_out = (uInt)bound;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	sl_buf_grew(out, z.total_out);
	deflateEnd(&z);
}

#endif
