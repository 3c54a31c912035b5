/*
 * Section jobs: other work on a pipeline's data, by a schedule of its own (a monthly audit beside
 * nightly loads). A step is a stage with its words; which stages there are, and which flags they
 * take, only the executables know: `sluice validate` and `sluice plan` ask them.
 */
#include "data/pipeline_read.h"

struct keys {
	const char *description;
	struct sl_node *schedule;
	struct sl_texts steps;
};

const struct sl_field sl_job_fields[] = {
	SL_F_TEXT(struct keys, description, 0, NULL, "one sentence for people"),
	SL_F_NODE(struct keys, schedule, 0, "when Airflow runs it: the keys of section schedule"),
	SL_F_TEXTS(struct keys, steps, SL_F_REQUIRED,
		   "stages with their words, one after the other: \"export --query NAME -o FILE\""),
	SL_F_END,
};

/* Told by whoever runs the job. */
static bool is_told(struct sl_str word)
{
	static const char *const told[] = {"--pipeline", "-p", "--run-id", "--interval-start",
					   "--interval-end"};
	struct sl_str flag = SL_STR_NULL;

	sl_str_next(&word, '=', &flag);
	for (size_t i = 0; i < SL_ARRAY_LEN(told); i++)
		if (sl_str_eqz(flag, told[i]))
			return true;
	return false;
}

static void check_word(struct sl_reading *r, struct sl_str word, struct sl_place at)
{
	if (is_told(word))
		sl_diag_add(r->diags, SL_E1005, at,
			    "\"" SL_STR_FMT "\" is told to a step by whoever runs the job",
			    SL_STR_ARG(word));
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] == '"' || word.p[i] == '\'') {
			sl_diag_add(r->diags, SL_E1005, at,
				    "the words of a step are what stands between blanks: a quote "
				    "cannot hold them together");
			return;
		}
}

static void read_step(struct sl_reading *r, struct sl_job_step *step, const char *text,
		      struct sl_place at)
{
	struct sl_arena *arena = &r->p->arena;
	struct sl_str rest = sl_str_of(text), word;

	step->at = at;
	step->words.v = sl_arena_zalloc(arena, rest.n + 1, sizeof(*step->words.v));
	while (sl_str_next(&rest, ' ', &word)) {
		if (word.n == 0)
			continue; /* several blanks */
		if (!step->stage) {
			step->stage = sl_arena_str(arena, word).p;
			sl_check_name(r, step->stage, at, "stage", SL_NAME_HYPHEN);
			continue;
		}
		check_word(r, word, at);
		step->words.v[step->words.n++] = sl_arena_str(arena, word).p;
	}
	if (!step->stage)
		sl_diag_add(r->diags, SL_E1005, at, "a step names no stage");
}

static void read_job(struct sl_reading *r, struct sl_job *job, const struct sl_node *key,
		     const struct sl_node *map)
{
	struct sl_arena *arena = &r->p->arena;
	const char *what = sl_arena_printf(arena, "job \"%s\"", key->text);
	struct keys keys;

	job->name = key->text;
	job->at = key->at;
	sl_check_name(r, job->name, job->at, "job", SL_NAME_HYPHEN);
	const bool read = sl_fields_read(sl_job_fields, &keys, sizeof(keys), map, NULL, what, arena,
					 r->diags);
	sl_read_schedule(r, read ? keys.schedule : NULL, &job->schedule);
	if (!read)
		return;
	job->description = keys.description;
	job->steps = sl_arena_zalloc(arena, keys.steps.n + 1, sizeof(*job->steps));
	job->n_steps = keys.steps.n;
	for (size_t i = 0; i < job->n_steps; i++)
		read_step(r, &job->steps[i], keys.steps.v[i], keys.steps.at[i]);
	if (job->n_steps == 0)
		sl_diag_add(r->diags, SL_E1004, job->at, "job \"%s\" has no steps", job->name);
}

void sl_read_jobs(struct sl_reading *r)
{
	const struct sl_node *map = sl_read_names(r, "jobs");
	struct sl_pipeline *p = r->p;

	if (!map)
		return;
	p->jobs = sl_arena_zalloc(&p->arena, map->n, sizeof(*p->jobs));
	p->n_jobs = map->n;
	for (size_t i = 0; i < map->n; i++)
		read_job(r, &p->jobs[i], map->keys[i], map->items[i]);
}
