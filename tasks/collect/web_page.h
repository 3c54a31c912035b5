/*
 * From a page to records: what a profile says is in it, as the fields of JSON objects.
 */
#ifndef SL_COLLECT_WEB_PAGE_H
#define SL_COLLECT_WEB_PAGE_H

#include "net/http.h"
#include "net/uri.h"
#include "tasks/collect/web_profile.h"

/* A field's value: one text, or a list of them. p NULL, n_list 0: none. */
struct sl_web_value {
	struct sl_str text;
	struct sl_str *list;
	size_t n_list;
};

/* A record being put together: fields in the order in which they came. */
struct sl_web_record {
	const char **names;
	struct sl_web_value *values;
	size_t n, cap;
};

/* A page that was fetched and parsed. */
struct sl_web_page {
	const struct sl_html_engine *html;
	struct sl_html *tree;
	const char *url;	/* links count from here: its own, or <base> */
	const char *sent;	/* Date of the answer, RFC 3339, or NULL */
	struct sl_arena *arena; /* values live in it */
};

/* Parses an answer; what the arena holds lives on. SL_ERR_DATA: not HTML that can be read. */
SL_NODISCARD bool sl_web_page_open(struct sl_web_page *page, const struct sl_http_answer *answer,
				   struct sl_arena *arena, struct sl_err *err);
void sl_web_page_close(struct sl_web_page *page);

/* The records of a list page, each with the profile's fields and constants. SL_ERR_DATA: max or
 * more, or the page takes too many steps (data/html.h). */
SL_NODISCARD bool sl_web_list(const struct sl_web_page *page, struct sl_web_profile *p,
			      struct sl_web_record *ret, size_t max, size_t *ret_n,
			      struct sl_err *err);

/* What the record's own page says replaces what stands in the record; nothing does on an error. */
SL_NODISCARD bool sl_web_detail(const struct sl_web_page *page, struct sl_web_profile *p,
				struct sl_web_record *record, struct sl_err *err);

/* The address of the next link that next means, behind *at (NULL: the first), which moves there;
 * p NULL: there is none. */
SL_NODISCARD bool sl_web_next_link(const struct sl_web_page *page, const struct sl_web_profile *p,
				   const struct sl_html_node **at, struct sl_str *ret,
				   struct sl_err *err);

/* Can it be fetched? "javascript:…" and "mailto:…" cannot. */
bool sl_web_is_page(struct sl_str url);

/* The value of a field that is one text, or SL_STR_NULL. */
struct sl_str sl_web_text(const struct sl_web_record *r, const char *name);

/* Appends the record as a JSON line. */
void sl_web_line(const struct sl_web_record *r, struct sl_buf *out);

#endif
