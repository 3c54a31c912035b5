/*
 * Module html: pages by libxml2's HTML parser, told nothing but UTF-8 (html_charset.c). No network,
 * no entities from outside, no limits lifted: a page that libxml2 stops reading is an error, never
 * half a page.
 *
 * Source: libxml2 2.9 HTMLparser.h, xpath.h.
 */
#include "engines/html.h"

#include <libxml/HTMLparser.h>
#include <libxml/xpathInternals.h>

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
	sl_buf_release(&page->text);
	free(page);
}

static void drop(const struct sl_html_node *node)
{
	xmlNode *n = (xmlNode *)(uintptr_t)node;

	xmlUnlinkNode(n);
	xmlFreeNode(n);
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

/* --- XPath --- */

struct sl_xpath {
	xmlXPathCompExpr *compiled;
};

static void be_quiet(void *ctx, xmlErrorPtr error)
{
	(void)ctx, (void)error;
}

static bool xpath_compile(const char *expression, struct sl_xpath **ret, struct sl_err *err)
{
	xmlXPathContext *context = xmlXPathNewContext(NULL);

	SL_ASSERT(context);
	context->error = be_quiet;
	xmlXPathCompExpr *compiled = xmlXPathCtxtCompile(context, (const xmlChar *)expression);
	xmlXPathFreeContext(context);
	if (!compiled)
		return sl_err_set(err, SL_ERR_CONFIG, "\"%s\" is no XPath 1.0", expression);
	*ret = sl_xcalloc(1, sizeof(**ret));
	(*ret)->compiled = compiled;
	return true;
}

static size_t take_nodes(xmlNodeSet *set, const struct sl_html_node **ret, size_t max)
{
	size_t found = 0;

	if (!set)
		return 0;
	xmlXPathNodeSetSort(set);
	for (int i = 0; i < set->nodeNr && found < max; i++)
		if (set->nodeTab[i]->type == XML_ELEMENT_NODE)
			ret[found++] = (const struct sl_html_node *)(const void *)set->nodeTab[i];
	return found;
}

static size_t xpath_select(struct sl_html *page, const struct sl_html_node *scope,
			   struct sl_xpath *x, const struct sl_html_node **ret, size_t max)
{
	xmlXPathContext *context = xmlXPathNewContext(page->doc);
	size_t found = 0;

	SL_ASSERT(context);
	context->error = be_quiet;
	context->node = scope ? (xmlNode *)(uintptr_t)scope : (xmlNode *)page->doc;
	xmlXPathObject *object = xmlXPathCompiledEval(x->compiled, context);
	if (object && object->type == XPATH_NODESET)
		found = take_nodes(object->nodesetval, ret, max);
	xmlXPathFreeObject(object);
	xmlXPathFreeContext(context);
	return found;
}

static void xpath_close(struct sl_xpath *x)
{
	if (!x)
		return;
	xmlXPathFreeCompExpr(x->compiled);
	free(x);
}

static const struct sl_html_engine engine = {
	.parse = parse,
	.close = close_page,
	.select = html_select,
	.drop = drop,
	.xpath_compile = xpath_compile,
	.xpath_select = xpath_select,
	.xpath_close = xpath_close,
	.text = text,
	.attribute = attribute,
};

extern const void *const sl_module_html;
SL_EXPORT const void *const sl_module_html = &engine;
