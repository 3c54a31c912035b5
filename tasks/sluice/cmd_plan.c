/*
 * sluice plan: what would be executed, for people, for Airflow (--json: it never reads YAML
 * itself), and with --explain each value and where it came from.
 */
#include "base/mem.h"
#include "run/help.h"
#include "store/sink.h"
#include "tasks/sluice/cmd.h"
#include "tasks/sluice/plan_explain.h"

struct plan {
	bool json, explain, ddl;
};

static const struct sl_field fields[] = {
	SL_F_BOOL(struct plan, json, SL_F_FLAG, "false", "one JSON object, for Airflow"),
	SL_F_BOOL(struct plan, explain, SL_F_FLAG, "false", "each value and where it came from"),
	SL_F_BOOL(struct plan, ddl, SL_F_FLAG, "false",
		  "asks the store: what its table would be changed by before the next rows"),
	SL_F_END,
};

/* A stage of the plan. */
struct step {
	const char *name;
	const char *exe, *word; /* word: a command of the driver; NULL: a stage's own executable */
	const struct sl_source *source; /* it works on this one alone; NULL: on all */
	bool mapped;			/* once per partition */
	bool store;			/* talks to the store */
	bool queue;			/* talks to the queue */
	bool sources;			/* reads the sources */
	bool documents;			/* talks to the documents' server */
};

/* The pipeline has no work for it. */
static bool is_idle(const struct sl_pipeline *p, const char *stage)
{
	return (p->n_models == 0 && strcmp(stage, "aggregate") == 0) ||
	       (p->n_documents == 0 && strcmp(stage, "publish") == 0);
}

/* Collect and normalize are steps of their own for each source, where there are several: they need
 * not wait for one another. */
static size_t add_step(const struct sl_pipeline *p, struct step step, struct step *steps)
{
	const bool each = p->n_sources > 1 && (step.sources || step.mapped);

	if (!each) {
		steps[0] = step;
		return 1;
	}
	for (size_t i = 0; i < p->n_sources; i++) {
		steps[i] = step;
		steps[i].source = &p->sources[i];
	}
	return p->n_sources;
}

/* A fused pipeline is one task: the driver, which executes the same stages. */
static size_t list_steps(struct sl_run *run, const struct step **ret)
{
	static const struct step fused = {.name = "run",
					  .exe = "sluice",
					  .word = "run",
					  .store = true,
					  .queue = true,
					  .sources = true,
					  .documents = true};
	static const struct step all[] = {
		{"collect", "sluice-collect", .queue = true, .sources = true},
		{"normalize", "sluice-normalize", .mapped = true, .queue = true},
		{"store", "sluice-store", .store = true, .queue = true},
		{"aggregate", "sluice-aggregate", .store = true},
		{"publish", "sluice-publish", .store = true, .documents = true},
		{"report", "sluice-report", .store = true, .queue = true},
	};
	const struct sl_pipeline *p = run->p;
	struct step *steps =
		sl_arena_zalloc(&run->arena, SL_ARRAY_LEN(all) + 2 * p->n_sources, sizeof(*steps));
	size_t n = 0;

	*ret = steps;
	if (p->fuse)
		steps[n++] = fused;
	for (size_t i = 0; !p->fuse && i < SL_ARRAY_LEN(all); i++)
		if (!is_idle(p, all[i].name))
			n += add_step(p, all[i], steps + n);
	return n;
}

/* A NAME stays one, so that a worker finds its own copy; a file is told by its whole path. */
static const char *pipeline_word(const struct sl_run *run)
{
	const struct sl_str arg = sl_str_of(run->pipeline_arg);
	const bool name = sl_str_find(arg, '/') < 0 && !sl_str_ends(arg, ".yaml") &&
			  !sl_str_ends(arg, ".yml") && strcmp(run->pipeline_arg, ".") != 0;

	return name ? run->pipeline_arg : run->p->path;
}

static void add_key(struct sl_buf *out, const char *key, const char *value)
{
	sl_buf_addf(out, "\"%s\":", key);
	if (value)
		sl_buf_add_json(out, sl_str_of(value));
	else
		sl_buf_adds(out, "null");
}

/* What stands before the pipeline. */
static const char *word_of(const struct step *step)
{
	return step->word ? step->word : "--pipeline";
}

static void add_argv(struct sl_run *run, const struct step *step, struct sl_buf *out)
{
	sl_buf_addf(out, "[\"%s\",\"%s\",", step->exe, word_of(step));
	sl_buf_add_json(out, sl_str_of(pipeline_word(run)));
	for (size_t i = 0; i < run->n_passed; i++) {
		if (sl_str_starts(sl_str_of(run->passed[i]), "--pipeline="))
			continue;
		sl_buf_addc(out, ',');
		sl_buf_add_json(out, sl_str_of(run->passed[i]));
	}
	if (step->source) {
		sl_buf_adds(out, ",\"--source\",");
		sl_buf_add_json(out, sl_str_of(step->source->name));
	}
	sl_buf_addc(out, ']');
}

/* Ids of connections, each told once. */
struct ids {
	struct sl_buf *out;
	const char *seen[64];
	size_t n;
};

static void add_id(struct ids *ids, const char *id)
{
	for (size_t i = 0; id && i < ids->n; i++)
		if (strcmp(ids->seen[i], id) == 0)
			return;
	if (!id || ids->n == SL_ARRAY_LEN(ids->seen))
		return;
	sl_buf_adds(ids->out, ids->n ? "," : "");
	sl_buf_add_json(ids->out, sl_str_of(id));
	ids->seen[ids->n++] = id;
}

/* The sources' own: a field "connection", in whatever kind has one. only: of this one, or NULL. */
static void add_source_ids(struct ids *ids, const struct sl_pipeline *p,
			   const struct sl_source *only)
{
	for (size_t i = 0; i < p->n_sources; i++) {
		const struct sl_source *s = &p->sources[i];
		const struct sl_field *f = sl_field_find(s->kind->params, "connection");

		if (f && f->type == SL_FT_TEXT && (!only || only == s))
			add_id(ids, *(const char *const *)(const void *)((const char *)s->params +
									 f->offset));
	}
}

/* What a stage needs to reach: bronze always, since it holds the log as well. */
static void add_connections(const struct sl_pipeline *p, const struct step *step,
			    struct sl_buf *out)
{
	const struct sl_backend *b = &p->backend;
	struct ids ids = {.out = out};

	sl_buf_addc(out, '[');
	add_id(&ids, b->bronze_conn);
	if (step->store)
		add_id(&ids, b->store_conn);
	if (step->queue)
		add_id(&ids, b->queue_conn);
	if (step->sources)
		add_source_ids(&ids, p, step->source);
	if (step->documents && p->n_documents > 0)
		add_id(&ids, b->documents_conn);
	sl_buf_addc(out, ']');
}

static void add_schedule(const struct sl_schedule *s, struct sl_buf *out)
{
	sl_buf_adds(out, "\"schedule\":");
	if (!s->cron) {
		sl_buf_adds(out, "null");
		return;
	}
	sl_buf_addc(out, '{');
	add_key(out, "cron", s->cron);
	sl_buf_addc(out, ',');
	add_key(out, "timezone", s->timezone);
	sl_buf_addc(out, ',');
	add_key(out, "start", s->start);
	sl_buf_addf(out, ",\"catchup\":%s}", s->catchup ? "true" : "false");
}

static void add_tasks(const struct sl_schedule *s, struct sl_buf *out)
{
	sl_buf_adds(out, ",\"after\":[");
	for (size_t i = 0; i < s->after.n; i++) {
		sl_buf_adds(out, i ? "," : "");
		sl_buf_add_json(out, sl_str_of(s->after.v[i]));
	}
	sl_buf_adds(out, "],\"tasks\":{");
	add_key(out, "pool", s->pool);
	sl_buf_addf(out, ",\"retries\":%" PRId64 ",\"retry_delay_s\":%" PRId64 "}", s->retries,
		    s->retry_delay / SL_SECOND);
}

static void add_sources(const struct sl_pipeline *p, struct sl_buf *out)
{
	sl_buf_adds(out, "\"sources\":[");
	for (size_t i = 0; i < p->n_sources; i++) {
		sl_buf_adds(out, i ? ",{" : "{");
		add_key(out, "name", p->sources[i].name);
		sl_buf_addc(out, ',');
		add_key(out, "kind", p->sources[i].kind->name);
		sl_buf_addc(out, ',');
		add_key(out, "codec", p->sources[i].codec->name);
		sl_buf_addc(out, '}');
	}
	sl_buf_addc(out, ']');
}

static void add_relations(const struct sl_pipeline *p, struct sl_buf *out)
{
	add_key(out, "table", p->store.table);
	sl_buf_adds(out, ",\"models\":[");
	for (size_t i = 0; i < p->n_models; i++) {
		sl_buf_adds(out, i ? "," : "");
		sl_buf_add_json(out, sl_str_of(p->models[i].name));
	}
	sl_buf_addc(out, ']');
}

static void add_stages(struct sl_run *run, struct sl_buf *out)
{
	const struct step *steps;
	const size_t n = list_steps(run, &steps);

	sl_buf_adds(out, "\"stages\":[");
	for (size_t i = 0; i < n; i++) {
		sl_buf_adds(out, i ? ",{" : "{");
		add_key(out, "name", steps[i].name);
		sl_buf_addc(out, ',');
		add_key(out, "source", steps[i].source ? steps[i].source->name : NULL);
		sl_buf_adds(out, ",\"argv\":");
		add_argv(run, &steps[i], out);
		sl_buf_addf(out,
			    ",\"mapped\":%s,\"connections\":", steps[i].mapped ? "true" : "false");
		add_connections(run->p, &steps[i], out);
		sl_buf_addc(out, '}');
	}
	sl_buf_addc(out, ']');
}

static void plan_json(struct sl_run *run, struct sl_buf *out)
{
	static const struct step whole = {
		.store = true, .queue = true, .sources = true, .documents = true};
	const struct sl_pipeline *p = run->p;
	const struct {
		const char *key, *value;
	} texts[] = {
		{"version", SLUICE_VERSION}, {"pipeline", p->name}, {"description", p->description},
		{"file", p->path},	     {"rev", p->rev},	    {"backend", p->backend.name},
		{"store", p->backend.store}, {"queue", "native"},
	};

	sl_buf_addc(out, '{');
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		add_key(out, texts[i].key, texts[i].value);
		sl_buf_addc(out, ',');
	}
	add_schedule(&p->schedule, out);
	add_tasks(&p->schedule, out);
	sl_buf_addf(out, ",\"fuse\":%s,\"partitions_max\":%" PRId64 ",\"connections\":",
		    p->fuse ? "true" : "false", p->partitions_max);
	add_connections(p, &whole, out);
	sl_buf_addc(out, ',');
	add_sources(p, out);
	sl_buf_addc(out, ',');
	add_relations(p, out);
	sl_buf_addc(out, ',');
	add_stages(run, out);
	sl_buf_adds(out, "}\n");
}

/* Which engine serves which role, with its connection: "pg (warehouse)". */
static void backend_text(const struct sl_pipeline *p, struct sl_buf *out)
{
	const struct sl_backend *b = &p->backend;
	const struct {
		const char *role, *engine, *conn;
	} roles[] = {
		{"bronze", b->bronze, b->bronze_conn},
		{"queue", b->queue, b->queue_conn},
		{"store", b->store, b->store_conn},
		{"documents", p->n_documents ? b->documents : NULL, b->documents_conn},
	};

	const char *before = ":";

	sl_buf_addf(out, "  backend   %s", b->name);
	for (size_t i = 0; i < SL_ARRAY_LEN(roles); i++) {
		if (!roles[i].engine)
			continue;
		sl_buf_addf(out, "%s %s %s", before, roles[i].role, roles[i].engine);
		before = ",";
		if (roles[i].conn)
			sl_buf_addf(out, " (%s)", roles[i].conn);
	}
	sl_buf_addc(out, '\n');
}

static void plan_text(struct sl_run *run, struct sl_buf *out)
{
	const struct sl_pipeline *p = run->p;
	const struct step *steps;
	const size_t n = list_steps(run, &steps);

	sl_buf_addf(out, "%s: %s\n", p->name, p->description ? p->description : "(no description)");
	if (p->schedule.cron)
		sl_buf_addf(out, "  schedule  %s %s\n", p->schedule.cron,
			    p->schedule.timezone ? p->schedule.timezone : "");
	for (size_t i = 0; i < p->n_sources; i++)
		sl_buf_addf(out, "  source    %s (%s, %s)\n", p->sources[i].name,
			    p->sources[i].kind->name, p->sources[i].codec->name);
	sl_buf_addf(out, "  table     %s, %s\n", p->store.table,
		    p->store.mode == SL_MODE_LATEST ? "latest row per key" : "append");
	for (size_t i = 0; i < p->n_models; i++)
		sl_buf_addf(out, "  model     %s (%s)\n", p->models[i].name,
			    p->models[i].as == SL_MODEL_VIEW ? "view" : "table");
	for (size_t i = 0; i < p->n_documents; i++)
		sl_buf_addf(out, "  documents %s (from %s)\n", p->documents[i].collection,
			    p->documents[i].from);
	backend_text(p, out);
	sl_buf_addf(out, "  rev       %.12s\n  stages\n", p->rev);
	for (size_t i = 0; i < n; i++)
		sl_buf_addf(out, "    %s %s %s%s%s%s\n", steps[i].exe, word_of(&steps[i]),
			    pipeline_word(run), steps[i].source ? " --source " : "",
			    steps[i].source ? steps[i].source->name : "",
			    steps[i].mapped ? " --partition k/n" : "");
}

/* Nothing where nothing is to be changed. */
static bool plan_ddl(struct sl_run *run, struct sl_buf *out, struct sl_err *err)
{
	bool exists;

	if (sl_sink_check(run->p, &run->home, out, &exists, err))
		return true;
	if (err->kind != SL_ERR_NO_INPUT)
		return false;
	sl_err_clear(err);
	sl_buf_addf(out, "-- nothing is stored yet: the first run makes table %s\n",
		    run->p->store.table);
	return true;
}

static bool run_plan(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct plan *plan = params;
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	if (plan->ddl && !plan_ddl(run, &out, err))
		return false;
	if (plan->ddl)
		return sl_stdout(sl_buf_str(&out), err);
	if (plan->explain)
		sl_plan_explain(run, &out);
	else if (plan->json)
		plan_json(run, &out);
	else
		plan_text(run, &out);
	return sl_stdout(sl_buf_str(&out), err);
}

const struct sl_stage sl_cmd_plan = {
	.name = "plan",
	.summary = "shows what a pipeline is and which stages it would execute",
	.usage = "NAME|FILE [--json | --explain | --ddl] [OPTION]…",
	.description =
		"With --json the plan as Airflow takes it: per stage the argv, to which the\n"
		"operator adds --run-id or an interval, and --partition where it is mapped.\n"
		"With --ddl the SQL that a store would execute first, as store.evolve allows.\n",
	.examples = "sluice plan orders\nsluice plan orders --json\nsluice plan orders --explain\n",
	.needs = SL_NEEDS_PIPELINE | SL_PIPELINE_ARG | SL_NEEDS_STORE | SL_TAKES_BACKEND |
		 SL_QUIET_RESULT | SL_FINDS_HOME,
	.params = fields,
	.params_size = sizeof(struct plan),
	.run = run_plan,
};
