/* Jobs as steps: see plan_jobs.h. */
#include "tasks/sluice/plan_jobs.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/module.h"
#include "run/cli.h"
#include "tasks/sluice/describe.h"

/* What a stage reaches; one that is not listed may reach everything. */
static const struct sl_step known[] = {
	{"aggregate", .store = true},
	{"export", .store = true, .queue = true},
	{"publish", .store = true, .documents = true},
	{"query", .store = true},
};
static const struct sl_step unknown = {
	.store = true, .queue = true, .sources = true, .documents = true};

static const struct sl_step *find_known(const char *stage)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(known); i++)
		if (strcmp(known[i].name, stage) == 0)
			return &known[i];
	return &unknown;
}

static bool exists(const char *exe)
{
	sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/%s", sl_exe_dir(), exe);

	return access(path, X_OK) == 0;
}

/* --- flags --- */

static bool is_flag_of(const json_t *list, struct sl_str word)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	const json_t *field;
	size_t at;

	json_array_foreach(list, at, field)
	{
		const char *name = json_string_value(json_object_get(field, "name"));
		const char letter[] = {'-', sl_cli_short(name), '\0'};

		if (json_is_true(json_object_get(field, "flag")) &&
		    (sl_str_eqz(word, sl_cli_flag(&arena, name)) ||
		     (letter[1] && sl_str_eqz(word, letter))))
			return true;
	}
	return false;
}

/* word: "--format", "-o". */
static bool takes(const json_t *described, struct sl_str word)
{
	return is_flag_of(json_object_get(described, "params"), word) ||
	       is_flag_of(json_object_get(described, "flags"), word);
}

static void check_words(const struct sl_job_step *from, const json_t *described,
			struct sl_diags *diags)
{
	for (size_t i = 0; i < from->words.n; i++) {
		struct sl_str word = sl_str_of(from->words.v[i]), flag = SL_STR_NULL;

		if (!sl_str_starts(word, "-") || word.n == 1)
			continue;
		sl_str_next(&word, '=', &flag);
		if (!takes(described, flag))
			sl_diag_add(diags, SL_E1008, from->at,
				    "stage \"%s\" has no flag \"" SL_STR_FMT "\"", from->stage,
				    SL_STR_ARG(flag));
	}
}

/* --- steps --- */

/* A stage that stands twice in a job: "export", "export_2". */
static const char *own_name(const struct sl_job *job, size_t i, struct sl_arena *arena)
{
	const char *stage = job->steps[i].stage;
	size_t n = 1;

	for (size_t k = 0; k < i; k++)
		n += strcmp(job->steps[k].stage, stage) == 0;
	return n == 1 ? stage : sl_arena_printf(arena, "%s_%zu", stage, n);
}

static struct sl_step make_step(const struct sl_job *job, size_t i, struct sl_arena *arena,
				struct sl_diags *diags)
{
	const struct sl_job_step *from = &job->steps[i];
	struct sl_step step = *find_known(from->stage);
	sl_cleanup(sl_described_release) json_t *described = NULL;
	struct sl_err err = SL_ERR_INIT;

	step.name = own_name(job, i, arena);
	step.exe = sl_arena_printf(arena, "sluice-%s", from->stage);
	step.words = from->words;
	if (!exists(step.exe)) {
		sl_diag_add(diags, SL_E1008, from->at, "this version has no stage \"%s\"",
			    from->stage);
		return step;
	}
	if (!sl_describe_of(step.exe, &described, &err)) {
		sl_diag_add(diags, SL_E1012, from->at, "%s", err.msg);
		return step;
	}
	check_words(from, described, diags);
	step.without_interval = !takes(described, SL_STR("--interval-start"));
	step.without_run_id = !takes(described, SL_STR("--run-id"));
	return step;
}

size_t sl_job_steps(const struct sl_job *job, struct sl_arena *arena, const struct sl_step **ret,
		    struct sl_diags *diags)
{
	struct sl_step *steps = sl_arena_zalloc(arena, job->n_steps + 1, sizeof(*steps));

	for (size_t i = 0; i < job->n_steps; i++)
		steps[i] = make_step(job, i, arena, diags);
	steps[job->n_steps] = *sl_step_report();
	*ret = steps;
	return job->n_steps + 1;
}
