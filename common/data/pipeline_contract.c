/*
 * Sections contract and fields: the columns that are stored and the raw fields that only rules see.
 * Together they begin the schema of every batch.
 */
#include "data/pipeline_read.h"

static const char *const ambiguous_words[] = {"reject", "earlier", "later", NULL};

const struct sl_field sl_raw_fields[] = {
	SL_F_TEXT_AS(struct sl_contract_col, "type", type_text, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		     "bool, int64, float64, decimal(p,s) of up to 18 digits, text, date, "
		     "timestamp, list<text>"),
	SL_F_TEXT(struct sl_contract_col, from, SL_F_IDENTITY, NULL,
		  "name in the record; default: the field's name; as in the contract"),
	SL_F_TEXT_AS(struct sl_contract_col, "zone", zone_name, SL_F_IDENTITY, NULL,
		     "zone of timestamps without offset"),
	SL_F_ENUM(struct sl_contract_col, ambiguous, SL_F_IDENTITY, "reject", ambiguous_words,
		  "which of two instants when a clock was set back"),
	SL_F_END,
};

static bool prepare(struct sl_reading *r, struct sl_contract_col c, struct sl_place at)
{
	c.at = at;
	return sl_contract_prepare(&c, r->diags);
}

/*
 * Prepares a column one key after the other, so that each problem is told at its own key; what
 * holds together (min over max) is left to the last call with all of them.
 */
static void prepare_column(struct sl_reading *r, struct sl_contract_col *c,
			   const struct sl_node *map)
{
	struct sl_contract_col base = {.name = c->name, .type_text = c->type_text, .from = c->from};
	base.at = map->kind == SL_NODE_MAP ? sl_value_place(map, "type", map->at) : map->at;
	if (!sl_type_parse(sl_str_of(c->type_text), &c->type)) {
		c->type = (struct sl_type){.kind = SL_TEXT};
		sl_contract_prepare(&base, r->diags);
		return;
	}
	if (map->kind != SL_NODE_MAP) {
		sl_contract_prepare(c, r->diags);
		return;
	}
	struct sl_contract_col with_zone = base, with_min = base, with_max = base, with_enum = base;
	with_zone.zone_name = c->zone_name;
	with_zone.ambiguous = c->ambiguous;
	bool ok = prepare(r, with_zone,
			  sl_value_place(map, c->zone_name ? "zone" : "ambiguous", base.at));
	if (!ok)
		return;
	with_min.zone_name = with_max.zone_name = c->zone_name;
	with_min.min = c->min;
	with_max.max = c->max;
	with_enum.choices = c->choices;
	ok = prepare(r, with_min, sl_value_place(map, "min", base.at));
	ok = prepare(r, with_max, sl_value_place(map, "max", base.at)) && ok;
	ok = prepare(r, with_enum, sl_value_place(map, "enum", base.at)) && ok;
	if (!ok)
		return;
	struct sl_place own = c->at;
	c->at = sl_value_place(map, "min", base.at);
	sl_contract_prepare(c, r->diags);
	c->at = own;
}

static void read_column(struct sl_reading *r, struct sl_contract_col *c, const struct sl_node *key,
			const struct sl_node *n, bool stored)
{
	struct sl_arena *arena = &r->p->arena;
	const struct sl_field *table = stored ? sl_contract_fields : sl_raw_fields;
	const char *what =
		sl_arena_printf(arena, "%s \"%s\"", stored ? "column" : "field", key->text);
	if (n->kind == SL_NODE_SCALAR && !n->bad && !sl_node_is_null(n))
		c->type_text = n->text;
	else
		sl_fields_read(table, c, sizeof(*c), n, NULL, what, arena, r->diags);
	c->name = key->text;
	c->at = key->at;
	c->type.kind = SL_TEXT; /* until it is known: what refers to the column goes on */
	if (c->type_text)
		prepare_column(r, c, n);
}

static void check_column_name(struct sl_reading *r, const struct sl_node *key, bool stored)
{
	if (sl_check_name(r, key->text, key->at, stored ? "column" : "field", 0) &&
	    sl_str_starts(sl_str_of(key->text), "_sl_"))
		sl_diag_add(r->diags, SL_E1005, key->at,
			    "names that begin with \"_sl_\" belong to Sluice, not to \"%s\"",
			    key->text);
	if (sl_schema_find(&r->p->schema, sl_str_of(key->text)) >= 0)
		sl_diag_add(r->diags, SL_E1002, key->at, "\"%s\" is a column of the contract too",
			    key->text);
}

static void read_columns(struct sl_reading *r, const struct sl_node *map, bool stored)
{
	struct sl_contract *contract = &r->p->contract;
	for (size_t i = 0; map && i < map->n; i++) {
		struct sl_contract_col *c = &contract->cols[contract->n++];
		check_column_name(r, map->keys[i], stored);
		read_column(r, c, map->keys[i], map->items[i], stored);
		sl_schema_add(&r->p->schema, c->name, c->type);
	}
}

/* Of two columns for the rest, and where a header names what records hold (CSV), it could not be said
 * what belongs there. */
static void check_rest(struct sl_reading *r)
{
	const struct sl_contract *contract = &r->p->contract;
	const struct sl_contract_col *first = NULL;

	for (size_t i = 0; i < contract->n; i++) {
		const struct sl_contract_col *c = &contract->cols[i];
		if (!c->from || strcmp(c->from, SL_REST) != 0)
			continue;
		if (c->type.kind != SL_TEXT)
			sl_diag_add(r->diags, SL_E1005, c->at,
				    "column \"%s\" gets the rest of a record, which is a text",
				    c->name);
		if (first)
			sl_diag_add(r->diags, SL_E1002, c->at,
				    "column \"%s\" gets the rest of a record already", first->name);
		else
			first = c;
	}
	for (size_t i = 0; first && i < r->p->n_sources; i++) {
		const struct sl_codec *codec = r->p->sources[i].codec;
		if (codec && codec->names)
			sl_diag_add(r->diags, SL_E1005, first->at,
				    "column \"%s\" gets the rest of JSON records, those of source "
				    "\"%s\" are %s",
				    first->name, r->p->sources[i].name, codec->name);
	}
}

void sl_read_contract(struct sl_reading *r)
{
	const struct sl_node *columns = sl_read_names(r, "contract");
	const struct sl_node *fields = sl_read_names(r, "fields");
	struct sl_contract *contract = &r->p->contract;
	size_t most = (columns ? columns->n : 0) + (fields ? fields->n : 0);
	if (columns && columns->n == 0)
		sl_diag_add(r->diags, SL_E1004, columns->owner, "\"contract\" has no column");
	contract->cols = sl_arena_zalloc(&r->p->arena, most, sizeof(*contract->cols));
	read_columns(r, columns, true);
	contract->n_stored = contract->n;
	read_columns(r, fields, false);
	check_rest(r);
}
