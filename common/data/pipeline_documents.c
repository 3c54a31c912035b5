/*
 * Section documents: which relation's rows become documents, under which names, in which collection.
 * What only the database knows (a model's columns) is checked when they are published.
 */
#include "data/pipeline_read.h"

#define COLLECTION_MAX 100

const struct sl_field sl_documents_fields[] = {
	SL_F_TEXT(struct sl_documents, from, 0, NULL,
		  "table or model whose rows they are; default: the store's table"),
	SL_F_TEXTS(struct sl_documents, key, 0,
		   "columns that make _id: one column's value, or a document of several; default: "
		   "the store's key"),
	SL_F_TEXT(struct sl_documents, collection, 0, NULL, "where they go; default NAME"),
	SL_F_PAIRS(struct sl_documents, fields, 0,
		   "path: column; a dot in the path nests; default: every column under its name"),
	SL_F_TEXTS(struct sl_documents, indexes, 0,
		   "paths, \"a, -b\" for one index over two, \"-\" for descending"),
	SL_F_TEXT(struct sl_documents, gone, 0, NULL,
		  "column that says a row is gone: true, or not NULL"),
	SL_F_END,
};

/* --- columns --- */

static bool has_column(const struct sl_pipeline *p, const char *name)
{
	for (size_t i = 0; i < p->contract.n_stored; i++)
		if (strcmp(p->contract.cols[i].name, name) == 0)
			return true;
	return false;
}

/* A model's columns are not known here. */
static void check_column(struct sl_reading *r, const struct sl_documents *d, const char *name,
			 struct sl_place at)
{
	if (!sl_check_name(r, name, at, "column", 0))
		return;
	if (d->of_table && !has_column(r->p, name))
		sl_diag_add(r->diags, SL_E1008, at,
			    "documents \"%s\": table \"%s\" has no column "
			    "\"%s\"",
			    d->name, d->from, name);
}

static void read_key(struct sl_reading *r, struct sl_documents *d)
{
	const struct sl_store *s = &r->p->store;

	if (d->key.n == 0 && d->of_table && s->mode == SL_MODE_LATEST) {
		d->key = s->key;
		return;
	}
	if (d->key.n == 0)
		sl_diag_add(r->diags, SL_E1004, d->at,
			    "documents \"%s\" need a \"key\": nothing else says which row is which "
			    "document",
			    d->name);
	for (size_t i = 0; i < d->key.n; i++) {
		for (size_t k = 0; k < i; k++)
			if (strcmp(d->key.v[k], d->key.v[i]) == 0)
				sl_diag_add(r->diags, SL_E1002, d->key.at[i],
					    "key \"%s\" is named twice", d->key.v[i]);
		check_column(r, d, d->key.v[i], d->key.at[i]);
	}
}

/* Each row of the table has a change number, as long as a document is just one row of it. */
static bool is_table_key(const struct sl_store *s, const struct sl_documents *d)
{
	size_t found = 0;

	for (size_t i = 0; i < d->key.n; i++)
		for (size_t k = 0; k < s->key.n; k++)
			found += strcmp(d->key.v[i], s->key.v[k]) == 0;
	return found == s->key.n && found == d->key.n;
}

/* --- paths --- */

/* "prix.valeur": names that a server takes, not ours, not too deep. */
static bool check_path(struct sl_reading *r, struct sl_str path, struct sl_place at)
{
	struct sl_str rest = path, part;
	size_t depth = 0;

	while (sl_str_next(&rest, '.', &part)) {
		const bool ours =
			depth == 0 && (sl_str_eqz(part, "_id") || sl_str_eqz(part, "_sl"));

		if (part.n == 0 || part.p[0] == '$' || ours || ++depth > SL_DOC_DEPTH) {
			sl_diag_add(r->diags, SL_E1005, at,
				    "\"" SL_STR_FMT "\" cannot be a path: names between dots, at "
				    "most %d, none empty or beginning with \"$\"; _id and _sl are "
				    "made by Sluice",
				    SL_STR_ARG(path), SL_DOC_DEPTH);
			return false;
		}
	}
	return depth > 0;
}

/* "a" beside "a.b": one name cannot be a value and a document. */
static bool is_above(const char *above, const char *path)
{
	const size_t n = strlen(above);

	return strncmp(above, path, n) == 0 && path[n] == '.';
}

static void read_fields(struct sl_reading *r, struct sl_documents *d)
{
	const struct sl_pairs *f = &d->fields;

	for (size_t i = 0; i < f->n; i++) {
		check_path(r, sl_str_of(f->key[i]), f->at[i]);
		check_column(r, d, f->value[i], f->at[i]);
		for (size_t k = 0; k < f->n; k++)
			if (is_above(f->key[k], f->key[i]))
				sl_diag_add(r->diags, SL_E1011, f->at[i],
					    "\"%s\" cannot stand below \"%s\", which is a value",
					    f->key[i], f->key[k]);
	}
}

static void read_index(struct sl_reading *r, struct sl_doc_index *index, struct sl_str text,
		       struct sl_place at)
{
	struct sl_arena *arena = &r->p->arena;
	struct sl_str rest = text, part;
	struct sl_doc_index_part *parts = sl_arena_zalloc(arena, text.n + 1, sizeof(*parts));

	index->parts = parts;
	while (sl_str_next(&rest, ',', &part)) {
		struct sl_doc_index_part *one = &parts[index->n];

		part = sl_str_trim(part);
		one->descending = sl_str_starts(part, "-");
		part = sl_str_sub(part, one->descending, part.n);
		if (!check_path(r, part, at))
			return;
		one->path = sl_arena_str(arena, part).p;
		index->n++;
	}
}

static void read_indexes(struct sl_reading *r, struct sl_documents *d)
{
	const struct sl_texts *t = &d->indexes;

	d->index = sl_arena_zalloc(&r->p->arena, t->n + 1, sizeof(*d->index));
	for (size_t i = 0; i < t->n; i++)
		read_index(r, &d->index[i], sl_str_of(t->v[i]), t->at[i]);
}

/* --- the section --- */

/* Also a file's name. "_sluice" and "system.…" are taken. */
static void check_collection(struct sl_reading *r, const struct sl_documents *d, struct sl_place at)
{
	const struct sl_str s = sl_str_of(d->collection);
	bool ok = s.n > 0 && s.n <= COLLECTION_MAX && !sl_str_starts(s, "system.") &&
		  s.p[0] != '.' && s.p[0] != '_' && s.p[0] != '-';

	for (size_t i = 0; i < s.n && ok; i++)
		ok = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		     (s.p[i] >= '0' && s.p[i] <= '9') || strchr("_.-", s.p[i]);
	if (!ok)
		sl_diag_add(r->diags, SL_E1005, at,
			    "collection \"%s\" must be made of letters, digits, \"_\", \"-\" and "
			    "\".\", begin with a letter or digit, and not with \"system.\"",
			    d->collection);
}

static void read_one(struct sl_reading *r, struct sl_documents *d, const struct sl_node *key,
		     const struct sl_node *map)
{
	const struct sl_store *s = &r->p->store;
	const char *what = sl_arena_printf(&r->p->arena, "documents \"%s\"", key->text);
	const bool read = sl_fields_read(sl_documents_fields, d, sizeof(*d), map, NULL, what,
					 &r->p->arena, r->diags);

	d->name = key->text;
	d->at = key->at;
	if (!sl_check_name(r, d->name, d->at, "documents", SL_NAME_HYPHEN) || !read)
		return;
	d->from = d->from ? d->from : s->table;
	d->collection = d->collection ? d->collection : d->name;
	if (!d->from || !sl_check_name(r, d->from, sl_value_place(map, "from", d->at), "relation",
				       SL_NAME_DOTTED))
		return;
	d->of_table = s->table && strcmp(d->from, s->table) == 0;
	check_collection(r, d, sl_value_place(map, "collection", d->at));
	read_key(r, d);
	read_fields(r, d);
	read_indexes(r, d);
	if (d->gone)
		check_column(r, d, d->gone, sl_value_place(map, "gone", d->at));
	d->has_change = d->of_table && s->mode == SL_MODE_LATEST && is_table_key(s, d);
}

void sl_read_documents(struct sl_reading *r)
{
	const struct sl_node *map = sl_read_names(r, "documents");
	struct sl_pipeline *p = r->p;

	if (!map)
		return;
	p->documents = sl_arena_zalloc(&p->arena, map->n, sizeof(*p->documents));
	p->n_documents = map->n;
	for (size_t i = 0; i < map->n; i++) {
		read_one(r, &p->documents[i], map->keys[i], map->items[i]);
		for (size_t k = 0; k < i; k++)
			if (p->documents[k].collection && p->documents[i].collection &&
			    strcmp(p->documents[k].collection, p->documents[i].collection) == 0)
				sl_diag_add(r->diags, SL_E1011, p->documents[i].at,
					    "documents \"%s\" and \"%s\" go into one collection",
					    p->documents[k].name, p->documents[i].name);
	}
}
