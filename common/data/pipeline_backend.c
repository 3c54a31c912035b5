/*
 * Section backends: which engine, through which connection, serves which role. All of them are
 * checked; the one in use is also resolved. Without the section, or without a backend "embedded" in
 * it, embedded needs no server: files and DuckDB.
 */
#include "data/pipeline_read.h"

struct roles {
	struct sl_node *bronze, *queue, *store, *documents;
};

const struct sl_field sl_backend_fields[] = {
	SL_F_NODE(struct roles, bronze, 0, "collected files: file (default), {s3: CONNECTION}"),
	SL_F_NODE(struct roles, queue, 0, "tickets: {redis: CONNECTION}; default none"),
	SL_F_NODE(struct roles, store, 0, "tables: duckdb (default), {postgres: CONNECTION}"),
	SL_F_NODE(struct roles, documents, 0, "documents: file (default), {mongo: CONNECTION}"),
	SL_F_END,
};

/* Words of the format. A file may name them all; what this version cannot do is refused when the
 * backend is chosen, because leaving it out would put the data elsewhere without a word. */
static const struct word {
	const char *role, *word, *module;
	bool connection, built;
} words[] = {
	{"bronze", "file", "file", false, true},      {"bronze", "s3", "s3", true, false},
	{"queue", "redis", "redis", true, false},     {"store", "duckdb", "duckdb", false, true},
	{"store", "postgres", "pg", true, true},      {"documents", "file", "file", false, true},
	{"documents", "mongo", "mongo", true, false},
};

static const struct word *find_word(struct sl_reading *r, const char *role, const char *text,
				    struct sl_place at)
{
	const char *names[SL_ARRAY_LEN(words)];
	size_t n = 0;
	sl_cleanup(sl_buf_release) struct sl_buf all = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf near = SL_BUF_INIT;
	for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
		if (strcmp(words[i].role, role) != 0)
			continue;
		if (strcmp(words[i].word, text) == 0)
			return &words[i];
		sl_buf_addf(&all, "%s%s", n > 0 ? ", " : "", words[i].word);
		names[n++] = words[i].word;
	}
	sl_suggest(&near, text, names, n);
	sl_diag_add(r->diags, SL_E1007, at, "\"%s\" must be one of %s, not \"%s\"%s", role,
		    sl_buf_z(&all), text, sl_buf_z(&near));
	return NULL;
}

/* "duckdb", or {postgres: warehouse}. Leaves module and conn alone when the role is not named. */
static void read_role(struct sl_reading *r, const char *role, const struct sl_node *n, bool chosen,
		      const char **module, const char **conn)
{
	if (!n || n->bad)
		return;
	bool plain = n->kind == SL_NODE_SCALAR && !sl_node_is_null(n);
	if (!plain && (n->kind != SL_NODE_MAP || n->n != 1)) {
		sl_diag_add(r->diags, SL_E1005, n->at,
			    "\"%s\" must be an engine, or one engine with its connection", role);
		return;
	}
	const struct sl_node *name = plain ? n : n->keys[0];
	const struct sl_node *id = plain ? NULL : n->items[0];
	const struct word *w = find_word(r, role, name->text, name->at);
	if (!w)
		return;
	if (w->connection && !id)
		sl_diag_add(r->diags, SL_E1004, name->at,
			    "\"%s\" needs a connection: {%s: CONNECTION}", w->word, w->word);
	else if (!w->connection && id)
		sl_diag_add(r->diags, SL_E1011, id->at, "\"%s\" takes no connection", w->word);
	else if (id && !id->bad && (id->kind != SL_NODE_SCALAR || sl_node_is_null(id)))
		sl_diag_add(r->diags, SL_E1005, id->at, "the connection of \"%s\" must be a name",
			    w->word);
	if (chosen && !w->built)
		sl_diag_add(r->diags, SL_E1008, name->at,
			    "this version has no \"%s\" for %s: choose another backend", w->word,
			    role);
	*module = w->module;
	*conn = id ? id->text : NULL;
}

static void read_backend(struct sl_reading *r, struct sl_backend *b, const struct sl_node *map,
			 bool chosen)
{
	struct roles roles;
	const char *what = sl_arena_printf(&r->p->arena, "backend \"%s\"", b->name);
	sl_fields_read(sl_backend_fields, &roles, sizeof(roles), map, NULL, what, &r->p->arena,
		       r->diags);
	read_role(r, "bronze", roles.bronze, chosen, &b->bronze, &b->bronze_conn);
	read_role(r, "queue", roles.queue, chosen, &b->queue, &b->queue_conn);
	read_role(r, "store", roles.store, chosen, &b->store, &b->store_conn);
	read_role(r, "documents", roles.documents, chosen, &b->documents, &b->documents_conn);
}

static const struct sl_backend embedded = {
	.name = "embedded", .store = "duckdb", .bronze = "file", .documents = "file"};

static void tell_unknown(struct sl_reading *r, const char *wanted)
{
	const struct sl_texts *names = &r->p->backend_names;
	sl_cleanup(sl_buf_release) struct sl_buf near = SL_BUF_INIT;
	sl_suggest(&near, wanted, names->v, names->n);
	sl_diag_add(r->diags, SL_E1008, (struct sl_place){.origin = "--backend"},
		    "there is no backend \"%s\"%s", wanted, sl_buf_z(&near));
}

void sl_read_backends(struct sl_reading *r)
{
	const struct sl_node *map = sl_read_names(r, "backends");
	struct sl_pipeline *p = r->p;
	struct sl_texts *names = &p->backend_names;
	const char *wanted = r->opts->backend ? r->opts->backend : embedded.name;
	size_t n = map ? map->n : 0;
	names->v = sl_arena_zalloc(&p->arena, n + 1, sizeof(*names->v));
	names->at = sl_arena_zalloc(&p->arena, n + 1, sizeof(*names->at));
	bool found = false;
	for (size_t i = 0; i < n; i++) {
		struct sl_backend b = embedded;
		b.name = map->keys[i]->text;
		b.at = map->keys[i]->at;
		sl_check_name(r, b.name, b.at, "backend", SL_NAME_HYPHEN);
		bool chosen = strcmp(b.name, wanted) == 0;
		read_backend(r, &b, map->items[i], chosen);
		names->v[names->n] = b.name;
		names->at[names->n++] = b.at;
		if (chosen) {
			p->backend = b;
			found = true;
		}
	}
	if (!sl_node_get(map, embedded.name))
		names->v[names->n++] = embedded.name;
	if (found)
		return;
	p->backend = embedded;
	if (strcmp(wanted, embedded.name) != 0)
		tell_unknown(r, wanted);
}
