/*
 * Unpacking gzip (RFC 1952) piece by piece, several members one after the other, with limits
 * against files that unpack to far more than they are.
 */
#ifndef SL_COLLECT_GUNZIP_H
#define SL_COLLECT_GUNZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

struct sl_gunzip;

typedef bool (*sl_gunzip_sink)(void *ctx, struct sl_str bytes, struct sl_err *err);

/* True when these first bytes of a file are a gzip member's. */
bool sl_gunzip_is(struct sl_str first);
/* max_bytes: most that may come out. */
struct sl_gunzip *sl_gunzip_open(uint64_t max_bytes, sl_gunzip_sink sink, void *ctx);
/* SL_ERR_DATA: damaged, or beyond a limit. */
SL_NODISCARD bool sl_gunzip_feed(struct sl_gunzip *g, struct sl_str bytes, struct sl_err *err);
/* SL_ERR_DATA when the file ends inside a member. */
SL_NODISCARD bool sl_gunzip_end(struct sl_gunzip *g, struct sl_err *err);
void sl_gunzip_close(struct sl_gunzip *g);

#endif
