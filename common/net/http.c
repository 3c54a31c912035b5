/*
 * The client's face: opening, handing in, stepping, and the answers. Requests wait in their host's
 * queue (http_queue.c), and what follows an exchange is decided in http_settle.c. A single request
 * is a queue of one.
 */
#include "net/http.h"

#include <strings.h>
#include <sys/random.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "base/module.h"
#include "net/http_private.h"
#include "net/robots.h"

#define WAIT_US (SL_SECOND / 5) /* until a stop request is looked for again */
#define EXCERPT 200		/* bytes of a refusing answer's body in a message */

static char *user_agent(const struct sl_http_conf *conf)
{
	return conf->contact ? sl_xasprintf("Sluice/%s (+%s)", SLUICE_VERSION, conf->contact)
			     : sl_xasprintf("Sluice/%s", SLUICE_VERSION);
}

bool sl_http_open(const struct sl_http_conf *conf, struct sl_http **ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *agent = user_agent(conf);
	const void *module;
	const struct sl_http_engine *engine;
	struct sl_wire *wire;

	if (!sl_module_open("curl", &module, err))
		return false;
	engine = module;
	if (!engine->open(conf, agent, &wire, err))
		return false;
	struct sl_http *h = sl_xcalloc(1, sizeof(*h));
	h->conf = *conf;
	h->engine = engine;
	h->wire = wire;
	if (getrandom(&h->chance, sizeof(h->chance), GRND_NONBLOCK) < 0)
		h->chance = (uint64_t)sl_clock_monotonic();
	*ret = h;
	return true;
}

static void free_list(struct sl_flight *f)
{
	for (struct sl_flight *next; f; f = next) {
		next = f->next;
		sl_flight_free(f);
	}
}

static void free_hosts(struct sl_host *host)
{
	for (struct sl_host *next; host; host = next) {
		next = host->next;
		free_list(host->first);
		sl_robots_free(host->robots);
		free((void *)(uintptr_t)host->robots_req.url);
		free(host->key);
		free(host);
	}
}

void sl_http_close(struct sl_http *h)
{
	if (!h)
		return;
	for (struct sl_flight *f = h->flying; f; f = f->next)
		if (f->x.engine)
			h->engine->drop(h->wire, &f->x);
	free_list(h->flying);
	free_list(h->delayed);
	free_hosts(h->hosts);
	h->engine->close(h->wire);
	free(h);
}

static bool submit(struct sl_http *h, const struct sl_http_request *req, sl_http_done_fn done,
		   void *ctx, struct sl_flight **ret, struct sl_err *err)
{
	struct sl_flight *f = sl_xcalloc(1, sizeof(*f));

	f->asked = req;
	f->done = done;
	f->ctx = ctx;
	sl_flight_init(f);
	if (!sl_flight_queue(h, f, false, err)) {
		sl_flight_free(f);
		return false;
	}
	h->n_pending++;
	*ret = f;
	return true;
}

bool sl_http_submit(struct sl_http *h, const struct sl_http_request *req, sl_http_done_fn done,
		    void *ctx, struct sl_err *err)
{
	struct sl_flight *f;

	if (!sl_http_room(h))
		return sl_err_set(err, SL_ERR_AGAIN, "%zu requests wait already", h->n_pending);
	return submit(h, req, done, ctx, &f, err);
}

static bool end_exchanges(struct sl_http *h, struct sl_err *err)
{
	struct sl_exchange *x;

	while ((x = h->engine->done(h->wire)))
		if (!sl_flight_settle(h, x->owner, sl_clock_monotonic(), err))
			return false;
	return true;
}

bool sl_http_step(struct sl_http *h, int64_t wait_us, struct sl_err *err)
{
	int64_t wait;

	if (!sl_cancel_check(err) || !sl_hosts_start(h, sl_clock_monotonic(), &wait, err))
		return false;
	wait = wait < wait_us ? wait : wait_us;
	wait = wait < WAIT_US ? wait : WAIT_US;
	return h->engine->move(h->wire, wait, err) && end_exchanges(h, err);
}

size_t sl_http_pending(const struct sl_http *h)
{
	return h->n_pending;
}

bool sl_http_room(const struct sl_http *h)
{
	return h->n_pending < h->conf.queue;
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
	sl_http_answer_release(s->answer);
	*s->answer = *answer;
	*answer = (struct sl_http_answer){0};
	if (failure)
		s->failure = *failure;
	return true;
}

bool sl_http_do(struct sl_http *h, const struct sl_http_request *req, struct sl_http_answer *ret,
		struct sl_err *err)
{
	struct single s = {ret, SL_ERR_INIT, false};
	struct sl_flight *f;

	if (!submit(h, req, single_done, &s, &f, err))
		return false;
	while (!s.done)
		if (!sl_http_step(h, WAIT_US, err)) {
			if (s.done)
				return false;
			sl_flight_remove(h, f);
			sl_flight_free(f);
			h->n_pending--;
			return false;
		}
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
	if (status == 408 || status == 425 || status == 429 || status == 503)
		return SL_ERR_AGAIN;
	return status >= 500 ? SL_ERR_UNAVAILABLE : SL_ERR_PROTOCOL;
}

bool sl_http_expect(const struct sl_http_request *req, const struct sl_http_answer *a,
		    struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf said = SL_BUF_INIT, place = SL_BUF_INIT;

	const bool has_copy = req->etag || req->last_modified;

	if ((a->status >= 200 && a->status < 300 && a->status != 206) ||
	    (a->status == 304 && has_copy))
		return true;
	sl_uri_add_safe(&place, sl_str_of(a->url ? a->url : req->url));
	sl_buf_add_escaped(&said, sl_str_trim(sl_buf_str(&a->body)), EXCERPT);
	sl_err_set(err, status_kind(a->status), "cannot %s \"%s\": status %d%s%s", req->method,
		   sl_buf_z(&place), a->status, said.n ? ": " : "", sl_buf_z(&said));
	if (a->retry_after_us > 0)
		sl_err_hint(err, "it asks to wait %" PRId64 " s",
			    (a->retry_after_us + SL_SECOND - 1) / SL_SECOND);
	return false;
}

void sl_http_answer_release(struct sl_http_answer *a)
{
	sl_buf_release(&a->body);
	sl_arena_release(&a->arena);
	*a = (struct sl_http_answer){0};
}
