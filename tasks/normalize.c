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
#include "tasks/normalize/tickets.h"
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
	unsigned absent;				    /* chunks whose header lacks columns */
	char unread[sizeof(((struct sl_made *)0)->unread)]; /* told last */
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

/* Once, not for each file, as long as they are the same. */
static void tell_unread(const struct sl_made *made, struct news *news)
{
	if (!*made->unread || strcmp(made->unread, news->unread) == 0)
		return;
	memcpy(news->unread, made->unread, sizeof(news->unread));
	sl_log(SL_WARNING,
	       "the header has columns that nothing reads: name them in contract or fields",
	       "input=\"%s\" columns=\"%s\"", made->input, made->unread);
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

/* One execution: its list of work and what is done of it. */
struct doing {
	struct sl_run *run;
	struct sl_maker *maker;
	struct sl_work work;
	bool **made; /* per item, per part of it */
	bool *told;  /* per item: that its chunk lacks columns */
	struct sl_progress progress;
	struct news news;
};

static void prepare(struct doing *d)
{
	struct sl_arena *arena = &d->run->arena;

	d->made = sl_arena_zalloc(arena, d->work.n + 1, sizeof(*d->made));
	d->told = sl_arena_zalloc(arena, d->work.n + 1, sizeof(*d->told));
	for (size_t i = 0; i < d->work.n; i++)
		d->made[i] = sl_arena_zalloc(arena, d->work.v[i].n, sizeof(**d->made));
}

/* Part i of an item, from the ticket or, without one, from bronze. */
static bool make_part(struct doing *d, size_t item, uint32_t i, const struct sl_ticket *ticket,
		      struct sl_err *err)
{
	const struct sl_work_item *w = &d->work.v[item];
	struct sl_result *result = &d->run->result;
	struct sl_made made;

	if (!sl_cancel_check(err) ||
	    !sl_maker_part(d->maker, w->source, w->chunk, w->first + i, ticket, &made, err))
		return false;
	d->made[item][i] = true;
	add_counts(result, &made);
	add_ragged(&made, &d->news);
	if (!*d->news.reject)
		memcpy(d->news.reject, made.reject, sizeof(made.reject));
	if (*made.absent && !d->told[item])
		tell_absent(&made, &d->news);
	d->told[item] = d->told[item] || *made.absent;
	tell_unread(&made, &d->news);
	sl_progress(&d->progress, "records=%" PRIu64 " rejected=%" PRIu64, result->n_in,
		    result->rejected);
	return true;
}

/* What goes wrong with a ticket is tried again from bronze, and told there. */
static bool make_carried(void *ctx, size_t item, const struct sl_ticket *ticket, struct sl_err *err)
{
	struct doing *d = ctx;
	const uint32_t i = ticket->part - d->work.v[item].first;

	if (d->made[item][i] || make_part(d, item, i, ticket, err))
		return true;
	if (err->kind == SL_ERR_CANCELLED)
		return false;
	sl_err_clear(err);
	return true;
}

static bool make_rest(struct doing *d, struct sl_err *err)
{
	for (size_t k = 0; k < d->work.n; k++)
		for (uint32_t i = 0; i < d->work.v[k].n; i++)
			if (!d->made[k][i] && !make_part(d, k, i, NULL, err))
				return false;
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

static bool make_all(struct doing *d, const char *parts, struct sl_err *err)
{
	struct sl_run *run = d->run;

	if (!(parts ? sl_work_of_list(run, parts, &d->work, err)
		    : sl_work_of_run(run, &d->work, err)))
		return false;
	run->result.entries = d->work.entries;
	run->result.partitions = run->part_n;
	tell_work(run, &d->work);
	prepare(d);
	if (!parts && !run->dry_run && !sl_normalize_take(run, &d->work, make_carried, d, err))
		return false;
	return make_rest(d, err);
}

static bool run_normalize(struct sl_run *run, const void *p, struct sl_err *err)
{
	const struct normalize *n = p;
	sl_cleanup(sl_maker_free) struct sl_maker *m =
		sl_maker_new(run->p, &run->home, run->dry_run);
	struct doing d = {.run = run, .maker = m, .progress = sl_progress_begin("normalizing")};

	if (!make_all(&d, n->parts, err))
		return false;
	sl_progress_end(&d.progress);
	tell_news(run, &d.news);
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
