/*
 * Lines of an input: people look for a rejected record in an editor, which counts lines, while we
 * count bytes. Counted from bronze when somebody asks, so nothing is kept for it.
 */
#ifndef SL_STORE_LINE_H
#define SL_STORE_LINE_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "store/home.h"
#include "store/log.h"

struct sl_lines;

/* Of one input of an entry; all three are borrowed until close. */
struct sl_lines *sl_lines_open(const struct sl_home *home, const char *source,
			       const struct sl_log_input *input); /* returns owned */
void sl_lines_close(struct sl_lines *l);			  /* NULL is fine */

/*
 * *ret: the line, from 1, in which byte offset stands; 0 when that cannot be told: lines before the
 * header that are no part of it, or an oversize record before. Ascending offsets read the input
 * once, a smaller one starts over. SL_ERR_IO: a chunk is missing or damaged.
 */
SL_NODISCARD bool sl_lines_at(struct sl_lines *l, uint64_t offset, uint64_t *ret,
			      struct sl_err *err);

#endif
