/*
 * Overrides: values from the environment and from --set, laid over the tree before anybody reads
 * it, so that they are checked like the file's own. They know no line; messages name their origin.
 */
#include <ctype.h>

#include "data/pipeline_read.h"

static bool is_reserved(const char *name)
{
	static const char *const whole[] = {"SLUICE_HOME", "SLUICE_PIPELINES", "SLUICE_BACKEND",
					    "SLUICE_RUN_ID"};
	static const char *const begins[] = {"SLUICE_CONN_", "SLUICE_FAULT", "SLUICE_LOG"};
	for (size_t i = 0; i < SL_ARRAY_LEN(whole); i++)
		if (strcmp(name, whole[i]) == 0)
			return true;
	for (size_t i = 0; i < SL_ARRAY_LEN(begins); i++)
		if (sl_str_starts(sl_str_of(name), begins[i]))
			return true;
	return false;
}

static char *variable_name(struct sl_arena *arena, const char *section, const char *field)
{
	char *name = sl_arena_printf(arena, "SLUICE_%s_%s", section, field);
	for (char *c = name; *c; c++)
		*c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
	return name;
}

static void set_from_variable(struct sl_reading *r, const char *section, const char *prefix,
			      const struct sl_field *f)
{
	if (f->type == SL_FT_NODE || f->type == SL_FT_PAIRS)
		return;
	const char *name = variable_name(&r->p->arena, section, f->name);
	const char *value = is_reserved(name) ? NULL : getenv(name);
	if (!value)
		return;
	struct sl_place at = {.origin = name};
	sl_node_set(r->root, sl_arena_printf(&r->p->arena, "%s%s.%s", prefix, section, f->name),
		    value, at, &r->p->arena, r->diags);
}

static void read_section(struct sl_reading *r, const char *section, const char *prefix,
			 const struct sl_field *table)
{
	for (const struct sl_field *f = table; f->name; f++)
		set_from_variable(r, section, prefix, f);
}

static void read_source(struct sl_reading *r, const char *name, const struct sl_node *map)
{
	if (map->kind != SL_NODE_MAP)
		return;
	read_section(r, name, "sources.", sl_source_common_fields);
	const struct sl_node *kind_name = sl_node_get(map, "kind");
	const struct sl_source_kind *kind = kind_name ? sl_source_find(kind_name->text) : NULL;
	if (kind)
		read_section(r, name, "sources.", kind->params);
}

static void read_environment(struct sl_reading *r)
{
	const struct sl_node *sources = sl_node_get(r->root, "sources");
	read_section(r, "store", "", sl_store_fields);
	read_section(r, "rejects", "", sl_rejects_fields);
	read_section(r, "parallel", "", sl_parallel_fields);
	for (size_t i = 0; sources && sources->kind == SL_NODE_MAP && i < sources->n; i++)
		read_source(r, sources->keys[i]->text, sources->items[i]);
}

static void tell_unknown(struct sl_reading *r, const char *head, struct sl_place at)
{
	const struct sl_node *sources = sl_node_get(r->root, "sources");
	size_t n = 0, n_sources = sources && sources->kind == SL_NODE_MAP ? sources->n : 0;
	const char *names[64];
	for (const struct sl_field *f = sl_pipeline_fields; f->name && n < 64; f++)
		names[n++] = f->name;
	for (size_t i = 0; i < n_sources && n < 64; i++)
		names[n++] = sources->keys[i]->text;
	sl_cleanup(sl_buf_release) struct sl_buf near = SL_BUF_INIT;
	sl_suggest(&near, head, names, n);
	sl_diag_add(r->diags, SL_E1003, at, "\"%s\" is neither a section nor a source%s", head,
		    sl_buf_z(&near));
}

static void set_override(struct sl_reading *r, const struct sl_override *o)
{
	struct sl_arena *arena = &r->p->arena;
	struct sl_place at = {.origin = o->origin};
	struct sl_str rest = sl_str_of(o->path), part = SL_STR_NULL;
	sl_str_next(&rest, '.', &part);
	const char *head = sl_arena_str(arena, part).p, *path = o->path;
	if (!head)
		head = "";
	if (!sl_field_find(sl_pipeline_fields, head)) {
		if (!sl_node_get(sl_node_get(r->root, "sources"), head)) {
			tell_unknown(r, head, at);
			return;
		}
		path = sl_arena_printf(arena, "sources.%s", o->path);
	}
	sl_node_set(r->root, path, o->value, at, arena, r->diags);
}

void sl_read_overrides(struct sl_reading *r)
{
	read_environment(r);
	for (size_t i = 0; i < r->opts->n_overrides; i++)
		set_override(r, &r->opts->overrides[i]);
}
