/*
 * sluice-normalize: bronze parts → clean parts (rows, rejects, counts), by contract and rules.
 * Opens no database and keeps no journal: what it writes is a pure function of the parts and the
 * rules, so any number of attempts, at once or one after the other, give the same files. It ends
 * with 0 also when rows are rejected; whether they are too many is judged by store.
 */
#include "base/cancel.h"
#include "base/log.h"
#include "run/progress.h"
#include "run/stage.h"
#include "tasks/normalize/maker.h"
#include "tasks/normalize/work.h"

struct normalize {
	const char *parts;
};

static const struct sl_field params[] = {
	SL_F_TEXT(struct normalize, parts, SL_F_FLAG, NULL,
		  "make exactly these, whatever run they are of: SOURCE:CHUNK:PART[,…], or @FILE"),
	SL_F_END,
};

static void add_counts(struct sl_result *r, const struct sl_made *made)
{
	r->n_in += made->counts.n_in;
	r->kept += made->counts.ok;
	r->rejected += made->counts.bad;
	r->dup += made->counts.dup;
	r->filtered += made->counts.filtered;
	r->written += made->is_new;
}

/* What a partition says once: told to people at its end, or with the first part concerned. */
struct news {
	char reject[sizeof(((struct sl_made *)0)->reject)];
	unsigned absent; /* chunks whose header lacks columns */
	struct sl_ragged ragged;
	char ragged_first[200]; /* "input, byte N" */
};

#define ABSENT_TOLD 10 /* chunks */

static void tell_absent(const struct sl_made *made, struct news *news)
{
	if (news->absent++ < ABSENT_TOLD)
		sl_log(SL_WARNING, "the header lacks columns: all their values are NULL",
		       "input=\"%s\" columns=\"%s\"", made->input, made->absent);
}

static void add_ragged(const struct sl_made *made, struct news *news)
{
	if (!made->ragged.longer && !made->ragged.shorter)
		return;
	if (!*news->ragged_first)
		snprintf(news->ragged_first, sizeof(news->ragged_first), "%.150s, byte %" PRIu64,
			 made->input, made->offset + made->ragged.first.offset);
	news->ragged.longer += made->ragged.longer;
	news->ragged.shorter += made->ragged.shorter;
}

static void tell_news(const struct sl_run *run, const struct news *news)
{
	if (*news->ragged_first)
		sl_log(SL_WARNING, "rows whose number of cells is not the header's were kept",
		       "rows=%" PRIu64 " cells_dropped=%" PRIu64 " rows_filled=%" PRIu64
		       " first=\"%s\"",
		       news->ragged.longer + news->ragged.shorter, news->ragged.longer,
		       news->ragged.shorter, news->ragged_first);
	if (*news->reject)
		sl_log(SL_WARNING, "rows rejected", "rows=%" PRIu64 " first=\"%s\"",
		       run->result.rejected, news->reject);
}

static bool make_item(struct sl_run *run, struct sl_maker *m, const struct sl_work_item *item,
		      struct sl_progress *progress, struct news *news, struct sl_err *err)
{
	bool told = false;

	for (uint32_t i = 0; i < item->n; i++) {
		struct sl_made made;

		if (!sl_cancel_check(err) ||
		    !sl_maker_part(m, item->source, item->chunk, item->first + i, &made, err))
			return false;
		add_counts(&run->result, &made);
		add_ragged(&made, news);
		if (!*news->reject)
			memcpy(news->reject, made.reject, sizeof(made.reject));
		if (*made.absent && !told)
			tell_absent(&made, news);
		told = told || *made.absent;
		sl_progress(progress, "records=%" PRIu64 " rejected=%" PRIu64, run->result.n_in,
			    run->result.rejected);
	}
	return true;
}

#define IDS_SHOWN 200 /* of 13 bytes each: a log line holds them */

/* Says which chunks this partition is, so that the log of a rerun names what it did again. */
static void tell_work(const struct sl_run *run, const struct sl_work *work)
{
	sl_cleanup(sl_buf_release) struct sl_buf ids = SL_BUF_INIT;
	uint64_t parts = 0;

	if (work->n == 0)
		return;
	for (size_t i = 0; i < work->n; i++) {
		parts += work->v[i].n;
		if (i < IDS_SHOWN)
			sl_buf_addf(&ids, "%s%.12s", i ? "," : "", work->v[i].chunk);
	}
	if (work->n > IDS_SHOWN)
		sl_buf_addf(&ids, ",… (%zu more)", work->n - IDS_SHOWN);
	sl_log(SL_INFO, "normalizing",
	       "partition=%" PRIu32 "/%" PRIu32 " chunks=%zu parts=%" PRIu64 " ids=%s", run->part_k,
	       run->part_n, work->n, parts, sl_buf_z(&ids));
}

static bool run_normalize(struct sl_run *run, const void *p, struct sl_err *err)
{
	const struct normalize *n = p;
	sl_cleanup(sl_maker_free) struct sl_maker *m = NULL;
	struct news news = {.absent = 0};
	struct sl_progress progress = sl_progress_begin("normalizing");
	struct sl_work work;

	if (n->parts ? !sl_work_of_list(run, n->parts, &work, err)
		     : !sl_work_of_run(run, &work, err))
		return false;
	run->result.entries = work.entries;
	run->result.partitions = run->part_n;
	tell_work(run, &work);
	m = sl_maker_new(run->p, &run->home, run->dry_run);
	for (size_t i = 0; i < work.n; i++)
		if (!make_item(run, m, &work.v[i], &progress, &news, err))
			return false;
	sl_progress_end(&progress);
	tell_news(run, &news);
	return true;
}

static const struct sl_stage stage = {
	.name = "normalize",
	.summary = "Decodes, checks and cleans what a run collected.",
	.usage = "--pipeline NAME [--run-id ID] [--source S] [--partition K/N] [OPTION]…",
	.description =
		"Reads the bronze parts of the run's own log entries, applies the pipeline's rules "
		"and\n"
		"contract, and writes one clean part for each: its rows, its rejects and its "
		"counts.\n"
		"Parts that this version of the rules has made already are left as they are.\n"
		"Rejected rows do not fail this stage: store compares them with the limit.",
	.examples = "sluice-normalize --pipeline orders --run-id nightly-42\n"
		    "sluice-normalize --pipeline orders --run-id nightly-42 --partition 2/8",
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_HOME | SL_NEEDS_RUN | SL_TAKES_PARTITION,
	.params = params,
	.params_size = sizeof(struct normalize),
	.run = run_normalize,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
