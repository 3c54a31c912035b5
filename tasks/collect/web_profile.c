/*
 * Reading a profile: see web_profile.h.
 */
#include "tasks/collect/web_profile.h"

#include "base/file.h"

#define PROFILE_BYTES ((size_t)1 << 20)

/* As they stand in the file. */
struct profile_keys {
	struct sl_texts start;
	const char *next, *record, *key, *fetched;
	struct sl_pairs constants;
	struct sl_node *fields, *detail;
};

struct detail_keys {
	const char *link, *within;
	struct sl_texts without;
	struct sl_node *fields;
};

const struct sl_field sl_web_profile_fields[] = {
	SL_F_TEXTS(struct profile_keys, start, 0, "addresses of the first list pages"),
	SL_F_TEXT(struct profile_keys, next, 0, NULL,
		  "CSS of links to further list pages; the first one not followed yet is"),
	SL_F_TEXT(struct profile_keys, record, 0, NULL,
		  "CSS of the elements that are one record each; without it a page is one"),
	SL_F_TEXT(struct profile_keys, key, 0, NULL,
		  "field that tells records apart: one that is listed again is passed over"),
	SL_F_TEXT(struct profile_keys, fetched, 0, NULL,
		  "field that says when the page was sent (the answer's Date), RFC 3339"),
	SL_F_PAIRS(struct profile_keys, constants, 0, "fields with a value of their own"),
	SL_F_NODE(struct profile_keys, fields, SL_F_REQUIRED, "fields of a list page's record"),
	SL_F_NODE(struct profile_keys, detail, 0, "the page of each record"),
	SL_F_END,
};

const struct sl_field sl_web_detail_fields[] = {
	SL_F_TEXT(struct detail_keys, link, SL_F_REQUIRED, NULL,
		  "field of the list page that holds the address"),
	SL_F_TEXT(struct detail_keys, within, 0, NULL,
		  "CSS of the one block that is about the record; without it the page is"),
	SL_F_TEXTS(struct detail_keys, without, 0,
		   "CSS of blocks that are about something else: similar records, footers"),
	SL_F_NODE(struct detail_keys, fields, SL_F_REQUIRED,
		  "fields; a value found here replaces the list page's"),
	SL_F_END,
};

const struct sl_field sl_web_field_fields[] = {
	SL_F_TEXT(struct sl_web_field, css, 0, NULL, "CSS of the element; also as a plain text"),
	SL_F_TEXT(struct sl_web_field, xpath, 0, NULL,
		  "XPath 1.0, where css is not given or finds nothing"),
	SL_F_TEXT(struct sl_web_field, attribute, 0, NULL, "its value; without it the text is"),
	SL_F_TEXT(struct sl_web_field, regex, 0, NULL,
		  "the first group, or the whole match, is the value; no match: no value"),
	SL_F_TEXT(struct sl_web_field, strip, 0, NULL,
		  "characters taken off both ends, beside blanks"),
	SL_F_BOOL(struct sl_web_field, many, 0, "false", "every element with a value, as a list"),
	SL_F_BOOL(struct sl_web_field, link, 0, "false",
		  "an address, made absolute: the href where no attribute is named"),
	SL_F_END,
};

struct reading {
	struct sl_web_profile *p;
	struct sl_arena *arena;
	struct sl_diags *diags;
};

static void compile_block(const struct reading *r, const char *css, struct sl_place at,
			  struct sl_web_block *ret)
{
	struct sl_err err = SL_ERR_INIT;

	ret->css = css;
	if (css && !sl_selector_parse(sl_str_of(css), r->arena, &ret->selector, &err))
		sl_diag_add(r->diags, SL_E1013, at, "%s", err.msg);
}

static void compile_field(const struct reading *r, struct sl_web_field *f)
{
	struct sl_err err = SL_ERR_INIT;

	if (!f->css && !f->xpath)
		sl_diag_add(r->diags, SL_E1004, f->at, "field \"%s\" has neither css nor xpath",
			    f->name);
	if (f->css && !sl_selector_parse(sl_str_of(f->css), r->arena, &f->selector, &err))
		sl_diag_add(r->diags, SL_E1013, f->at, "field \"%s\": %s", f->name, err.msg);
	if (f->regex && !sl_pattern_make(&f->pattern, f->regex, false, &err))
		sl_diag_add(r->diags, SL_E1013, f->at, "field \"%s\": %s", f->name, err.msg);
	if (f->many && f->link)
		sl_diag_add(r->diags, SL_E1011, f->at, "field \"%s\" is one link, not many",
			    f->name);
}

static void read_fields(const struct reading *r, const struct sl_node *map, const char *section,
			struct sl_web_fields *ret)
{
	if (!map || map->bad)
		return;
	if (map->kind != SL_NODE_MAP || map->n == 0) {
		sl_diag_add(r->diags, SL_E1005, map->at, "\"%s\" must name fields", section);
		return;
	}
	ret->v = sl_arena_zalloc(r->arena, map->n, sizeof(*ret->v));
	for (size_t i = 0; i < map->n; i++) {
		struct sl_web_field *f = &ret->v[i];
		const struct sl_node *value = map->items[i];
		const char *what = sl_arena_printf(r->arena, "field \"%s\"", map->keys[i]->text);

		if (value->kind == SL_NODE_SCALAR && !sl_node_is_null(value))
			f->css = value->text;
		else if (!sl_fields_read(sl_web_field_fields, f, sizeof(*f), value, NULL, what,
					 r->arena, r->diags))
			continue;
		f->name = map->keys[i]->text;
		f->at = map->keys[i]->at;
		compile_field(r, f);
		ret->n = i + 1;
	}
}

static bool has_field(const struct sl_web_fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->n; i++)
		if (fields->v[i].name && strcmp(fields->v[i].name, name) == 0)
			return true;
	return false;
}

static void check_name(const struct reading *r, const char *key, const char *name,
		       const struct sl_node *map)
{
	if (name && !has_field(&r->p->fields, name))
		sl_diag_add(r->diags, SL_E1008, sl_node_get(map, key)->at,
			    "\"%s\" is no field of the list page", name);
}

static void read_detail(const struct reading *r, const struct sl_node *map)
{
	struct sl_web_profile *p = r->p;
	struct detail_keys keys;

	if (!map || !sl_fields_read(sl_web_detail_fields, &keys, sizeof(keys), map, NULL, "detail",
				    r->arena, r->diags))
		return;
	p->link = keys.link;
	check_name(r, "link", keys.link, map);
	compile_block(r, keys.within, map->at, &p->within);
	p->without = sl_arena_zalloc(r->arena, keys.without.n + 1, sizeof(*p->without));
	for (; p->n_without < keys.without.n; p->n_without++)
		compile_block(r, keys.without.v[p->n_without], keys.without.at[p->n_without],
			      &p->without[p->n_without]);
	read_fields(r, keys.fields, "fields", &p->detail);
}

static struct sl_place place_of(const struct sl_node *map, const char *key)
{
	const struct sl_node *n = sl_node_get(map, key);

	return n ? n->at : map->at;
}

static void read_profile(const struct reading *r, const struct sl_node *root)
{
	struct sl_web_profile *p = r->p;
	struct profile_keys keys;

	if (!sl_fields_read(sl_web_profile_fields, &keys, sizeof(keys), root, NULL, "the profile",
			    r->arena, r->diags))
		return;
	p->start = keys.start;
	p->key = keys.key;
	p->fetched = keys.fetched;
	p->constants = keys.constants;
	compile_block(r, keys.next, place_of(root, "next"), &p->next);
	compile_block(r, keys.record, place_of(root, "record"), &p->record);
	read_fields(r, keys.fields, "fields", &p->fields);
	check_name(r, "key", p->key, root);
	read_detail(r, keys.detail);
}

struct sl_web_profile *sl_web_profile_read(const char *path, struct sl_place named_at,
					   struct sl_arena *arena, struct sl_diags *diags)
{
	sl_cleanup(sl_buf_release) struct sl_buf bytes = SL_BUF_INIT;
	struct sl_web_profile *p = sl_arena_zalloc(arena, 1, sizeof(*p));
	const struct reading r = {p, arena, diags};
	const size_t before = diags->total;
	struct sl_err err = SL_ERR_INIT;

	if (!sl_file_read(path, PROFILE_BYTES, &bytes, &err)) {
		sl_diag_add(diags, SL_E1012, named_at, "%s", err.msg);
		return NULL;
	}
	const struct sl_node *root = sl_yaml_parse(sl_buf_str(&bytes), path, arena, diags);
	if (root)
		read_profile(&r, root);
	if (diags->total > before) {
		sl_web_profile_release(p);
		return NULL;
	}
	p->text = sl_str_of(sl_arena_printf(arena, "%.*s", (int)bytes.n, bytes.p));
	return p;
}

static void release_fields(struct sl_web_fields *fields)
{
	const struct sl_html_engine *html;
	struct sl_err err = SL_ERR_INIT;

	for (size_t i = 0; i < fields->n; i++) {
		if (fields->v[i].pattern.code)
			sl_pattern_release(&fields->v[i].pattern);
		if (fields->v[i].compiled_xpath && sl_html_get(&html, &err))
			html->xpath_close(fields->v[i].compiled_xpath);
	}
}

void sl_web_profile_release(struct sl_web_profile *p)
{
	if (!p)
		return;
	release_fields(&p->fields);
	release_fields(&p->detail);
}
