/*
 * What a rebuild needs from the log and from bronze: the inputs that the table holds, each with its
 * chunks, normalized by today's rules and judged as store judges them.
 */
#include "tasks/store/rebuild.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/log.h"
#include "store/models.h"
#include "store/sink.h"
#include "tasks/store/parts.h"

struct anew {
	struct sl_run *run;
	struct sl_sink *sink;
	struct sl_applied *held;
	size_t n_held;
	struct sl_sink_input *inputs;
	const char **runs; /* per input: of its entry */
	size_t n;
	struct sl_models models;
};

/* The entry of a held input: read once while the inputs of one entry follow one another. */
static bool read_entry(struct anew *a, const struct sl_applied *held, struct sl_log_entry *entry,
		       struct sl_err *err)
{
	if (entry->n == held->edition && entry->source && strcmp(entry->source, held->source) == 0)
		return true;
	return sl_log_read(&a->run->home, held->source, held->edition, &a->run->arena, entry, err);
}

static const struct sl_log_input *find_input(const struct sl_log_entry *entry, const char *name)
{
	for (size_t i = 0; i < entry->n_inputs; i++) {
		if (strcmp(entry->inputs[i].name, name) == 0)
			return &entry->inputs[i];
	}
	return NULL;
}

static bool add_input(struct anew *a, const struct sl_source *source, const struct sl_applied *held,
		      const struct sl_log_entry *entry, struct sl_err *err)
{
	const struct sl_log_input *in = find_input(entry, held->name);

	if (!in)
		return sl_err_set(err, SL_ERR_IO,
				  "entry %" PRIu64
				  " of source \"%s\" has no input \"%s\", which the "
				  "table holds",
				  held->edition, held->source, held->name);
	a->runs[a->n] = entry->run;
	a->inputs[a->n++] = (struct sl_sink_input){
		.source = source->name,
		.source_index = source->index,
		.name = in->name,
		.edition = held->edition,
		.place = held->place,
		.chunks = in->chunks,
		.n_chunks = in->n_chunks,
	};
	return true;
}

/* What --adopt took over and no store has replaced: its bronze is elsewhere. */
static bool refuse_adopted(const struct sl_applied *held, struct sl_err *err)
{
	sl_err_set(
		err, SL_ERR_CONFIG,
		"input \"%s\" of source \"%s\" was collected in another HOME, so its rows cannot "
		"be made anew",
		held->name, held->source);
	return sl_err_hint(err, "store into another table, or rebuild in that HOME");
}

/* Inputs of a source that the pipeline no longer has lose their rows: nobody can make them. */
static bool find_inputs(struct anew *a, struct sl_err *err)
{
	struct sl_log_entry entry = {.n = 0};

	a->inputs = sl_arena_zalloc(&a->run->arena, a->n_held + 1, sizeof(*a->inputs));
	a->runs = sl_arena_zalloc(&a->run->arena, a->n_held + 1, sizeof(*a->runs));
	for (size_t i = 0; i < a->n_held; i++) {
		const struct sl_applied *held = &a->held[i];
		const struct sl_source *source = sl_pipeline_source(a->run->p, held->source);

		if (!source) {
			sl_log(SL_WARNING, "its source is gone, so its rows go",
			       "source=%s input=\"%s\"", held->source, held->name);
			continue;
		}
		if (held->edition == 0)
			return refuse_adopted(held, err);
		if (!read_entry(a, held, &entry, err) || !add_input(a, source, held, &entry, err))
			return false;
	}
	return true;
}

/* Inputs first to first + n - 1 are all of one source. */
static bool gather(struct anew *a, size_t first, size_t n, struct sl_err *err)
{
	const struct sl_parts parts = {
		.run = a->run,
		.source = a->inputs[first].source,
		.rev = a->run->p->rev,
	};
	bool complete = false;

	if (!sl_parts_gather(&parts, a->inputs + first, n, &complete, err))
		return false;
	return complete ||
	       sl_err_set(err, SL_ERR_AGAIN, "some parts of source \"%s\" cannot be normalized now",
			  parts.source);
}

static bool gather_all(struct anew *a, struct sl_err *err)
{
	for (size_t i = 0; i < a->n;) {
		size_t n = 1;

		while (i + n < a->n && a->inputs[i + n].source == a->inputs[i].source)
			n++;
		if (!gather(a, i, n, err))
			return false;
		i += n;
	}
	return true;
}

static bool judge_entry(struct anew *a, size_t first, size_t n, struct sl_err *err)
{
	struct sl_result *r = &a->run->result;
	struct sl_counts sum = {0};

	for (size_t i = first; i < first + n; i++)
		sl_counts_add(&sum, &a->inputs[i].counts);
	r->entries++;
	r->n_in += sum.n_in;
	r->kept += sum.ok;
	r->dup += sum.dup;
	r->filtered += sum.filtered;
	r->rejected += sum.bad;
	if (!sl_beyond_limit(a->run->p, &sum))
		return true;
	sl_err_set(err, SL_ERR_DATA,
		   "entry %" PRIu64 " of source \"%s\" has %" PRIu64 " rejected of %" PRIu64
		   " records by today's rules, more than rejects.limit allows; nothing was changed",
		   a->inputs[first].edition, a->inputs[first].source, sum.bad, sum.n_in);
	return sl_err_hint(err, "mend the rules, or raise rejects.limit, then rebuild again");
}

static bool judge_all(struct anew *a, struct sl_err *err)
{
	const struct sl_sink_input *v = a->inputs;

	for (size_t i = 0; i < a->n;) {
		size_t n = 1;

		while (i + n < a->n && v[i + n].source == v[i].source &&
		       v[i + n].edition == v[i].edition)
			n++;
		if (!judge_entry(a, i, n, err))
			return false;
		i += n;
	}
	return true;
}

static bool exchange(struct anew *a, struct sl_err *err)
{
	struct sl_progress progress = sl_progress_begin("rebuilding");
	struct sl_parts parts = {
		.run = a->run,
		.source = "all",
		.rev = a->run->p->rev,
		.progress = &progress,
	};
	const struct sl_part_feed feed = sl_parts_feed(&parts);
	struct sl_outcome out = {0};
	const struct sl_rebuild r = {
		.inputs = a->inputs,
		.runs = a->runs,
		.n = a->n,
		.held = a->held,
		.n_held = a->n_held,
		.feed = &feed,
		.models = &a->models,
	};

	if (!sl_run_rules_still(a->run, err) || !sl_sink_rebuild(a->sink, &r, &out, err))
		return false;
	sl_progress_end(&progress);
	a->run->result.inserted = out.inserted;
	a->run->result.stale = out.stale;
	a->run->result.written = out.written;
	for (size_t i = 0; i < a->n; i++)
		sl_parts_remove_chunks(&parts, a->inputs[i].chunks, a->inputs[i].n_chunks);
	return true;
}

/* Editions count in the log of the HOME that the table was made with. */
static bool check_origins(struct anew *a, struct sl_err *err)
{
	const struct sl_run *run = a->run;

	for (size_t i = 0; i < run->p->n_sources; i++) {
		if (!sl_sink_check_origin(a->sink, &run->home, run->p->sources[i].name, err))
			return false;
	}
	return true;
}

static bool rebuild(struct anew *a, struct sl_err *err)
{
	a->models.engine = sl_sink_engine(a->sink);
	a->models.db = sl_sink_db(a->sink);
	return check_origins(a, err) &&
	       sl_sink_applied_all(a->sink, &a->run->arena, &a->held, &a->n_held, err) &&
	       find_inputs(a, err) && gather_all(a, err) && judge_all(a, err) && exchange(a, err);
}

bool sl_rebuild(struct sl_run *run, struct sl_err *err)
{
	struct anew a = {.run = run, .models = {.p = run->p, .arena = &run->arena}};

	if (!sl_models_read(&a.models, err) ||
	    !sl_sink_open_rebuild(run->p, &run->home, &a.sink, err))
		return false;
	if (!a.sink) {
		run->result.note = "nothing is stored yet";
		return true;
	}

	const bool ok = rebuild(&a, err);

	sl_sink_close(a.sink);
	return ok;
}
