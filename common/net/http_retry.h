/*
 * When and how long to wait before a request is sent again. Pure functions: time and chance are
 * arguments.
 */
#ifndef SL_NET_HTTP_RETRY_H
#define SL_NET_HTTP_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/str.h"

#define SL_BACKOFF_BASE_US (SL_SECOND / 2)
#define SL_BACKOFF_MAX_US (30 * SL_SECOND)

/* 408, 425, 429, 500, 502, 503 and 504 may be another answer later. */
bool sl_retry_status(int status);

/* GET, HEAD, PUT, DELETE, OPTIONS: sending it twice is as good as once (RFC 9110 §9.2.2). */
bool sl_retry_method(const char *method);

/*
 * Retry-After: seconds (also with a fraction, which servers send) or a date, from which date, the
 * answer's own Date, is taken; now when that is absent or wrong. µs, or -1 when the value says
 * nothing: absent, malformed, negative, or in the past. Source: RFC 9110 §10.2.3.
 */
int64_t sl_retry_after(struct sl_str value, struct sl_str date, sl_time now);

/* Full jitter: evenly spread over (0, base × 2^attempt], at most (0, max]; attempt from 0. Source:
 * M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015. */
int64_t sl_backoff(unsigned attempt, uint32_t chance);

/* IMF-fixdate and the two obsolete forms (RFC 9110 §5.6.7). now: for two-digit years. */
SL_NODISCARD bool sl_http_date(struct sl_str text, sl_time now, sl_time *ret);

#endif
