/*
 * Which elements a selector means. A path is matched from its right end: most elements fail there,
 * and only the others are asked for their ancestors.
 */
#include "engines/html.h"

#include "data/letters.h"

struct match {
	struct sl_html *page;
	const xmlNode *anchor; /* of :has: what the path stands relative to, else NULL */
};

static bool matches_list(const struct match *m, const xmlNode *n, const struct sl_selector *s);

/* Every loop over a page's nodes counts its steps, and ends when they are used up: what was found
 * until then is no answer. */
static bool step(const struct match *m)
{
	return m->page->steps++ < SL_HTML_STEPS;
}

static const xmlNode *element_before(const struct match *m, const xmlNode *n)
{
	do
		n = step(m) ? n->prev : NULL;
	while (n && n->type != XML_ELEMENT_NODE);
	return n;
}

static const xmlNode *element_after(const struct match *m, const xmlNode *n)
{
	do
		n = step(m) ? n->next : NULL;
	while (n && n->type != XML_ELEMENT_NODE);
	return n;
}

static const xmlNode *element_above(const struct match *m, const xmlNode *n)
{
	n = step(m) ? n->parent : NULL;
	return n && n->type == XML_ELEMENT_NODE ? n : NULL;
}

/* The next element of the tree below root, in document order; into: those in n itself count. */
static const xmlNode *next_element(const struct match *m, const xmlNode *n, const xmlNode *root,
				   bool into)
{
	do {
		if (!step(m))
			return NULL;
		if (into && n->children && n->type != XML_ENTITY_REF_NODE) {
			n = n->children;
			continue;
		}
		while (n != root && !n->next)
			n = n->parent;
		if (n == root)
			return NULL;
		n = n->next;
		into = true;
	} while (n->type != XML_ELEMENT_NODE);
	return n;
}

static const xmlNode *next_below(const struct match *m, const xmlNode *n, const xmlNode *root)
{
	return next_element(m, n, root, true);
}

/* An attribute's value. What is read counts by the time it takes. */
static struct sl_str value_of(const struct match *m, const xmlNode *n, const char *name)
{
	const struct sl_str value = html_attribute(n, name);

	for (const xmlAttr *a = n->properties; a; a = a->next)
		m->page->steps += 2;
	m->page->steps += value.n / 2;
	return value;
}

/* --- tests --- */

static bool same(struct sl_str a, struct sl_str b, bool fold)
{
	if (a.n != b.n)
		return false;
	if (!fold)
		return memcmp(a.p, b.p, a.n) == 0;
	for (size_t i = 0; i < a.n; i++) { /* ASCII only, as the standard has it */
		const char x = a.p[i], y = b.p[i];
		const bool letter = (x | 0x20) >= 'a' && (x | 0x20) <= 'z';

		if (x != y && !(letter && (x ^ y) == 0x20))
			return false;
	}
	return true;
}

/* Is word one of the words of text? */
static bool has_word(struct sl_str text, struct sl_str word, bool fold)
{
	for (size_t i = 0; i < text.n;) {
		size_t begin;

		while (i < text.n && strchr(" \t\n\r\f", text.p[i]))
			i++;
		begin = i;
		while (i < text.n && !strchr(" \t\n\r\f", text.p[i]))
			i++;
		if (i > begin && same((struct sl_str){text.p + begin, i - begin}, word, fold))
			return true;
	}
	return false;
}

static bool has_piece(struct sl_str text, struct sl_str piece, bool fold)
{
	if (!fold)
		return memmem(text.p, text.n, piece.p, piece.n) != NULL;
	for (size_t i = 0; i + piece.n <= text.n; i++)
		if (same((struct sl_str){text.p + i, piece.n}, piece, true))
			return true;
	return false;
}

static bool attribute_passes(const struct sl_sel_test *t, struct sl_str v)
{
	const struct sl_str w = t->value;

	switch (t->op) {
	case 0:
		return true;
	case '=':
		return same(v, w, t->fold);
	case '~':
		return w.n > 0 && has_word(v, w, t->fold);
	case '|':
		return same(v, w, t->fold) ||
		       (v.n > w.n && v.p[w.n] == '-' && same(sl_str_sub(v, 0, w.n), w, t->fold));
	case '^':
		return w.n > 0 && v.n >= w.n && same(sl_str_sub(v, 0, w.n), w, t->fold);
	case '$':
		return w.n > 0 && v.n >= w.n && same(sl_str_sub(v, v.n - w.n, w.n), w, t->fold);
	default:
		return w.n > 0 && has_piece(v, w, t->fold);
	}
}

static bool nth_passes(const struct match *m, const struct sl_sel_test *t, const xmlNode *n)
{
	int place = 1;

	/* A place that is counted from the begin is passed after so many: pages may hold a million. */
	while ((n = element_before(m, n)) && (t->step > 0 || place <= t->offset))
		place++;
	if (t->step == 0)
		return place == t->offset;
	return (place - t->offset) % t->step == 0 && (place - t->offset) / t->step >= 0;
}

static bool text_passes(const struct match *m, const struct sl_sel_test *t, const xmlNode *n)
{
	sl_cleanup(sl_buf_release) struct sl_buf folded = SL_BUF_INIT;

	sl_buf_clear(&m->page->text);
	html_text(n, &m->page->text);
	m->page->steps += 2 * m->page->text.n;
	sl_text_fold(sl_buf_str(&m->page->text), &folded);
	return has_piece(sl_buf_str(&folded), t->value, false);
}

static bool matches_below(const struct match *m, const xmlNode *root, const struct sl_selector *s)
{
	for (const xmlNode *e = next_below(m, root, root); e; e = next_below(m, e, root))
		if (matches_list(m, e, s))
			return true;
	return false;
}

static bool looks_beside(const struct sl_selector *s)
{
	for (size_t i = 0; i < s->n_paths; i++)
		if (s->paths[i].parts[0].relation == '+' || s->paths[i].parts[0].relation == '~')
			return true;
	return false;
}

/* Does anything that stands to n as the list says match it? */
static bool has_passes(const struct match *m, const struct sl_sel_test *t, const xmlNode *n)
{
	const struct match inner = {m->page, n};

	if (matches_below(&inner, n, t->list))
		return true;
	if (!looks_beside(t->list))
		return false;
	for (const xmlNode *e = element_after(m, n); e; e = element_after(m, e))
		if (matches_list(&inner, e, t->list) || matches_below(&inner, e, t->list))
			return true;
	return false;
}

static bool passes(const struct match *m, const struct sl_sel_test *t, const xmlNode *n)
{
	const struct match plain = {m->page, NULL};
	struct sl_str value;

	switch (t->what) {
	case SL_SEL_TYPE:
		return sl_str_eqz(t->name, (const char *)n->name);
	case SL_SEL_CLASS:
		value = value_of(m, n, "class");
		return value.p && has_word(value, t->value, false);
	case SL_SEL_ID:
		value = value_of(m, n, "id");
		return value.p && same(value, t->value, false);
	case SL_SEL_ATTR:
		value = value_of(m, n, t->name.p);
		return value.p && attribute_passes(t, value);
	case SL_SEL_NTH:
		return nth_passes(m, t, n);
	case SL_SEL_LAST:
		return !element_after(m, n);
	case SL_SEL_NOT:
		return !matches_list(&plain, n, t->list);
	case SL_SEL_HAS:
		return has_passes(m, t, n);
	case SL_SEL_TEXT:
		return text_passes(m, t, n);
	}
	return false;
}

/* --- paths --- */

/* Does the anchor stand before n as the path's first part wants it? */
static bool stands_to_anchor(const struct match *m, const xmlNode *n, char relation)
{
	switch (relation) {
	case '>':
		return element_above(m, n) == m->anchor;
	case '+':
		return element_before(m, n) == m->anchor;
	case '~':
		while ((n = element_before(m, n)))
			if (n == m->anchor)
				return true;
		return false;
	default:
		while ((n = element_above(m, n)))
			if (n == m->anchor)
				return true;
		return false;
	}
}

static bool matches_part(const struct match *m, const xmlNode *n, const struct sl_sel_path *path,
			 size_t i);

/* Some element that stands before n in this way matches the parts before i. */
static bool matches_before(const struct match *m, const xmlNode *n, const struct sl_sel_path *path,
			   size_t i)
{
	const char relation = path->parts[i].relation;
	const bool sibling = relation == '+' || relation == '~';

	while ((n = sibling ? element_before(m, n) : element_above(m, n))) {
		if (matches_part(m, n, path, i - 1))
			return true;
		if (relation == '>' || relation == '+')
			return false;
	}
	return false;
}

static bool matches_part(const struct match *m, const xmlNode *n, const struct sl_sel_path *path,
			 size_t i)
{
	const struct sl_sel_part *part = &path->parts[i];

	for (size_t t = 0; t < part->n_tests; t++)
		if (!passes(m, &part->tests[t], n))
			return false;
	if (i > 0)
		return matches_before(m, n, path, i);
	return !part->relation || stands_to_anchor(m, n, part->relation);
}

static bool matches_list(const struct match *m, const xmlNode *n, const struct sl_selector *s)
{
	for (size_t i = 0; i < s->n_paths; i++)
		if (matches_part(m, n, &s->paths[i], s->paths[i].n_parts - 1))
			return true;
	return false;
}

bool html_next(struct sl_html *page, const struct sl_html_node *scope, const struct sl_selector *s,
	       const struct sl_html_node *after, const struct sl_html_node **ret,
	       struct sl_err *err)
{
	const xmlNode *root = scope ? html_node(scope) : (const xmlNode *)page->doc;
	const xmlNode *n = after ? html_node(after) : root;
	const struct match m = {page, NULL};

	do
		n = next_below(&m, n, root);
	while (n && !matches_list(&m, n, s));
	*ret = (const struct sl_html_node *)(const void *)n;
	return html_within_steps(page, err);
}

/* The outermost elements that match, into the page's array. */
static void find_outermost(struct sl_html *page, const struct sl_selector *s)
{
	const xmlNode *root = (const xmlNode *)page->doc;
	const struct match m = {page, NULL};
	bool found = false;

	page->n_found = 0;
	for (const xmlNode *n = next_below(&m, root, root); n;
	     n = next_element(&m, n, root, !found)) {
		found = matches_list(&m, n, s);
		if (found)
			html_add_found(page, n);
	}
}

bool html_drop(struct sl_html *page, const struct sl_selector *s, struct sl_err *err)
{
	find_outermost(page, s);
	if (!html_within_steps(page, err))
		return false;
	for (size_t i = 0; i < page->n_found; i++) {
		xmlNode *n = (xmlNode *)(uintptr_t)page->found[i];

		xmlUnlinkNode(n);
		xmlFreeNode(n);
	}
	page->n_found = 0;
	return true;
}
