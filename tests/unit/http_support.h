/* A server of canned answers on 127.0.0.1 for the client's unit tests: each connection is read up
 * to the end of its request, answered with the next text, and closed. */
#ifndef SL_TESTS_HTTP_SUPPORT_H
#define SL_TESTS_HTTP_SUPPORT_H

#include "base_support.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/num.h"
#include "net/http.h"
#include "net/http_guard.h"

struct canned {
	int socket;
	int port;
	pthread_t thread;
	const char *const *answers; /* NULL-terminated; after the last nobody listens */
	struct sl_buf seen[8];	    /* whole requests */
	size_t n_seen;
};

/* Bytes that are still to come, or SIZE_MAX before the headers' end. */
static inline size_t canned_missing(const struct sl_buf *b)
{
	const char *end = b->n ? strstr(b->p, "\r\n\r\n") : NULL;
	const char *length = b->n ? strcasestr(b->p, "\ncontent-length: ") : NULL;
	uint64_t n = 0;

	if (!end)
		return SIZE_MAX;
	if (length && length < end) {
		struct sl_str digits = {length + 17, strcspn(length + 17, "\r")};
		assert_true(sl_num_u64(digits, 1 << 30, &n));
	}
	return (size_t)n - (size_t)(b->p + b->n - (end + 4));
}

static inline void *canned_serve(void *arg)
{
	struct canned *s = arg;

	for (; s->answers[s->n_seen]; s->n_seen++) {
		int c = accept(s->socket, NULL, NULL);
		struct sl_buf *b = &s->seen[s->n_seen];
		const char *text = s->answers[s->n_seen];
		while (canned_missing(b) > 0) {
			ssize_t n = recv(c, sl_buf_room(b, 65536), 65536, 0);
			if (n <= 0)
				break;
			sl_buf_grew(b, (size_t)n);
		}
		for (size_t n = strlen(text); n > 0;) {
			ssize_t sent = send(c, text, n, MSG_NOSIGNAL);
			if (sent <= 0)
				break;
			text += sent;
			n -= (size_t)sent;
		}
		close(c);
	}
	close(s->socket);
	return NULL;
}

static inline void canned_start(struct canned *s, const char *const *answers)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);

	*s = (struct canned){.answers = answers};
	s->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->socket, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(s->socket, 16), 0);
	assert_int_equal(getsockname(s->socket, (struct sockaddr *)&at, &n), 0);
	s->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, canned_serve, s), 0);
}

static inline void canned_join(struct canned *s)
{
	pthread_join(s->thread, NULL);
}

static inline void canned_release(struct canned *s)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(s->seen); i++)
		sl_buf_release(&s->seen[i]);
}

static const struct sl_guard open_guard = {.open = true};

/* The defaults, but local addresses are let through and there is one attempt. */
static inline struct sl_http_conf plain(void)
{
	struct sl_http_conf conf = SL_HTTP_CONF_INIT;

	conf.guard = &open_guard;
	conf.attempts = 1;
	return conf;
}

struct made {
	struct canned server;
	struct sl_http *http;
	char url[64];
	struct sl_http_answer answer;
	struct sl_err err;
};

static inline void make(struct made *m, const char *const *answers, struct sl_http_conf conf)
{
	*m = (struct made){0};
	canned_start(&m->server, answers);
	snprintf(m->url, sizeof(m->url), "http://127.0.0.1:%d/a?b=c", m->server.port);
	assert_true(sl_http_open(&conf, &m->http, &m->err));
}

static inline void unmake(struct made *m)
{
	canned_join(&m->server);
	canned_release(&m->server);
	sl_http_answer_release(&m->answer);
	sl_http_close(m->http);
}

static inline bool take_piece(void *ctx, const struct sl_http_answer *a, struct sl_str piece,
			      struct sl_err *err)
{
	(void)err;
	assert_int_equal(a->status, 200);
	sl_buf_addstr(ctx, piece);
	return true;
}

struct many {
	struct sl_http *http;
	struct sl_http_request req;
	size_t done, failed;
};

static inline bool one_of_many(void *ctx, struct sl_http_answer *answer,
			       const struct sl_err *failure, struct sl_err *err)
{
	struct many *m = ctx;

	m->done++;
	if (failure) {
		m->failed++;
		return true;
	}
	assert_string_equal(sl_buf_z(&answer->body), "ok");
	return m->done > 3 || sl_http_submit(m->http, &m->req, one_of_many, m, err);
}

#endif
