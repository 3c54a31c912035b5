/*
 * What sluice-export writes, and where; and what it does not write as text.
 */
#ifndef SL_EXPORT_EXPORT_H
#define SL_EXPORT_EXPORT_H

#include <stdint.h>

#include "base/err.h"
#include "run/progress.h"
#include "run/statement.h"
#include "store/engine.h"

struct sl_export {
	struct sl_run *run;
	struct sl_statement st;
	bool own;	  /* the pipeline's own table: its contract says the types */
	const char *path; /* "-": stdout */
	const struct sl_engine *engine;
	struct sl_db *db; /* the store, read only */
	struct sl_progress progress;
	uint64_t rows; /* written */
};

/*
 * Parquet by DuckDB: straight from the store where the store is DuckDB, else the rows go into a
 * DuckDB in memory first (it spills into HOME/tmp). Columns: see docs/tools.md. SL_ERR_CONFIG when
 * DuckDB's library is not there.
 */
SL_NODISCARD bool sl_export_parquet(struct sl_export *x, struct sl_err *err);

/* Pushes every row as a JSON object to the right end of a list in the backend's queue. twice: the
 * JSON text is encoded once more, as a JSON string. SL_ERR_CONFIG: the backend has no queue; else as
 * in store/queue.h. */
SL_NODISCARD bool sl_export_list(struct sl_export *x, const char *list, bool twice,
				 struct sl_err *err);

#endif
