/*
 * The collect stage over a run's sources, and what its result says: into how many partitions the
 * run's entries fall, and which entries of other runs still wait to be stored. With --source all of
 * it is about that source alone: others may be collected at the same time.
 */
#include "base/log.h"
#include "base/mem.h"
#include "tasks/collect/session.h"
#include "tasks/collect/tickets.h"

#define KEPT_MAX ((uint64_t)16 << 20) /* bytes of memory */

static void add_entry(struct sl_totals *t, const struct sl_log_entry *e)
{
	t->entries++;
	for (size_t i = 0; i < e->n_inputs; i++)
		for (size_t k = 0; k < e->inputs[i].n_chunks; k++) {
			t->chunks++;
			t->bytes += e->inputs[i].chunks[k].bytes;
			t->records += e->inputs[i].chunks[k].records;
		}
}

static bool read_source(struct sl_run *run, const char *source, struct sl_totals *t,
			struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_log_entry e;
	uint64_t *own;
	size_t n;

	if (!sl_run_entries(&run->home, run->run_id, source, &arena, &own, &n, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!sl_log_read(&run->home, source, own[i], &arena, &e, err))
			return false;
		add_entry(t, &e);
	}
	return true;
}

static bool skips(const struct sl_run *run, const char *source)
{
	return run->source && strcmp(run->source, source) != 0;
}

bool sl_totals_read(struct sl_run *run, struct sl_totals *ret, struct sl_err *err)
{
	struct sl_totals t = {0, 0, 0, 0};

	for (size_t i = 0; i < run->p->n_sources; i++) {
		const char *source = run->p->sources[i].name;

		if (!skips(run, source) && !read_source(run, source, &t, err))
			return false;
	}
	*ret = t;
	return true;
}

uint32_t sl_totals_partitions(const struct sl_run *run, const struct sl_totals *t)
{
	uint64_t each = run->p->partition_bytes ? run->p->partition_bytes : 1;
	uint64_t n = t->bytes / each + (t->bytes % each != 0);

	n = n > t->chunks ? t->chunks : n;
	n = n > (uint64_t)run->p->partitions_max ? (uint64_t)run->p->partitions_max : n;
	return n ? (uint32_t)n : 1;
}

/* Entries of one source that wait: without a mark, and not this run's; for an interval run those
 * that were linked before it began, as the store takes them. Named in out. */
static bool count_waiting(struct sl_run *run, const char *sink, unsigned g, const char *source,
			  struct sl_buf *out, struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	uint64_t newest, *waiting, *own;
	size_t n_waiting, n_own, k = 0;

	if (!(run->has_interval ? sl_run_begun(&run->home, run->run_id, source, &newest, err)
				: sl_log_newest(&run->home, source, &newest, err)) ||
	    !sl_mark_missing(&run->home, sink, g, source, newest, &arena, &waiting, &n_waiting,
			     err) ||
	    !sl_run_entries(&run->home, run->run_id, source, &arena, &own, &n_own, err))
		return false;
	for (size_t i = 0; i < n_waiting; i++) {
		while (k < n_own && own[k] < waiting[i])
			k++;
		if (k < n_own && own[k] == waiting[i])
			continue;
		run->result.pending++;
		if (out->n < 1024)
			sl_buf_addf(out, "%s%s/%" PRIu64, out->n ? "," : "", source, waiting[i]);
	}
	return true;
}

static bool find_waiting(struct sl_run *run, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf names = SL_BUF_INIT;
	sl_cleanup(sl_freep) char *sink =
		sl_mark_sink(run->p->backend.store, run->p->backend.store_conn);
	unsigned g;

	run->result.pending = 0;
	if (!sl_mark_generation(&run->home, sink, &g, err))
		return false;
	for (size_t i = 0; i < run->p->n_sources; i++) {
		const char *source = run->p->sources[i].name;

		if (!skips(run, source) && !count_waiting(run, sink, g, source, &names, err))
			return false;
	}
	if (run->result.pending)
		sl_log(SL_WARNING, "entries of other runs wait to be stored",
		       "pending=%" PRIu64 " entries=%s", run->result.pending, sl_buf_z(&names));
	return true;
}

/* A source that this run waits for has brought something in it. */
static bool has_come(struct sl_run *run, const struct sl_source *s, struct sl_err *err)
{
	uint64_t *own;
	size_t n;

	if (!s->wait)
		return true;
	if (!sl_run_entries(&run->home, run->run_id, s->name, &run->arena, &own, &n, err))
		return false;
	if (n > 0)
		return true;
	run->result.retry_after_us = s->wait_every;
	return sl_err_set(err, SL_ERR_AGAIN, "source \"%s\" has brought nothing new yet", s->name);
}

static bool all_have_come(struct sl_run *run, struct sl_err *err)
{
	for (size_t i = 0; i < run->p->n_sources; i++) {
		const struct sl_source *s = &run->p->sources[i];

		if (!skips(run, s->name) && !has_come(run, s, err))
			return false;
	}
	return true;
}

static bool summarize(struct sl_run *run, struct sl_kept *kept, struct sl_err *err)
{
	struct sl_totals t;

	if (!all_have_come(run, err) || !sl_totals_read(run, &t, err) || !find_waiting(run, err))
		return false;
	run->result.entries = t.entries;
	run->result.n_in = t.records;
	if (t.entries == 0 && run->result.pending == 0)
		return sl_err_set(err, SL_ERR_NOTHING, "nothing to do: no new or changed input");
	run->result.partitions = sl_totals_partitions(run, &t);
	return t.entries == 0 || sl_collect_tell(run, run->result.partitions, kept, err);
}

static bool check_source(const struct sl_run *run, struct sl_err *err)
{
	if (!run->source || sl_pipeline_source(run->p, run->source))
		return true;
	return sl_err_set(err, SL_ERR_USAGE, "pipeline \"%s\" has no source \"%s\"", run->p->name,
			  run->source);
}

/* Where a queue may carry them. */
static struct sl_kept *keep_chunks(const struct sl_run *run)
{
	const struct sl_backend *b = &run->p->backend;
	const uint64_t budget = b->queue ? b->queue_settings.budget : 0;

	return sl_kept_new(budget < KEPT_MAX ? budget : KEPT_MAX);
}

/* A folder or file that a run waits for is missing only until it comes. */
static bool judge_failure(struct sl_run *run, const struct sl_source *s, struct sl_err *err)
{
	if (s->wait && err->kind == SL_ERR_NO_INPUT) {
		err->kind = SL_ERR_AGAIN;
		run->result.retry_after_us = s->wait_every;
	}
	return false;
}

bool sl_collect_all(struct sl_run *run, struct sl_err *err)
{
	sl_cleanup(sl_kept_free) struct sl_kept *kept = keep_chunks(run);
	uint64_t chunks;

	if (!check_source(run, err))
		return false;
	for (size_t i = 0; i < run->p->n_sources; i++) {
		const struct sl_source *s = &run->p->sources[i];

		if (skips(run, s->name))
			continue;
		bool ok = sl_collect_one(run, s, kept, &chunks, err);
		run->result.written += chunks;
		if (!ok)
			return judge_failure(run, s, err);
	}
	return run->dry_run || summarize(run, kept, err);
}
