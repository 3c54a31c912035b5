/*
 * Section backends: which engine, through which connection, serves which role. All of them are
 * checked; the one in use is also resolved. Without the section, or without a backend "embedded" in
 * it, embedded needs no server: files and DuckDB.
 */
#include "base/clock.h"
#include "data/pipeline_read.h"

struct roles {
	struct sl_node *bronze, *queue, *store, *documents;
};

const struct sl_field sl_backend_fields[] = {
	SL_F_NODE(struct roles, bronze, 0, "collected files: file (default), {s3: CONNECTION}"),
	SL_F_NODE(struct roles, queue, 0, "tickets: {redis: CONNECTION, …}; default none"),
	SL_F_NODE(struct roles, store, 0, "tables: duckdb (default), {postgres: CONNECTION}"),
	SL_F_NODE(struct roles, documents, 0, "documents: file (default), {mongo: CONNECTION}"),
	SL_F_END,
};

/* Beside the connection in {redis: CONNECTION}. */
const struct sl_field sl_queue_fields[] = {
	SL_F_TEXT(struct sl_queue_settings, prefix, 0, "sluice", "begin of every key of ours"),
	SL_F_SIZE(struct sl_queue_settings, part, 0, "256KiB", 0, 2 << 20,
		  "most bytes of a packed part that its ticket carries"),
	SL_F_SIZE(struct sl_queue_settings, budget, 0, "64MiB", 0, INT64_C(1) << 40,
		  "most bytes that the tickets of one run carry; 0: tickets alone"),
	SL_F_DURATION(struct sl_queue_settings, ttl, 0, "1d", 0, 0,
		      "after which what is left of a run goes away by itself"),
	SL_F_END,
};

/* Words of the format. */
static const struct word {
	const char *role, *word, *module;
	bool connection;
} words[] = {
	{"bronze", "file", "file", false},     {"bronze", "s3", "s3", true},
	{"queue", "redis", "redis", true},     {"store", "duckdb", "duckdb", false},
	{"store", "postgres", "pg", true},     {"documents", "file", "file", false},
	{"documents", "mongo", "mongo", true},
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

/* What a role is read into. */
struct role {
	const char *name;
	const char **module, **conn;
	const struct sl_field *settings; /* further keys beside the engine's, or NULL */
};

/* Index of the one key that is no setting, -1 when there is none or several. */
static ptrdiff_t find_engine(const struct role *role, const struct sl_node *map)
{
	ptrdiff_t found = -1;

	for (size_t i = 0; i < map->n; i++) {
		if (role->settings && sl_field_find(role->settings, map->keys[i]->text))
			continue;
		if (found >= 0)
			return -1;
		found = (ptrdiff_t)i;
	}
	return found;
}

/* "duckdb", or {postgres: warehouse}, settings beside it. Leaves module and conn alone when the
 * role is not named. */
static const struct word *read_role(struct sl_reading *r, const struct role *role,
				    const struct sl_node *n)
{
	if (!n || n->bad)
		return NULL;
	bool plain = n->kind == SL_NODE_SCALAR && !sl_node_is_null(n);
	ptrdiff_t at = n->kind == SL_NODE_MAP ? find_engine(role, n) : -1;
	if (!plain && at < 0) {
		sl_diag_add(r->diags, SL_E1005, n->at,
			    "\"%s\" must be an engine, or one engine with its connection",
			    role->name);
		return NULL;
	}
	const struct sl_node *name = plain ? n : n->keys[at];
	const struct sl_node *id = plain ? NULL : n->items[at];
	const struct word *w = find_word(r, role->name, name->text, name->at);
	if (!w)
		return NULL;
	if (w->connection && !id)
		sl_diag_add(r->diags, SL_E1004, name->at,
			    "\"%s\" needs a connection: {%s: CONNECTION}", w->word, w->word);
	else if (!w->connection && id)
		sl_diag_add(r->diags, SL_E1011, id->at, "\"%s\" takes no connection", w->word);
	else if (id && !id->bad && (id->kind != SL_NODE_SCALAR || sl_node_is_null(id)))
		sl_diag_add(r->diags, SL_E1005, id->at, "the connection of \"%s\" must be a name",
			    w->word);
	*role->module = w->module;
	*role->conn = id ? id->text : NULL;
	return w;
}

static void check_ttl(struct sl_reading *r, int64_t ttl, struct sl_place at)
{
	if (ttl < SL_SECOND || ttl > 365 * SL_DAY)
		sl_diag_add(r->diags, SL_E1007, at, "\"ttl\" must be from 1s to 365d");
}

/* It stands in keys, patterns of rights and shell lines. */
static void check_prefix(struct sl_reading *r, const char *prefix, struct sl_place at)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";
	size_t n = strlen(prefix);

	if (n == 0 || n > 64 || strspn(prefix, letters) != n)
		sl_diag_add(r->diags, SL_E1007, at,
			    "\"prefix\" must be 1 to 64 of A-Z a-z 0-9 _ . : -, not \"%s\"",
			    prefix);
}

static void read_queue(struct sl_reading *r, struct sl_backend *b, const struct sl_node *n)
{
	const struct role role = {"queue", &b->queue, &b->queue_conn, sl_queue_fields};
	const struct word *w = read_role(r, &role, n);
	const bool is_map = w && n->kind == SL_NODE_MAP;
	const char *const beside[] = {w ? w->word : NULL, NULL};

	sl_fields_read(sl_queue_fields, &b->queue_settings, sizeof(b->queue_settings),
		       is_map ? n : NULL, beside, "queue", &r->p->arena, r->diags);
	if (!is_map || !b->queue_settings.prefix)
		return;
	check_prefix(r, b->queue_settings.prefix, sl_value_place(n, "prefix", n->at));
	check_ttl(r, b->queue_settings.ttl, sl_value_place(n, "ttl", n->at));
}

static void read_backend(struct sl_reading *r, struct sl_backend *b, const struct sl_node *map)
{
	struct roles roles;
	const char *what = sl_arena_printf(&r->p->arena, "backend \"%s\"", b->name);
	sl_fields_read(sl_backend_fields, &roles, sizeof(roles), map, NULL, what, &r->p->arena,
		       r->diags);
	const struct role bronze = {"bronze", &b->bronze, &b->bronze_conn, NULL};
	const struct role store = {"store", &b->store, &b->store_conn, NULL};
	const struct role documents = {"documents", &b->documents, &b->documents_conn, NULL};
	read_role(r, &bronze, roles.bronze);
	read_queue(r, b, roles.queue);
	read_role(r, &store, roles.store);
	read_role(r, &documents, roles.documents);
}

static const struct sl_backend embedded = {
	.name = "embedded", .store = "duckdb", .bronze = "file", .documents = "file"};

static void tell_unknown(struct sl_reading *r, const char *wanted)
{
	const struct sl_texts *names = &r->p->backend_names;
	sl_cleanup(sl_buf_release) struct sl_buf known = SL_BUF_INIT;
	for (size_t i = 0; i < names->n; i++)
		sl_buf_addf(&known, "%s%s", i ? ", " : "; the file has ", names->v[i]);
	if (names->n <= 1)
		sl_buf_adds(&known, "; add others to \"backends\" of the file, such as {local: "
				    "{store: {postgres: warehouse}}}");
	sl_diag_add(r->diags, SL_E1008, (struct sl_place){.origin = "--backend"},
		    "there is no backend \"%s\"%s", wanted, sl_buf_z(&known));
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
		read_backend(r, &b, map->items[i]);
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
