/*
 * The lock of the embedded store, HOME/<pipeline>/lock: who writes data.db holds it. The driver
 * takes it for the whole run and its children inherit it (SLUICE_LOCK_FD); a store, aggregate or
 * rebuild that inherited none takes it itself. With a server as store nothing is locked.
 */
#ifndef SL_RUN_LOCK_H
#define SL_RUN_LOCK_H

#include "base/err.h"
#include "run/stage.h"

/* For a stage that writes the store: the inherited lock, else waits up to 30 s. Held until exit.
 * SL_ERR_AGAIN naming the holder. */
SL_NODISCARD bool sl_store_lock(const struct sl_run *run, struct sl_err *err);

/* For the driver: waits up to 3 s; child stages inherit it. */
SL_NODISCARD bool sl_store_lock_for_children(const struct sl_run *run, struct sl_err *err);

#endif
