/*
 * The switch: how a log entry becomes visible in a table, all at once (docs/delivery.md, rule 4).
 * Written once for every engine. In order:
 *
 *	sl_sink_open		connect, make what is missing, note rev and era, check the shape
 *	sl_sink_switch		stage; lock, era, applied, replace, rejects, counts, commit
 *	sl_sink_refuse		the entry's rejects alone
 *
 * `applied(input) = (edition, rev)` is the truth about what a table holds. The state tables are in
 * SQL schema "sluice" (store/state.c lists their columns):
 *
 *	pipeline	one row a pipeline: rev and era in force, shape, last change number
 *	applied		one row a stored input: edition, place, rev, counts
 *	part		one row a part of a stored input: counts
 *	reject		one row a reject of a stored or refused input: part, place, field, rule, excerpt
 *	entry		one row a judged entry: stored or refused, counts
 *	stage_run	one row an execution of a stage (telemetry)
 *
 * Environment: SLUICE_STORE_WAIT (30s), how long a busy file or a lock is waited for.
 */
#ifndef SL_STORE_SINK_H
#define SL_STORE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/err.h"
#include "data/pipeline.h"
#include "store/clean.h"
#include "store/engine.h"
#include "store/log.h"

struct sl_sink;

/* An input of an entry that is to be stored. An entry's inputs are given by place, ascending. */
struct sl_sink_input {
	const char *source;
	size_t source_index;
	const char *name;
	uint64_t edition; /* = entry number */
	size_t place;
	const struct sl_log_chunk *chunks;
	size_t n_chunks;
	struct sl_counts counts; /* sum over its clean parts */
};

/* Per entry: ok = inserted + updated + unchanged + stale + superseded. */
struct sl_outcome {
	uint64_t inserted, updated, unchanged, stale, superseded;
	uint64_t written; /* rows that a statement wrote or removed */
	uint64_t refused; /* rows that the engine refused: rejects, no longer ok */
	bool beyond; /* with them the entry has too many: it was refused, as by sl_sink_refuse */
	char refusal[336]; /* of the first one: "column: reason" */
};

/* Whether counts hold more rejects than the pipeline's limit allows. */
bool sl_beyond_limit(const struct sl_pipeline *p, const struct sl_counts *c);

/* How long a busy store is waited for, µs: 30 s, or $SLUICE_STORE_WAIT. */
int64_t sl_store_wait(void);

/* Opens the store of p's backend. The engine's module, connection or file path come from the
 * backend and home. Errors: SL_ERR_AUTH, SL_ERR_UNAVAILABLE, SL_ERR_AGAIN (busy), SL_ERR_CONFIG
 * (shape changed: table, mode, key, version or source order; or columns changed: DDL needed). */
SL_NODISCARD bool sl_sink_open(const struct sl_pipeline *p, const struct sl_home *home,
			       struct sl_sink **ret, struct sl_err *err);
void sl_sink_close(struct sl_sink *s);

/* As sl_sink_open, but whatever the table looks like, and without bringing rev or era: for a
 * rebuild. *ret = NULL (and true) when the pipeline has stored nothing yet. */
SL_NODISCARD bool sl_sink_open_rebuild(const struct sl_pipeline *p, const struct sl_home *home,
				       struct sl_sink **ret, struct sl_err *err);

/* Looks, read only, whether a store would find what it needs. *ret_exists: the table is there. ddl
 * (may be NULL) gets what a store would do to it first: CREATE, or ALTER where store.evolve adds.
 * Errors as of sl_sink_open. An embedded file must be there already. */
SL_NODISCARD bool sl_sink_check(const struct sl_pipeline *p, const struct sl_home *home,
				struct sl_buf *ddl, bool *ret_exists, struct sl_err *err);

/* Empty tables in a DuckDB in memory, to try statements on. SL_ERR_CONFIG without its library. */
SL_NODISCARD bool sl_sink_open_memory(const struct sl_pipeline *p, struct sl_sink **ret,
				      struct sl_err *err);

/* "duckdb" or "pg.<conn id>": names the marks' directory. */
const char *sl_sink_name(const struct sl_sink *s);

/* What opening did to an existing table ("" nothing), and which columns of the contract it lacks and
 * store.evolve does without: "a, b" or "". */
const char *sl_sink_changes(const struct sl_sink *s);
const char *sl_sink_lacks(const struct sl_sink *s);

/* The rev that the store held when opened, "" when new; a different one drew a new era. */
const char *sl_sink_old_rev(const struct sl_sink *s);

/* _sl_input of an input's rows: from its identity (source, name) alone. */
int64_t sl_sink_owner(const char *source, const char *input);

/* (edition, rev) in `applied`, and what its parts count; edition 0 when the input was never stored.
 */
SL_NODISCARD bool sl_sink_applied(struct sl_sink *s, const char *source, const char *input,
				  uint64_t *ret_edition, char ret_rev[SL_HASH_HEX],
				  struct sl_counts *ret_counts, struct sl_err *err);

/* Gives the parts of one input in order (chunk place, part): called by the switch, once or twice.
 * The store stage supplies it: opens the clean part, or makes it again. */
struct sl_part_feed {
	void *ctx;
	bool (*part)(void *ctx, const struct sl_log_chunk *chunk, uint32_t part,
		     struct sl_clean_reader **ret, struct sl_err *err);
	/* Where the records of kept rows stand (their ranks in the part, ascending): offset, length
	 * and excerpt of each ret; texts are borrowed until the next call. */
	bool (*places)(void *ctx, const struct sl_log_chunk *chunk, uint32_t part,
		       const uint32_t *rows, size_t n, struct sl_clean_reject *ret,
		       struct sl_err *err);
};

/*
 * Rows that the engine refuses (a constraint or a trigger that somebody put on the table) become
 * rejects by rule "store"; the entry is judged once more with them.
 *
 * Stores one entry's inputs in one transaction. Inputs already applied at (edition, rev) are
 * skipped, those applied at a higher edition count as superseded. SL_ERR_AGAIN when the era is no
 * longer ours. Fault points switch.before_lock, switch.after_lock, switch.before_commit,
 * switch.after_commit.
 */
SL_NODISCARD bool sl_sink_switch(struct sl_sink *s, const char *run, uint64_t entry,
				 const struct sl_sink_input *inputs, size_t n_inputs,
				 const struct sl_part_feed *feed, struct sl_outcome *ret,
				 struct sl_err *err);

/* Writes the reject rows and counts of a refused entry, and nothing else (they can be read, the
 * rows stay as they were). */
SL_NODISCARD bool sl_sink_refuse(struct sl_sink *s, const char *run, uint64_t entry,
				 const struct sl_sink_input *inputs, size_t n_inputs,
				 const struct sl_part_feed *feed, struct sl_err *err);

/* After the last entry: a table that was made for this store has its index, also when no row came.
 * Only its owner can make one, and the next store may be somebody else's. */
SL_NODISCARD bool sl_sink_complete(struct sl_sink *s, struct sl_err *err);

/* For an entry of which nothing is left to store: takes back what a refusal wrote, so that the
 * ledger says no more than the table. Nothing is written when it was not refused. */
SL_NODISCARD bool sl_sink_settle(struct sl_sink *s, const char *source, const char *run,
				 uint64_t entry, struct sl_err *err);

/*
 * Which log the table was made from. check: SL_ERR_CONFIG when the newest entry of the source that
 * was stored is not in home's log as it was. note: this entry was. adopt: the table's inputs count
 * as older than everything in this HOME's log, so that it stores them anew.
 */
SL_NODISCARD bool sl_sink_check_origin(struct sl_sink *s, const struct sl_home *home,
				       const char *source, struct sl_err *err);
SL_NODISCARD bool sl_sink_note_origin(struct sl_sink *s, const struct sl_home *home,
				      const struct sl_log_entry *e, struct sl_err *err);
SL_NODISCARD bool sl_sink_adopt(struct sl_sink *s, struct sl_err *err);

/* What `applied` says of every input, by (source, edition, place). Owned by arena. */
struct sl_applied {
	const char *source, *name;
	uint64_t edition, place;
	char rev[SL_HASH_HEX];
};
SL_NODISCARD bool sl_sink_applied_all(struct sl_sink *s, struct sl_arena *arena,
				      struct sl_applied **ret, size_t *ret_n, struct sl_err *err);

struct sl_models; /* store/models.h */

/*
 * Makes the table anew beside it and swaps, with everything that `applied` says, in one
 * transaction; the models are made anew with it. inputs: what the table holds, by source, edition
 * and place; held: as sl_sink_applied_all told it; runs: of each input's entry. SL_ERR_AGAIN when a
 * store came between. Fault points rebuild.before_lock, .before_commit, .after_commit.
 */
struct sl_rebuild {
	const struct sl_sink_input *inputs;
	const char *const *runs;
	size_t n;
	const struct sl_applied *held;
	size_t n_held;
	const struct sl_part_feed *feed;
	const struct sl_models *models;
};
SL_NODISCARD bool sl_sink_rebuild(struct sl_sink *s, const struct sl_rebuild *r,
				  struct sl_outcome *ret, struct sl_err *err);

/* Folds stage executions (JSON objects of runs/…/stages) into sluice.stage_run of a store that a
 * sink was opened on once. */
SL_NODISCARD bool sl_stage_runs_fold(const struct sl_engine *eng, struct sl_db *db,
				     const char *pipeline, const struct sl_str *json, size_t n,
				     struct sl_err *err);

/* Whether anything was ever stored there: are there state tables? */
SL_NODISCARD bool sl_state_exists(const struct sl_engine *eng, struct sl_db *db, bool *ret,
				  struct sl_err *err);

/* The connection, for aggregate and query. */
const struct sl_engine *sl_sink_engine(const struct sl_sink *s);
struct sl_db *sl_sink_db(struct sl_sink *s);
/* Closes the sink but for its connection, which is the caller's now. */
struct sl_db *sl_sink_detach(struct sl_sink *s);

/* Opens the backend's engine without making anything (query, report on an empty store). read_only.
 */
SL_NODISCARD bool sl_store_connect(const struct sl_pipeline *p, const struct sl_home *home,
				   bool read_only, int64_t wait_us,
				   const struct sl_engine **ret_eng, struct sl_db **ret_db,
				   struct sl_err *err);

#endif
