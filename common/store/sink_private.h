/* What the files of the sink share: the open store, the plan of one switch, and the state tables.
 */
#ifndef SL_STORE_SINK_PRIVATE_H
#define SL_STORE_SINK_PRIVATE_H

#include "base/arena.h"
#include "store/sink.h"

struct sl_sink {
	const struct sl_pipeline *p;
	const struct sl_engine *eng;
	struct sl_db *db;
	struct sl_arena arena; /* lives as long as the sink */
	const char *name;      /* "duckdb", "pg.warehouse" */
	char old_rev[SL_HASH_HEX];
	int64_t era; /* noted when opened; a switch under another one is refused */
	bool latest;
	const char *table;	   /* the target, quoted */
	struct sl_schema contract; /* its stored columns; borrows p's */
	struct sl_batch rows;	   /* one clean part: the contract's columns */
	/* what is written (store/fit.c) */
	struct sl_schema stored; /* the contract's columns that the table has */
	size_t *column_of;	 /* per stored column: in the contract */
	struct sl_texts lacking; /* columns of the contract that the table has not */
	struct sl_texts lost;	 /* columns of the table that the contract has not */
	const char *lacks;	 /* lacking, as one text, or NULL */
	const char *changes;	 /* DDL that an existing table was brought here by, or NULL */
	bool made;		 /* the target was made by us */
	bool indexed;		 /* the target has its index, that much is known */
	bool by_name;		 /* the table's columns are others, or in another order */
	struct sl_batch out;	 /* rows with the stored columns alone */
	struct sl_vec *out_cols;
};

/* --- state tables: schema "sluice" --- */

/* One state table: its columns serve CREATE TABLE and, where rows are copied in, as the copy's
 * schema (then `input` and `seq` are its last columns). */
struct sl_state_table {
	const char *name;
	const struct sl_column *cols;
	size_t n;
	bool copied;
	const char *unique; /* columns of its unique index, where the engine has one; or NULL */
	const char *index;
};

extern const struct sl_state_table sl_state_applied, sl_state_reject, sl_state_part;

/* In a statement over sluice.reject: the reject belongs to what the table holds of its input. */
#define SL_REJECT_IS_HELD                                                                          \
	"exists (select 1 from sluice.applied a where a.pipeline = reject.pipeline and "           \
	"a.input = reject.input and a.edition = reject.edition and a.rev = reject.rev)"

/* *ret = 0 when there are no state tables. SL_ERR_CONFIG: made by a newer program. */
SL_NODISCARD bool sl_sink_format(struct sl_sink *s, int64_t *ret, struct sl_err *err);
bool sl_sink_is_current(int64_t format);
/* Brings state tables of format `from` up to today's, 0: makes them; in a transaction that holds
 * the right to make tables. */
SL_NODISCARD bool sl_sink_migrate(struct sl_sink *s, int64_t from, struct sl_err *err);
/* The same in a transaction of its own, whatever the target is like. */
SL_NODISCARD bool sl_sink_upgrade(struct sl_sink *s, struct sl_err *err);

/* "name" type */
void sl_sink_add_column(const struct sl_sink *s, struct sl_buf *sql, const struct sl_column *c);
/* CREATE TABLE and the index of the target. */
void sl_sink_add_target(const struct sl_sink *s, struct sl_buf *sql);
/* The contract's stored columns, then the hidden ones; NULL behind the last. */
const struct sl_column *sl_sink_target_column(const struct sl_sink *s, size_t i);

/* The target as it is; has and widen are per column of sl_sink_target_column. */
struct sl_fit {
	bool exists, in_order;
	bool *has, *widen; /* widen: is there, of a narrower type */
	struct sl_texts lost;
};
/* SL_ERR_CONFIG: a column's type can hold neither the old values nor the new ones. */
SL_NODISCARD bool sl_sink_look(struct sl_sink *s, struct sl_fit *ret, struct sl_err *err);
bool sl_fit_is_exact(const struct sl_sink *s, const struct sl_fit *fit);
/* SL_ERR_CONFIG: store.evolve does not allow this difference. changed: the rules are not those that
 * the table was made by. */
SL_NODISCARD bool sl_fit_judge(const struct sl_sink *s, const struct sl_fit *fit, bool changed,
			       struct sl_err *err);
/* What brings the target to the contract, with ";\n" behind each; nothing when it is there. */
void sl_fit_add_ddl(const struct sl_sink *s, const struct sl_fit *fit, struct sl_buf *sql);
void sl_fit_follow(struct sl_sink *s, const struct sl_fit *fit);
/* s->rows as they are written. */
const struct sl_batch *sl_sink_out(struct sl_sink *s);
/* A table like the target, quoted, without rows and index; then its index. */
SL_NODISCARD bool sl_sink_make_table(struct sl_sink *s, const char *table, struct sl_err *err);
SL_NODISCARD bool sl_sink_make_index(struct sl_sink *s, const char *table, struct sl_err *err);
/* The target's index, if it is not there yet: a new table gets it with its first rows, because rows
 * of a table that has it take a seventh longer. *ret_duplicate: as in a copy. */
SL_NODISCARD bool sl_sink_need_index(struct sl_sink *s, bool *ret_duplicate, struct sl_err *err);

/* The pipeline's row in the state tables. */
struct sl_held {
	bool found;
	struct sl_str rev, shape, target;
	int64_t era, changes;
};
SL_NODISCARD bool sl_sink_held(struct sl_sink *s, struct sl_held *ret, struct sl_err *err);
/* SL_ERR_CONFIG when another pipeline stores into the target. */
SL_NODISCARD bool sl_sink_alone(struct sl_sink *s, struct sl_err *err);
SL_NODISCARD bool sl_sink_draw_era(int64_t *ret, struct sl_err *err);

/* --- small statements --- */

SL_NODISCARD bool sl_sink_exec(struct sl_sink *s, const char *sql, const char *const *params,
			       size_t n_params, uint64_t *affected, struct sl_err *err);
/* One row of up to n bigints or texts; *ret_found = false when there is none. Texts go to arena. */
SL_NODISCARD bool sl_sink_row(struct sl_sink *s, const char *sql, const char *const *params,
			      size_t n_params, struct sl_arena *arena, struct sl_str *cells,
			      size_t n, bool *ret_found, struct sl_err *err);
/* "prefix"."c1", … of the contract's columns. */
void sl_sink_add_columns(const struct sl_sink *s, struct sl_buf *sql, const char *prefix);

/* --- one switch --- */

enum sl_fate {
	SL_FATE_LIVE,	    /* its rows replace what the table holds of it */
	SL_FATE_SAME,	    /* stored at this (edition, rev) already */
	SL_FATE_SUPERSEDED, /* a higher edition is stored */
};

/* A part that was read. One that has rejects is read once more when they are written. */
struct sl_plan_part {
	size_t input, chunk;
	uint32_t part;
	struct sl_counts counts; /* as its clean part has them */
};

/* A row that the engine refused. */
struct sl_refused {
	size_t input;
	int64_t seq; /* among the input's rows */
	struct sl_row_fault fault;
};

struct sl_plan {
	const char *run;
	uint64_t entry;
	const struct sl_sink_input *inputs; /* by place */
	size_t n;
	const struct sl_part_feed *feed;
	int64_t *owner;	    /* per input */
	enum sl_fate *fate; /* per input */
	size_t n_live;
	uint64_t rows_live;	    /* rows of the live inputs */
	int64_t change;		    /* change number of this switch */
	struct sl_plan_part *parts; /* of the inputs that were live when they were read, in order */
	size_t n_parts, cap_parts;
	const struct sl_sink_input *given; /* inputs as they came */
	bool careful; /* the engine refused a row: it is looked for with savepoints */
	struct sl_sink_input *judged; /* careful: inputs, with counts after the refusals */
	struct sl_refused *refused;   /* careful: by input and seq when they are written */
	size_t n_refused, cap_refused;
	struct sl_outcome out;
};

/* state.c: rows of the plan into a state table that is copied into. fn hands b, which holds up to
 * SL_STATE_ROWS, to the engine's copy_batch as often as it likes. */
#define SL_STATE_ROWS 1024
typedef bool (*sl_state_fn)(struct sl_sink *s, struct sl_plan *plan, struct sl_batch *b,
			    struct sl_err *err);
SL_NODISCARD bool sl_state_copy(struct sl_sink *s, struct sl_plan *plan,
				const struct sl_state_table *table, sl_state_fn fn,
				struct sl_err *err);
void sl_state_set_text(struct sl_batch *b, size_t row, size_t col, struct sl_str text);
void sl_state_set_int(struct sl_batch *b, size_t row, size_t col, uint64_t value);

/* applied.c: what is stored of the plan's inputs, from that each one's fate; and afterwards that.
 */
SL_NODISCARD bool sl_plan_load(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err);
SL_NODISCARD bool sl_plan_save(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err);
/* "delete from TABLE where [FILTER and] COLUMN in (live owners)", in steps. */
SL_NODISCARD bool sl_plan_delete(struct sl_sink *s, const struct sl_plan *plan, const char *table,
				 const char *column, const char *filter, uint64_t *removed,
				 struct sl_err *err);

/* switch.c: the entry's own row. state: "stored" or "refused". */
SL_NODISCARD bool sl_plan_save_entry(struct sl_sink *s, const struct sl_plan *plan,
				     const char *state, struct sl_err *err);

/* switch_copy.c: the live inputs' rows into table; how and *ret_duplicate as in store/engine.h. */
SL_NODISCARD bool sl_plan_copy(struct sl_sink *s, struct sl_plan *plan, const char *table,
			       unsigned how, bool *ret_duplicate, struct sl_err *err);
SL_NODISCARD bool sl_plan_copy_rejects(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err);
/* The live inputs' parts with their counts, into sluice.part. */
SL_NODISCARD bool sl_plan_copy_parts(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err);
/* Only finds the parts with rejects (a refused entry copies no rows). */
SL_NODISCARD bool sl_plan_find_rejects(struct sl_plan *plan, struct sl_err *err);

/* switch_refused.c: looking for the rows that the engine refuses. Begins a careful plan anew. */
void sl_refused_begin(struct sl_plan *plan);
void sl_refused_release(struct sl_plan *plan);
/* Copies the live inputs' rows into the target without those that are refused. */
SL_NODISCARD bool sl_refused_copy(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err);
/* fn in a savepoint; *ret_taken = false: undone, because a row was at fault. */
typedef bool (*sl_try_fn)(void *ctx, struct sl_err *err);
SL_NODISCARD bool sl_refused_try(struct sl_sink *s, sl_try_fn fn, void *ctx, bool *ret_taken,
				 struct sl_row_fault *fault, struct sl_err *err);
void sl_refused_add(struct sl_plan *plan, size_t input, int64_t seq,
		    const struct sl_row_fault *fault);
/* More than the limit allows, and some more to show: no need to look on. */
bool sl_refused_enough(const struct sl_sink *s, const struct sl_plan *plan);
struct sl_part_visit;
/* switch_copy.c: rows that were left out of a copy: the table lacks a column that they have. */
uint64_t sl_plan_left_out(const struct sl_plan *plan);
/* Marks them in s->rows (store.evolve: reject) and notes them. */
void sl_plan_leave_out(struct sl_sink *s, struct sl_plan *plan, const struct sl_part_visit *visit);
/* The plan's inputs count the refused rows as bad from now on; out says whether that is too many. */
void sl_refused_judge(const struct sl_sink *s, struct sl_plan *plan);
/* Adds the refused rows' rejects to a copy into sluice.reject under way. */
SL_NODISCARD bool sl_refused_copy_rejects(struct sl_sink *s, struct sl_plan *plan,
					  struct sl_batch *b, struct sl_err *err);

/* Half-open ranges in ascending order; one with something at fault is halved and pushed back. */
struct sl_halves {
	int64_t from[64], to[64];
	size_t n;
};
void sl_halves_push(struct sl_halves *h, int64_t from, int64_t to);
bool sl_halves_pop(struct sl_halves *h, int64_t *from, int64_t *to);

/* switch_copy.c, also used for those. */
struct sl_part_visit {
	size_t input, chunk;
	uint32_t part;
	int64_t seq; /* of the part's first row */
	struct sl_clean_reader *reader;
};
typedef bool (*sl_visit_fn)(void *ctx, const struct sl_part_visit *visit, struct sl_err *err);
SL_NODISCARD bool sl_plan_each_part(struct sl_plan *plan, sl_visit_fn fn, void *ctx,
				    struct sl_err *err);
void sl_plan_add_reject(struct sl_batch *b, const struct sl_sink *s, const struct sl_plan *plan,
			const struct sl_plan_part *at, const struct sl_clean_reject *r);

/* Temporary table _sl_live (input, source_index, edition, place): what a comparison needs of every
 * live input. */
SL_NODISCARD bool sl_plan_make_live(struct sl_sink *s, const struct sl_plan *plan,
				    struct sl_err *err);

#define SL_STAGE "_sl_stage" /* temporary table: the target's columns but the change number */

/* switch_latest.c. stage: before the lock. Then replace, or into an empty table copy, under it; or
 * drop_stage, when nothing of it is live any more. */
SL_NODISCARD bool sl_latest_is_empty(struct sl_sink *s, bool *ret, struct sl_err *err);
SL_NODISCARD bool sl_latest_stage(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err);
SL_NODISCARD bool sl_latest_unstage(struct sl_sink *s, const struct sl_plan *plan,
				    struct sl_err *err);
SL_NODISCARD bool sl_latest_drop_stage(struct sl_sink *s, struct sl_err *err);
/* "prefix"."k1", … */
void sl_latest_add_keys(const struct sl_sink *s, struct sl_buf *sql, const char *prefix);
SL_NODISCARD bool sl_latest_count_keys(struct sl_sink *s, const char *table, uint64_t *ret_rows,
				       uint64_t *ret_keys, struct sl_err *err);
SL_NODISCARD bool sl_latest_replace(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err);

/* switch_judge.c: what is staged replaces what it is greater than, and is counted. kept: staged keys
 * whose row has a staged one's owner now. */
SL_NODISCARD bool sl_latest_judge(struct sl_sink *s, struct sl_plan *plan, uint64_t *ret_kept,
				  struct sl_err *err);

/* Verdicts in table _sl_verdict, and what does as they say (switch_apply.c). */
enum { V_INSERT, V_UPDATE, V_OWNER, V_SAME, V_STALE, V_REFUSED, V_COUNT };
/* counts: how many verdicts of each kind, all 0 before. */
SL_NODISCARD bool sl_latest_apply(struct sl_sink *s, struct sl_plan *plan, uint64_t counts[V_COUNT],
				  struct sl_err *err);
/* UPDATE of target t to the row of `from`, but for its change number; FROM and WHERE are to follow. */
void sl_latest_add_update(const struct sl_sink *s, struct sl_buf *sql, const char *from);
/* "a"."k1" = "b"."k1" and … */
void sl_latest_add_key_equal(const struct sl_sink *s, struct sl_buf *sql, const char *a,
			     const char *b);
bool sl_latest_is_key(const struct sl_sink *s, const char *column);

/* Into an empty table beside the target, from nothing: the greatest row of every key. A row that
 * the target holds just so keeps its change number (keep). */
SL_NODISCARD bool sl_latest_beside(struct sl_sink *s, struct sl_plan *plan, const char *table,
				   bool keep, struct sl_err *err);
SL_NODISCARD bool sl_latest_fill(struct sl_sink *s, struct sl_plan *plan, struct sl_err *err);

#endif
