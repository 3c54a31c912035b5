/*
 * What every rule shares while the pipeline is read: the table's look-up, finding the columns that
 * it reads and writes, and refusing columns of the wrong type with a suggestion.
 */
#include "data/rule.h"

const struct sl_rule *sl_rule_find(const char *name)
{
	for (size_t i = 0; sl_rules[i]; i++)
		if (strcmp(sl_rules[i]->name, name) == 0)
			return sl_rules[i];
	return NULL;
}

struct sl_place sl_rule_place(const struct sl_rule_scope *s, const char *field)
{
	const struct sl_node *n = sl_node_get(s->map, field);

	return n ? n->at : s->at;
}

/* Where the rule names a column. */
static struct sl_place place_of_name(const struct sl_rule_scope *s, const char *column)
{
	for (size_t i = 0; s->map && i < s->map->n; i++) {
		const struct sl_node *n = s->map->items[i];

		if (n->kind == SL_NODE_SCALAR && strcmp(n->text, column) == 0)
			return n->at;
	}
	return s->at;
}

static void suggest_column(struct sl_rule_scope *s, const char *name, struct sl_buf *out)
{
	const char **names = sl_arena_zalloc(s->arena, s->schema->n + 1, sizeof(*names));

	for (size_t i = 0; i < s->schema->n; i++)
		names[i] = s->schema->cols[i].name;
	sl_suggest(out, name, names, s->schema->n);
}

/* A name that can be no column's is one of the record. */
static bool is_of_the_record(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0';
}

bool sl_rule_from(struct sl_rule_scope *s, const char *name, struct sl_place at, size_t *ret)
{
	ptrdiff_t col = sl_schema_find(s->schema, sl_str_of(name));
	sl_cleanup(sl_buf_release) struct sl_buf hint = SL_BUF_INIT;

	if (col >= 0) {
		*ret = (size_t)col;
		return true;
	}
	if (is_of_the_record(name))
		sl_buf_adds(&hint, ": give the record's field a name in \"fields\"");
	else
		suggest_column(s, name, &hint);
	sl_diag_add(s->diags, SL_E1008, at,
		    "rule \"%s\" reads column \"%s\", which does not exist%s", s->rule, name,
		    sl_buf_z(&hint));
	return false;
}

bool sl_rule_into(struct sl_rule_scope *s, const char *name, struct sl_type def, size_t *ret)
{
	ptrdiff_t col;

	if (!name)
		return true;
	if (!*name) {
		sl_diag_add(s->diags, SL_E1005, sl_rule_place(s, "into"),
			    "rule \"%s\": \"into\" is empty", s->rule);
		return false;
	}
	col = sl_schema_find(s->schema, sl_str_of(name));
	*ret = col >= 0 ? (size_t)col : sl_schema_add(s->schema, name, def);
	return true;
}

static void add_kind_names(struct sl_buf *out, unsigned kinds)
{
	static const char *const names[] = {
		[SL_BOOL] = "bool",	      [SL_INT64] = "int64",
		[SL_FLOAT64] = "float64",     [SL_DECIMAL] = "decimal(p,s)",
		[SL_TEXT] = "text",	      [SL_DATE] = "date",
		[SL_TIMESTAMP] = "timestamp", [SL_TEXT_LIST] = "list<text>",
	};

	for (size_t k = 0; k < SL_ARRAY_LEN(names); k++) {
		if (!(kinds & 1U << k))
			continue;
		if (out->n)
			sl_buf_adds(out, " or ");
		sl_buf_adds(out, names[k]);
	}
}

/* A text that the contract reads as something else cannot be read by a rule as well. */
static bool reads_text_of(const struct sl_rule_scope *s, const char *column, unsigned kinds)
{
	const struct sl_node *from = sl_node_get(s->map, "from");

	return kinds == 1U << SL_TEXT && from && from->kind == SL_NODE_SCALAR &&
	       strcmp(from->text, column) == 0;
}

bool sl_rule_type(struct sl_rule_scope *s, size_t col, unsigned kinds)
{
	const struct sl_column *c = &s->schema->cols[col];
	sl_cleanup(sl_buf_release) struct sl_buf wanted = SL_BUF_INIT;
	char have[32];

	if (kinds & 1U << c->type.kind)
		return true;
	sl_type_text(c->type, have);
	add_kind_names(&wanted, kinds);
	sl_diag_add(s->diags, SL_E1005, place_of_name(s, c->name),
		    "rule \"%s\": column \"%s\" is %s, but must be %s%s", s->rule, c->name, have,
		    sl_buf_z(&wanted),
		    reads_text_of(s, c->name, kinds)
			    ? ": read the text in \"fields\", under another name"
			    : "");
	return false;
}
