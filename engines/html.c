/*
 * Module html: pages by libxml2's HTML parser, told nothing but UTF-8 (html_charset.c). No network,
 * no entities from outside, no limits lifted: a page that libxml2 stops reading is an error, never
 * half a page.
 *
 * Source: libxml2 2.9 HTMLparser.h.
 */
#include "engines/html.h"

#include <libxml/HTMLparser.h>

#include "base/mem.h"

struct sl_str html_attribute(const xmlNode *n, const char *name)
{
	for (const xmlAttr *a = n->properties; a; a = a->next) {
		if (strcmp((const char *)a->name, name) != 0)
			continue;
		const xmlNode *text = a->children;
		return sl_str_of(text && text->content ? (const char *)text->content : "");
	}
	return SL_STR_NULL;
}

static bool is_hidden(const xmlNode *n)
{
	const char *name = (const char *)n->name;

	return n->type == XML_ELEMENT_NODE &&
	       (strcmp(name, "script") == 0 || strcmp(name, "style") == 0);
}

void html_text(const xmlNode *node, struct sl_buf *out)
{
	const xmlNode *n = node;

	while (n) {
		if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE)
			sl_buf_adds(out, (const char *)n->content);
		if (n->type == XML_ELEMENT_NODE && n->children && (n == node || !is_hidden(n))) {
			n = n->children;
			continue;
		}
		while (n != node && !n->next)
			n = n->parent;
		n = n == node ? NULL : n->next;
	}
}

static bool refused(const htmlParserCtxt *c, struct sl_err *err)
{
	const int code = c->lastError.code;

	if (c->myDoc && code != XML_ERR_INTERNAL_ERROR && code != XML_ERR_NO_MEMORY &&
	    code != XML_ERR_NAME_TOO_LONG)
		return false;
	sl_err_set(err, SL_ERR_DATA, "the page cannot be read: %s",
		   c->lastError.message ? c->lastError.message : "it holds no element");
	for (char *p = err->msg; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	return true;
}

static bool parse(struct sl_str bytes, struct sl_str charset, struct sl_html **ret,
		  struct sl_err *err)
{
	const int options = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
			    HTML_PARSE_NONET | HTML_PARSE_COMPACT | HTML_PARSE_NODEFDTD |
			    HTML_PARSE_IGNORE_ENC;
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	if (bytes.n > SL_HTML_BYTES)
		return sl_err_set(err, SL_ERR_DATA, "the page is larger than %zu bytes",
				  SL_HTML_BYTES);
	html_to_utf8(bytes, charset, &text);
	if (!html_attributes_fit((struct sl_str){sl_buf_z(&text), text.n}))
		return sl_err_set(err, SL_ERR_DATA,
				  "an element of the page has more than %d attributes",
				  SL_HTML_ATTRIBUTES);
	htmlParserCtxt *c = htmlNewParserCtxt();
	SL_ASSERT(c); /* NULL: out of memory */
	xmlDoc *doc = htmlCtxtReadMemory(c, sl_buf_z(&text), (int)text.n, NULL, "UTF-8", options);
	c->myDoc = doc;
	if (!doc || !xmlDocGetRootElement(doc) || refused(c, err)) {
		if (err->kind == SL_ERR_NONE)
			sl_err_set(err, SL_ERR_DATA, "the page holds no element");
		c->myDoc = NULL;
		xmlFreeDoc(doc);
		htmlFreeParserCtxt(c);
		return false;
	}
	struct sl_html *page = sl_xcalloc(1, sizeof(*page));
	page->doc = doc;
	c->myDoc = NULL;
	htmlFreeParserCtxt(c);
	*ret = page;
	return true;
}

static void close_page(struct sl_html *page)
{
	if (!page)
		return;
	xmlFreeDoc(page->doc);
	free(page->found);
	sl_buf_release(&page->text);
	free(page);
}

void html_add_found(struct sl_html *page, const xmlNode *n)
{
	if (page->n_found == page->cap_found) {
		page->cap_found = page->cap_found ? 2 * page->cap_found : 64;
		page->found = sl_xrealloc(page->found, page->cap_found, sizeof(*page->found));
	}
	page->found[page->n_found++] = (const struct sl_html_node *)(const void *)n;
}

static void text(const struct sl_html_node *node, struct sl_buf *out)
{
	html_text(html_node(node), out);
}

static bool attribute(const struct sl_html_node *node, const char *name, struct sl_buf *out)
{
	const struct sl_str value = html_attribute(html_node(node), name);

	sl_buf_addstr(out, value);
	return value.p != NULL;
}

bool html_within_steps(const struct sl_html *page, struct sl_err *err)
{
	if (page->steps <= SL_HTML_STEPS)
		return true;
	sl_err_set(err, SL_ERR_DATA, "the page takes more than %lu steps", SL_HTML_STEPS);
	return sl_err_hint(err, "let the selector say more (a class, an id, \">\" for a blank), or "
				"bound it: record, within");
}

static const struct sl_html_engine engine = {
	.parse = parse,
	.close = close_page,
	.next = html_next,
	.drop = html_drop,
	.xpath_compile = html_xpath_compile,
	.xpath_select = html_xpath_select,
	.xpath_close = html_xpath_close,
	.text = text,
	.attribute = attribute,
};

extern const void *const sl_module_html;
SL_EXPORT const void *const sl_module_html = &engine;
