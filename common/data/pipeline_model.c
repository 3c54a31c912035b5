/*
 * Sections models, queries and parallel. Models and queries are SQL files beside the pipeline file;
 * that they can be read and hold one statement that reads is checked here, the rest by the engine.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "data/pipeline_read.h"
#include "data/sqltext.h"

#define SQL_MAX ((size_t)1 << 20)

static const char *const model_kinds[] = {"view", "table", NULL};

struct model_keys {
	int as;
	const char *file;
};

const struct sl_field sl_model_fields[] = {
	SL_F_ENUM(struct model_keys, as, 0, "view", model_kinds, "what it becomes"),
	SL_F_TEXT(struct model_keys, file, 0, NULL, "its SQL; default models/NAME.sql"),
	SL_F_END,
};

const struct sl_field sl_query_fields[] = {
	SL_F_TEXT(struct sl_query, file, 0, NULL, "its SQL; default queries/NAME.sql"),
	SL_F_TEXT(struct sl_query, description, 0, NULL, "one sentence for people"),
	SL_F_END,
};

struct parallel {
	int64_t max;
	uint64_t bytes;
};

const struct sl_field sl_parallel_fields[] = {
	SL_F_INT(struct parallel, max, 0, "16", 1, 1024, "most partitions of a run"),
	SL_F_SIZE(struct parallel, bytes, 0, "64MiB", 1 << 20, INT64_C(1) << 40,
		  "raw bytes that are worth one more partition"),
	SL_F_END,
};

/* From the file: relative to its folder. From --set or the environment: to the current one. */
static const char *sql_path(struct sl_reading *r, const struct sl_node *map, const char *file,
			    const char *folder, const char *name)
{
	struct sl_arena *arena = &r->p->arena;
	const struct sl_node *n = sl_node_get(map, "file");
	if (!file)
		return sl_arena_printf(arena, "%s/%s/%s.sql", r->p->dir, folder, name);
	if (file[0] == '/')
		return file;
	if (n && n->at.line == 0) {
		char *here = realpath(file, NULL);
		const char *path = sl_arena_strdup(arena, here ? here : file);
		free(here);
		return path;
	}
	return sl_arena_printf(arena, "%s/%s", r->p->dir, file);
}

/* Engines take more: a model becomes CREATE VIEW … AS, so only these two begin one. */
static bool begins_model(const struct sl_sqltext *t)
{
	return strcmp(t->verb, "select") == 0 || strcmp(t->verb, "with") == 0;
}

static void check_sql(struct sl_reading *r, const char *path, struct sl_place at, const char *what,
		      bool model)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_sqltext sql;
	if (!sl_file_read(path, SQL_MAX, &text, &err) ||
	    !sl_sqltext_read(sl_buf_str(&text), !model, &r->p->arena, &sql, &err))
		sl_diag_add(r->diags, SL_E1012, at, "%s (%s): %s", what, path, err.msg);
	else if (model ? !begins_model(&sql) : !sl_sqltext_reads(&sql))
		sl_diag_add(r->diags, SL_E1012, at, "%s (%s) begins with \"%s\": it must be %s",
			    what, path, sql.verb,
			    model ? "one SELECT (or WITH … SELECT)"
				  : "a statement that only reads");
}

static void check_sql_file(struct sl_reading *r, const char *path, struct sl_place at,
			   const char *what, bool model)
{
	struct stat st;
	if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		sl_diag_add(r->diags, SL_E1012, at, "%s: there is no readable file \"%s\"", what,
			    path);
	else if (!S_ISREG(st.st_mode))
		sl_diag_add(r->diags, SL_E1012, at, "%s: \"%s\" is no plain file", what, path);
	else
		check_sql(r, path, at, what, model);
}

static void read_model(struct sl_reading *r, struct sl_model *m, const struct sl_node *key,
		       const struct sl_node *map)
{
	struct model_keys keys;
	const char *what = sl_arena_printf(&r->p->arena, "model \"%s\"", key->text);
	const char *table = r->p->store.table;
	m->name = key->text;
	m->at = key->at;
	bool named = sl_check_name(r, m->name, key->at, "model", SL_NAME_DOTTED);
	if (table && strcmp(table, m->name) == 0)
		sl_diag_add(r->diags, SL_E1011, key->at,
			    "model \"%s\" has the name of the store's table", m->name);
	if (sl_str_starts(sl_str_of(m->name), "sluice."))
		sl_diag_add(r->diags, SL_E1005, key->at,
			    "schema \"sluice\" holds Sluice's own tables: choose another");
	if (!sl_fields_read(sl_model_fields, &keys, sizeof(keys), map, NULL, what, &r->p->arena,
			    r->diags) ||
	    !named)
		return;
	m->as = keys.as;
	m->file = sql_path(r, map, keys.file, "models", m->name);
	check_sql_file(r, m->file, sl_value_place(map, "file", key->at), what, true);
}

void sl_read_models(struct sl_reading *r)
{
	const struct sl_node *map = sl_read_names(r, "models");
	struct sl_pipeline *p = r->p;
	if (!map)
		return;
	p->models = sl_arena_zalloc(&p->arena, map->n, sizeof(*p->models));
	p->n_models = map->n;
	for (size_t i = 0; i < map->n; i++)
		read_model(r, &p->models[i], map->keys[i], map->items[i]);
}

static void read_query(struct sl_reading *r, struct sl_query *q, const struct sl_node *key,
		       const struct sl_node *map)
{
	const char *what = sl_arena_printf(&r->p->arena, "query \"%s\"", key->text);
	bool ok = sl_check_name(r, key->text, key->at, "query", 0);
	ok = sl_fields_read(sl_query_fields, q, sizeof(*q), map, NULL, what, &r->p->arena,
			    r->diags) &&
	     ok;
	q->name = key->text;
	if (!ok)
		return;
	q->file = sql_path(r, map, q->file, "queries", q->name);
	check_sql_file(r, q->file, sl_value_place(map, "file", key->at), what, false);
}

void sl_read_queries(struct sl_reading *r)
{
	const struct sl_node *map = sl_read_names(r, "queries");
	struct sl_pipeline *p = r->p;
	if (!map)
		return;
	p->queries = sl_arena_zalloc(&p->arena, map->n, sizeof(*p->queries));
	p->n_queries = map->n;
	for (size_t i = 0; i < map->n; i++)
		read_query(r, &p->queries[i], map->keys[i], map->items[i]);
}

void sl_read_parallel(struct sl_reading *r)
{
	struct parallel parallel;
	sl_fields_read(sl_parallel_fields, &parallel, sizeof(parallel),
		       sl_node_get(r->root, "parallel"), NULL, "parallel", &r->p->arena, r->diags);
	r->p->partitions_max = parallel.max;
	r->p->partition_bytes = parallel.bytes;
}
