/*
 * What the driver asks the store's state tables, read-only, while no child writes: rejects by rule,
 * and which runs have inputs that older rules made.
 */
#ifndef SL_SLUICE_LEDGER_H
#define SL_SLUICE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "run/stage.h"

struct sl_ledger {
	struct sl_run *run;
	const struct sl_engine *engine; /* NULL: nothing was ever stored */
	struct sl_db *db;
};

/* True with engine == NULL when the store has no state tables yet. */
SL_NODISCARD bool sl_ledger_open(struct sl_ledger *l, struct sl_run *run, struct sl_err *err);
void sl_ledger_close(struct sl_ledger *l);

/* Adds up to 5 lines "    count  field  rule" of the run's rejects. */
SL_NODISCARD bool sl_ledger_rejects(struct sl_ledger *l, const char *run_id, struct sl_buf *out,
				    struct sl_err *err);

/* A run, and the interval that it was made for (NULL: none). */
struct sl_old_run {
	const char *run, *from, *to;
};

/* Runs that brought an input's newest edition which the table holds as older rules made it, by
 * entry number, each once. Owned by the run's arena. */
SL_NODISCARD bool sl_ledger_old_runs(struct sl_ledger *l, struct sl_old_run **ret, size_t *ret_n,
				     struct sl_err *err);

/* Entries that the store refused: true when this one is among them. */
SL_NODISCARD bool sl_ledger_refused(struct sl_ledger *l, const char *source, uint64_t entry,
				    bool *ret, struct sl_err *err);

#endif
