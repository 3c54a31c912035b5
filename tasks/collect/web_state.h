/*
 * Where a crawl stands between two steps: the next list page, which pages and records were seen,
 * how many there are. It is the continuation that bronze keeps (tasks/collect/collect.h),
 * so a killed crawl goes on from it.
 */
#ifndef SL_COLLECT_WEB_STATE_H
#define SL_COLLECT_WEB_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Short hashes of what was seen: 48 bits each, so that among 10,000 two are alike once in six
 * million crawls. */
struct sl_web_seen {
	uint64_t *v;
	size_t n, cap;
};

struct sl_web_state {
	struct sl_buf url; /* next list page; empty: the next start */
	size_t start;	   /* place of the next start to be taken */
	uint64_t lists;	   /* list pages asked for */
	uint64_t records;  /* kept */
	bool partial;	   /* something was left out */
	struct sl_web_seen pages, keys;
};

/* text: NULL at the crawl's begin. SL_ERR_DATA: no continuation of ours. */
SL_NODISCARD bool sl_web_state_read(struct sl_web_state *s, const char *text, struct sl_err *err);
void sl_web_state_write(const struct sl_web_state *s, struct sl_buf *out);
void sl_web_state_release(struct sl_web_state *s);

/* True when it was not seen before; it is now. */
bool sl_web_first_time(struct sl_web_seen *seen, struct sl_str what);
bool sl_web_was_seen(const struct sl_web_seen *seen, struct sl_str what);

#endif
