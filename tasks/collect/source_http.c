/*
 * Source "http": a JSON API, page by page. Each page is a step, so that who comes again goes on
 * where the last one stopped; with since_param it is a cursor whose ranges end at the server's own
 * time. The records of a page go to bronze with every byte as it was sent.
 */
#include <jansson.h>
#include <strings.h>

#include "base/fault.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/http_guard.h"
#include "net/http_retry.h"
#include "net/uri.h"
#include "run/interval.h"
#include "tasks/collect/collect.h"
#include "tasks/collect/http_ask.h"
#include "tasks/collect/http_auth.h"
#include "tasks/collect/json_find.h"

static const char *const formats[] = {"rfc3339", "unix", "unix_ms", "date", NULL};

#define P struct sl_http_params
static const struct sl_field fields[] = {
	SL_F_TEXT(P, url, SL_F_REQUIRED, NULL,
		  "of the API; a path counts from the connection's host"),
	SL_F_TEXT(P, connection, 0, NULL, "id of the connection: host, credentials, ca_file"),
	SL_F_PAIRS(P, query, 0, "parameters; {interval_start:%Y-%m-%d}, {interval_end:…}"),
	SL_F_PAIRS(P, headers, 0, "headers that are no secret"),
	SL_F_TEXT(P, records, 0, "",
		  "where the records are: data.items, or /data/items; empty: the answer itself"),
	SL_F_ENUM(P, paging, 0, "none", sl_http_pagings,
		  "how the next page is asked for; next: its URL is in the answer; link: in the "
		  "header Link"),
	SL_F_TEXT(P, page_param, 0, NULL,
		  "parameter of the page's number, offset or cursor; page, offset or cursor if not "
		  "given"),
	SL_F_INT(P, first_page, 0, "1", 0, 1, "number of the first page"),
	SL_F_TEXT(P, size_param, 0, NULL, "parameter of the page's size"),
	SL_F_INT(P, page_size, 0, "0", 0, 1000000, "records a page, for size_param"),
	SL_F_TEXT(P, next_path, 0, NULL, "where the answer holds the next cursor or URL"),
	SL_F_INT(P, max_pages, 0, "10000", 1, 10000000, "most pages of one collection"),
	SL_F_TEXT(P, since_param, 0, NULL,
		  "parameter for the time since when changed records are asked for"),
	SL_F_ENUM(P, since_format, 0, "rfc3339", formats, "how that time is written"),
	SL_F_DURATION(P, lag, 0, "0s", 0, 366 * SL_DAY,
		      "how far behind the last range late records are asked for"),
	SL_F_ENUM(P, auth, 0, "none", sl_http_auths,
		  "what is made of the connection's login and password"),
	SL_F_TEXT(P, auth_header, 0, "X-Api-Key", "the header of auth: header"),
	SL_F_TEXT(P, token_url, 0, NULL, "where auth: oauth2 gets its token"),
	SL_F_TEXT(P, scope, 0, NULL, "of that token"),
	SL_F_TEXTS(P, allow_addresses, 0,
		   "special addresses that may be connected to: 10.0.0.0/8, 127.0.0.1"),
	SL_F_TEXT(P, contact, 0, NULL, "in the user agent: a URL or address for the API's owner"),
	SL_F_DURATION(P, delay, 0, "0s", 0, SL_DAY, "between two requests"),
	SL_F_DURATION(P, timeout, 0, "60s", SL_SECOND, SL_DAY, "longest time of one request"),
	SL_F_INT(P, attempts, 0, "5", 1, 100, "most attempts of one request"),
	SL_F_DURATION(P, retry_for, 0, "2m", 0, SL_DAY,
		      "how long one request is tried again, then exit 69 or 75"),
	SL_F_SIZE(P, max_bytes, 0, "32MiB", 1, 60 << 20, "most bytes of one answer, unpacked"),
	SL_F_END,
};
#undef P

/* --- reading --- */

/* One collection of this source. */
struct reading {
	const struct sl_http_params *params;
	struct sl_collect *c;
	struct sl_steps steps;
	struct sl_conn conn;
	struct sl_http_conf conf;
	struct sl_guard guard;
	struct sl_http *http;
	struct sl_http_auth auth;
	struct sl_http_asked asked;
	sl_time since;
	struct sl_arena arena;
	const char **seen; /* cursors and URLs of this reading */
	size_t n_seen, cap_seen;
};

static const char *conn_base(struct reading *r)
{
	const struct sl_conn *c = &r->conn;
	const char *scheme = c->schema ? c->schema : c->type;
	const char *host = c->host ? c->host : "";

	if (strstr(host, "://"))
		return c->port ? sl_arena_printf(&r->arena, "%s:%d", host, c->port) : host;
	if (strcmp(scheme, "https") != 0)
		scheme = "http";
	return c->port ? sl_arena_printf(&r->arena, "%s://%s:%d", scheme, host, c->port)
		       : sl_arena_printf(&r->arena, "%s://%s", scheme, host);
}

static bool find_base(struct reading *r, struct sl_err *err)
{
	const struct sl_run *run = sl_collect_run(r->c);
	struct sl_uri u;

	r->asked.params = r->params;
	r->asked.base = *r->params->url == '/'
				? sl_arena_printf(&r->arena, "%s%s", conn_base(r), r->params->url)
				: r->params->url;
	if (run->has_interval) {
		r->asked.start = &run->interval_start;
		r->asked.end = &run->interval_end;
	}
	if (sl_uri_parse(sl_str_of(r->asked.base), &u, err) && sl_uri_is_http(&u))
		return true;
	sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\" gives no URL with path \"%s\"",
		   r->conn.id, r->params->url);
	return sl_err_hint(err, "write it as https://login:password@host");
}

static bool open_http(struct reading *r, struct sl_err *err)
{
	const struct sl_http_params *p = r->params;

	if (p->connection && !sl_conn_get(p->connection, &r->arena, &r->conn, err))
		return false;
	if (!find_base(r, err) ||
	    !sl_guard_init(&r->guard, p->allow_addresses.v, p->allow_addresses.n, &r->arena, err))
		return false;
	r->conf = (struct sl_http_conf)SL_HTTP_CONF_INIT;
	r->conf.guard = &r->guard;
	r->conf.ca_file = p->connection ? sl_conn_extra(&r->conn, "ca_file") : NULL;
	r->conf.contact = p->contact;
	r->conf.total_us = p->timeout;
	r->conf.max_body = p->max_bytes;
	r->conf.attempts = (unsigned)p->attempts;
	r->conf.budget_us = p->retry_for;
	r->conf.rate.delay_us = p->delay;
	if (!sl_http_open(&r->conf, &r->http, err))
		return false;
	r->auth.params = p;
	r->auth.conn = p->connection ? &r->conn : NULL;
	return sl_http_auth_begin(&r->auth, r->http, err);
}

/* --- a page --- */

static size_t list_fields(const struct reading *r, struct sl_http_field *out)
{
	const struct sl_pairs *h = &r->params->headers;
	size_t n = 0;

	out[n++] = (struct sl_http_field){.name = "Accept", .value = "application/json"};
	for (size_t i = 0; i < h->n; i++)
		out[n++] = (struct sl_http_field){.name = h->key[i], .value = h->value[i]};
	if (r->auth.field.name)
		out[n++] = r->auth.field;
	return n;
}

static bool get(struct reading *r, const char *url, struct sl_http_answer *answer,
		struct sl_err *err)
{
	struct sl_http_field *list =
		sl_arena_zalloc(&r->arena, r->params->headers.n + 2, sizeof(*list));
	struct sl_http_request req = {.method = "GET", .url = url, .fields = list};
	bool again = false;

	req.n_fields = list_fields(r, list);
	if (!sl_http_do(r->http, &req, answer, err))
		return false;
	if (answer->status == 401 && !sl_http_auth_again(&r->auth, r->http, &again, err))
		return false;
	if (again) {
		req.n_fields = list_fields(r, list);
		if (!sl_http_do(r->http, &req, answer, err))
			return false;
	}
	return sl_http_expect(&req, answer, err);
}

static bool refuse_answer(const struct sl_http_answer *a, const char *what, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf place = SL_BUF_INIT;

	sl_uri_add_safe(&place, sl_str_of(a->url));
	return sl_err_set(err, SL_ERR_PROTOCOL, "the answer of \"%s\" %s", sl_buf_z(&place), what);
}

/* The records as they were sent: an array, or one object. Empty: no content. */
static bool find_records(const struct reading *r, const struct sl_http_answer *a,
			 struct sl_str *ret, struct sl_err *err)
{
	struct sl_str body = sl_str_trim(sl_buf_str(&a->body));

	*ret = SL_STR("");
	if (!body.n && a->status == 204)
		return true;
	if (!sl_json_is_value(body))
		return refuse_answer(a, "is no JSON", err);
	*ret = sl_json_find(body, r->params->records);
	if (!ret->p)
		refuse_answer(a, "has no such member", err);
	else if (sl_str_eqz(*ret, "null"))
		*ret = SL_STR("");
	else if (!strchr("[{", ret->p[0]))
		refuse_answer(a, "has no array or object there", err);
	else
		return true;
	if (err->kind == SL_ERR_NONE)
		return true;
	return sl_err_hint(err, "records is \"%s\"", r->params->records);
}

static bool was_seen(struct reading *r, const char *next)
{
	for (size_t i = 0; i < r->n_seen; i++)
		if (strcmp(r->seen[i], next) == 0)
			return true;
	if (r->n_seen == r->cap_seen) {
		r->cap_seen = r->cap_seen ? 2 * r->cap_seen : 64;
		r->seen = sl_xrealloc(r->seen, r->cap_seen, sizeof(*r->seen));
	}
	r->seen[r->n_seen++] = next;
	return false;
}

/* An API that never ends: the same cursor again, or one empty page after the other. */
static bool goes_on(struct reading *r, const struct sl_http_place *at,
		    const struct sl_http_place *next)
{
	const char *why = NULL;

	if (!next->next)
		return true;
	if (at->next && r->n_seen == 0)
		was_seen(r, at->next);
	if (was_seen(r, next->next))
		why = "cursor repeated, so the pages end here";
	else if (at->empty && next->empty)
		why = "two pages in a row are empty, so the pages end here";
	if (why)
		sl_log(SL_WARNING, why, "source=%s page=%" PRIu64, sl_collect_source(r->c)->name,
		       next->page);
	return !why;
}

/* Pages are counted, and this one is the page before once more: past the end many servers give the
 * last page again, or take no notice of the number. Its records are there already. */
static bool repeats(struct reading *r, const struct sl_http_place *at, struct sl_str *records,
		    struct sl_http_place *next)
{
	const int paging = r->params->paging;
	char hex[SL_HASH_HEX];
	struct sl_hash h;

	if ((paging != SL_PAGING_PAGE && paging != SL_PAGING_OFFSET) || next->empty)
		return false;
	sl_hash_init(&h);
	sl_hash_str(&h, *records);
	sl_hash_hex(&h, hex);
	next->last = sl_arena_strdup(&r->arena, hex);
	if (!at->last || strcmp(at->last, next->last) != 0)
		return false;
	sl_log(SL_WARNING, "page repeated, so the pages end here", "source=%s page=%" PRIu64,
	       sl_collect_source(r->c)->name, next->page);
	*records = SL_STR("");
	return true;
}

/* *ret_more: another page follows, at *ret_next. */
static bool read_page(struct reading *r, const struct sl_http_place *at,
		      struct sl_http_answer *answer, struct sl_str *ret_records,
		      struct sl_http_place *ret_next, bool *ret_more, struct sl_err *err)
{
	const char *url;

	if (!sl_http_url(&r->asked, at, &r->arena, &url, err))
		return false;
	if (!get(r, url, answer, err)) {
		sl_collect_retry_after(r->c, answer->retry_after_us);
		return false;
	}
	if (!find_records(r, answer, ret_records, err) ||
	    !sl_http_next(&r->asked, at, answer, sl_json_count(*ret_records), &r->arena, ret_next,
			  ret_more, err))
		return false;
	*ret_more = *ret_more && !repeats(r, at, ret_records, ret_next) && goes_on(r, at, ret_next);
	return true;
}

/* --- ranges --- */

/* The range ends at the server's own time, when the first page was asked for. *ret_news = false:
 * it ends where it begins. */
static bool fix_end(struct reading *r, const struct sl_http_answer *a, bool *ret_news,
		    struct sl_err *err)
{
	struct sl_steps *s = &r->steps;
	char text[32];
	sl_time now;

	*ret_news = true;
	if (!r->params->since_param || s->end)
		return true;
	if (!sl_http_date(sl_http_header(a, "date"), sl_clock_now(), &now))
		return refuse_answer(a, "has no Date, so the range has no end", err);
	size_t n = sl_time_text(now, text);
	s->end = sl_collect_text(r->c, (struct sl_str){text, n});
	*ret_news = !s->from || strcmp(s->from, s->end) < 0;
	return true;
}

static bool find_since(struct reading *r, struct sl_err *err)
{
	if (!r->params->since_param || !r->steps.from)
		return true;
	if (sl_time_parse(sl_str_of(r->steps.from), NULL, &r->since) != SL_TIME_OK)
		return sl_err_set(err, SL_ERR_DATA, "the last range ended at \"%s\", no time",
				  r->steps.from);
	r->since -= r->params->lag;
	r->asked.since = &r->since;
	return true;
}

static bool read_step(struct reading *r, struct sl_err *err)
{
	sl_cleanup(sl_http_answer_release) struct sl_http_answer answer = {0};
	sl_cleanup(sl_buf_release) struct sl_buf continuation = SL_BUF_INIT;
	struct sl_steps *s = &r->steps;
	struct sl_http_place at, next;
	struct sl_str records;
	bool more, news;

	if (!sl_http_place_read(s->at, &r->arena, &at, err) ||
	    !read_page(r, &at, &answer, &records, &next, &more, err) ||
	    !fix_end(r, &answer, &news, err))
		return false;
	if (!news) {
		s->done = true;
		return true;
	}
	if (more)
		sl_http_place_text(&next, &continuation);
	SL_FAULT("http.after_page", err);
	return sl_step_begin(r->c, s, err) && sl_collect_bytes(r->c, records, err) &&
	       sl_step_end(r->c, s, more ? sl_buf_z(&continuation) : NULL, err);
}

static bool collect_steps(struct reading *r, struct sl_err *err)
{
	struct sl_steps *s = &r->steps;
	bool cursor = r->params->since_param != NULL;

	if (!sl_steps_begin(r->c, cursor ? SL_STEPS_CURSOR : SL_STEPS_INTERVAL,
			    sl_http_asks(r->params, &r->arena), s, err) ||
	    !find_since(r, err) || (!s->done && !open_http(r, err)))
		return false;
	while (!s->done)
		if (!read_step(r, err))
			return false;
	return sl_steps_end(r->c, s, err);
}

/* --- everything --- */

static bool read_whole(struct reading *r, struct sl_err *err)
{
	struct sl_http_place at = {0}, next = {0};
	bool more = true;

	while (more) {
		sl_cleanup(sl_http_answer_release) struct sl_http_answer answer = {0};
		struct sl_str records;
		if (!read_page(r, &at, &answer, &records, &next, &more, err) ||
		    !sl_collect_bytes(r->c, records, err))
			return false;
		at = next;
	}
	return true;
}

static bool collect_whole(struct reading *r, struct sl_err *err)
{
	if (sl_collect_known(r->c, SL_WHOLE, NULL))
		return true;
	if (!open_http(r, err) || !sl_collect_begin(r->c, SL_WHOLE, err) || !read_whole(r, err) ||
	    !sl_collect_end(r->c, NULL, err))
		return false;
	sl_collect_complete(r->c, true);
	return true;
}

static bool collect(const void *params, struct sl_collect *c, struct sl_err *err)
{
	struct reading r = {.params = params, .c = c};
	bool ok = sl_collect_source(c)->input == SL_INPUT_WHOLE ? collect_whole(&r, err)
								: collect_steps(&r, err);

	sl_http_auth_release(&r.auth);
	sl_http_close(r.http);
	free(r.seen);
	sl_arena_release(&r.arena);
	return ok;
}

const struct sl_source_kind sl_source_http = {
	.name = "http",
	.summary = "records of a JSON API, page by page",
	.params = fields,
	.remote = true,
	.params_size = sizeof(struct sl_http_params),
	.codec = "json",
	.check = sl_http_check,
	.collect = collect,
};
