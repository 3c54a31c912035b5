/*
 * sluice init --from: the pipeline file for data that are there already.
 */
#ifndef SL_SLUICE_INIT_FROM_H
#define SL_SLUICE_INIT_FROM_H

#include "base/buf.h"
#include "base/err.h"
#include "run/stage.h"

/* Reads what path (a file or a pattern) matches and writes the pipeline file into yaml, and for
 * people what was found into told. Errors as of sl_guess_contract. */
SL_NODISCARD bool sl_init_from(struct sl_run *run, const char *path, const char *name,
			       const char *table, struct sl_buf *yaml, struct sl_buf *told,
			       struct sl_err *err);

#endif
