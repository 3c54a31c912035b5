/*
 * Steps of a plan: see plan_steps.h.
 */
#include "tasks/sluice/plan_steps.h"

#include "base/mem.h"

bool sl_stage_is_idle(const struct sl_pipeline *p, const char *stage)
{
	return (p->n_models == 0 && strcmp(stage, "aggregate") == 0) ||
	       (p->n_documents == 0 && strcmp(stage, "publish") == 0);
}

/* Collect and normalize are steps of their own for each source, where there are several: they need
 * not wait for one another. */
static size_t add_step(const struct sl_pipeline *p, struct sl_step step, struct sl_step *steps)
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

const struct sl_step *sl_step_report(void)
{
	static const struct sl_step report = {"report", "sluice-report", .more = "--show",
					      .store = true, .queue = true};

	return &report;
}

/* A fused pipeline is one task: the driver, which executes the same stages. */
size_t sl_steps_of(struct sl_run *run, const struct sl_step **ret)
{
	static const struct sl_step fused = {.name = "run",
					     .exe = "sluice",
					     .word = "run",
					     .store = true,
					     .queue = true,
					     .sources = true,
					     .documents = true};
	static const struct sl_step all[] = {
		{"collect", "sluice-collect", .queue = true, .sources = true},
		{"normalize", "sluice-normalize", .mapped = true, .queue = true},
		{"store", "sluice-store", .store = true, .queue = true},
		{"aggregate", "sluice-aggregate", .store = true},
		{"publish", "sluice-publish", .store = true, .documents = true},
	};
	const struct sl_pipeline *p = run->p;
	struct sl_step *steps = sl_arena_zalloc(
		&run->arena, SL_ARRAY_LEN(all) + 1 + 2 * p->n_sources, sizeof(*steps));
	size_t n = 0;

	*ret = steps;
	if (p->fuse)
		steps[n++] = fused;
	for (size_t i = 0; !p->fuse && i < SL_ARRAY_LEN(all); i++)
		if (!sl_stage_is_idle(p, all[i].name))
			n += add_step(p, all[i], steps + n);
	if (!p->fuse)
		steps[n++] = *sl_step_report();
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

/* What stands before the pipeline. */
static const char *word_of(const struct sl_step *step)
{
	return step->word ? step->word : "--pipeline";
}

static void add_word(struct sl_arena *arena, struct sl_texts *list, const char *text)
{
	const char **v = sl_arena_zalloc(arena, list->n + 1, sizeof(*v));

	if (list->n)
		memcpy(v, list->v, list->n * sizeof(*v));
	v[list->n++] = text;
	list->v = v;
}

struct sl_texts sl_step_argv(struct sl_run *run, const struct sl_step *step)
{
	struct sl_arena *arena = &run->arena;
	struct sl_texts argv = {0};

	add_word(arena, &argv, step->exe);
	add_word(arena, &argv, word_of(step));
	add_word(arena, &argv, pipeline_word(run));
	for (size_t i = 0; i < run->n_passed; i++)
		if (!sl_str_starts(sl_str_of(run->passed[i]), "--pipeline="))
			add_word(arena, &argv, run->passed[i]);
	if (step->more)
		add_word(arena, &argv, step->more);
	for (size_t i = 0; i < step->words.n; i++)
		add_word(arena, &argv, step->words.v[i]);
	if (step->source) {
		add_word(arena, &argv, "--source");
		add_word(arena, &argv, step->source->name);
	}
	return argv;
}

void sl_step_text(const struct sl_run *run, const struct sl_step *step, struct sl_buf *out)
{
	sl_buf_addf(out, "%s %s %s", step->exe, word_of(step), pipeline_word(run));
	for (size_t i = 0; i < step->words.n; i++)
		sl_buf_addf(out, " %s", step->words.v[i]);
	if (step->source)
		sl_buf_addf(out, " --source %s", step->source->name);
	if (step->mapped)
		sl_buf_adds(out, " --partition k/n");
}

static void add_id(struct sl_arena *arena, struct sl_texts *ids, const char *id)
{
	for (size_t i = 0; id && i < ids->n; i++)
		if (strcmp(ids->v[i], id) == 0)
			return;
	if (id)
		add_word(arena, ids, id);
}

/* The sources' own: a field "connection", in whatever kind has one. only: of this one, or NULL. */
static void add_source_ids(struct sl_run *run, struct sl_texts *ids, const struct sl_source *only)
{
	for (size_t i = 0; i < run->p->n_sources; i++) {
		const struct sl_source *s = &run->p->sources[i];
		const struct sl_field *f = sl_field_find(s->kind->params, "connection");

		if (f && f->type == SL_FT_TEXT && (!only || only == s))
			add_id(&run->arena, ids,
			       *(const char *const *)(const void *)((const char *)s->params +
								    f->offset));
	}
}

/* Bronze always, since it holds the log as well. */
struct sl_texts sl_step_connections(struct sl_run *run, const struct sl_step *step)
{
	const struct sl_backend *b = &run->p->backend;
	struct sl_arena *arena = &run->arena;
	struct sl_texts ids = {0};

	add_id(arena, &ids, b->bronze_conn);
	if (step->store)
		add_id(arena, &ids, b->store_conn);
	if (step->queue)
		add_id(arena, &ids, b->queue_conn);
	if (step->sources)
		add_source_ids(run, &ids, step->source);
	if (step->documents && run->p->n_documents > 0)
		add_id(arena, &ids, b->documents_conn);
	return ids;
}

/* Looks that a step may take until what it waits for has come; 0: it waits for nothing. */
static int64_t looks(const struct sl_pipeline *p, const struct sl_step *step)
{
	int64_t most = 0;

	for (size_t i = 0; step->sources && i < p->n_sources; i++) {
		const struct sl_source *s = &p->sources[i];
		const int64_t n = (s->wait + s->wait_every - 1) / s->wait_every;

		if ((!step->source || step->source == s) && n > most)
			most = n;
	}
	return most;
}

/* Tries after the first. */
int64_t sl_step_retries(const struct sl_pipeline *p, const struct sl_step *step)
{
	const int64_t n = looks(p, step);

	return n > p->schedule.retries ? n : p->schedule.retries;
}
