/*
 * The client above the engine: requests wait in a queue, at most in_flight of them are on the way,
 * and each ends in its done function. A single request is a queue of one.
 */
#include "net/http.h"

#include <strings.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "base/module.h"
#include "net/http_engine.h"

#define WAIT_US (SL_SECOND / 5) /* until a stop request is looked for again */
#define EXCERPT 200		/* bytes of a refusing answer's body in a message */

struct flight {
	struct sl_exchange x;
	struct sl_http_answer answer;
	sl_http_done_fn done;
	void *ctx;
	struct flight *next;
};

struct sl_http {
	struct sl_http_conf conf;
	const struct sl_http_engine *engine;
	struct sl_wire *wire;
	struct flight *waiting, **waiting_end;
	struct flight *flying;
	size_t n_flying, n_pending;
};

bool sl_http_open(const struct sl_http_conf *conf, struct sl_http **ret, struct sl_err *err)
{
	const void *engine;
	struct sl_wire *wire;

	if (!sl_module_open("curl", &engine, err) ||
	    !((const struct sl_http_engine *)engine)->open(conf, &wire, err))
		return false;
	struct sl_http *h = sl_xcalloc(1, sizeof(*h));
	h->conf = *conf;
	h->engine = engine;
	h->wire = wire;
	h->waiting_end = &h->waiting;
	*ret = h;
	return true;
}

static void put_flight(struct flight *f)
{
	sl_http_answer_release(&f->answer);
	free(f);
}

void sl_http_close(struct sl_http *h)
{
	if (!h)
		return;
	for (struct flight *f = h->flying, *next; f; f = next) {
		next = f->next;
		h->engine->drop(h->wire, &f->x);
		put_flight(f);
	}
	for (struct flight *f = h->waiting, *next; f; f = next) {
		next = f->next;
		put_flight(f);
	}
	h->engine->close(h->wire);
	free(h);
}

bool sl_http_submit(struct sl_http *h, const struct sl_http_request *req, sl_http_done_fn done,
		    void *ctx, struct sl_err *err)
{
	if (strncasecmp(req->url, "http://", 7) != 0 && strncasecmp(req->url, "https://", 8) != 0)
		return sl_err_set(err, SL_ERR_CONFIG, "cannot request \"%s\": not http or https",
				  req->url);
	struct flight *f = sl_xcalloc(1, sizeof(*f));

	f->x.req = req;
	f->x.answer = &f->answer;
	f->x.owner = f;
	f->done = done;
	f->ctx = ctx;
	*h->waiting_end = f;
	h->waiting_end = &f->next;
	h->n_pending++;
	return true;
}

static struct flight *take_waiting(struct sl_http *h)
{
	struct flight *f = h->waiting;

	h->waiting = f->next;
	if (!h->waiting)
		h->waiting_end = &h->waiting;
	f->next = NULL;
	return f;
}

static bool start_waiting(struct sl_http *h, struct sl_err *err)
{
	while (h->waiting && h->n_flying < h->conf.in_flight) {
		struct flight *f = take_waiting(h);
		if (!h->engine->start(h->wire, &f->x, err)) {
			h->n_pending--;
			put_flight(f);
			return false;
		}
		f->next = h->flying;
		h->flying = f;
		h->n_flying++;
	}
	return true;
}

static void remove_flying(struct sl_http *h, struct flight *f)
{
	struct flight **at = &h->flying;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	h->n_flying--;
	h->n_pending--;
}

static bool end_flights(struct sl_http *h, struct sl_err *err)
{
	struct sl_exchange *x;

	while ((x = h->engine->done(h->wire))) {
		struct flight *f = x->owner;
		remove_flying(h, f);
		bool ok = f->done(f->ctx, &f->answer, x->err.kind == SL_ERR_NONE ? NULL : &x->err,
				  err);
		put_flight(f);
		if (!ok)
			return false;
	}
	return true;
}

bool sl_http_step(struct sl_http *h, int64_t wait_us, struct sl_err *err)
{
	return sl_cancel_check(err) && start_waiting(h, err) &&
	       h->engine->move(h->wire, wait_us < WAIT_US ? wait_us : WAIT_US, err) &&
	       end_flights(h, err);
}

size_t sl_http_pending(const struct sl_http *h)
{
	return h->n_pending;
}

struct single {
	struct sl_http_answer *answer;
	struct sl_err failure;
	bool done;
};

static bool single_done(void *ctx, struct sl_http_answer *answer, const struct sl_err *failure,
			struct sl_err *err)
{
	struct single *s = ctx;

	(void)err;
	s->done = true;
	if (failure) {
		s->failure = *failure;
		return true;
	}
	sl_http_answer_release(s->answer);
	*s->answer = *answer;
	*answer = (struct sl_http_answer){0};
	return true;
}

bool sl_http_do(struct sl_http *h, const struct sl_http_request *req, struct sl_http_answer *ret,
		struct sl_err *err)
{
	struct single s = {ret, SL_ERR_INIT, false};

	if (!sl_http_submit(h, req, single_done, &s, err))
		return false;
	while (!s.done)
		if (!sl_http_step(h, WAIT_US, err))
			return false;
	if (s.failure.kind == SL_ERR_NONE)
		return true;
	*err = s.failure;
	return false;
}

struct sl_str sl_http_header(const struct sl_http_answer *a, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < a->n_headers; i++)
		if (a->headers[i].name.n == n && strncasecmp(a->headers[i].name.p, name, n) == 0)
			return a->headers[i].value;
	return SL_STR_NULL;
}

static enum sl_err_kind status_kind(int status)
{
	if (status == 401 || status == 403 || status == 407)
		return SL_ERR_AUTH;
	if (status == 404 || status == 410)
		return SL_ERR_NO_INPUT;
	if (status == 408 || status == 429 || status == 503)
		return SL_ERR_AGAIN;
	return status >= 500 ? SL_ERR_UNAVAILABLE : SL_ERR_PROTOCOL;
}

bool sl_http_expect(const struct sl_http_request *req, const struct sl_http_answer *a,
		    struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf said = SL_BUF_INIT;

	if (a->status >= 200 && a->status < 300)
		return true;
	sl_buf_add_escaped(&said, sl_str_trim(sl_buf_str(&a->body)), EXCERPT);
	return sl_err_set(err, status_kind(a->status), "cannot %s \"%.*s\": status %d%s%s",
			  req->method, (int)strcspn(req->url, "?#"), req->url, a->status,
			  said.n ? ": " : "", sl_buf_z(&said));
}

void sl_http_answer_release(struct sl_http_answer *a)
{
	sl_buf_release(&a->body);
	sl_arena_release(&a->arena);
	*a = (struct sl_http_answer){0};
}
