/*
 * The HTTP client: every request of Sluice goes through it, one at a time (sl_http_do) or many in
 * flight (sl_http_submit, sl_http_step), by the same code. It bounds time, headers and bodies,
 * verifies TLS (1.2 or later), connects only to addresses that the guard lets through, follows
 * redirects without carrying credentials to another host, tries again what may succeed later, and
 * is polite: so many a host, so often. http and https only; proxies of the environment are not used.
 * The bytes are moved by a module (engines/curl.c), opened with the first client.
 *
 *	struct sl_http_conf conf = SL_HTTP_CONF_INIT;
 *	struct sl_http *http;
 *	sl_cleanup(sl_http_answer_release) struct sl_http_answer answer = {0};
 *	struct sl_http_request get = {.method = "GET", .url = "https://api.example.org/v1/items"};
 *	if (!sl_http_open(&conf, &http, err) || !sl_http_do(http, &get, &answer, err) ||
 *	    !sl_http_expect(&get, &answer, err))
 *		return false;
 */
#ifndef SL_NET_HTTP_H
#define SL_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/err.h"
#include "net/rate.h"
#include "net/secret.h"

struct sl_http;
struct sl_http_answer;
struct sl_guard;

/* How a client behaves; the same for all of its requests. What it points to is borrowed until
 * close. */
struct sl_http_conf {
	const struct sl_guard *guard; /* NULL: no special address (net/http_guard.h) */
	const char *ca_file;	      /* PEM; NULL: the system's authorities */
	const char *contact;	      /* in the user agent: a URL or address for the site's owner */
	bool robots;		      /* robots.txt is asked for and obeyed, crawl delay too */
	bool cookies;		      /* kept for the client's life, each for its own site */
	int64_t connect_us;	      /* until a connection stands, TLS included */
	int64_t idle_us;	      /* without a byte */
	int64_t total_us;	      /* of one exchange */
	uint64_t max_headers;	      /* bytes of an answer's headers */
	uint64_t max_body;	      /* bytes of an answer's body, decoded */
	unsigned max_ratio;	      /* decoded ÷ sent, beyond the first MiB */
	unsigned max_redirects;
	unsigned attempts;	  /* of one request, the first included */
	int64_t budget_us;	  /* from its first start to the last one that may follow */
	unsigned in_flight;	  /* on the way at one time, over all hosts */
	size_t queue;		  /* most submitted and not done */
	struct sl_rate_conf rate; /* of each host */
};

#define SL_HTTP_CONF_INIT                                                                          \
	{                                                                                          \
		.connect_us = 10 * SL_SECOND,                                                      \
		.idle_us = 30 * SL_SECOND,                                                         \
		.total_us = 300 * SL_SECOND,                                                       \
		.max_headers = 65536,                                                              \
		.max_body = 64 << 20,                                                              \
		.max_ratio = 200,                                                                  \
		.max_redirects = 5,                                                                \
		.attempts = 5,                                                                     \
		.budget_us = 120 * SL_SECOND,                                                      \
		.in_flight = 16,                                                                   \
		.queue = 4096,                                                                     \
		.rate = {.in_flight = 8, .failures = 5, .rest_us = 30 * SL_SECOND},                \
	}

/* A request's header. A secret value is sent in place of the plain one, and to no other host that a
 * redirect leads to; neither are Authorization and Cookie. */
struct sl_http_field {
	const char *name, *value;
	struct sl_secret secret;
};

/* What is sent: bytes, or size bytes of a file from offset on. Read again when a request is. */
struct sl_http_body {
	const void *bytes; /* NULL: from fd */
	int fd;
	uint64_t offset, size;
};

struct sl_http_request {
	const char *method; /* "GET" */
	const char *url;    /* absolute, http or https */
	const struct sl_http_field *fields;
	size_t n_fields;
	const struct sl_http_body *body;  /* NULL: none */
	const char *etag, *last_modified; /* of the copy at hand: 304 says that it still holds */
	bool as_sent;			  /* the body's coding is not asked for nor undone */
	bool repeatable;		  /* may be sent again although its method says no */
	/*
	 * Takes a 2xx answer's body in pieces as they come instead of answer.body; max_body does not
	 * bound it, and once a piece was taken the request is not sent again. false with err ends
	 * the request. answer: its status and headers. NULL: answer.body.
	 */
	bool (*on_data)(void *ctx, const struct sl_http_answer *answer, struct sl_str piece,
			struct sl_err *err);
	void *ctx;
};

struct sl_http_header {
	struct sl_str name, value;
};

/* Zeroed before use; released by sl_http_answer_release. */
struct sl_http_answer {
	int status;
	struct sl_http_header *headers; /* of the last answer, in its order */
	size_t n_headers;
	struct sl_buf body;
	const char *url;	/* that answered, behind all redirects */
	int64_t took_us;	/* the last exchange */
	int64_t retry_after_us; /* after 429 and the like: when it may be tried again; 0: not told */
	bool forbidden;		/* by robots.txt: the failure is SL_ERR_AUTH */
	unsigned exchanges;	/* that it took, redirects and attempts together */
	struct sl_arena arena;	/* the headers' and the URL's */
};

SL_NODISCARD bool sl_http_open(const struct sl_http_conf *conf, struct sl_http **ret,
			       struct sl_err *err);
void sl_http_close(struct sl_http *h); /* NULL allowed; ends what is on the way without a word */

/*
 * One request, waited for. True for every complete answer, whatever its status, once attempts or
 * budget are used up; ret is then filled. SL_ERR_UNAVAILABLE: no connection, no answer in time, or
 * one that was cut, at the last attempt; SL_ERR_PROTOCOL: not HTTP, a certificate that does not
 * hold, an answer over a limit, too many redirects, or one from https to http; SL_ERR_CONFIG: the
 * guard refuses the address, or the URL is none; SL_ERR_AUTH: robots.txt forbids it; SL_ERR_AGAIN: the host rests beyond the budget;
 * SL_ERR_CANCELLED: a signal. Messages name method and place, never query or headers. With
 * SL_ERR_AGAIN ret->retry_after_us is set.
 */
SL_NODISCARD bool sl_http_do(struct sl_http *h, const struct sl_http_request *req,
			     struct sl_http_answer *ret, struct sl_err *err);

/*
 * Called when a request has ended. failure: NULL, or why there is no answer. answer is the callee's
 * to keep: *answer moves by assignment and zeroing, else it is released. May submit. false with err
 * ends the step that it was called from.
 */
typedef bool (*sl_http_done_fn)(void *ctx, struct sl_http_answer *answer,
				const struct sl_err *failure, struct sl_err *err);

/* Hands in a request; req and what it points to are borrowed until done was called, or close.
 * SL_ERR_AGAIN when the queue is full: sl_http_room asks first. */
SL_NODISCARD bool sl_http_submit(struct sl_http *h, const struct sl_http_request *req,
				 sl_http_done_fn done, void *ctx, struct sl_err *err);

/* Moves bytes for at most wait_us, less when a request ended; calls the done functions. */
SL_NODISCARD bool sl_http_step(struct sl_http *h, int64_t wait_us, struct sl_err *err);
size_t sl_http_pending(const struct sl_http *h); /* submitted and not done */
bool sl_http_room(const struct sl_http *h);

/* The header's value, or SL_STR_NULL; name in any case; the first of several. */
struct sl_str sl_http_header(const struct sl_http_answer *a, const char *name);

/*
 * True for a 2xx status but 206 (a part, which nobody who calls this asks for), and for 304 when the
 * request named a copy. Else an error with the status and the body's first bytes: 401, 403, 407
 * SL_ERR_AUTH; 404, 410 SL_ERR_NO_INPUT; 408, 429, 503 SL_ERR_AGAIN; other 5xx SL_ERR_UNAVAILABLE;
 * the rest SL_ERR_PROTOCOL.
 */
SL_NODISCARD bool sl_http_expect(const struct sl_http_request *req, const struct sl_http_answer *a,
				 struct sl_err *err);
void sl_http_answer_release(struct sl_http_answer *a);

#endif
