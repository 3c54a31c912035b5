/*
 * robots.txt: what a site lets a robot of our name fetch. Source: RFC 9309; Crawl-delay, which is
 * not in it, is obeyed too.
 */
#ifndef SL_NET_ROBOTS_H
#define SL_NET_ROBOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define SL_ROBOTS_MAX ((size_t)500 << 10) /* bytes that are read; §2.5 asks for no less */

struct sl_robots;

/* Reads the first SL_ROBOTS_MAX bytes; nothing in them is an error. agent: the product token,
 * "sluice". Returns owned. */
struct sl_robots *sl_robots_parse(struct sl_str text, const char *agent);
void sl_robots_free(struct sl_robots *r);

/*
 * target: path and query as they are asked for, "/a?b". The longest matching pattern decides, Allow
 * in a tie, yes when none matches; /robots.txt itself always. Both sides are compared in the normal
 * form of their percent-encoding.
 */
bool sl_robots_allows(const struct sl_robots *r, struct sl_str target);

/* µs between two requests, 0: not said; at most a day. */
int64_t sl_robots_delay(const struct sl_robots *r);

#endif
