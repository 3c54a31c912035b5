/*
 * Sections store and rejects: the table, what makes two rows the same, and how many bad records are
 * bearable.
 */
#include "base/num.h"
#include "data/pipeline_read.h"

static const char *const modes[] = {"append", "latest", NULL};
static const char *const evolve_words[] = {"fail", "add", "ignore", "reject", NULL};

const struct sl_field sl_store_fields[] = {
	SL_F_TEXT(struct sl_store, table, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "\"name\" or \"schema.name\""),
	SL_F_ENUM(struct sl_store, mode, SL_F_IDENTITY, "append", modes,
		  "append: all rows; latest: one row a key"),
	SL_F_TEXTS(struct sl_store, key, SL_F_IDENTITY, "latest: the columns that name a row"),
	SL_F_TEXT(struct sl_store, version, SL_F_IDENTITY, NULL,
		  "latest: the greatest wins; without it the later edition"),
	SL_F_ENUM(struct sl_store, evolve, SL_F_IDENTITY, "fail", evolve_words,
		  "contract and table differ. add: the table gets new columns and wider types; "
		  "ignore: values without a column are dropped; reject: their rows are rejects"),
	SL_F_END,
};

struct rejects {
	const char *limit;
};

const struct sl_field sl_rejects_fields[] = {
	SL_F_TEXT(struct rejects, limit, 0, "0",
		  "most rejected records of an entry: 0, N or \"P%\""),
	SL_F_END,
};

static void split_table(struct sl_reading *r, struct sl_store *s, struct sl_place at)
{
	struct sl_str rest = sl_str_of(s->table), head;
	if (!sl_check_name(r, s->table, at, "table", SL_NAME_DOTTED))
		return;
	sl_str_next(&rest, '.', &head);
	s->name = s->table;
	if (!rest.p)
		return;
	s->schema = sl_arena_str(&r->p->arena, head).p;
	s->name = rest.p;
	if (strcmp(s->schema, "sluice") == 0)
		sl_diag_add(r->diags, SL_E1005, at,
			    "schema \"sluice\" holds Sluice's own tables: choose another");
}

/* Index of a stored column, or -1 (told, with a suggestion). */
static ptrdiff_t find_column(struct sl_reading *r, const char *name, struct sl_place at,
			     const char *what)
{
	const struct sl_contract *c = &r->p->contract;
	const char **names = sl_arena_zalloc(&r->p->arena, c->n_stored + 1, sizeof(*names));
	for (size_t i = 0; i < c->n_stored; i++) {
		if (strcmp(c->cols[i].name, name) == 0)
			return (ptrdiff_t)i;
		names[i] = c->cols[i].name;
	}
	sl_cleanup(sl_buf_release) struct sl_buf near = SL_BUF_INIT;
	sl_suggest(&near, name, names, c->n_stored);
	sl_diag_add(r->diags, SL_E1008, at, "%s \"%s\" is no column of the contract%s", what, name,
		    sl_buf_z(&near));
	return -1;
}

static void read_key_column(struct sl_reading *r, struct sl_store *s, size_t i)
{
	struct sl_place at = s->key.at[i];
	for (size_t k = 0; k < i; k++)
		if (strcmp(s->key.v[k], s->key.v[i]) == 0)
			sl_diag_add(r->diags, SL_E1002, at, "key \"%s\" is named twice",
				    s->key.v[i]);
	ptrdiff_t col = find_column(r, s->key.v[i], at, "key");
	if (col < 0)
		return;
	struct sl_contract_col *c = &r->p->contract.cols[col];
	if (c->type.kind == SL_TEXT_LIST || c->type.kind == SL_FLOAT64)
		sl_diag_add(r->diags, SL_E1005, at, "key \"%s\" cannot be %s", c->name,
			    c->type.kind == SL_FLOAT64 ? "float64: equal is not exact there"
						       : "list<text>");
	c->required = true; /* a row without its key is none */
	s->key_cols[i] = (size_t)col;
}

static void read_version(struct sl_reading *r, struct sl_store *s, struct sl_place at)
{
	ptrdiff_t col = find_column(r, s->version, at, "version");
	if (col < 0)
		return;
	const struct sl_contract_col *c = &r->p->contract.cols[col];
	if (c->type.kind == SL_TEXT_LIST || c->type.kind == SL_BOOL)
		sl_diag_add(r->diags, SL_E1005, at, "version \"%s\" cannot be %s: it has no order",
			    c->name, c->type.kind == SL_BOOL ? "bool" : "list<text>");
	s->version_col = col;
}

static void refuse_for_append(struct sl_reading *r, const struct sl_node *map, const char *key)
{
	const struct sl_node *n = sl_node_key(map, key);
	if (n)
		sl_diag_add(r->diags, SL_E1011, n->at,
			    "\"%s\" is for mode latest: mode append keeps all rows", key);
}

static void read_mode(struct sl_reading *r, struct sl_store *s, const struct sl_node *map)
{
	if (s->mode == SL_MODE_APPEND) {
		refuse_for_append(r, map, "key");
		refuse_for_append(r, map, "version");
		return;
	}
	if (!sl_node_get(map, "key"))
		sl_diag_add(r->diags, SL_E1004, map->owner, "mode latest needs \"key\" in store");
	else if (s->key.n == 0 && s->key.v)
		sl_diag_add(r->diags, SL_E1005, sl_value_place(map, "key", map->at),
			    "\"key\" names no column");
	s->key_cols = sl_arena_zalloc(&r->p->arena, s->key.n, sizeof(*s->key_cols));
	for (size_t i = 0; i < s->key.n; i++)
		read_key_column(r, s, i);
	if (s->version)
		read_version(r, s, sl_value_place(map, "version", map->at));
}

void sl_read_store(struct sl_reading *r)
{
	struct sl_store *s = &r->p->store;
	const struct sl_node *map = sl_node_get(r->root, "store");
	s->version_col = -1;
	if (!map)
		return; /* told by the top level */
	sl_fields_read(sl_store_fields, s, sizeof(*s), map, NULL, "store", &r->p->arena, r->diags);
	s->version_col = -1;
	if (s->table)
		split_table(r, s, sl_value_place(map, "table", map->at));
	/* With a wrong mode nobody knows whether key and version may stand here. */
	const struct sl_node *mode = sl_node_get(map, "mode");
	bool mode_known =
		!mode || (mode->kind == SL_NODE_SCALAR && strcmp(mode->text, modes[s->mode]) == 0);
	if (map->kind == SL_NODE_MAP && mode_known)
		read_mode(r, s, map);
}

/* "5%", "0.25%": hundredths of a percent. */
static bool parse_percent(struct sl_str s, int64_t *ret)
{
	return sl_num_decimal(sl_str_sub(s, 0, s.n - 1), 5, 2, ret) == SL_DEC_OK && *ret >= 0 &&
	       *ret <= 10000;
}

void sl_read_rejects(struct sl_reading *r)
{
	struct sl_pipeline *p = r->p;
	struct rejects rejects;
	const struct sl_node *map = sl_node_get(r->root, "rejects");
	sl_fields_read(sl_rejects_fields, &rejects, sizeof(rejects), map, NULL, "rejects",
		       &p->arena, r->diags);
	struct sl_str limit = sl_str_of(rejects.limit ? rejects.limit : "0");
	bool percent = sl_str_ends(limit, "%");
	p->reject_unit = percent ? SL_LIMIT_PERCENT : SL_LIMIT_ROWS;
	if (percent ? parse_percent(limit, &p->reject_limit)
		    : sl_num_i64(limit, 0, INT64_MAX, &p->reject_limit))
		return;
	sl_diag_add(
		r->diags, SL_E1005, sl_value_place(map, "limit", (struct sl_place){0}),
		"\"limit\" must be a number of records or a share such as \"0.5%%\", not \"%s\"",
		rejects.limit);
}
