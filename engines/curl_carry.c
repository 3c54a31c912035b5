/*
 * One exchange as a curl handle: its options, the callbacks that bound what comes, and curl's
 * result in our words.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "engines/curl_wire.h"
#include "net/http_guard.h"
#include "net/uri.h"

/* curl's checking macros want the exact types; a wrong option is our defect. */
#define RATIO_FROM ((uint64_t)1 << 20) /* small bodies pack well */

#define SET(c, option, value)                                                                      \
	do {                                                                                       \
		if (curl_easy_setopt((c)->easy, option, value) != CURLE_OK)                        \
			SL_BUG("curl refuses " #option);                                           \
	} while (0)

/* --- what comes --- */

/* A callback that gives another size than it got ends the transfer. */
#define REFUSED 0

static void add_header(struct sl_carry *c, struct sl_str name, struct sl_str value)
{
	struct sl_http_answer *a = c->x->answer;

	if (a->n_headers == c->cap_headers) {
		size_t cap = c->cap_headers ? 2 * c->cap_headers : 16;
		struct sl_http_header *more = sl_arena_zalloc(&a->arena, cap, sizeof(*more));
		if (a->n_headers)
			memcpy(more, a->headers, a->n_headers * sizeof(*more));
		a->headers = more;
		c->cap_headers = cap;
	}
	a->headers[a->n_headers++] = (struct sl_http_header){sl_arena_str(&a->arena, name),
							     sl_arena_str(&a->arena, value)};
}

/* One line with its end; a status line begins the headers anew (100 Continue comes before). */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct sl_carry *c = ctx;
	struct sl_str line = {p, size * n};
	ptrdiff_t colon;

	c->header_size += line.n;
	if (c->header_size > c->wire->conf.max_headers) {
		sl_err_set(&c->x->err, SL_ERR_PROTOCOL, "headers larger than %" PRIu64 " bytes",
			   c->wire->conf.max_headers);
		return REFUSED;
	}
	if (sl_str_starts(line, "HTTP/")) {
		c->x->answer->n_headers = 0;
		return line.n;
	}
	colon = sl_str_find(line, ':');
	if (colon > 0)
		add_header(c, sl_str_sub(line, 0, (size_t)colon),
			   sl_str_trim(sl_str_sub(line, (size_t)colon + 1, line.n)));
	return line.n;
}

static bool is_success(struct sl_carry *c)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	c->x->answer->status = (int)status; /* on_data may look at it */
	return status >= 200 && status < 300;
}

/* What a few bytes unpack to without end: Content-Length says nothing of it. */
static bool is_bomb(struct sl_carry *c)
{
	curl_off_t came = 0;

	if (c->body_size <= RATIO_FROM)
		return false;
	curl_easy_getinfo(c->easy, CURLINFO_SIZE_DOWNLOAD_T, &came);
	return c->body_size / c->wire->conf.max_ratio > (uint64_t)came;
}

static size_t hand_out(struct sl_carry *c, struct sl_str piece)
{
	const struct sl_http_request *req = &c->x->req;

	c->x->handed_out = true;
	return req->on_data(req->ctx, c->x->answer, piece, &c->x->err) ? piece.n : 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct sl_carry *c = ctx;
	struct sl_http_answer *a = c->x->answer;
	struct sl_str piece = {p, size * n};

	c->body_size += piece.n;
	if (!c->x->req.as_sent && is_bomb(c)) {
		sl_err_set(&c->x->err, SL_ERR_PROTOCOL,
			   "a packed answer unpacks to more than %u times its size",
			   c->wire->conf.max_ratio);
		return REFUSED;
	}
	if (c->x->req.on_data && is_success(c))
		return hand_out(c, piece);
	if (c->body_size > c->wire->conf.max_body) {
		sl_err_set(&c->x->err, SL_ERR_PROTOCOL, "an answer larger than %" PRIu64 " bytes",
			   c->wire->conf.max_body);
		return REFUSED;
	}
	sl_buf_addstr(&a->body, piece);
	return piece.n;
}

/* --- where it goes --- */

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	static const struct sl_guard closed;
	struct sl_carry *c = ctx;
	const struct sl_guard *guard = c->wire->conf.guard;
	const char *refused = sl_guard_refuses(guard ? guard : &closed, &to->addr);

	(void)purpose;
	if (!refused)
		return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	c->refused = refused;
	return CURL_SOCKET_BAD;
}

/* --- what goes --- */

static size_t read_file(struct sl_carry *c, const struct sl_http_body *b, char *to, size_t n)
{
	ssize_t got;

	do
		got = pread(b->fd, to, n, (off_t)(b->offset + c->sent));
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return (size_t)got;
	if (got < 0)
		sl_err_errno(&c->x->err, SL_ERR_IO, errno, "cannot read the request's body");
	else
		sl_err_set(&c->x->err, SL_ERR_IO, "the request's body is shorter than it was");
	return CURL_READFUNC_ABORT;
}

static size_t on_read(char *to, size_t size, size_t n, void *ctx)
{
	struct sl_carry *c = ctx;
	const struct sl_http_body *b = c->x->req.body;
	uint64_t left = b ? b->size - c->sent : 0, room = size * n;
	size_t want = (size_t)(left < room ? left : room);

	if (!want)
		return 0;
	if (b->bytes)
		memcpy(to, (const char *)b->bytes + b->offset + c->sent, want);
	else
		want = read_file(c, b, to, want);
	if (want != CURL_READFUNC_ABORT)
		c->sent += want;
	return want;
}

/* A connection that was closed while idle: curl sends the body again on another. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct sl_carry *c = ctx;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	c->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* --- options --- */

static void set_limits(struct sl_carry *c, const struct sl_http_conf *conf)
{
	SET(c, CURLOPT_NOSIGNAL, 1L);
	SET(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(conf->connect_us / 1000));
	SET(c, CURLOPT_TIMEOUT_MS, (long)(conf->total_us / 1000));
	SET(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(c, CURLOPT_LOW_SPEED_TIME, (long)((conf->idle_us + SL_SECOND - 1) / SL_SECOND));
}

static void set_safety(struct sl_carry *c, const struct sl_http_conf *conf)
{
	SET(c, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(c, CURLOPT_PROXY, "");
	SET(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(c, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (conf->ca_file)
		SET(c, CURLOPT_CAINFO, conf->ca_file);
}

static void add_field(struct sl_carry *c, const char *line)
{
	struct curl_slist *longer = curl_slist_append(c->fields, line);

	if (!longer)
		SL_BUG("no memory for a header");
	c->fields = longer;
}

static void set_fields(struct sl_carry *c, const struct sl_http_request *req)
{
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;

	add_field(c, "Expect:"); /* curl would wait a second for 100 Continue */
	for (size_t i = 0; i < req->n_fields; i++) {
		const struct sl_http_field *f = &req->fields[i];
		const char *value =
			sl_secret_given(f->secret) ? sl_secret_reveal(f->secret) : f->value;
		sl_buf_clear(&line);
		/* "Name;" is curl's way to send a header without value */
		sl_buf_addf(&line, *value ? "%s: %s" : "%s;", f->name, value);
		add_field(c, line.p);
	}
	if (line.n)
		explicit_bzero(line.p, line.cap);
	SET(c, CURLOPT_HTTPHEADER, c->fields);
}

static void set_body(struct sl_carry *c, const struct sl_http_request *req)
{
	const char *m = req->method;

	if (strcmp(m, "HEAD") == 0) {
		SET(c, CURLOPT_NOBODY, 1L);
	} else if (req->body || strcmp(m, "PUT") == 0 || strcmp(m, "POST") == 0) {
		SET(c, CURLOPT_UPLOAD, 1L);
		SET(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(req->body ? req->body->size : 0));
	}
	SET(c, CURLOPT_CUSTOMREQUEST, m);
	SET(c, CURLOPT_READFUNCTION, on_read);
	SET(c, CURLOPT_READDATA, c);
	SET(c, CURLOPT_SEEKFUNCTION, on_seek);
	SET(c, CURLOPT_SEEKDATA, c);
}

static CURL *take_handle(struct sl_wire *w)
{
	CURL *easy = w->n_idle ? w->idle[--w->n_idle] : curl_easy_init();

	if (!easy)
		SL_BUG("no memory for a request");
	curl_easy_reset(easy);
	return easy;
}

struct sl_carry *sl_carry_new(struct sl_wire *w, struct sl_exchange *x)
{
	struct sl_carry *c = sl_xcalloc(1, sizeof(*c));

	c->wire = w;
	c->x = x;
	c->easy = take_handle(w);
	x->engine = c;
	SET(c, CURLOPT_PRIVATE, c);
	SET(c, CURLOPT_ERRORBUFFER, c->text);
	SET(c, CURLOPT_URL, x->req.url);
	SET(c, CURLOPT_USERAGENT, w->user_agent);
	SET(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	SET(c, CURLOPT_OPENSOCKETDATA, c);
	if (w->conf.cookies) {
		SET(c, CURLOPT_COOKIEFILE, ""); /* switches them on */
		SET(c, CURLOPT_SHARE, w->share);
	}
	set_limits(c, &w->conf);
	set_safety(c, &w->conf);
	set_body(c, &x->req);
	set_fields(c, &x->req);
	if (!x->req.as_sent)
		SET(c, CURLOPT_ACCEPT_ENCODING, "");
	SET(c, CURLOPT_HEADERFUNCTION, on_header);
	SET(c, CURLOPT_HEADERDATA, c);
	SET(c, CURLOPT_WRITEFUNCTION, on_body);
	SET(c, CURLOPT_WRITEDATA, c);
	return c;
}

/* --- the end --- */

static enum sl_err_kind code_kind(CURLcode code)
{
	switch ((int)code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_HTTP2:
		return SL_ERR_PROTOCOL;
	case CURLE_URL_MALFORMAT:
		return SL_ERR_CONFIG;
	default:
		return SL_ERR_UNAVAILABLE;
	}
}

static void tell(struct sl_carry *c, CURLcode code)
{
	struct sl_err *err = &c->x->err;

	if (c->refused && code == CURLE_COULDNT_CONNECT) {
		sl_err_set(err, SL_ERR_CONFIG, "its address is %s", c->refused);
		sl_err_hint(err, "if it is meant, add it to allow_addresses");
		return;
	}
	sl_err_set(err, code_kind(code), "%s", c->text[0] ? c->text : curl_easy_strerror(code));
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		sl_err_hint(err, "an authority of your own is named by ca_file in the connection's "
				 "extra");
}

void sl_carry_end(struct sl_carry *c, CURLcode code)
{
	sl_cleanup(sl_buf_release) struct sl_buf place = SL_BUF_INIT;
	struct sl_exchange *x = c->x;
	curl_off_t took = 0;
	long status = 0;

	if (code != CURLE_OK && x->err.kind == SL_ERR_NONE)
		tell(c, code);
	if (x->err.kind != SL_ERR_NONE) {
		sl_uri_add_safe(&place, sl_str_of(x->req.url));
		sl_err_prefix(&x->err, "cannot %s \"%s\"", x->req.method, sl_buf_z(&place));
	}
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c->easy, CURLINFO_TOTAL_TIME_T, &took);
	x->answer->status = (int)status;
	x->answer->took_us = took;
}

void sl_carry_free(struct sl_carry *c)
{
	struct sl_wire *w = c->wire;

	if (w->n_idle == w->cap_idle) {
		w->cap_idle = w->cap_idle ? 2 * w->cap_idle : 16;
		w->idle = sl_xrealloc(w->idle, w->cap_idle, sizeof(CURL *));
	}
	SET(c, CURLOPT_COOKIEFILE, NULL); /* the reset of libcurl 7.88 forgets to free it */
	curl_easy_reset(c->easy);	  /* it holds credentials and our pointers */
	w->idle[w->n_idle++] = c->easy;
	curl_slist_free_all(c->fields);
	c->x->engine = NULL;
	free(c);
}
