/*
 * What the files of the HTML module share. A node of the interface is libxml2's own.
 */
#ifndef SL_ENGINES_HTML_H
#define SL_ENGINES_HTML_H

#include <libxml/tree.h>
#include <libxml/xpath.h>

#include "data/html.h"

struct sl_html {
	xmlDoc *doc;
	unsigned long steps; /* taken, of SL_HTML_STEPS */
	bool ordered;	     /* elements are numbered, so that XPath can sort them */
	/* what XPath found last */
	const struct sl_html_node **found;
	size_t n_found, cap_found;
	struct sl_buf text; /* scratch */
};

static inline const xmlNode *html_node(const struct sl_html_node *n)
{
	return (const xmlNode *)(const void *)n;
}

/* An attribute's value; "" when it is there without one, SL_STR_NULL when it is not there. */
struct sl_str html_attribute(const xmlNode *n, const char *name);
void html_text(const xmlNode *n, struct sl_buf *out);

/* iconv's name of the encoding that a label means; false: nobody knows it. */
bool html_find_encoding(struct sl_str label, char ret[64]);

/* Page bytes in UTF-8 without NUL, appended to out. */
void html_to_utf8(struct sl_str bytes, struct sl_str charset, struct sl_buf *out);

/* False when an element has more than SL_HTML_ATTRIBUTES. text: without NUL, one behind it. */
bool html_attributes_fit(struct sl_str text);

void html_add_found(struct sl_html *page, const xmlNode *n);

/* False, with the error, when the page's steps are used up. */
bool html_within_steps(const struct sl_html *page, struct sl_err *err);

bool html_next(struct sl_html *page, const struct sl_html_node *scope, const struct sl_selector *s,
	       const struct sl_html_node *after, const struct sl_html_node **ret,
	       struct sl_err *err);
bool html_drop(struct sl_html *page, const struct sl_selector *s, struct sl_err *err);

bool html_xpath_compile(const char *text, struct sl_xpath **ret, struct sl_err *err);
bool html_xpath_select(struct sl_html *page, const struct sl_html_node *scope, struct sl_xpath *x,
		       const struct sl_html_node *const **ret, size_t *ret_n, struct sl_err *err);
void html_xpath_close(struct sl_xpath *x);

#endif
