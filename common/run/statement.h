/*
 * The one statement of a query or an export: named in the pipeline file, or given as SQL; it may
 * only read. Its parameters come from --param K=V as text: a cast in the statement types them.
 * :interval_start and :interval_end are the run's, unless --param says otherwise.
 */
#ifndef SL_RUN_STATEMENT_H
#define SL_RUN_STATEMENT_H

#include "base/err.h"
#include "run/stage.h"

struct sl_statement {
	const char *sql; /* :K is $1, $2, … */
	const char *const *values;
	size_t n_values;
};

/* Either name, a query of the pipeline, or sql; the other is NULL. Owned by the run's arena.
 * SL_ERR_USAGE, SL_ERR_CONFIG (naming the file). */
SL_NODISCARD bool sl_statement_read(struct sl_run *run, const char *name, const char *sql,
				    const struct sl_texts *param, struct sl_statement *ret,
				    struct sl_err *err);

/* SL_ERR_NO_INPUT with the cure when nothing was ever stored. */
SL_NODISCARD bool sl_statement_store(const struct sl_run *run, struct sl_err *err);

#endif
