/*
 * Who may start: each host has its queue and its rate, the client a limit over all. What waits for
 * another attempt comes back to the front of its host's queue.
 */
#include "base/mem.h"
#include "net/http_private.h"

void sl_flight_free(struct sl_flight *f)
{
	sl_http_answer_release(&f->answer);
	sl_arena_release(&f->arena);
	free(f);
}

void sl_flight_init(struct sl_flight *f)
{
	f->x.req = *f->asked;
	f->x.answer = &f->answer;
	f->x.owner = f;
}

static struct sl_host *find_host(struct sl_http *h, const struct sl_uri *u)
{
	sl_cleanup(sl_buf_release) struct sl_buf key = SL_BUF_INIT;
	struct sl_uri root = {.scheme = u->scheme, .host = u->host, .port = sl_uri_port(u)};
	struct sl_host *host = h->hosts;

	sl_uri_normal(&root, &key);
	while (host && strcmp(host->key, key.p) != 0)
		host = host->next;
	if (host)
		return host;
	host = sl_xcalloc(1, sizeof(*host));
	host->key = sl_buf_detach(&key);
	host->last = &host->first;
	host->next = h->hosts;
	h->hosts = host;
	return host;
}

static void put_first(struct sl_host *host, struct sl_flight *f)
{
	f->next = host->first;
	host->first = f;
	if (!f->next)
		host->last = &f->next;
}

static void put_last(struct sl_host *host, struct sl_flight *f)
{
	f->next = NULL;
	*host->last = f;
	host->last = &f->next;
}

bool sl_flight_queue(struct sl_http *h, struct sl_flight *f, bool before, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf place = SL_BUF_INIT;
	struct sl_uri u;

	sl_uri_add_safe(&place, sl_str_of(f->x.req.url));
	if (!sl_uri_parse(sl_str_of(f->x.req.url), &u, err)) {
		err->kind = SL_ERR_CONFIG;
		return sl_err_prefix(err, "cannot request \"%s\"", sl_buf_z(&place));
	}
	if (!sl_uri_is_http(&u))
		return sl_err_set(err, SL_ERR_CONFIG, "cannot request \"%s\": not http or https",
				  sl_buf_z(&place));
	f->host = find_host(h, &u);
	f->state = SL_FLIGHT_QUEUED;
	if (before)
		put_first(f->host, f);
	else
		put_last(f->host, f);
	return true;
}

static void unlink_from(struct sl_flight **at, struct sl_flight *f)
{
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
}

static void remove_queued(struct sl_host *host, struct sl_flight *f)
{
	struct sl_flight **end = &host->first;

	unlink_from(&host->first, f);
	while (*end)
		end = &(*end)->next;
	host->last = end;
}

void sl_flight_remove(struct sl_http *h, struct sl_flight *f)
{
	switch (f->state) {
	case SL_FLIGHT_QUEUED:
		remove_queued(f->host, f);
		return;
	case SL_FLIGHT_DELAYED:
		unlink_from(&h->delayed, f);
		return;
	case SL_FLIGHT_FLYING:
		unlink_from(&h->flying, f);
		h->n_flying--;
		if (f->x.engine) { /* not ended: dropped by its owner */
			h->engine->drop(h->wire, &f->x);
			f->host->rate.in_flight--;
		}
	}
}

bool sl_flight_finish(struct sl_http *h, struct sl_flight *f, struct sl_err *err)
{
	h->n_pending--;
	f->answer.url = sl_arena_strdup(&f->answer.arena, f->x.req.url);
	f->answer.exchanges = f->exchanges;
	bool ok = f->done(f->ctx, &f->answer, f->x.err.kind == SL_ERR_NONE ? NULL : &f->x.err, err);
	sl_flight_free(f);
	return ok;
}

static void wake_delayed(struct sl_http *h, int64_t now, int64_t *wait)
{
	for (struct sl_flight **at = &h->delayed, *f; (f = *at);) {
		if (f->ready > now) {
			*wait = f->ready - now < *wait ? f->ready - now : *wait;
			at = &f->next;
			continue;
		}
		*at = f->next;
		f->state = SL_FLIGHT_QUEUED;
		put_first(f->host, f);
	}
}

static struct sl_flight *take_first(struct sl_host *host)
{
	struct sl_flight *f = host->first;

	host->first = f->next;
	if (!host->first)
		host->last = &host->first;
	return f;
}

/* The validators become headers like any others. Only at the first start: what waits is small. */
static void add_validators(struct sl_flight *f)
{
	const struct sl_http_request *asked = f->asked;
	size_t n = asked->n_fields;

	if (!asked->etag && !asked->last_modified)
		return;
	struct sl_http_field *fields = sl_arena_zalloc(&f->arena, n + 2, sizeof(*fields));
	if (n)
		memcpy(fields, asked->fields, n * sizeof(*fields));
	if (asked->etag)
		fields[n++] = (struct sl_http_field){.name = "If-None-Match", .value = asked->etag};
	if (asked->last_modified)
		fields[n++] = (struct sl_http_field){.name = "If-Modified-Since",
						     .value = asked->last_modified};
	f->x.req.fields = fields;
	f->x.req.n_fields = n;
}

static bool start(struct sl_http *h, struct sl_host *host, int64_t now, struct sl_err *err)
{
	struct sl_flight *f = take_first(host);

	if (!f->deadline) {
		f->deadline = now + h->conf.budget_us;
		add_validators(f);
	}
	f->exchanges++;
	f->state = SL_FLIGHT_FLYING;
	f->next = h->flying;
	h->flying = f;
	h->n_flying++;
	sl_rate_begin(&host->rate, &h->conf.rate, now);
	return h->engine->start(h->wire, &f->x, err);
}

/* A host that rests, or asked for a pause, beyond the budget: who waits for it is told now. */
static void tell_paused(struct sl_http *h, struct sl_flight *f, int64_t wait)
{
	struct sl_host *host = f->host;

	sl_err_set(&f->x.err, SL_ERR_AGAIN, "cannot %s at \"%s\": %s for %" PRId64 " s more",
		   f->x.req.method, host->key,
		   sl_rate_resting(&host->rate, &h->conf.rate)
			   ? "too many failures in a row, it is left alone"
			   : "it asks to wait",
		   (wait + SL_SECOND - 1) / SL_SECOND);
	f->answer.retry_after_us = wait;
}

/* *ret_wait becomes 0: who is told does not wait for others. */
static bool finish_first(struct sl_http *h, struct sl_host *host, int64_t *ret_wait,
			 struct sl_err *err)
{
	*ret_wait = 0;
	return sl_flight_finish(h, take_first(host), err);
}

enum turn { AGAIN, LATER };

/* The host's first request: starts, ends without a start, or waits. */
static bool take_turn(struct sl_http *h, struct sl_host *host, int64_t now, enum turn *ret_turn,
		      int64_t *ret_wait, struct sl_err *err)
{
	struct sl_flight *f = host->first;
	int64_t wait = sl_rate_wait(&host->rate, &h->conf.rate, now);
	int64_t pause = sl_rate_paused(&host->rate, now);
	enum sl_robots_verdict verdict;

	*ret_turn = AGAIN;
	if (pause > (f->deadline ? f->deadline - now : h->conf.budget_us)) {
		tell_paused(h, f, pause);
		return finish_first(h, host, ret_wait, err);
	}
	if (!sl_robots_ask(h, f, now, &verdict, err))
		return false;
	if (verdict == SL_ROBOTS_NO)
		return finish_first(h, host, ret_wait, err);
	f = host->first; /* robots.txt's own may stand before it now */
	bool may = verdict == SL_ROBOTS_YES || f->for_robots;
	if (may && wait == 0)
		return start(h, host, now, err);
	if (may && wait != SL_RATE_FULL)
		*ret_wait = wait < *ret_wait ? wait : *ret_wait;
	*ret_turn = LATER;
	return true;
}

static bool start_host(struct sl_http *h, struct sl_host *host, int64_t now, int64_t *ret_wait,
		       struct sl_err *err)
{
	enum turn turn = AGAIN;

	while (turn == AGAIN && host->first && h->n_flying < h->conf.in_flight)
		if (!take_turn(h, host, now, &turn, ret_wait, err))
			return false;
	return true;
}

bool sl_hosts_start(struct sl_http *h, int64_t now, int64_t *ret_wait, struct sl_err *err)
{
	*ret_wait = INT64_MAX;
	wake_delayed(h, now, ret_wait);
	for (struct sl_host *host = h->hosts; host; host = host->next)
		if (!start_host(h, host, now, ret_wait, err))
			return false;
	return true;
}
