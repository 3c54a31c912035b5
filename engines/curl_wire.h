/* Private to the module curl: the wire, and what carries one exchange over it. */
#ifndef SL_ENGINES_CURL_WIRE_H
#define SL_ENGINES_CURL_WIRE_H

#include <curl/curl.h>

#include "net/http_engine.h"

struct sl_wire {
	struct sl_http_conf conf;
	char *user_agent;
	CURLM *multi;
	CURLSH *share; /* the cookies */
	CURL **idle;   /* handles to use again */
	size_t n_idle, cap_idle;
	int n_started; /* exchanges that have not come back */
};

struct sl_carry {
	struct sl_wire *wire;
	struct sl_exchange *x;
	CURL *easy;
	struct curl_slist *fields;
	uint64_t sent;	      /* of the body */
	uint64_t header_size; /* so far */
	uint64_t body_size;   /* so far, decoded */
	const char *refused;  /* why the guard let no address through, NULL: it did */
	size_t cap_headers;
	char text[CURL_ERROR_SIZE]; /* curl's own words */
};

/* Prepares a handle for the exchange. Returns owned. */
struct sl_carry *sl_carry_new(struct sl_wire *w, struct sl_exchange *x);
void sl_carry_end(struct sl_carry *c, CURLcode code); /* fills x->err, or the answer's figures */
void sl_carry_free(struct sl_carry *c);

#endif
