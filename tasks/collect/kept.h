/*
 * Small chunks that this execution wrote, kept for the tickets that will carry them: reading each
 * one back is a question or two, which is dear where bronze lies in a bucket. Bounded; whatever is
 * not kept is read.
 */
#ifndef SL_COLLECT_KEPT_H
#define SL_COLLECT_KEPT_H

#include <stdint.h>

#include "store/bronze.h"

struct sl_kept; /* NULL: nothing is kept */

struct sl_kept *sl_kept_new(uint64_t max); /* bytes; returns owned, NULL when max is 0 */
void sl_kept_free(struct sl_kept **k);

/* Copies the chunk and its frames while there is room. */
void sl_kept_add(struct sl_kept *k, const struct sl_chunk *c, struct sl_str frames);
/* NULL when it is not kept. *ret_frames: of all its parts, one after the other. Both live as long as
 * k. Nothing is added after the first look. */
const struct sl_chunk *sl_kept_find(struct sl_kept *k, const char *id, struct sl_str *ret_frames);

#endif
