/*
 * sluice-generate: made-up records for a pipeline's sources, with versions, copies, late and spoiled
 * ones, and the right answers beside them. The same seed gives the same bytes, on every machine.
 * Rows are drawn, written and forgotten: memory stays the same however many there are.
 */
#include <stdio.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "run/progress.h"
#include "run/stage.h"
#include "tasks/generate/entity.h"
#include "tasks/generate/oracle.h"
#include "tasks/generate/record.h"

#define FILES_MAX 256

struct params {
	const char *output;
	int64_t rows, seed, files, bad, duplicates, versions, late;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct params, output, SL_F_FLAG, NULL,
		  "folder for the files; the right answers go to oracle/ in it"),
	SL_F_INT(struct params, rows, SL_F_FLAG, "1000", 0, INT64_C(100000000000),
		 "records for each source"),
	SL_F_INT(struct params, seed, SL_F_FLAG, "1", 0, INT64_MAX,
		 "another number gives other records"),
	SL_F_INT(struct params, files, SL_F_FLAG, "4", 1, FILES_MAX, "files for each source"),
	SL_F_INT(struct params, bad, SL_F_FLAG, "1", 0, 100,
		 "percent of the records that are spoiled: each becomes a reject"),
	SL_F_INT(struct params, duplicates, SL_F_FLAG, "2", 0, 100,
		 "percent of the records that come twice"),
	SL_F_INT(struct params, versions, SL_F_FLAG, "20", 0, 100,
		 "percent of the things described that come in more than one version"),
	SL_F_INT(struct params, late, SL_F_FLAG, "10", 0, 100,
		 "percent of the older versions that stand behind a newer one"),
	SL_F_END,
};

/* One execution. */
struct generate {
	struct sl_run *run;
	const struct params *params;
	struct shares shares;
	struct profile profile;
	struct oracle oracle;
	struct sl_progress progress;
	uint64_t entity; /* the next one's number: all sources count on */
};

/* One source under way. */
struct target {
	struct generate *g;
	struct record_form form;
	struct record_file files[FILES_MAX];
	struct sample sample;
	struct sl_buf record;
	uint64_t rows;
};

static bool write_row(struct target *t, const struct entity_row *row, struct sl_err *err)
{
	struct generate *g = t->g;
	struct record_file *file = &t->files[row->file];
	uint64_t offset;

	sample_draw(&t->sample, g->entity, row->version);
	sl_buf_clear(&t->record);
	record_write(&t->form, &t->sample, row->spoil, &t->record);
	if (!record_file_add(file, &t->form, sl_buf_str(&t->record), &offset, err))
		return false;
	t->rows++;
	g->run->result.n_in++;
	if (!row->spoil) {
		g->run->result.kept++;
		return !g->profile.answers || oracle_accept(&g->oracle, &t->sample, err);
	}
	file->spoiled++;
	g->run->result.rejected++;
	return !g->profile.answers ||
	       oracle_reject(&g->oracle, row->spoil, file->name, offset, t->record.n, err);
}

static bool write_entity(struct target *t, struct sl_err *err)
{
	struct generate *g = t->g;
	const uint64_t left = (uint64_t)g->params->rows - t->rows;
	struct entity e;

	entity_plan(&g->profile, &g->shares, (uint64_t)g->params->seed, g->entity,
		    (size_t)g->params->files, left, &e);
	for (size_t i = 0; i < e.n; i++)
		if (!write_row(t, &e.v[i], err))
			return false;

	const struct entity_row *current = entity_current(&g->profile, &e);

	if (!g->profile.answers || !g->profile.keyed || !current)
		return true;
	sample_draw(&t->sample, g->entity, current->version);
	return oracle_current(&g->oracle, &t->sample, err);
}

static bool write_entities(struct target *t, struct sl_err *err)
{
	struct generate *g = t->g;

	for (; t->rows < (uint64_t)g->params->rows; g->entity++) {
		if (g->entity % 256 == 0) {
			sl_progress(&g->progress, "rows=%" PRIu64, g->run->result.n_in);
			if (!sl_cancel_check(err))
				return false;
		}
		if (!write_entity(t, err))
			return false;
	}
	return true;
}

static bool begin_files(struct target *t, const struct sl_source *source, struct sl_err *err)
{
	struct generate *g = t->g;

	for (int64_t i = 0; i < g->params->files; i++) {
		t->files[i].name = sl_arena_printf(&g->run->arena, "%s-%04" PRId64 ".%s",
						   source->name, i + 1, t->form.ending);
		if (!record_file_begin(&t->files[i], &t->form, &g->profile, g->params->output, err))
			return false;
	}
	return true;
}

static bool end_files(struct target *t, struct sl_err *err)
{
	struct generate *g = t->g;

	for (int64_t i = 0; i < g->params->files; i++) {
		if (!record_file_end(&t->files[i], &t->form, g->params->output, err))
			return false;
		oracle_file_done(&g->oracle, &t->files[i]);
		g->run->result.written++;
	}
	return true;
}

static void release_target(struct target **t)
{
	for (size_t i = 0; i < FILES_MAX; i++)
		record_file_release(&(*t)->files[i]);
	sample_release(&(*t)->sample);
	sl_buf_release(&(*t)->record);
	free(*t);
}

static bool write_source(struct generate *g, const struct sl_source *source, struct sl_err *err)
{
	sl_cleanup(release_target) struct target *t = sl_xcalloc(1, sizeof(*t));

	t->g = g;
	if (!record_form_of(source, &t->form, err))
		return false;
	sample_init(&t->sample, &g->profile, (uint64_t)g->params->seed);
	return begin_files(t, source, err) && write_entities(t, err) && end_files(t, err);
}

/* --- all sources --- */

/* The one named, else all that read files: others write their records themselves. */
static bool is_wanted(const struct sl_run *run, const struct sl_source *source)
{
	return run->source ? strcmp(run->source, source->name) == 0 : !source->kind->codec;
}

/* Before anything is drawn: can every source be written, and has the key room for all entities? */
static bool prepare(struct generate *g, struct sl_err *err)
{
	const struct sl_pipeline *p = g->run->p;
	struct profile_limits limits = {.entities = 0, .lists = true};

	for (size_t i = 0; i < p->n_sources; i++) {
		struct record_form form;

		if (!is_wanted(g->run, &p->sources[i]))
			continue;
		if (!record_form_of(&p->sources[i], &form, err))
			return false;
		limits.entities += (uint64_t)g->params->rows;
		limits.lists = limits.lists && form.format != RECORD_CSV;
	}
	return profile_open(p, &limits, &g->run->arena, &g->profile, err);
}

static bool write_all(struct generate *g, struct sl_err *err)
{
	const struct sl_pipeline *p = g->run->p;
	sl_cleanup(sl_buf_release) struct sl_buf summary = SL_BUF_INIT;

	if (g->profile.answers && !oracle_begin(&g->oracle, p, &g->profile, g->params->output, err))
		return false;
	for (size_t i = 0; i < p->n_sources; i++)
		if (is_wanted(g->run, &p->sources[i]) && !write_source(g, &p->sources[i], err))
			return false;
	if (!g->profile.answers)
		return true;
	sl_buf_addf(&summary, "{\"pipeline\":\"%s\",\"seed\":%" PRId64 ",\"rows\":%" PRIu64,
		    p->name, g->params->seed, g->run->result.n_in);
	return oracle_end(&g->oracle, &summary, err);
}

static void tell(struct generate *g)
{
	struct sl_run *run = g->run;
	const struct sl_source *first =
		run->source ? sl_pipeline_source(run->p, run->source) : &run->p->sources[0];

	run->result.note =
		g->profile.answers
			? sl_arena_printf(&run->arena,
					  "to collect them: --set %s.path='%s/%s-*' --set "
					  "rejects.limit=100%%",
					  first->name, g->params->output, first->name)
			: "rules may change what these records become, so there is no oracle: "
			  "write generate.yaml (docs/tools.md)";
}

static void release(struct generate *g)
{
	oracle_release(&g->oracle);
}

static bool run_generate(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;
	sl_cleanup(release) struct generate g = {
		.run = run,
		.params = p,
		.shares = {p->bad, p->duplicates, p->versions, p->late},
		.progress = sl_progress_begin("generating"),
	};

	if (!p->output || !p->output[0]) {
		sl_err_set(err, SL_ERR_USAGE, "nothing says where to write");
		return sl_err_hint(err, "give -o DIRECTORY");
	}
	if (!prepare(&g, err) || !write_all(&g, err))
		return false;
	sl_progress_end(&g.progress);
	tell(&g);
	return true;
}

static const struct sl_stage stage = {
	.name = "generate",
	.summary = "makes up records for a pipeline's sources, and the right answers beside them",
	.usage = "--pipeline NAME|FILE [--source S] [--rows N] [--seed S] -o DIRECTORY [OPTION]…",
	.description =
		"Writes files in the format of each source's codec: some records come in several "
		"versions,\n"
		"some twice, some late, some spoiled. oracle/ beside them says what a run must "
		"make "
		"of\n"
		"them: accepted.jsonl, current.jsonl (the current row of each key), rejects.jsonl "
		"(place,\n"
		"field and rule), summary.json. The values come from generate.yaml in the "
		"pipeline's\n"
		"folder, else from the contract. In the result, kept and rejected are what a run "
		"must\n"
		"count, written is the number of files.\n",
	.examples = "sluice generate orders --rows 100000 --seed 7 -o made-up\n"
		    "sluice generate imo --rows 5000 --files 12 --bad 0 -o made-up\n",
	.needs = SL_NEEDS_PIPELINE | SL_TAKES_BACKEND | SL_QUIET_RESULT,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_generate,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
