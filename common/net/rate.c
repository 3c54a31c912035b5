/* One host's rate: every rule becomes a time before which nothing starts. */
#include "net/rate.h"

bool sl_rate_resting(const struct sl_rate *r, const struct sl_rate_conf *conf)
{
	return conf->failures && r->bad >= conf->failures;
}

int64_t sl_rate_wait(const struct sl_rate *r, const struct sl_rate_conf *conf, int64_t now)
{
	unsigned most = sl_rate_resting(r, conf) ? 1 : conf->in_flight;

	if (r->in_flight >= most)
		return SL_RATE_FULL;
	int64_t from = r->next_us > r->paused_us ? r->next_us : r->paused_us;
	return from > now ? from - now : 0;
}

int64_t sl_rate_paused(const struct sl_rate *r, int64_t now)
{
	return r->paused_us > now ? r->paused_us - now : 0;
}

void sl_rate_begin(struct sl_rate *r, const struct sl_rate_conf *conf, int64_t now)
{
	int64_t delay = r->delay_us > conf->delay_us ? r->delay_us : conf->delay_us;

	r->in_flight++;
	r->next_us = now + delay;
}

void sl_rate_end(struct sl_rate *r, const struct sl_rate_conf *conf, int64_t now, bool good)
{
	r->in_flight--;
	r->bad = good ? 0 : r->bad + 1;
	if (sl_rate_resting(r, conf))
		sl_rate_pause(r, now + conf->rest_us);
}

void sl_rate_pause(struct sl_rate *r, int64_t until)
{
	if (until > r->paused_us)
		r->paused_us = until;
}
