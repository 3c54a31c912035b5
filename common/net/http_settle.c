/*
 * What follows an exchange: a redirect, another attempt, or the end. Credentials stay with the host
 * that they were given for, and waiting never goes beyond the request's budget.
 */
#include <strings.h>

#include "net/http_private.h"
#include "net/http_retry.h"

/* --- redirects --- */

static bool is_redirect(const struct sl_http *h, const struct sl_flight *f)
{
	int s = f->answer.status;

	return h->conf.max_redirects > 0 && s >= 301 && s <= 308 && s != 304 && s != 305 &&
	       s != 306 && sl_http_header(&f->answer, "location").n > 0;
}

static bool is_credential(const struct sl_http_field *f)
{
	return sl_secret_given(f->secret) || strcasecmp(f->name, "authorization") == 0 ||
	       strcasecmp(f->name, "proxy-authorization") == 0 ||
	       strcasecmp(f->name, "cookie") == 0;
}

/* Leaves out the fields that are credentials, or that describe a body. */
static void keep_fields(struct sl_flight *f, bool credentials, bool body)
{
	struct sl_http_request *req = &f->x.req;
	struct sl_http_field *kept = sl_arena_zalloc(&f->arena, req->n_fields + 1, sizeof(*kept));
	size_t n = 0;

	for (size_t i = 0; i < req->n_fields; i++) {
		const struct sl_http_field *field = &req->fields[i];
		if ((!credentials && is_credential(field)) ||
		    (!body && strncasecmp(field->name, "content-", 8) == 0))
			continue;
		kept[n++] = *field;
	}
	req->fields = kept;
	req->n_fields = n;
}

/* RFC 9110 §15.4: 303 asks for a GET; so do 301 and 302 of a POST, as every client does. */
static bool becomes_get(int status, const char *method)
{
	if (status == 303)
		return strcmp(method, "HEAD") != 0;
	return status <= 302 && strcmp(method, "POST") == 0;
}

static bool refuse_redirect(struct sl_flight *f, const char *why)
{
	sl_cleanup(sl_buf_release) struct sl_buf place = SL_BUF_INIT;

	sl_uri_add_safe(&place, sl_str_of(f->x.req.url));
	return sl_err_set(&f->x.err, SL_ERR_PROTOCOL, "cannot %s \"%s\": its redirect %s",
			  f->x.req.method, sl_buf_z(&place), why);
}

static bool check_target(const struct sl_http *h, struct sl_flight *f, const struct sl_uri *from,
			 const struct sl_uri *to)
{
	if (f->redirects >= h->conf.max_redirects)
		return refuse_redirect(f, "leads to too many others");
	if (!sl_uri_is_http(to))
		return refuse_redirect(f, "is not to http or https");
	if (sl_uri_port(from) != 0 && from->scheme.n == 5 && to->scheme.n == 4)
		return refuse_redirect(f, "leads from https to http");
	if (f->x.req.body && !sl_uri_same_site(from, to) &&
	    !becomes_get(f->answer.status, f->x.req.method))
		return refuse_redirect(f, "would send the body to another host");
	return true;
}

/* Makes the flight one to the redirect's target; false: f->x.err says why not. */
static bool redirect(const struct sl_http *h, struct sl_flight *f)
{
	struct sl_err bad = SL_ERR_INIT;
	struct sl_uri from, to;
	struct sl_str url;

	if (!sl_uri_parse(sl_str_of(f->x.req.url), &from, &bad) ||
	    !sl_uri_resolve(&from, sl_http_header(&f->answer, "location"), &f->arena, &url, &bad) ||
	    !sl_uri_parse(url, &to, &bad))
		return refuse_redirect(f, bad.msg);
	if (!check_target(h, f, &from, &to))
		return false;
	bool get = becomes_get(f->answer.status, f->x.req.method);
	keep_fields(f, sl_uri_same_site(&from, &to), !get);
	if (get) {
		f->x.req.method = "GET";
		f->x.req.body = NULL;
	}
	f->x.req.url = url.p;
	f->redirects++;
	f->attempt = 0;
	return true;
}

/* --- attempts --- */

/* xorshift64*: chance for jitter, nothing else. */
static uint32_t chance(struct sl_http *h)
{
	h->chance ^= h->chance >> 12;
	h->chance ^= h->chance << 25;
	h->chance ^= h->chance >> 27;
	return (uint32_t)((h->chance * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
}

static bool may_be_repeated(const struct sl_flight *f)
{
	if (f->x.handed_out || (!sl_retry_method(f->x.req.method) && !f->asked->repeatable))
		return false;
	return f->x.err.kind == SL_ERR_UNAVAILABLE ||
	       (f->x.err.kind == SL_ERR_NONE && sl_retry_status(f->answer.status));
}

/* As long as the server asks, a little spread, or by back-off. */
static int64_t next_wait(struct sl_http *h, struct sl_flight *f)
{
	int64_t told = f->answer.retry_after_us;
	int64_t spread = told / 32 < SL_SECOND / 2 ? told / 32 : SL_SECOND / 2;

	if (told <= 0)
		return sl_backoff(f->attempt, chance(h));
	return told + (int64_t)(((uint64_t)spread * chance(h)) >> 32);
}

/* True: the flight waits for its next attempt. */
static bool repeat(struct sl_http *h, struct sl_flight *f, int64_t now)
{
	int64_t wait = next_wait(h, f);

	if (f->attempt + 1 >= h->conf.attempts || now + wait > f->deadline)
		return false;
	f->attempt++;
	f->ready = now + wait;
	f->state = SL_FLIGHT_DELAYED;
	f->next = h->delayed;
	h->delayed = f;
	return true;
}

/* --- the end --- */

static bool host_is_well(const struct sl_flight *f)
{
	if (f->x.err.kind != SL_ERR_NONE)
		return f->x.err.kind != SL_ERR_UNAVAILABLE;
	return f->answer.status < 500 || f->answer.retry_after_us > 0;
}

static void read_retry_after(struct sl_flight *f)
{
	if (f->x.err.kind != SL_ERR_NONE || !sl_retry_status(f->answer.status))
		return;
	int64_t wait = sl_retry_after(sl_http_header(&f->answer, "retry-after"),
				      sl_http_header(&f->answer, "date"), sl_clock_now());
	f->answer.retry_after_us = wait > 0 ? wait : 0;
}

static void forget_answer(struct sl_flight *f)
{
	sl_http_answer_release(&f->answer);
	sl_err_clear(&f->x.err);
}

bool sl_flight_settle(struct sl_http *h, struct sl_flight *f, int64_t now, struct sl_err *err)
{
	sl_flight_remove(h, f);
	read_retry_after(f);
	sl_rate_end(&f->host->rate, &h->conf.rate, now, host_is_well(f));
	if (f->answer.retry_after_us > 0)
		sl_rate_pause(&f->host->rate, now + f->answer.retry_after_us);
	if (f->x.err.kind == SL_ERR_NONE && is_redirect(h, f) && redirect(h, f)) {
		forget_answer(f);
		return sl_flight_queue(h, f, true, err);
	}
	if (may_be_repeated(f) && repeat(h, f, now)) {
		forget_answer(f);
		return true;
	}
	return sl_flight_finish(h, f, err);
}
