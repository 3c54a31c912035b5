/*
 * Private to the collect stage: one source being collected, and the run over all sources.
 */
#ifndef SL_COLLECT_SESSION_H
#define SL_COLLECT_SESSION_H

#include "run/progress.h"
#include "store/log.h"
#include "store/seen.h"
#include "tasks/collect/collect.h"
#include "tasks/collect/pack.h"

/* Who takes the inputs instead of chunks and log, for looks that write nothing. A false of begin,
 * bytes or end ends the source's listing. */
struct sl_tap {
	size_t limit; /* records that are wanted, 0: all */
	bool any;     /* also inputs that are known; a cursor then begins at the first record */
	bool (*skip)(struct sl_tap *tap, const char *input, bool known);
	bool (*begin)(struct sl_tap *tap, const char *file, struct sl_err *err);
	bool (*bytes)(struct sl_tap *tap, struct sl_str bytes, struct sl_err *err);
	bool (*end)(struct sl_tap *tap, struct sl_err *err);
	void (*undo)(struct sl_tap *tap);
};

struct sl_collect {
	struct sl_run *run;
	const struct sl_source *source;
	struct sl_tap *tap;	    /* NULL: chunks and log */
	char settings[SL_HASH_HEX]; /* codec and cut rule */
	/* this attempt's */
	uint64_t n; /* the newest entry's number when it began */
	struct sl_arena arena;
	struct sl_inventory inventory;
	struct sl_seen seen;
	struct sl_pack pack;
	struct sl_log_input *inputs; /* seen and read */
	size_t n_inputs, cap_inputs;
	const char *input;	   /* open, or NULL */
	const char *file;	   /* as the source calls what is open */
	const char *stat;	   /* of an open input that is collected whole */
	struct sl_recoder recoder; /* of the open file */
	struct sl_buf recoded;
	bool complete;
	enum sl_range range; /* what from and to are; an interval's are the run's */
	const char *from, *to;
	/* progress, over all attempts */
	uint64_t bytes;
	size_t files;
	struct sl_progress progress;
};

void sl_collect_init(struct sl_collect *c, struct sl_run *run, const struct sl_source *source);
void sl_collect_release(struct sl_collect *c);
/* A new attempt: forgets inputs, reads the inventory up to entry n. */
SL_NODISCARD bool sl_collect_restart(struct sl_collect *c, uint64_t n, struct sl_err *err);
/* Closes an input that is collected whole. */
SL_NODISCARD bool sl_collect_close(struct sl_collect *c, struct sl_err *err);
/* Another input that has come whole, with the packer's chunks. */
void sl_collect_push(struct sl_collect *c, const char *name, const char *stat);
/* Keeps only inputs that are new or changed, sorted by name; notes what is known of the others. */
void sl_collect_keep_changed(struct sl_collect *c);

/* What a run's own entries add up to, over all sources or that of --source. */
struct sl_totals {
	uint64_t entries, chunks, bytes, records;
};
SL_NODISCARD bool sl_totals_read(struct sl_run *run, struct sl_totals *ret, struct sl_err *err);
uint32_t sl_totals_partitions(const struct sl_run *run, const struct sl_totals *t);

/* Collects one source: new or changed inputs become an entry. kept: takes small chunks, may be NULL.
 * *ret_chunks: chunks that are new. */
SL_NODISCARD bool sl_collect_one(struct sl_run *run, const struct sl_source *source,
				 struct sl_kept *kept, uint64_t *ret_chunks, struct sl_err *err);

/* The stage: collects the run's sources and fills run->result. */
SL_NODISCARD bool sl_collect_all(struct sl_run *run, struct sl_err *err);

#endif
