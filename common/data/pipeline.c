/*
 * Opening a pipeline: find the file, read the tree, lay the overrides over it, read section by
 * section, and only then say whether it may be used. The sections are in pipeline_*.c.
 */
#include "data/pipeline.h"

#include <limits.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/module.h"
#include "data/pipeline_read.h"

#define FILE_MAX ((size_t)1 << 20)

struct top {
	struct sl_node *sluice, *schedule, *sources, *fields, *contract, *rules, *store, *rejects,
		*models, *queries, *documents, *jobs, *parallel, *backends;
	const char *pipeline, *description;
	bool fuse;
};

const struct sl_field sl_pipeline_fields[] = {
	SL_F_NODE(struct top, sluice, SL_F_REQUIRED, "version of the file's format: 1"),
	SL_F_TEXT(struct top, pipeline, SL_F_REQUIRED, NULL, "name: a-z, 0-9, \"_\" and \"-\""),
	SL_F_TEXT(struct top, description, 0, NULL, "one sentence for people"),
	SL_F_NODE(struct top, schedule, 0, "when Airflow runs it"),
	SL_F_NODE(struct top, sources, SL_F_REQUIRED, "name: where the records come from"),
	SL_F_NODE(struct top, fields, 0, "name: raw fields that rules read and nobody stores"),
	SL_F_NODE(struct top, contract, SL_F_REQUIRED, "name: the columns that are stored"),
	SL_F_NODE(struct top, rules, 0, "list of rules, run in this order"),
	SL_F_NODE(struct top, store, SL_F_REQUIRED, "the table, and what makes a row the same row"),
	SL_F_NODE(struct top, rejects, 0, "how many bad records are bearable"),
	SL_F_NODE(struct top, models, 0, "name: SQL views and tables made after storing, in order"),
	SL_F_NODE(struct top, queries, 0, "name: SQL for people"),
	SL_F_NODE(struct top, documents, 0,
		  "name: a relation whose rows are published as documents"),
	SL_F_NODE(struct top, jobs, 0,
		  "name: stages that run by a schedule of their own, such as a monthly audit"),
	SL_F_NODE(struct top, parallel, 0, "into how many partitions collect cuts the work"),
	SL_F_BOOL(struct top, fuse, 0, "false",
		  "one Airflow task for collect, normalize and store"),
	SL_F_NODE(struct top, backends, 0, "name: which engine serves which role"),
	SL_F_END,
};

struct sl_place sl_value_place(const struct sl_node *map, const char *key, struct sl_place fallback)
{
	const struct sl_node *n = sl_node_get(map, key);
	return n ? n->at : fallback;
}

const struct sl_node *sl_read_names(struct sl_reading *r, const char *section)
{
	const struct sl_node *map = sl_node_get(r->root, section);
	if (!map || map->kind == SL_NODE_MAP)
		return map;
	if (!map->bad)
		sl_diag_add(r->diags, SL_E1005, map->at, "\"%s\" must be a mapping of names",
			    section);
	return NULL;
}

static bool is_name(struct sl_str s, bool hyphen)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool ok = (c >= 'a' && c <= 'z') || c == '_' ||
			  (i > 0 && ((c >= '0' && c <= '9') || (hyphen && c == '-')));
		if (!ok)
			return false;
	}
	return s.n > 0;
}

bool sl_check_name(struct sl_reading *r, const char *name, struct sl_place at, const char *what,
		   unsigned flags)
{
	struct sl_str rest = sl_str_of(name), half = SL_STR_NULL;
	unsigned halves = 0, most = flags & SL_NAME_DOTTED ? 2 : 1;
	bool ok = name[0] != '\0', fits = true;
	while (ok && sl_str_next(&rest, '.', &half)) {
		ok = ++halves <= most && is_name(half, flags & SL_NAME_HYPHEN);
		fits = fits && half.n <= 63;
	}
	if (!ok) {
		sl_diag_add(r->diags, SL_E1005, at,
			    "%s \"%s\" must be made of a-z, 0-9 and \"_\"%s%s, and not begin with "
			    "a digit",
			    what, name, flags & SL_NAME_HYPHEN ? " and \"-\"" : "",
			    flags & SL_NAME_DOTTED ? ", as \"name\" or \"schema.name\"" : "");
		return false;
	}
	if (!fits)
		sl_diag_add(r->diags, SL_E1006, at,
			    "%s \"%s\" is longer than 63 bytes: databases would cut it", what,
			    name);
	return fits;
}

static void check_version(struct sl_reading *r, const struct sl_node *n)
{
	if (!n || n->bad || (n->kind == SL_NODE_SCALAR && !n->quoted && !strcmp(n->text, "1")))
		return;
	sl_diag_add(r->diags, SL_E1014, n->at, "\"sluice\" must be 1, the only format so far");
}

static void read_top(struct sl_reading *r)
{
	struct top top;
	struct sl_pipeline *p = r->p;
	sl_fields_read(sl_pipeline_fields, &top, sizeof(top), r->root, NULL, "the pipeline",
		       &p->arena, r->diags);
	check_version(r, top.sluice);
	p->name = top.pipeline;
	p->description = top.description;
	p->fuse = top.fuse;
	if (p->name)
		sl_check_name(r, p->name, sl_node_get(r->root, "pipeline")->at, "pipeline",
			      SL_NAME_HYPHEN);
}

static void read_tree(struct sl_reading *r)
{
	if (r->root->kind != SL_NODE_MAP) {
		sl_diag_add(r->diags, SL_E1005, r->root->at,
			    "a pipeline file must be a mapping of keys");
		return;
	}
	sl_read_overrides(r);
	read_top(r);
	sl_read_schedule(r, sl_node_get(r->root, "schedule"), &r->p->schedule);
	sl_read_sources(r);
	sl_read_contract(r);
	sl_read_rules(r);
	sl_read_store(r);
	sl_read_rejects(r);
	sl_read_models(r);
	sl_read_queries(r);
	sl_read_documents(r);
	sl_read_jobs(r);
	sl_read_parallel(r);
	sl_read_backends(r);
}

static bool is_directory(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A path is taken at its word; a folder stands for the pipeline.yaml in it. */
static const char *locate_file(const char *arg, struct sl_arena *arena)
{
	if (!is_directory(arg))
		return arg;
	bool slash = sl_str_ends(sl_str_of(arg), "/");
	return sl_arena_printf(arena, "%s%spipeline.yaml", arg, slash ? "" : "/");
}

static const char *locate_name(const char *name, struct sl_arena *arena, struct sl_err *err)
{
	const char *home = getenv("SLUICE_PIPELINES");
	const char *exe = sl_exe_dir();
	const char *dirs[] = {
		home && home[0] ? home : "pipelines",
		"pipelines",
		sl_arena_printf(arena, "%s/../share/sluice/pipelines", exe),
		sl_arena_printf(arena, "%s/../pipelines", exe),
	};
	for (size_t i = 0; i < SL_ARRAY_LEN(dirs); i++) {
		const char *file = sl_arena_printf(arena, "%s/%s/pipeline.yaml", dirs[i], name);
		if (sl_file_exists(file))
			return file;
	}
	sl_err_set(err, SL_ERR_CONFIG, "there is no pipeline \"%s\": no %s/%s/pipeline.yaml", name,
		   dirs[0], name);
	sl_err_hint(err, "set SLUICE_PIPELINES, or give the file's path (with a \"/\" in it)");
	return NULL;
}

static const char *locate(const char *arg, struct sl_arena *arena, struct sl_err *err)
{
	struct sl_str s = sl_str_of(arg);
	bool path = sl_str_find(s, '/') >= 0 || sl_str_ends(s, ".yaml") || sl_str_ends(s, ".yml") ||
		    strcmp(arg, ".") == 0;
	if (s.n == 0) {
		sl_err_set(err, SL_ERR_CONFIG, "the pipeline's name is empty");
		return NULL;
	}
	return path ? locate_file(arg, arena) : locate_name(arg, arena, err);
}

/* path and dir: of the folder as it is, but the file by its name in it, since models and queries
 * lie beside the name even where the name is a link. */
static bool set_paths(struct sl_pipeline *p, struct sl_err *err)
{
	const char *slash = strrchr(p->file, '/');
	struct sl_str dir = slash ? sl_str_sub(sl_str_of(p->file), 0, (size_t)(slash - p->file) + 1)
				  : SL_STR("./");
	char real[PATH_MAX];
	if (!realpath(sl_arena_str(&p->arena, dir).p, real))
		return sl_err_set(err, SL_ERR_CONFIG, "cannot read \"%s\": no such folder",
				  p->file);
	p->dir = sl_arena_strdup(&p->arena, real);
	p->path = sl_arena_printf(&p->arena, "%s/%s", strcmp(real, "/") == 0 ? "" : real,
				  slash ? slash + 1 : p->file);
	return true;
}

/* The tree, or NULL: then err says why, or diags do. */
static struct sl_node *load(struct sl_pipeline *p, struct sl_diags *diags, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf bytes = SL_BUF_INIT;
	struct sl_err why = SL_ERR_INIT;
	if (!sl_file_read(p->file, FILE_MAX, &bytes, &why)) {
		if (why.kind == SL_ERR_DATA) {
			sl_diag_add(diags, SL_E1009, (struct sl_place){p->file, 1, 1, NULL},
				    "larger than 1 MiB");
			return NULL;
		}
		sl_err_set(err, SL_ERR_CONFIG, "%s", why.msg);
		return NULL;
	}
	return sl_yaml_parse(sl_buf_str(&bytes), p->file, &p->arena, diags);
}

static bool open_into(struct sl_pipeline *p, const char *arg, const struct sl_pipeline_opts *opts,
		      struct sl_diags *diags, struct sl_err *err)
{
	size_t before = diags->total;
	const char *file = locate(arg, &p->arena, err);
	if (!file)
		return false;
	p->file = sl_arena_strdup(&p->arena, file);
	if (!set_paths(p, err))
		return false;
	p->root = load(p, diags, err);
	if (p->root) {
		struct sl_reading r = {p, p->root, diags, opts};
		read_tree(&r);
	}
	if (diags->total != before)
		return sl_diags_ok(diags, err);
	if (!p->root)
		return false;
	sl_pipeline_identify(p);
	return true;
}

struct sl_pipeline *sl_pipeline_open(const char *name_or_file, const struct sl_pipeline_opts *opts,
				     struct sl_diags *diags, struct sl_err *err)
{
	static const struct sl_pipeline_opts none = {0};
	struct sl_pipeline *p = sl_xcalloc(1, sizeof(*p));
	if (open_into(p, name_or_file, opts ? opts : &none, diags, err))
		return p;
	sl_pipeline_close(p);
	return NULL;
}

void sl_pipeline_close(struct sl_pipeline *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_rules; i++)
		if (p->rules[i].rule->release)
			p->rules[i].rule->release(p->rules[i].params);
	sl_schema_release(&p->schema);
	sl_arena_release(&p->arena);
	free(p);
}

const struct sl_source *sl_pipeline_source(const struct sl_pipeline *p, const char *name)
{
	for (size_t i = 0; i < p->n_sources; i++)
		if (strcmp(p->sources[i].name, name) == 0)
			return &p->sources[i];
	return NULL;
}
