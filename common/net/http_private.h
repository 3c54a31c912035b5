/* Private to the HTTP client: requests on their way, and the hosts that they go to. */
#ifndef SL_NET_HTTP_PRIVATE_H
#define SL_NET_HTTP_PRIVATE_H

#include "net/http.h"
#include "net/http_engine.h"
#include "net/uri.h"

enum sl_flight_state {
	SL_FLIGHT_QUEUED,  /* in its host's queue */
	SL_FLIGHT_DELAYED, /* waits for its own next attempt */
	SL_FLIGHT_FLYING,
};

/* A request from submit to done, over all its exchanges. */
struct sl_flight {
	struct sl_exchange x;
	struct sl_http_answer answer;
	const struct sl_http_request *asked; /* as it was handed in */
	sl_http_done_fn done;
	void *ctx;
	enum sl_flight_state state;
	struct sl_flight *next; /* in the list of its state */
	struct sl_host *host;
	struct sl_arena arena; /* the URL's and fields' */
	unsigned attempt;      /* at this URL, from 0 */
	unsigned redirects;
	unsigned exchanges;
	bool for_robots;  /* robots.txt's own */
	int64_t deadline; /* after which no exchange starts; 0: none has started yet */
	int64_t ready;	  /* DELAYED: until then */
};

enum sl_robots_state {
	SL_ROBOTS_UNKNOWN,
	SL_ROBOTS_ASKED, /* the queue waits for it */
	SL_ROBOTS_KNOWN,
	SL_ROBOTS_CLOSED, /* cannot be had: robots_err says why */
};

/* Scheme, name and port. */
struct sl_host {
	char *key; /* "https://example.org/" */
	struct sl_rate rate;
	struct sl_flight *first, **last; /* QUEUED */
	struct sl_host *next;
	enum sl_robots_state robots_state;
	struct sl_robots *robots;
	struct sl_err robots_err;
	int64_t robots_until; /* KNOWN, CLOSED: then it is asked again */
	struct sl_http_request robots_req;
};

struct sl_http {
	struct sl_http_conf conf;
	const struct sl_http_engine *engine;
	struct sl_wire *wire;
	struct sl_host *hosts;
	struct sl_flight *delayed, *flying;
	size_t n_flying, n_pending;
	uint64_t chance; /* state of the jitter's generator */
};

/* Puts a flight behind (or before) the others of its URL's host. SL_ERR_CONFIG: no http URL. */
bool sl_flight_queue(struct sl_http *h, struct sl_flight *f, bool before, struct sl_err *err);
void sl_flight_remove(struct sl_http *h, struct sl_flight *f); /* from the list of its state */
void sl_flight_free(struct sl_flight *f);
/* Calls done and frees. */
bool sl_flight_finish(struct sl_http *h, struct sl_flight *f, struct sl_err *err);

/* An exchange has ended: the request is done, or goes on by a redirect or another attempt. */
bool sl_flight_settle(struct sl_http *h, struct sl_flight *f, int64_t now, struct sl_err *err);

/* Starts what may start; *ret_wait: µs until more may. */
bool sl_hosts_start(struct sl_http *h, int64_t now, int64_t *ret_wait, struct sl_err *err);

/* From f->asked. */
void sl_flight_init(struct sl_flight *f);

enum sl_robots_verdict { SL_ROBOTS_YES, SL_ROBOTS_NO, SL_ROBOTS_WAIT };

/* May f, its host's first, be fetched? WAIT: robots.txt is asked for now or already; NO: f->x.err
 * says why not. */
bool sl_robots_ask(struct sl_http *h, struct sl_flight *f, int64_t now, enum sl_robots_verdict *ret,
		   struct sl_err *err);

#endif
