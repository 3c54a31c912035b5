/*
 * Section rules: a list of single-key mappings {rule: {its fields}}. All are read before the first
 * is prepared, because what they write decides which columns of the contract the codec has to read.
 */
#include "data/pipeline_read.h"

/* A rule as it stands in the file. */
struct item {
	const struct sl_node *map; /* its fields; NULL: none given */
	const char *name;
	struct sl_place at;
	bool ok;
};

static void tell_unknown(struct sl_reading *r, const char *name, struct sl_place at)
{
	const char *names[128];
	size_t n = 0;
	for (; n < 128 && sl_rules[n]; n++)
		names[n] = sl_rules[n]->name;
	sl_cleanup(sl_buf_release) struct sl_buf near = SL_BUF_INIT;
	sl_suggest(&near, name, names, n);
	sl_diag_add(r->diags, SL_E1003, at, "unknown rule \"%s\"%s", name, sl_buf_z(&near));
}

/* False when the item is no rule at all (told). */
static bool split_item(struct sl_reading *r, const struct sl_node *n, struct item *ret)
{
	*ret = (struct item){.at = n->at};
	if (n->bad)
		return false;
	if (n->kind == SL_NODE_SCALAR && !sl_node_is_null(n)) {
		/* Without fields; what is missing is told where the rule stands. */
		struct sl_node *none = sl_arena_zalloc(&r->p->arena, 1, sizeof(*none));
		none->kind = SL_NODE_MAP;
		none->at = none->owner = n->at;
		ret->name = n->text;
		ret->map = none;
		return true;
	}
	if (n->kind != SL_NODE_MAP || n->n != 1) {
		sl_diag_add(r->diags, SL_E1005, n->at,
			    "a rule must be one name with its fields: \"- name: {…}\"");
		return false;
	}
	ret->name = n->keys[0]->text;
	ret->at = n->keys[0]->at;
	ret->map = n->items[0];
	return true;
}

static void read_rule(struct sl_reading *r, struct item *item)
{
	struct sl_pipeline *p = r->p;
	const struct sl_rule *rule = sl_rule_find(item->name);
	if (!rule) {
		tell_unknown(r, item->name, item->at);
		return;
	}
	struct sl_rule_use *use = &p->rules[p->n_rules++];
	use->rule = rule;
	use->at = item->at;
	use->params = sl_arena_zalloc(&p->arena, 1, rule->params_size);
	item->ok = sl_fields_read(rule->params, use->params, rule->params_size, item->map, NULL,
				  sl_arena_printf(&p->arena, "rule \"%s\"", rule->name), &p->arena,
				  r->diags);
}

static const char *text_param(const struct sl_rule_use *use, const char *name)
{
	const struct sl_field *f = sl_field_find(use->rule->params, name);
	if (!f || f->type != SL_FT_TEXT)
		return NULL;
	return *(const char *const *)((const char *)use->params + f->offset);
}

static bool reads(const struct sl_rule_use *use, const char *column)
{
	const struct sl_field *f = sl_field_find(use->rule->params, "from");
	const char *from = text_param(use, "from");
	if (!f || f->type != SL_FT_TEXTS)
		return from && strcmp(from, column) == 0;
	const struct sl_texts *t = (const void *)((const char *)use->params + f->offset);
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i], column) == 0)
			return true;
	return false;
}

/* A column that a rule makes of others is no field of the record, unless the contract says "from".
 */
static void mark_computed(struct sl_reading *r, const struct sl_rule_use *use)
{
	struct sl_contract *contract = &r->p->contract;
	const char *into = text_param(use, "into");
	const struct sl_node *columns = sl_node_get(r->root, "contract");
	for (size_t i = 0; into && i < contract->n_stored; i++) {
		struct sl_contract_col *c = &contract->cols[i];
		if (strcmp(c->name, into) == 0 && !reads(use, into) &&
		    !sl_node_get(sl_node_get(columns, into), "from"))
			c->computed = true;
	}
}

/* True when the type of a column that the rule reads or writes is wrong: that was told, and what
 * the rule would say of it is no further mistake. */
static bool waits_for_type(const struct sl_contract *contract, const struct sl_rule_use *use)
{
	const char *into = text_param(use, "into");
	for (size_t i = 0; i < contract->n; i++) {
		const struct sl_contract_col *c = &contract->cols[i];
		struct sl_type type;
		if (c->type_text && sl_type_parse(sl_str_of(c->type_text), &type))
			continue;
		if (reads(use, c->name) || (into && strcmp(into, c->name) == 0))
			return true;
	}
	return false;
}

static void prepare_rule(struct sl_reading *r, struct sl_rule_use *use, const struct item *item)
{
	struct sl_pipeline *p = r->p;
	struct sl_rule_scope scope = {
		.schema = &p->schema,
		.arena = &p->arena,
		.diags = r->diags,
		.at = use->at,
		.rule = use->rule->name,
		.dir = p->dir,
		.map = item->map,
	};
	const char *into = text_param(use, "into");
	if (item->ok && !waits_for_type(&p->contract, use) &&
	    (!use->rule->prepare || use->rule->prepare(use->params, &scope)))
		return;
	/* The column that it would have made exists for the rules behind it. */
	if (into && sl_schema_find(&p->schema, sl_str_of(into)) < 0)
		sl_schema_add(&p->schema, into, (struct sl_type){.kind = SL_TEXT});
}

void sl_read_rules(struct sl_reading *r)
{
	struct sl_pipeline *p = r->p;
	const struct sl_node *list = sl_node_get(r->root, "rules");
	if (!list || list->bad)
		return;
	if (list->kind != SL_NODE_SEQ) {
		sl_diag_add(r->diags, SL_E1005, list->at, "\"rules\" must be a list");
		return;
	}
	p->rules = sl_arena_zalloc(&p->arena, list->n, sizeof(*p->rules));
	struct item *items = sl_arena_zalloc(&p->arena, list->n, sizeof(*items));
	for (size_t i = 0; i < list->n; i++) {
		struct item *item = &items[p->n_rules]; /* the next rule's, if this one is none */
		if (split_item(r, list->items[i], item))
			read_rule(r, item);
	}
	for (size_t i = 0; i < p->n_rules; i++)
		mark_computed(r, &p->rules[i]);
	for (size_t i = 0; i < p->n_rules; i++)
		prepare_rule(r, &p->rules[i], &items[i]);
}
