/*
 * Extraction: see web_page.h. A field that a page does not have is left out of the record; an empty
 * value counts as none, so that a page never erases what its list page said.
 */
#include "tasks/collect/web_page.h"

#include <strings.h>

#include "net/http_retry.h"

/* --- pages --- */

/* What stands in s behind word, whose letters may be of either size; p NULL: it does not. */
static struct sl_str behind(struct sl_str s, const char *word)
{
	const size_t n = strlen(word);

	for (size_t i = 0; i + n <= s.n; i++)
		if (strncasecmp(s.p + i, word, n) == 0)
			return sl_str_sub(s, i + n, s.n);
	return SL_STR_NULL;
}

static struct sl_str charset_of(const struct sl_http_answer *answer)
{
	const struct sl_str rest = behind(sl_http_header(answer, "content-type"), "charset=");
	const ptrdiff_t end = sl_str_find(rest, ';');

	return end < 0 ? rest : sl_str_sub(rest, 0, (size_t)end);
}

static bool is_html(const struct sl_http_answer *answer)
{
	const struct sl_str type = sl_http_header(answer, "content-type");

	return type.n == 0 || behind(type, "html").p;
}

static bool absolute(const struct sl_web_page *page, struct sl_str ref, struct sl_str *ret)
{
	struct sl_err ignored = SL_ERR_INIT;
	struct sl_uri base;

	return sl_uri_parse(sl_str_of(page->url), &base, &ignored) &&
	       sl_uri_resolve(&base, ref, page->arena, ret, &ignored);
}

bool sl_web_is_page(struct sl_str url)
{
	struct sl_err ignored = SL_ERR_INIT;
	struct sl_uri u;

	return sl_uri_parse(url, &u, &ignored) && sl_uri_is_http(&u);
}

/* Links count from the first <base href> of the head, which may be relative itself (HTML standard
 * §4.2.3); one that is no address of a page counts for nothing. */
static bool find_base(struct sl_web_page *page, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf href = SL_BUF_INIT;
	const struct sl_html_node *head, *base = NULL;
	struct sl_selector in_page, in_head;
	struct sl_str url;

	if (!sl_selector_parse(SL_STR("head"), page->arena, &in_page, err) ||
	    !sl_selector_parse(SL_STR("base[href]"), page->arena, &in_head, err) ||
	    !page->html->next(page->tree, NULL, &in_page, NULL, &head, err) ||
	    (head && !page->html->next(page->tree, head, &in_head, NULL, &base, err)))
		return false;
	if (base && page->html->attribute(base, "href", &href) &&
	    absolute(page, sl_buf_str(&href), &url) && sl_web_is_page(url))
		page->url = url.p;
	return true;
}

bool sl_web_page_open(struct sl_web_page *page, const struct sl_http_answer *answer,
		      struct sl_arena *arena, struct sl_err *err)
{
	const struct sl_str date = sl_http_header(answer, "date");
	sl_time sent;

	*page = (struct sl_web_page){.arena = arena};
	page->url = sl_arena_strdup(arena, answer->url);
	if (date.p && sl_http_date(date, sl_clock_now(), &sent)) {
		char text[32];

		page->sent = sl_arena_printf(arena, "%.*s", (int)sl_time_text(sent, text), text);
	}
	if (!is_html(answer))
		return sl_err_set(err, SL_ERR_DATA, "the answer is no HTML page");
	return sl_html_get(&page->html, err) &&
	       page->html->parse(sl_buf_str(&answer->body), charset_of(answer), &page->tree, err) &&
	       find_base(page, err);
}

void sl_web_page_close(struct sl_web_page *page)
{
	if (page->html)
		page->html->close(page->tree);
	page->tree = NULL;
}

/* --- values --- */

static struct sl_str strip(struct sl_str s, const char *chars)
{
	s = sl_str_trim(s);
	for (size_t n = s.n + 1; chars && s.n < n;) {
		const size_t length = strlen(chars);

		n = s.n;
		for (const char *c = chars; c < chars + length; c += sl_utf8_len(c, length)) {
			const size_t size = sl_utf8_len(c, length);

			if (size == 0)
				break;
			if (s.n >= size && memcmp(s.p, c, size) == 0)
				s = sl_str_sub(s, size, s.n);
			if (s.n >= size && memcmp(s.p + s.n - size, c, size) == 0)
				s = sl_str_sub(s, 0, s.n - size);
		}
		s = sl_str_trim(s);
	}
	return s;
}

static struct sl_str keep(const struct sl_web_page *page, struct sl_str s)
{
	char *to = sl_arena_alloc(page->arena, s.n + 1);

	memcpy(to, s.p ? s.p : "", s.n);
	to[s.n] = '\0';
	return (struct sl_str){to, s.n};
}

/* The part of s that counts, in ret: p NULL when there is none. */
static bool choose_part(const struct sl_web_field *f, struct sl_str s, struct sl_str *ret,
			struct sl_err *err)
{
	int found = 1;

	*ret = strip(s, f->strip);
	if (f->regex)
		found = sl_pattern_extract(&f->pattern, *ret, ret);
	if (found < 0)
		return sl_err_set(err, SL_ERR_DATA, "field \"%s\": regex \"%s\" gave up", f->name,
				  f->regex);
	*ret = found ? strip(*ret, f->strip) : SL_STR_NULL;
	return true;
}

/* The value of one element, in ret: p NULL when it has none. */
static bool value_of(const struct sl_web_page *page, const struct sl_web_field *f,
		     const struct sl_html_node *node, struct sl_str *ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf raw = SL_BUF_INIT;
	struct sl_str s;

	*ret = SL_STR_NULL;
	const bool points = f->link && !f->attribute && page->html->attribute(node, "href", &raw);
	if (!f->attribute && !points)
		page->html->text(node, &raw);
	else if (f->attribute && !page->html->attribute(node, f->attribute, &raw))
		return true;
	if (!choose_part(f, sl_buf_str(&raw), &s, err))
		return false;
	if (s.n > 0 && f->link && !absolute(page, s, ret))
		*ret = SL_STR_NULL;
	else if (s.n > 0 && !f->link)
		*ret = keep(page, s);
	return true;
}

static void add_value(const struct sl_web_page *page, struct sl_web_value *v, struct sl_str value)
{
	if ((v->n_list & (v->n_list - 1)) == 0) { /* full: room for twice as many */
		struct sl_str *wider =
			sl_arena_alloc(page->arena, (2 * v->n_list + 1) * sizeof(*wider));

		if (v->n_list > 0)
			memcpy(wider, v->list, v->n_list * sizeof(*wider));
		v->list = wider;
	}
	v->list[v->n_list++] = value;
}

/* What the element says of the field; a text that is there, v->text, wants no further element. */
static bool take_value(const struct sl_web_page *page, const struct sl_web_field *f,
		       const struct sl_html_node *node, struct sl_web_value *v, struct sl_err *err)
{
	struct sl_str value;

	if (!value_of(page, f, node, &value, err))
		return false;
	if (value.p && f->many)
		add_value(page, v, value);
	else if (value.p)
		v->text = value;
	return true;
}

static bool read_css(const struct sl_web_page *page, const struct sl_web_field *f,
		     const struct sl_html_node *scope, struct sl_web_value *v, bool *found,
		     struct sl_err *err)
{
	const struct sl_html_node *node = NULL;

	do {
		if (!page->html->next(page->tree, scope, &f->selector, node, &node, err))
			return sl_err_prefix(err, "field \"%s\": css \"%s\"", f->name, f->css);
		*found |= node != NULL;
		if (node && !take_value(page, f, node, v, err))
			return false;
	} while (node && !v->text.p);
	return true;
}

static bool read_xpath(const struct sl_web_page *page, struct sl_web_field *f,
		       const struct sl_html_node *scope, struct sl_web_value *v, struct sl_err *err)
{
	const struct sl_html_node *const *nodes;
	size_t n;

	if (!f->compiled_xpath && !page->html->xpath_compile(f->xpath, &f->compiled_xpath, err))
		return sl_err_prefix(err, "field \"%s\"", f->name);
	if (!page->html->xpath_select(page->tree, scope, f->compiled_xpath, &nodes, &n, err))
		return sl_err_prefix(err, "field \"%s\": xpath \"%s\"", f->name, f->xpath);
	for (size_t i = 0; i < n && !v->text.p; i++)
		if (!take_value(page, f, nodes[i], v, err))
			return false;
	return true;
}

static bool read_field(const struct sl_web_page *page, struct sl_web_field *f,
		       const struct sl_html_node *scope, struct sl_web_value *ret,
		       struct sl_err *err)
{
	bool found = false;

	*ret = (struct sl_web_value){.text = SL_STR_NULL};
	if (f->css && !read_css(page, f, scope, ret, &found, err))
		return false;
	return found || !f->xpath || read_xpath(page, f, scope, ret, err);
}

/* --- records --- */

static struct sl_web_value *slot(struct sl_web_record *r, const char *name, struct sl_arena *arena)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->names[i], name) == 0)
			return &r->values[i];
	if (r->n == r->cap) {
		const size_t cap = r->cap ? 2 * r->cap : 32;
		const char **names = sl_arena_zalloc(arena, cap, sizeof(*names));
		struct sl_web_value *values = sl_arena_zalloc(arena, cap, sizeof(*values));

		if (r->n > 0) {
			memcpy(names, r->names, r->n * sizeof(*names));
			memcpy(values, r->values, r->n * sizeof(*values));
		}
		r->names = names;
		r->values = values;
		r->cap = cap;
	}
	r->names[r->n] = name;
	return &r->values[r->n++];
}

static bool has_value(const struct sl_web_value *v)
{
	return v->text.p || v->n_list > 0;
}

static bool read_fields(const struct sl_web_page *page, struct sl_web_fields *fields,
			const struct sl_html_node *scope, struct sl_web_record *r,
			struct sl_err *err)
{
	for (size_t i = 0; i < fields->n; i++) {
		struct sl_web_value value;

		if (!read_field(page, &fields->v[i], scope, &value, err))
			return false;
		if (has_value(&value))
			*slot(r, fields->v[i].name, page->arena) = value;
	}
	return true;
}

static void add_constants(const struct sl_web_page *page, const struct sl_web_profile *p,
			  struct sl_web_record *r)
{
	for (size_t i = 0; i < p->constants.n; i++)
		slot(r, p->constants.key[i], page->arena)->text = sl_str_of(p->constants.value[i]);
	if (p->fetched && page->sent)
		slot(r, p->fetched, page->arena)->text = sl_str_of(page->sent);
}

static bool next_of(const struct sl_web_page *page, const struct sl_web_block *block,
		    const char *what, const struct sl_html_node **node, struct sl_err *err)
{
	return page->html->next(page->tree, NULL, &block->selector, *node, node, err) ||
	       sl_err_prefix(err, "%s \"%s\"", what, block->css);
}

bool sl_web_list(const struct sl_web_page *page, struct sl_web_profile *p,
		 struct sl_web_record *ret, size_t max, size_t *ret_n, struct sl_err *err)
{
	const struct sl_html_node *card = NULL; /* without record: the page */

	for (*ret_n = 0; p->record.css || *ret_n == 0; ++*ret_n) {
		struct sl_web_record *r = &ret[*ret_n];

		if (p->record.css && !next_of(page, &p->record, "record", &card, err))
			return false;
		if (p->record.css && !card)
			return true;
		if (*ret_n + 1 == max)
			return sl_err_set(err, SL_ERR_DATA, "it has %zu records or more", max);
		*r = (struct sl_web_record){NULL, NULL, 0, 0};
		if (!read_fields(page, &p->fields, card, r, err))
			return false;
		add_constants(page, p, r);
	}
	return true;
}

/* Takes out of the page what is about something else; the block about the record, or NULL. */
static bool find_block(const struct sl_web_page *page, const struct sl_web_profile *p,
		       const struct sl_html_node **ret, struct sl_err *err)
{
	*ret = NULL;
	for (size_t i = 0; i < p->n_without; i++)
		if (!page->html->drop(page->tree, &p->without[i].selector, err))
			return sl_err_prefix(err, "without \"%s\"", p->without[i].css);
	if (!p->within.css)
		return true;
	if (!next_of(page, &p->within, "within", ret, err))
		return false;
	return *ret || sl_err_set(err, SL_ERR_DATA, "the page has no \"%s\"", p->within.css);
}

bool sl_web_detail(const struct sl_web_page *page, struct sl_web_profile *p,
		   struct sl_web_record *record, struct sl_err *err)
{
	struct sl_web_record found = {NULL, NULL, 0, 0}; /* nothing of a page is taken by halves */
	const struct sl_html_node *scope;

	if (!find_block(page, p, &scope, err) || !read_fields(page, &p->detail, scope, &found, err))
		return false;
	for (size_t i = 0; i < found.n; i++)
		*slot(record, found.names[i], page->arena) = found.values[i];
	if (p->fetched && page->sent)
		slot(record, p->fetched, page->arena)->text = sl_str_of(page->sent);
	return true;
}

bool sl_web_next_link(const struct sl_web_page *page, const struct sl_web_profile *p,
		      const struct sl_html_node **at, struct sl_str *ret, struct sl_err *err)
{
	*ret = SL_STR_NULL;
	while (p->next.css && !ret->p) {
		sl_cleanup(sl_buf_release) struct sl_buf href = SL_BUF_INIT;

		if (!next_of(page, &p->next, "next", at, err))
			return false;
		if (!*at)
			return true;
		if (page->html->attribute(*at, "href", &href) &&
		    (!absolute(page, sl_buf_str(&href), ret) || !sl_web_is_page(*ret)))
			*ret = SL_STR_NULL;
	}
	return true;
}

struct sl_str sl_web_text(const struct sl_web_record *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->names[i], name) == 0)
			return r->values[i].text;
	return SL_STR_NULL;
}

void sl_web_line(const struct sl_web_record *r, struct sl_buf *out)
{
	sl_buf_addc(out, '{');
	for (size_t i = 0; i < r->n; i++) {
		const struct sl_web_value *v = &r->values[i];

		sl_buf_adds(out, i ? "," : "");
		sl_buf_add_json(out, sl_str_of(r->names[i]));
		sl_buf_addc(out, ':');
		if (v->text.p) {
			sl_buf_add_json(out, v->text);
			continue;
		}
		for (size_t k = 0; k < v->n_list; k++) {
			sl_buf_addc(out, k ? ',' : '[');
			sl_buf_add_json(out, v->list[k]);
		}
		sl_buf_addc(out, ']');
	}
	sl_buf_adds(out, "}\n");
}
