/*
 * One request to S3: signed, sent, and sent again after a pause when that may help. Each try is
 * signed anew, since a signature is good for minutes only; the client below does not repeat
 * anything.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#include <xxhash.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "base/num.h"
#include "net/http_guard.h"
#include "net/http_retry.h"
#include "net/s3_private.h"

#define TRIES 8
#define TRIES_EASY 3
#define PAUSE_US (SL_SECOND / 10)
#define PAUSE_MAX_US (10 * SL_SECOND)
#define TRYING_US (90 * SL_SECOND) /* no further try begins after that */
#define SKEW_US (300 * SL_SECOND)  /* what Amazon tolerates is 15 minutes; others less */

/* --- putting it together --- */

void sl_s3_param(struct sl_s3_call *c, const char *name, const char *value)
{
	SL_ASSERT(c->n_params < SL_S3_PARAMS);
	c->params[c->n_params++] = (struct sl_aws_header){name, value};
}

void sl_s3_header(struct sl_s3_call *c, const char *name, const char *value)
{
	SL_ASSERT(c->n_headers < SL_S3_HEADERS);
	c->headers[c->n_headers++] = (struct sl_aws_header){name, value};
}

void sl_s3_call_release(struct sl_s3_call *c)
{
	sl_http_answer_release(&c->answer);
	sl_buf_release(&c->code);
}

static bool open_client(struct sl_s3 *s, struct sl_err *err)
{
	static const struct sl_guard open = {.open = true}; /* the operator names the host */
	struct sl_http_conf conf = SL_HTTP_CONF_INIT;

	if (s->http)
		return true;
	conf.guard = &open;
	conf.ca_file = s->ca_file;
	conf.attempts = 1;
	conf.max_redirects = 0;
	conf.rate.failures = 0;
	return sl_crypto_get(&s->crypto, err) && sl_http_open(&conf, &s->http, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sl_aws_header *)a)->name,
		      ((const struct sl_aws_header *)b)->name);
}

static void add_query(const struct sl_s3_call *c, struct sl_buf *out)
{
	struct sl_aws_header sorted[SL_S3_PARAMS];

	memcpy(sorted, c->params, sizeof(sorted));
	qsort(sorted, c->n_params, sizeof(*sorted), by_name);
	for (size_t i = 0; i < c->n_params; i++) {
		sl_buf_addf(out, "%s%s=", i ? "&" : "", sorted[i].name);
		sl_aws_encode(sl_str_of(sorted[i].value), false, out);
	}
}

/* One try on its way: everything that is made anew for it. */
struct
try {
	struct sl_aws_header headers[SL_S3_HEADERS + 6];
	struct sl_http_field fields[SL_S3_HEADERS + 6];
	size_t n;
	struct sl_buf path, query, url, authorization, range;
	char date[SL_AWS_DATE], sha256[SL_AWS_SHA256_HEX];
};

static void release_try(struct try *t)
{
	sl_buf_release(&t->path);
	sl_buf_release(&t->query);
	sl_buf_release(&t->url);
	sl_buf_release(&t->authorization);
	sl_buf_release(&t->range);
}

static void add(struct try *t, const char *name, const char *value)
{
	t->headers[t->n++] = (struct sl_aws_header){name, value};
}

/* What is still missing of it. */
static void add_range(struct try *t, struct sl_s3_taking *k)
{
	k->from = k->at + k->out->n - k->begin;
	if (k->etag[0])
		add(t, "if-match", k->etag);
	if (k->n)
		sl_buf_addf(&t->range, "bytes=%" PRIu64 "-%" PRIu64, k->from, k->at + k->n - 1);
	else if (k->from)
		sl_buf_addf(&t->range, "bytes=%" PRIu64 "-", k->from);
	if (t->range.n)
		add(t, "range", sl_buf_z(&t->range));
}

static void add_headers(const struct sl_s3 *s, const struct sl_s3_call *c, struct try *t)
{
	for (size_t i = 0; i < c->n_headers; i++)
		t->headers[t->n++] = c->headers[i];
	if (c->taking)
		add_range(t, c->taking);
	add(t, "host", s->host);
	add(t, "x-amz-content-sha256", t->sha256);
	add(t, "x-amz-date", t->date);
	if (s->session_token)
		add(t, "x-amz-security-token", s->session_token);
	qsort(t->headers, t->n, sizeof(*t->headers), by_name);
}

static void make_try(const struct sl_s3 *s, const struct sl_s3_call *c, struct try *t)
{
	sl_aws_date(sl_clock_now(), t->date);
	sl_aws_sha256_hex(s->crypto, c->body, t->sha256);
	sl_buf_addf(&t->path, "%s/", s->path);
	if (c->key) {
		sl_aws_encode(sl_str_of(s->base), true, &t->path);
		sl_aws_encode(sl_str_of(c->key), true, &t->path);
	}
	add_query(c, &t->query);
	add_headers(s, c, t);
	sl_buf_addf(&t->url, "%s%s%s%s", s->url, sl_buf_z(&t->path), t->query.n ? "?" : "",
		    sl_buf_z(&t->query));
	const struct sl_aws_request r = {
		.method = c->method,
		.path = sl_buf_z(&t->path),
		.query = sl_buf_z(&t->query),
		.headers = t->headers,
		.n_headers = t->n,
		.body_sha256 = t->sha256,
		.date = t->date,
		.region = s->region,
		.service = "s3",
		.key_id = s->key_id,
		.key = s->key,
	};
	sl_aws_sign(s->crypto, &r, &t->authorization);
	add(t, "authorization", sl_buf_z(&t->authorization));
	for (size_t i = 0; i < t->n; i++)
		t->fields[i] = (struct sl_http_field){.name = t->headers[i].name,
						      .value = t->headers[i].value};
}

/* --- taking what comes --- */

static bool no_ranges(struct sl_err *err)
{
	return sl_err_set(err, SL_ERR_PROTOCOL, "the store does not hand out ranges");
}

static bool take(void *ctx, const struct sl_http_answer *a, struct sl_str piece, struct sl_err *err)
{
	struct sl_s3_taking *k = ctx;
	const bool more = k->out->n - k->begin + piece.n > k->max;

	/* Whoever sends the whole instead may do so where it begins alike and is no larger. */
	if (a->status == 200 && (k->from || (k->n && more)))
		return no_ranges(err);
	if (more)
		return sl_err_set(err, SL_ERR_DATA, "larger than %zu bytes", k->max);
	sl_buf_addstr(k->out, piece);
	return true;
}

static void start_over(struct sl_s3_taking *k)
{
	k->out->n = k->begin;
	k->etag[0] = '\0';
}

/* "bytes 0-99/1234" → 1234. */
static bool total_of(const struct sl_http_answer *a, uint64_t *ret)
{
	const struct sl_str range = sl_http_header(a, "content-range");
	const ptrdiff_t slash = range.p ? sl_str_find(range, '/') : -1;

	return slash >= 0 &&
	       sl_num_u64(sl_str_sub(range, (size_t)slash + 1, range.n), INT64_MAX, ret);
}

static void note_answer(struct sl_s3_taking *k, const struct sl_http_answer *a)
{
	const struct sl_str etag = sl_http_header(a, "etag");

	if (!total_of(a, &k->total))
		k->total = k->out->n - k->begin;
	if (etag.n && etag.n < SL_S3_ETAG)
		snprintf(k->etag, SL_S3_ETAG, SL_STR_FMT, SL_STR_ARG(etag));
}

static bool sum_holds(const struct sl_s3_taking *k, const struct sl_http_answer *a)
{
	const struct sl_str sum = sl_http_header(a, SL_S3_SUM_HEADER);
	char ours[17];

	if (!k->checked || !sum.p)
		return true;
	snprintf(ours, sizeof(ours), "%016" PRIx64,
		 (uint64_t)XXH3_64bits(k->out->p + k->begin, k->out->n - k->begin));
	return sl_str_eqz(sum, ours);
}

/* --- trying --- */

/* Evenly spread over (0, base × 2^try], or what the store asks for. */
static int64_t pause_of(unsigned tried, const struct sl_http_answer *a)
{
	const int64_t asked = sl_retry_after(sl_http_header(a, "retry-after"),
					     sl_http_header(a, "date"), sl_clock_now());
	int64_t most = PAUSE_US << (tried < 10 ? tried : 10);
	uint32_t chance = 0;

	if (a->status >= 200 && a->status < 300) /* what came was damaged: nobody is busy */
		return 0;
	if (most > PAUSE_MAX_US)
		most = PAUSE_MAX_US;
	if (asked > 0)
		return asked < PAUSE_MAX_US ? asked : PAUSE_MAX_US;
	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		return most;
	return 1 + (int64_t)((uint64_t)most * chance >> 32);
}

static bool send_once(struct sl_s3 *s, struct sl_s3_call *c, struct sl_err *err)
{
	sl_cleanup(release_try) struct try t = {.n = 0};
	const struct sl_http_body body = {.bytes = c->body.p ? c->body.p : "", .size = c->body.n};
	const bool sends = strcmp(c->method, "PUT") == 0 || strcmp(c->method, "POST") == 0;

	make_try(s, c, &t);
	const struct sl_http_request req = {
		.method = c->method,
		.url = sl_buf_z(&t.url),
		.fields = t.fields,
		.n_fields = t.n,
		.body = sends ? &body : NULL,
		.as_sent = true,
		.on_data = c->taking ? take : NULL,
		.ctx = c->taking,
	};

	sl_http_answer_release(&c->answer);
	return sl_http_do(s->http, &req, &c->answer, err);
}

enum verdict { FINAL, AGAIN, END };

static enum verdict settle(struct sl_s3_call *c, struct sl_err *err)
{
	struct sl_s3_taking *k = c->taking;
	const int status = c->answer.status;

	sl_s3_read_code(c);
	if (sl_s3_may_pass(c))
		return AGAIN;
	if (!k || status < 200 || status >= 300)
		return FINAL;
	if (status == 200 && k->from) {
		no_ranges(err);
		return END;
	}
	note_answer(k, &c->answer);
	if (sum_holds(k, &c->answer))
		return FINAL;
	start_over(k);
	return AGAIN;
}

/* A cut or silent connection. */
static bool was_cut(const struct sl_err *err)
{
	return err->kind == SL_ERR_UNAVAILABLE || err->kind == SL_ERR_AGAIN;
}

static bool give_up(const struct sl_s3 *s, const struct sl_s3_call *c, const struct sl_err *cut,
		    unsigned tries, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *where = sl_s3_where(s, c->key ? c->key : "");

	if (cut->kind != SL_ERR_NONE) {
		*err = *cut;
		return sl_err_prefix(err, "cannot %s \"%s\", tried %u times", c->what, where,
				     tries);
	}
	if (c->answer.status >= 200 && c->answer.status < 300 && c->taking)
		return sl_err_set(err, SL_ERR_IO,
				  "cannot read \"%s\": its bytes are not those that were put",
				  where);
	return sl_s3_expect(s, c, err) || sl_err_prefix(err, "tried %u times", tries);
}

static enum verdict try_once(struct sl_s3 *s, struct sl_s3_call *c, struct sl_err *cut,
			     struct sl_err *err)
{
	if (send_once(s, c, cut))
		return settle(c, err);
	if (was_cut(cut))
		return AGAIN;
	sl_cleanup(sl_freep) char *where = sl_s3_where(s, c->key ? c->key : "");
	*err = *cut;
	sl_err_prefix(err, "cannot %s \"%s\"", c->what, where);
	return END;
}

bool sl_s3_do(struct sl_s3 *s, struct sl_s3_call *c, struct sl_err *err)
{
	const unsigned most = c->easy ? TRIES_EASY : TRIES;
	const int64_t deadline = sl_clock_monotonic() + TRYING_US;

	if (!open_client(s, err))
		return false;
	for (unsigned tried = 1;; tried++) {
		struct sl_err cut = SL_ERR_INIT;
		const enum verdict v = try_once(s, c, &cut, err);

		if (v != AGAIN)
			return v == FINAL;
		if (tried == most || sl_clock_monotonic() > deadline)
			return give_up(s, c, &cut, tried, err);
		if (!sl_sleep(pause_of(tried - 1, &c->answer), err))
			return false;
	}
}

bool sl_s3_call(struct sl_s3 *s, struct sl_s3_call *c, struct sl_err *err)
{
	return sl_s3_do(s, c, err) && sl_s3_expect(s, c, err);
}
