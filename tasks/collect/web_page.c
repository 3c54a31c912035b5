/*
 * Extraction: see web_page.h. A field that a page does not have is left out of the record; an empty
 * value counts as none, so that a page never erases what its list page said.
 */
#include "tasks/collect/web_page.h"

#include "net/http_retry.h"

#define MOST_ELEMENTS 4096 /* of one field or list */

/* --- pages --- */

static struct sl_str charset_of(const struct sl_http_answer *answer)
{
	const struct sl_str type = sl_http_header(answer, "content-type");
	const char *found = type.p ? memmem(type.p, type.n, "charset=", 8) : NULL;

	if (!found)
		return SL_STR_NULL;
	const struct sl_str rest = {found + 8, type.n - (size_t)(found + 8 - type.p)};
	const ptrdiff_t end = sl_str_find(rest, ';');
	return end < 0 ? rest : sl_str_sub(rest, 0, (size_t)end);
}

static bool is_html(const struct sl_http_answer *answer)
{
	const struct sl_str type = sl_http_header(answer, "content-type");

	return !type.p || memmem(type.p, type.n, "html", 4) || type.n == 0;
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
	       page->html->parse(sl_buf_str(&answer->body), charset_of(answer), &page->tree, err);
}

void sl_web_page_close(struct sl_web_page *page)
{
	if (page->html)
		page->html->close(page->tree);
	page->tree = NULL;
}

static bool absolute(const struct sl_web_page *page, struct sl_str ref, struct sl_str *ret)
{
	struct sl_err ignored = SL_ERR_INIT;
	struct sl_uri base;

	return sl_uri_parse(sl_str_of(page->url), &base, &ignored) &&
	       sl_uri_resolve(&base, ref, page->arena, ret, &ignored);
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

/* The value of one element; false: it has none. */
static bool value_of(const struct sl_web_page *page, const struct sl_web_field *f,
		     const struct sl_html_node *node, struct sl_str *ret)
{
	sl_cleanup(sl_buf_release) struct sl_buf raw = SL_BUF_INIT;

	const bool points = f->link && !f->attribute && page->html->attribute(node, "href", &raw);
	if (!f->attribute && !points)
		page->html->text(node, &raw);
	else if (f->attribute && !page->html->attribute(node, f->attribute, &raw))
		return false;
	struct sl_str s = strip(sl_buf_str(&raw), f->strip);
	if (f->regex && sl_pattern_extract(&f->pattern, s, &s) <= 0)
		return false;
	s = strip(s, f->strip);
	if (s.n == 0)
		return false;
	if (f->link)
		return absolute(page, s, ret);
	*ret = keep(page, s);
	return true;
}

static size_t find(const struct sl_web_page *page, struct sl_web_field *f,
		   const struct sl_html_node *scope, const struct sl_html_node **nodes,
		   struct sl_err *err)
{
	size_t n = 0;

	if (f->css)
		n = page->html->select(page->tree, scope, &f->selector, nodes,
				       f->many || f->regex ? MOST_ELEMENTS : 8);
	if (n > 0 || !f->xpath)
		return n;
	if (!f->compiled_xpath && !page->html->xpath_compile(f->xpath, &f->compiled_xpath, err))
		return 0;
	return page->html->xpath_select(page->tree, scope, f->compiled_xpath, nodes, MOST_ELEMENTS);
}

static bool read_field(const struct sl_web_page *page, struct sl_web_field *f,
		       const struct sl_html_node *scope, struct sl_web_value *ret,
		       struct sl_err *err)
{
	static const struct sl_html_node *nodes[MOST_ELEMENTS];
	const size_t n = find(page, f, scope, nodes, err);

	*ret = (struct sl_web_value){.text = SL_STR_NULL};
	if (err->kind != SL_ERR_NONE)
		return false;
	if (f->many && n > 0)
		ret->list = sl_arena_alloc(page->arena, n * sizeof(*ret->list));
	for (size_t i = 0; i < n; i++) {
		struct sl_str value;

		if (!value_of(page, f, nodes[i], &value))
			continue;
		if (!f->many) {
			ret->text = value;
			return true;
		}
		ret->list[ret->n_list++] = value;
	}
	return true;
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

bool sl_web_list(const struct sl_web_page *page, struct sl_web_profile *p,
		 struct sl_web_record *ret, size_t max, size_t *ret_n, struct sl_err *err)
{
	const struct sl_html_node **cards =
		sl_arena_alloc(page->arena, MOST_ELEMENTS * sizeof(*cards));
	size_t n = 1;

	cards[0] = NULL; /* without record: the page */
	if (p->record.css)
		n = page->html->select(page->tree, NULL, &p->record.selector, cards,
				       max < MOST_ELEMENTS ? max : MOST_ELEMENTS);
	if (n == max)
		return sl_err_set(err, SL_ERR_DATA, "it has %zu records or more", max);
	for (*ret_n = 0; *ret_n < n && *ret_n < max; ++*ret_n) {
		struct sl_web_record *r = &ret[*ret_n];

		*r = (struct sl_web_record){NULL, NULL, 0, 0};
		if (!read_fields(page, &p->fields, cards[*ret_n], r, err))
			return false;
		add_constants(page, p, r);
	}
	return true;
}

bool sl_web_detail(const struct sl_web_page *page, struct sl_web_profile *p,
		   struct sl_web_record *record, struct sl_err *err)
{
	const struct sl_html_node *scope = NULL, *other;

	for (size_t i = 0; i < p->n_without; i++) /* one by one: they may lie in each other */
		while (page->html->select(page->tree, NULL, &p->without[i].selector, &other, 1) ==
		       1)
			page->html->drop(other);
	if (p->within.css &&
	    page->html->select(page->tree, NULL, &p->within.selector, &scope, 1) == 0)
		return sl_err_set(err, SL_ERR_DATA, "the page has no \"%s\"", p->within.css);
	if (!read_fields(page, &p->detail, scope, record, err))
		return false;
	if (p->fetched && page->sent)
		slot(record, p->fetched, page->arena)->text = sl_str_of(page->sent);
	return true;
}

size_t sl_web_links(const struct sl_web_page *page, const struct sl_web_profile *p,
		    struct sl_str *ret, size_t max)
{
	const struct sl_html_node *nodes[64];
	size_t n = 0, found;

	if (!p->next.css)
		return 0;
	found = page->html->select(page->tree, NULL, &p->next.selector, nodes, SL_ARRAY_LEN(nodes));
	for (size_t i = 0; i < found && n < max; i++) {
		sl_cleanup(sl_buf_release) struct sl_buf href = SL_BUF_INIT;

		if (page->html->attribute(nodes[i], "href", &href) &&
		    absolute(page, sl_buf_str(&href), &ret[n]))
			n++;
	}
	return n;
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
