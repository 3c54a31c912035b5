/*
 * What moves the bytes of HTTP (module curl): one exchange at a time, as it is told, without
 * redirects, retries or opinions; those are the client's (net/http.c).
 */
#ifndef SL_NET_HTTP_ENGINE_H
#define SL_NET_HTTP_ENGINE_H

#include "net/http.h"

struct sl_wire; /* connections, the engine's own */

/* One exchange. The caller owns it and keeps it where it is until it comes back from done. */
struct sl_exchange {
	struct sl_http_request req;    /* url and fields as they are sent */
	struct sl_http_answer *answer; /* filled as it comes */
	struct sl_err err;	       /* kind SL_ERR_NONE: the answer is complete */
	bool handed_out;	       /* on_data was called */
	void *owner;
	void *engine; /* the engine's own, NULL before and after */
};

struct sl_http_engine {
	/* user_agent: copied. */
	bool (*open)(const struct sl_http_conf *conf, const char *user_agent, struct sl_wire **ret,
		     struct sl_err *err);
	void (*close)(struct sl_wire *w); /* every exchange was dropped or has come back */
	bool (*start)(struct sl_wire *w, struct sl_exchange *x, struct sl_err *err);
	void (*drop)(struct sl_wire *w, struct sl_exchange *x);
	/* Moves what can be moved, then waits for more, us at most. */
	bool (*move)(struct sl_wire *w, int64_t us, struct sl_err *err);
	struct sl_exchange *(*done)(struct sl_wire *w); /* one that has ended, or NULL */
};

#endif
