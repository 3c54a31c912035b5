/*
 * Which elements an XPath means, where a profile gives one. libxml2 counts its own steps; they are
 * taken from the page's.
 *
 * Source: libxml2 2.9 xpath.h.
 */
#include "engines/html.h"

#include <libxml/xpathInternals.h>

#include "base/mem.h"

struct sl_xpath {
	xmlXPathCompExpr *compiled;
};

static void be_quiet(void *ctx, xmlErrorPtr error)
{
	(void)ctx, (void)error;
}

/* libxml2 tells some faults to this one only. */
static void be_quiet_too(void *ctx, const char *text, ...)
{
	(void)ctx, (void)text;
}

bool html_xpath_compile(const char *expression, struct sl_xpath **ret, struct sl_err *err)
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

void html_xpath_close(struct sl_xpath *x)
{
	if (!x)
		return;
	xmlXPathFreeCompExpr(x->compiled);
	free(x);
}

static void keep_elements(struct sl_html *page, xmlNodeSet *set)
{
	page->n_found = 0;
	if (!set)
		return;
	xmlXPathNodeSetSort(set);
	for (int i = 0; i < set->nodeNr; i++)
		if (set->nodeTab[i]->type == XML_ELEMENT_NODE)
			html_add_found(page, set->nodeTab[i]);
}

/* A context that may take what is left of the page's steps. 0 would be no limit. */
static xmlXPathContext *context_of(struct sl_html *page, const struct sl_html_node *scope)
{
	xmlXPathContext *context = xmlXPathNewContext(page->doc);

	SL_ASSERT(context);
	if (!page->ordered) /* else two siblings are told apart by walking between them */
		page->ordered = xmlXPathOrderDocElems(page->doc) >= 0;
	context->error = be_quiet;
	xmlSetGenericErrorFunc(NULL, be_quiet_too);
	context->node = scope ? (xmlNode *)(uintptr_t)scope : (xmlNode *)page->doc;
	context->opLimit = page->steps < SL_HTML_STEPS ? SL_HTML_STEPS - page->steps : 1;
	return context;
}

/* What ended an evaluation: the page is too much for it, or it is wrong on every page. */
static bool gave_up(struct sl_html *page, const xmlXPathContext *context, struct sl_err *err)
{
	const int code = context->lastError.code;

	if (context->opCount < context->opLimit && code != XML_ERR_NO_MEMORY)
		return sl_err_set(err, SL_ERR_CONFIG, "it cannot be evaluated (libxml2: %d)", code);
	page->steps = SL_HTML_STEPS + 1;
	return html_within_steps(page, err);
}

bool html_xpath_select(struct sl_html *page, const struct sl_html_node *scope, struct sl_xpath *x,
		       const struct sl_html_node *const **ret, size_t *ret_n, struct sl_err *err)
{
	xmlXPathContext *context = context_of(page, scope);
	xmlXPathObject *object = xmlXPathCompiledEval(x->compiled, context);
	bool ok = object || gave_up(page, context, err);

	if (object && object->type != XPATH_NODESET)
		ok = sl_err_set(err, SL_ERR_CONFIG, "it means no elements");
	else if (object)
		keep_elements(page, object->nodesetval);
	page->steps += context->opCount;
	xmlXPathFreeObject(object);
	xmlXPathFreeContext(context);
	*ret = page->found;
	*ret_n = page->n_found;
	return ok && html_within_steps(page, err);
}
