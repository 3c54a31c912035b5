/*
 * Rows put aside, so that a database is not held while a slow target takes them: in memory, beyond
 * some MiB in a file without a name. Filled once, then read in the same order.
 */
#ifndef SL_PUBLISH_SPOOL_H
#define SL_PUBLISH_SPOOL_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

struct sl_spool {
	const char *dir; /* where the file may be made */
	int fd;		 /* -1: all of it is in memory */
	struct sl_buf rows;
};

#define SL_SPOOL_INIT(dir) {dir, -1, SL_BUF_INIT}

SL_NODISCARD bool sl_spool_add(struct sl_spool *s, const struct sl_str *cells, size_t n,
			       struct sl_err *err);

/* Calls row with the n cells of each. */
SL_NODISCARD bool sl_spool_each(struct sl_spool *s, size_t n,
				bool (*row)(void *ctx, const struct sl_str *cells,
					    struct sl_err *err),
				void *ctx, struct sl_err *err);
void sl_spool_release(struct sl_spool *s);

#endif
