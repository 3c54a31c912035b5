/*
 * robots.txt inside the client: asked for before a host's first request, obeyed for every request
 * and redirect target. Until it has come the host's queue waits. A 4xx allows everything; when it
 * cannot be had, nothing is fetched (RFC 9309 §2.3.1.3, §2.3.1.4). 429 counts as "cannot be had".
 */
#include "base/mem.h"
#include "net/http_private.h"
#include "net/robots.h"

#define AGENT "sluice"
#define KEPT_US SL_DAY			 /* §2.4 */
#define ASKED_AGAIN_US (600 * SL_SECOND) /* when it could not be had */

static void read_answer(struct sl_host *host, const struct sl_http_answer *a)
{
	struct sl_str text = a->status < 300 ? sl_buf_str(&a->body) : SL_STR_NULL;

	sl_robots_free(host->robots);
	host->robots = sl_robots_parse(text, AGENT);
	host->rate.delay_us = sl_robots_delay(host->robots);
	host->robots_state = SL_ROBOTS_KNOWN;
	host->robots_until = sl_clock_monotonic() + KEPT_US;
}

static void close_host(struct sl_host *host, const struct sl_err *why)
{
	host->robots_err = *why;
	host->robots_state = SL_ROBOTS_CLOSED;
	host->robots_until = sl_clock_monotonic() + ASKED_AGAIN_US;
}

static bool robots_done(void *ctx, struct sl_http_answer *a, const struct sl_err *failure,
			struct sl_err *err)
{
	struct sl_host *host = ctx;
	struct sl_err refused = SL_ERR_INIT;

	(void)err;
	if (failure)
		close_host(host, failure);
	else if ((a->status >= 500 || a->status == 429) &&
		 !sl_http_expect(&host->robots_req, a, &refused))
		close_host(host, &refused);
	else
		read_answer(host, a);
	return true;
}

static bool ask(struct sl_http *h, struct sl_host *host, struct sl_err *err)
{
	struct sl_flight *f = sl_xcalloc(1, sizeof(*f));

	if (!host->robots_req.url)
		host->robots_req = (struct sl_http_request){
			.method = "GET", .url = sl_xasprintf("%srobots.txt", host->key)};
	f->asked = &host->robots_req;
	f->done = robots_done;
	f->ctx = host;
	f->for_robots = true;
	sl_flight_init(f);
	host->robots_state = SL_ROBOTS_ASKED;
	h->n_pending++;
	return sl_flight_queue(h, f, true, err);
}

static struct sl_str target_of(const struct sl_flight *f)
{
	struct sl_str url = sl_str_of(f->x.req.url);
	struct sl_err ignored = SL_ERR_INIT;
	struct sl_uri u;

	if (!sl_uri_parse(url, &u, &ignored) || !u.path.n)
		return SL_STR("/");
	size_t from = (size_t)(u.path.p - url.p), n = u.path.n + (u.query.p ? 1 + u.query.n : 0);
	return sl_str_sub(url, from, n);
}

static enum sl_robots_verdict judge(const struct sl_host *host, struct sl_flight *f)
{
	sl_cleanup(sl_buf_release) struct sl_buf place = SL_BUF_INIT;

	if (host->robots_state == SL_ROBOTS_CLOSED) {
		f->x.err = host->robots_err;
		sl_err_prefix(&f->x.err, "robots.txt comes first");
		return SL_ROBOTS_NO;
	}
	if (sl_robots_allows(host->robots, target_of(f)))
		return SL_ROBOTS_YES;
	sl_uri_add_safe(&place, sl_str_of(f->x.req.url));
	sl_err_set(&f->x.err, SL_ERR_AUTH, "cannot %s \"%s\": the site's robots.txt forbids it",
		   f->x.req.method, sl_buf_z(&place));
	f->answer.forbidden = true;
	return SL_ROBOTS_NO;
}

bool sl_robots_ask(struct sl_http *h, struct sl_flight *f, int64_t now, enum sl_robots_verdict *ret,
		   struct sl_err *err)
{
	struct sl_host *host = f->host;
	bool old = host->robots_state != SL_ROBOTS_ASKED && now >= host->robots_until;

	*ret = SL_ROBOTS_YES;
	if (!h->conf.robots || f->for_robots)
		return true;
	*ret = SL_ROBOTS_WAIT;
	if (host->robots_state == SL_ROBOTS_UNKNOWN || old)
		return ask(h, host, err);
	if (host->robots_state != SL_ROBOTS_ASKED)
		*ret = judge(host, f);
	return true;
}
