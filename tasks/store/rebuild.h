/*
 * sluice-store --rebuild: the table made anew from bronze, and swapped in (store/rebuild.c).
 */
#ifndef SL_STORE_TASK_REBUILD_H
#define SL_STORE_TASK_REBUILD_H

#include "base/err.h"
#include "run/stage.h"

/* SL_ERR_DATA when an entry has more rejects by today's rules than the limit allows: then nothing
 * is changed. Fills run->result. */
SL_NODISCARD bool sl_rebuild(struct sl_run *run, struct sl_err *err);

#endif
