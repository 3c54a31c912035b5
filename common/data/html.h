/*
 * Interface of the module that reads HTML pages (engines/html.c): a page as a tree, elements by
 * selector, texts. Pages are foreign bytes: nothing in them is fetched, no entity of theirs is
 * expanded, their size and depth are bounded.
 */
#ifndef SL_DATA_HTML_H
#define SL_DATA_HTML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"
#include "data/selector.h"

#define SL_HTML_BYTES ((size_t)16 << 20) /* most of one page */
#define SL_HTML_ATTRIBUTES 1024		 /* most of one element */
#define SL_HTML_STEPS 50000000ul	 /* that looking for elements may take in one page */

struct sl_html;	     /* a page */
struct sl_html_node; /* an element of it, alive until the page is closed */
struct sl_xpath;     /* a compiled XPath */

struct sl_html_engine {
	/*
	 * charset: as Content-Type names it, or SL_STR_NULL. A byte order mark beats it, it beats
	 * <meta>, that beats <?xml …?>; without any it is UTF-8, or windows-1252 when it looks
	 * like that. A label means what the WHATWG Encoding Standard says (§4.2), so
	 * "gb2312" is gb18030 and "iso-8859-1" windows-1252. Bytes that are no letter become U+FFFD.
	 * SL_ERR_DATA: larger than SL_HTML_BYTES, an element with more than SL_HTML_ATTRIBUTES or
	 * too deep inside others, or no document at all.
	 */
	bool (*parse)(struct sl_str bytes, struct sl_str charset, struct sl_html **ret,
		      struct sl_err *err);
	void (*close)(struct sl_html *page); /* NULL is fine */

	/*
	 * The first element below scope (NULL: of the page) that matches, behind after (NULL: from
	 * the begin), in document order; *ret is NULL when there is none. scope itself never is one.
	 * SL_ERR_DATA: all that was looked for in this page takes more than SL_HTML_STEPS, elements
	 * compared and texts read; some tenths of a second.
	 */
	bool (*next)(struct sl_html *page, const struct sl_html_node *scope,
		     const struct sl_selector *s, const struct sl_html_node *after,
		     const struct sl_html_node **ret, struct sl_err *err);

	/* Takes every element that matches, and all in it, out of the page; no node within may be
	 * used any more. SL_ERR_DATA as above. */
	bool (*drop)(struct sl_html *page, const struct sl_selector *s, struct sl_err *err);

	/* The elements that an XPath 1.0 means, in document order; "." is scope. *ret is the page's
	 * until the next call. SL_ERR_CONFIG: none; SL_ERR_DATA as above. A compiled one serves
	 * every page. */
	bool (*xpath_compile)(const char *text, struct sl_xpath **ret, struct sl_err *err);
	bool (*xpath_select)(struct sl_html *page, const struct sl_html_node *scope,
			     struct sl_xpath *x, const struct sl_html_node *const **ret,
			     size_t *ret_n, struct sl_err *err);
	void (*xpath_close)(struct sl_xpath *x); /* NULL is fine */

	/* Appends the element's text: all below it but script and style, as it stands. */
	void (*text)(const struct sl_html_node *node, struct sl_buf *out);
	/* False: it has no such attribute (small letters). Appends the value otherwise. */
	bool (*attribute)(const struct sl_html_node *node, const char *name, struct sl_buf *out);
};

/* Opens the module. SL_ERR_CONFIG when it or its library is missing. */
SL_NODISCARD bool sl_html_get(const struct sl_html_engine **ret, struct sl_err *err);

#endif
