/*
 * What the http source asks an API: the URL of each page, and from its answer where the next one
 * stands. A page is told by its place alone, which is kept as the step's continuation, so that
 * whoever goes on asks for the same page.
 */
#ifndef SL_COLLECT_HTTP_ASK_H
#define SL_COLLECT_HTTP_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/err.h"
#include "data/field.h"
#include "net/http.h"

enum sl_http_paging {
	SL_PAGING_NONE,	  /* one answer holds everything */
	SL_PAGING_PAGE,	  /* ?page=1, 2, … until one is empty */
	SL_PAGING_OFFSET, /* ?offset=0, n, … until one is empty */
	SL_PAGING_CURSOR, /* ?cursor= what the answer says */
	SL_PAGING_NEXT,	  /* the answer holds the next page's URL */
	SL_PAGING_LINK,	  /* its header Link does, rel="next" (RFC 8288) */
};

enum sl_http_auth_kind {
	SL_AUTH_NONE,
	SL_AUTH_BASIC,
	SL_AUTH_BEARER,
	SL_AUTH_HEADER,
	SL_AUTH_OAUTH2,
};

struct sl_http_params {
	const char *url;
	const char *connection;
	struct sl_pairs query, headers;
	const char *records;
	int paging; /* enum sl_http_paging */
	const char *page_param, *size_param, *next_path;
	int64_t first_page, page_size, max_pages;
	const char *since_param;
	int since_format;
	int64_t lag;
	int auth; /* enum sl_http_auth_kind */
	const char *auth_header, *token_url, *scope;
	struct sl_texts allow_addresses;
	const char *contact;
	int64_t delay, timeout, retry_for, attempts;
	uint64_t max_bytes;
};

/* The names of the two enums, NULL behind. */
extern const char *const sl_http_pagings[], *const sl_http_auths[];

/* The check of struct sl_source_kind. */
bool sl_http_check(void *params, const struct sl_node *map, const char *pipeline_dir,
		   struct sl_arena *arena, struct sl_diags *diags);

/* The place of a page. */
struct sl_http_place {
	uint64_t page;	  /* pages before it */
	uint64_t records; /* records before it */
	bool empty;	  /* the page before had none */
	const char *next; /* cursor or URL; NULL: the first page */
	const char *last; /* hash of the records of the page before, where pages are counted */
};

/* From a continuation, NULL: the first page. SL_ERR_DATA: it is damaged. */
SL_NODISCARD bool sl_http_place_read(const char *continuation, struct sl_arena *arena,
				     struct sl_http_place *ret, struct sl_err *err);
void sl_http_place_text(const struct sl_http_place *p, struct sl_buf *out);

/*
 * The page's URL. base: absolute; since: NULL, or the instant for since_param; interval: for the
 * query's {interval_start:…}. SL_ERR_PROTOCOL: the next page would be at another site, which must
 * not see the credentials.
 */
struct sl_http_asked {
	const struct sl_http_params *params;
	const char *base;
	const sl_time *since;
	const sl_time *start, *end;
};
SL_NODISCARD bool sl_http_url(const struct sl_http_asked *a, const struct sl_http_place *at,
			      struct sl_arena *arena, const char **ret, struct sl_err *err);

/* Where the page behind stands; *ret_more = false: there is none. next is owned by arena. body: the
 * answer's JSON, n: its records. SL_ERR_DATA: more than max_pages; SL_ERR_PROTOCOL: next_path holds an
 * object. */
SL_NODISCARD bool sl_http_next(const struct sl_http_asked *asked, const struct sl_http_place *at,
			       const struct sl_http_answer *answer, size_t n,
			       struct sl_arena *arena, struct sl_http_place *ret, bool *ret_more,
			       struct sl_err *err);

/* Everything that decides what a page holds, for sl_steps_begin. */
const char *sl_http_asks(const struct sl_http_params *p, struct sl_arena *arena);

#endif
