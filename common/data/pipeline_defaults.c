/*
 * What a pipeline file leaves to the defaults, from the tables that read it.
 */
#include "base/mem.h"
#include "data/pipeline_read.h"

struct walk {
	const struct sl_pipeline *p;
	void (*tell)(void *ctx, const char *path, const char *value);
	void *ctx;
};

static void tell_default(const struct walk *w, const char *path, const struct sl_field *f)
{
	sl_cleanup(sl_freep) char *whole =
		sl_xasprintf("%s%s%s", path, path[0] ? "." : "", f->name);

	w->tell(w->ctx, whole, f->def);
}

/* map: where the fields stand, or NULL. */
static void walk_table(const struct walk *w, const char *path, const struct sl_field *table,
		       const struct sl_node *map)
{
	for (const struct sl_field *f = table; f && f->name; f++) {
		if (f->def && !sl_node_get(map, f->name))
			tell_default(w, path, f);
	}
}

/* Every name of a section. */
static void walk_names(const struct walk *w, const char *section, const struct sl_field *table)
{
	const struct sl_node *map = sl_node_get(w->p->root, section);

	for (size_t i = 0; map && i < map->n; i++) {
		sl_cleanup(sl_freep) char *path =
			sl_xasprintf("%s.%s", section, map->keys[i]->text);

		walk_table(w, path, table, map->items[i]);
	}
}

/* "codec: csv", or {csv: {its settings}}. */
static void walk_source(const struct walk *w, const struct sl_source *s)
{
	const struct sl_node *map = sl_node_get(sl_node_get(w->p->root, "sources"), s->name);
	const struct sl_node *codec = sl_node_get(map, "codec");
	sl_cleanup(sl_freep) char *path = sl_xasprintf("sources.%s", s->name);
	sl_cleanup(sl_freep) char *codec_path = sl_xasprintf("%s.codec.%s", path, s->codec->name);

	walk_table(w, path, sl_source_common_fields, map);
	walk_table(w, path, s->kind->params, map);
	walk_table(w, codec_path, s->codec->params, sl_node_get(codec, s->codec->name));
}

static void walk_rules(const struct walk *w)
{
	const struct sl_node *list = sl_node_get(w->p->root, "rules");

	for (size_t i = 0; list && i < w->p->n_rules && i < list->n; i++) {
		const struct sl_rule *rule = w->p->rules[i].rule;
		sl_cleanup(sl_freep) char *path = sl_xasprintf("rules[%zu].%s", i, rule->name);

		walk_table(w, path, rule->params, sl_node_get(list->items[i], rule->name));
	}
}

/* A column's name in the record is its own, where nothing else is said. */
static void walk_columns(const struct walk *w)
{
	const struct sl_contract *c = &w->p->contract;

	for (size_t i = 0; i < c->n; i++) {
		const char *section = i < c->n_stored ? "contract" : "fields";
		const struct sl_node *map =
			sl_node_get(sl_node_get(w->p->root, section), c->cols[i].name);
		sl_cleanup(sl_freep) char *from =
			sl_xasprintf("%s.%s.from", section, c->cols[i].name);

		if (!c->cols[i].computed && !sl_node_get(map, "from"))
			w->tell(w->ctx, from, c->cols[i].name);
	}
}

void sl_pipeline_defaults(const struct sl_pipeline *p,
			  void (*tell)(void *ctx, const char *path, const char *value), void *ctx)
{
	const struct walk w = {p, tell, ctx};
	const struct {
		const char *name;
		const struct sl_field *table;
	} sections[] = {
		{"schedule", sl_schedule_fields},
		{"store", sl_store_fields},
		{"rejects", sl_rejects_fields},
		{"parallel", sl_parallel_fields},
	};

	walk_table(&w, "", sl_pipeline_fields, p->root);
	for (size_t i = 0; i < SL_ARRAY_LEN(sections); i++)
		walk_table(&w, sections[i].name, sections[i].table,
			   sl_node_get(p->root, sections[i].name));
	for (size_t i = 0; i < p->n_sources; i++)
		walk_source(&w, &p->sources[i]);
	walk_names(&w, "contract", sl_contract_fields);
	walk_columns(&w);
	walk_rules(&w);
	walk_names(&w, "models", sl_model_fields);
	walk_names(&w, "queries", sl_query_fields);
	walk_names(&w, "documents", sl_documents_fields);
	walk_names(&w, "jobs", sl_job_fields);
}
