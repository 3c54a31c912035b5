/*
 * Clean parts for the store stage: find, make again, count, feed, remove. Nothing here decides
 * anything; a clean part is a pure function of its part and the rules, so making it again is safe
 * whoever does it.
 */
#include "tasks/store/parts.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/spawn.h"
#include "store/clean.h"

static struct sl_clean_id id_of(const struct sl_parts *parts, const struct sl_log_chunk *chunk,
				uint32_t part)
{
	return (struct sl_clean_id){.rev = parts->rev, .chunk = chunk->id, .part = part};
}

/* The ids of all clean parts of chunks, one after the other. */
struct ids {
	struct sl_clean_id *v;
	bool *there; /* per id, once it was asked */
	size_t n, cap;
};

static void release_ids(struct ids *ids)
{
	free(ids->v);
	free(ids->there);
}

static void add_ids(const struct sl_parts *parts, const struct sl_log_chunk *chunks, size_t n,
		    struct ids *ids)
{
	for (size_t c = 0; c < n; c++) {
		for (uint32_t k = 0; k < chunks[c].parts; k++) {
			if (ids->n == ids->cap) {
				ids->cap = ids->cap ? 2 * ids->cap : 64;
				ids->v = sl_xrealloc(ids->v, ids->cap, sizeof(*ids->v));
			}
			ids->v[ids->n++] = id_of(parts, &chunks[c], k);
		}
	}
}

/* Adds a line "source:chunk:part" for every clean part that is not there. */
static bool list_missing(const struct sl_parts *parts, struct ids *ids, struct sl_buf *list,
			 size_t *ret_missing, struct sl_err *err)
{
	ids->there = sl_xcalloc(ids->n + 1, sizeof(*ids->there));
	*ret_missing = 0;
	if (!sl_clean_exist(&parts->run->home, ids->v, ids->n, ids->there, err))
		return false;
	for (size_t i = 0; i < ids->n; i++) {
		if (ids->there[i])
			continue;
		sl_buf_addf(list, "%s:%s:%" PRIu32 "\n", parts->source, ids->v[i].chunk,
			    ids->v[i].part);
		(*ret_missing)++;
	}
	return true;
}

/* Executes sluice-normalize --parts @FILE with the flags that we were given ourselves. */
static bool execute(const struct sl_parts *parts, const char *file, struct sl_err *err)
{
	const struct sl_run *run = parts->run;
	sl_cleanup(sl_freep) char *at_file = sl_xasprintf("@%s", file);
	sl_cleanup(sl_freep) const char **argv = sl_xcalloc(run->n_passed + 6, sizeof(*argv));
	sl_cleanup(sl_buf_release) struct sl_buf result = SL_BUF_INIT;
	struct sl_child child;
	size_t n = 0;
	int code = 0;

	argv[n++] = "sluice-normalize";
	for (size_t i = 0; i < run->n_passed; i++)
		argv[n++] = run->passed[i];
	argv[n++] = "--run-id";
	argv[n++] = run->run_id;
	argv[n++] = "--parts";
	argv[n++] = at_file;
	if (!sl_spawn("sluice-normalize", argv, true, &child, err) ||
	    !sl_child_wait(&child, &code, &result, err))
		return false;
	if (code != 0)
		sl_log(SL_WARNING, "normalizing missing parts failed", "exit=%d", code);
	return true;
}

/* The list's name is nobody else's: stores on several hosts may share the home, and their pids. */
static bool normalize_parts(const struct sl_parts *parts, const struct sl_buf *list,
			    struct sl_err *err)
{
	sl_cleanup(sl_tmpfile_close) struct sl_tmpfile file = SL_TMPFILE_INIT;

	return sl_tmpfile_open(&file, parts->run->home.dir, err) &&
	       sl_fd_write_all(file.fd, list->p, list->n, file.path, err) &&
	       execute(parts, file.path, err);
}

static bool add_counts(const struct sl_parts *parts, const struct sl_clean_id *id,
		       struct sl_counts *sum, bool *there, struct sl_err *err)
{
	struct sl_clean_reader *reader = NULL;

	if (!sl_clean_open(&parts->run->home, id, &reader, err))
		return false;
	*there = reader != NULL;
	if (!reader)
		return true;

	const struct sl_counts *counts = sl_clean_counts(reader);

	sl_counts_add(sum, counts);
	sl_clean_close(reader);
	return true;
}

/* What counting the parts of all inputs, in their order, came upon. */
struct counting {
	const struct ids *ids;
	size_t at;
	bool complete;
	bool damaged; /* one was there, and is no more: reading removed it */
};

static bool count_input(const struct sl_parts *parts, struct sl_sink_input *input,
			struct counting *c, struct sl_err *err)
{
	input->counts = (struct sl_counts){0};
	for (size_t k = 0; k < input->n_chunks; k++) {
		for (uint32_t p = 0; p < input->chunks[k].parts; p++, c->at++) {
			bool there = false;

			if (!add_counts(parts, &c->ids->v[c->at], &input->counts, &there, err))
				return false;
			c->complete = c->complete && there;
			c->damaged = c->damaged || (!there && c->ids->there[c->at]);
		}
	}
	return true;
}

/* Makes what is missing, then counts. */
static bool gather(const struct sl_parts *parts, struct sl_sink_input *inputs, size_t n_inputs,
		   struct counting *ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf list = SL_BUF_INIT;
	sl_cleanup(release_ids) struct ids ids = {0};
	struct counting c = {.ids = &ids, .complete = true};
	size_t missing = 0;

	for (size_t i = 0; i < n_inputs; i++)
		add_ids(parts, inputs[i].chunks, inputs[i].n_chunks, &ids);
	if (!list_missing(parts, &ids, &list, &missing, err))
		return false;
	if (missing > 0) {
		sl_log(SL_INFO, "clean parts missing, normalizing them", "source=%s parts=%zu",
		       parts->source, missing);
		if (!normalize_parts(parts, &list, err))
			return false;
	}
	for (size_t i = 0; i < n_inputs; i++)
		if (!count_input(parts, &inputs[i], &c, err))
			return false;
	*ret = (struct counting){.complete = c.complete, .damaged = c.damaged};
	return true;
}

/* Twice when needed: clean parts are not synced, so a power cut may have left some that are there
 * but damaged, which only reading them tells. */
bool sl_parts_gather(const struct sl_parts *parts, struct sl_sink_input *inputs, size_t n_inputs,
		     bool *ret_complete, struct sl_err *err)
{
	struct counting c;

	if (!gather(parts, inputs, n_inputs, &c, err) ||
	    (c.damaged && !gather(parts, inputs, n_inputs, &c, err)))
		return false;
	*ret_complete = c.complete;
	return true;
}

static bool opens(const struct sl_parts *parts, const char *chunk)
{
	struct sl_bronze_reader *r = NULL;
	struct sl_err ignored = SL_ERR_INIT;

	if (!sl_bronze_open(&parts->run->home, parts->source, chunk, &r, &ignored))
		return false;
	sl_bronze_close(r);
	return true;
}

bool sl_parts_lost(const struct sl_parts *parts, const struct sl_sink_input *inputs,
		   size_t n_inputs, bool *ret_lost, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf list = SL_BUF_INIT;
	sl_cleanup(release_ids) struct ids ids = {0};
	size_t missing;

	*ret_lost = false;
	for (size_t i = 0; i < n_inputs; i++)
		add_ids(parts, inputs[i].chunks, inputs[i].n_chunks, &ids);
	if (!list_missing(parts, &ids, &list, &missing, err))
		return false;
	for (size_t i = 0; i < ids.n && !*ret_lost; i++)
		*ret_lost = !ids.there[i] && !opens(parts, ids.v[i].chunk);
	return true;
}

static bool feed_part(void *ctx, const struct sl_log_chunk *chunk, uint32_t part,
		      struct sl_clean_reader **ret, struct sl_err *err)
{
	const struct sl_parts *parts = ctx;
	const struct sl_clean_id id = id_of(parts, chunk, part);
	struct sl_clean_reader *reader = NULL;

	if (parts->progress)
		sl_progress(parts->progress, "source=%s rows=%" PRIu64, parts->source,
			    parts->run->result.kept);
	SL_FAULT("store.before_part", err);
	if (!sl_clean_open(&parts->run->home, &id, &reader, err))
		return false;
	if (!reader) { /* another store of the same entry was faster and removed it */
		sl_err_set(err, SL_ERR_AGAIN, "clean part %.12s-%" PRIu32 " went away meanwhile",
			   chunk->id, part);
		return sl_err_hint(err, "run the stage again");
	}
	*ret = reader;
	return true;
}

struct sl_part_feed sl_parts_feed(struct sl_parts *parts)
{
	return (struct sl_part_feed){.ctx = parts, .part = feed_part, .places = sl_parts_places};
}

/* The rows are stored already: what stays behind only takes room until it is swept. */
static void remove_all(const struct sl_parts *parts, const struct ids *ids)
{
	struct sl_err why = SL_ERR_INIT;

	if (!sl_clean_remove(&parts->run->home, ids->v, ids->n, &why))
		sl_log(SL_WARNING, "clean parts stay behind", "source=%s reason=\"%s\"",
		       parts->source, why.msg);
}

void sl_parts_remove_chunks(const struct sl_parts *parts, const struct sl_log_chunk *chunks,
			    size_t n)
{
	sl_cleanup(release_ids) struct ids ids = {0};

	add_ids(parts, chunks, n, &ids);
	remove_all(parts, &ids);
}

void sl_parts_remove(const struct sl_parts *parts, const struct sl_log_entry *entry)
{
	sl_cleanup(release_ids) struct ids ids = {0};

	for (size_t i = 0; i < entry->n_inputs; i++)
		add_ids(parts, entry->inputs[i].chunks, entry->inputs[i].n_chunks, &ids);
	remove_all(parts, &ids);
}
