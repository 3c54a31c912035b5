/*
 * How often and how many at a time a host is asked: a delay between two requests, most in flight,
 * a pause that the host asked for, and a circuit breaker: after `failures` bad requests in a row
 * the host rests, then one request probes it. Time is an argument (µs, monotonic).
 */
#ifndef SL_NET_RATE_H
#define SL_NET_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct sl_rate_conf {
	int64_t delay_us;   /* from start to start; 0: none */
	unsigned in_flight; /* at least 1 */
	unsigned failures;  /* in a row until it rests; 0: never */
	int64_t rest_us;
};

/* Zeroed before use. */
struct sl_rate {
	int64_t delay_us;  /* the host's own wish, when greater (robots.txt) */
	int64_t next_us;   /* the delay's end */
	int64_t paused_us; /* the pause's or rest's end */
	unsigned in_flight;
	unsigned bad; /* in a row */
};

#define SL_RATE_FULL INT64_MAX

/* 0: a request may start now; µs to wait; SL_RATE_FULL: not before one has ended. */
int64_t sl_rate_wait(const struct sl_rate *r, const struct sl_rate_conf *conf, int64_t now);
void sl_rate_begin(struct sl_rate *r, const struct sl_rate_conf *conf, int64_t now);
/* good: the host answered and was well. */
void sl_rate_end(struct sl_rate *r, const struct sl_rate_conf *conf, int64_t now, bool good);
/* The host asked for it. */
void sl_rate_pause(struct sl_rate *r, int64_t until);
int64_t sl_rate_paused(const struct sl_rate *r, int64_t now); /* µs left of it, or 0 */
bool sl_rate_resting(const struct sl_rate *r, const struct sl_rate_conf *conf);

#endif
