/*
 * The log: one numbered sequence of entries per source. An entry is linked when a collection is
 * complete and names every input that is new or changed, with its chunks. The entry's number that
 * brought an input's present content is the input's edition (docs/delivery.md).
 */
#ifndef SL_STORE_LOG_H
#define SL_STORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/hash.h"
#include "store/bronze.h"
#include "store/home.h"

struct sl_log_chunk {
	const char *id;
	uint64_t bytes; /* raw */
	uint32_t parts, records;
};

/* One input of an entry. Its place in the entry is the rank of its name by bytes, from 0. */
struct sl_log_input {
	const char *name;
	const char *settings; /* codec and cut rule, hex: changed settings make a new edition */
	const char *stat;     /* file fingerprint, or NULL when it may not be trusted */
	struct sl_log_chunk *chunks;
	size_t n_chunks; /* 0: an emptied input */
};

/* What from and to of an entry are. A cursor's next range begins at the newest SL_RANGE_CURSOR's
 * `to`, which is the greatest; SL_RANGE_REPEAT is one collected again. */
enum sl_range { SL_RANGE_INTERVAL, SL_RANGE_CURSOR, SL_RANGE_REPEAT };

struct sl_log_entry {
	uint64_t n; /* from 1 */
	const char *source, *run;
	const char *from, *to; /* interval (RFC 3339) or cursor range (text); NULL: none */
	enum sl_range range;
	bool complete;		     /* the scope was seen whole */
	uint32_t partitions;	     /* into how many the run's work falls */
	struct sl_log_input *inputs; /* sorted by name */
	size_t n_inputs;
};

/* Number of the newest entry, 0 when there is none. */
SL_NODISCARD bool sl_log_newest(const struct sl_home *h, const char *source, uint64_t *ret,
				struct sl_err *err);
SL_NODISCARD bool sl_log_read(const struct sl_home *h, const char *source, uint64_t n,
			      struct sl_arena *arena, struct sl_log_entry *ret, struct sl_err *err);
/* As sl_log_read without the inputs (n_inputs = 0), in a few KiB whatever the entry's size. */
SL_NODISCARD bool sl_log_read_head(const struct sl_home *h, const char *source, uint64_t n,
				   struct sl_arena *arena, struct sl_log_entry *ret,
				   struct sl_err *err);
/* Where the cursor stands after entry n: NULL when no entry up to it has a range. Owned by arena. */
SL_NODISCARD bool sl_log_cursor(const struct sl_home *h, const char *source, uint64_t n,
				struct sl_arena *arena, const char **ret, struct sl_err *err);
/* Links entry->n; *ret_won = false when that number exists already: the caller starts over. Fault
 * points log.before_link, log.after_link. */
SL_NODISCARD bool sl_log_link(const struct sl_home *h, const struct sl_log_entry *entry,
			      bool *ret_won, struct sl_err *err);

/* Newest edition of every input of a source, up to and with entry n (0: all). Sorted by name. */
struct sl_edition {
	uint64_t n;   /* entry = edition */
	size_t place; /* in that entry */
	const struct sl_log_input *input;
};
struct sl_inventory {
	struct sl_edition *v;
	size_t n;
	uint64_t newest; /* entry number it reaches to */
};
SL_NODISCARD bool sl_log_inventory(const struct sl_home *h, const char *source, uint64_t upto,
				   struct sl_arena *arena, struct sl_inventory *ret,
				   struct sl_err *err);
const struct sl_edition *sl_inventory_find(const struct sl_inventory *inv, const char *name);

/*
 * Runs. begin: links runs/<run>/<source>/begin.json with the newest number then (kept when it
 * exists) and returns it. own: numbers of the run's entries of a source, ascending.
 */
SL_NODISCARD bool sl_run_begin(const struct sl_home *h, const char *run, const char *source,
			       uint64_t newest, uint64_t *ret_begin, struct sl_err *err);
/* The newest number when the run began, 0 when it never did. */
SL_NODISCARD bool sl_run_begun(const struct sl_home *h, const char *run, const char *source,
			       uint64_t *ret, struct sl_err *err);
SL_NODISCARD bool sl_run_entries(const struct sl_home *h, const char *run, const char *source,
				 struct sl_arena *arena, uint64_t **ret, size_t *ret_n,
				 struct sl_err *err);

/* Marks: stored/<sink>/<g>/<source>/<n>. sink: "duckdb", or "pg.<conn id>"; returns owned, conn is
 * NULL for an embedded engine. g: the newest generation, from 1. */
char *sl_mark_sink(const char *engine, const char *conn);
SL_NODISCARD bool sl_mark_generation(const struct sl_home *h, const char *sink, unsigned *ret,
				     struct sl_err *err);
/* Entries 1…newest of a source without a mark, ascending; arena owned. One pass over the directory.
 */
SL_NODISCARD bool sl_mark_missing(const struct sl_home *h, const char *sink, unsigned g,
				  const char *source, uint64_t newest, struct sl_arena *arena,
				  uint64_t **ret, size_t *ret_n, struct sl_err *err);
/* Whether that list has n. */
bool sl_mark_is_missing(const uint64_t *missing, size_t n_missing, uint64_t n);
SL_NODISCARD bool sl_mark_link(const struct sl_home *h, const char *sink, unsigned g,
			       const char *source, uint64_t n, struct sl_err *err);
SL_NODISCARD bool sl_mark_remove(const struct sl_home *h, const char *sink, unsigned g,
				 const char *source, uint64_t n, struct sl_err *err);
/* Whether the same was said of an entry before; if not, it is kept in told/<sink>/<source>/<n>, so
 * that every later run need not say it again. False when it cannot be known. */
bool sl_mark_told(const struct sl_home *h, const char *sink, const char *source, uint64_t n,
		  const char *what);
/* Only asks. */
bool sl_mark_was_told(const struct sl_home *h, const char *sink, const char *source, uint64_t n,
		      const char *what);
SL_NODISCARD bool sl_mark_rescan(const struct sl_home *h, const char *sink, unsigned *ret_g,
				 struct sl_err *err);

/*
 * Which chunks partition k of n owns: a pure function of the chunks and n. Packed by bytes (largest
 * first, ties by id, onto the lightest). owner[i] = partition of chunk i, from 0.
 */
void sl_partition(const struct sl_log_chunk *const *chunks, size_t n_chunks, uint32_t n,
		  uint32_t *owner);

#endif
