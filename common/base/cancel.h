/*
 * Stop requests. SIGTERM, SIGINT and SIGHUP set a flag that loops ask at batch boundaries; a second
 * signal leaves at once. sl_parent_watch makes the kernel end this process with its parent.
 */
#ifndef SL_BASE_CANCEL_H
#define SL_BASE_CANCEL_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/err.h"

void sl_cancel_setup(void); /* installs the handlers, ignores SIGPIPE */
int sl_cancel_signal(void); /* 0, or the signal that asked us to stop */

/* False with SL_ERR_CANCELLED when a stop was asked for. */
SL_NODISCARD bool sl_cancel_check(struct sl_err *err);

/* While held, sl_cancel_check and sl_sleep act as if no stop was asked for: for the last record of a
 * stage that was stopped. The watchdog ends it anyway when that takes too long. */
void sl_cancel_hold(bool hold);

/* Called from the handler (async-signal-safe work only), e.g. to cancel a running query; NULL none.
 */
void sl_cancel_hook(void (*hook)(void *), void *arg);

/* PR_SET_PDEATHSIG with SIGKILL; exits at once when the parent changed meanwhile. Not for a process
 * that was executed into a running container: its parent is a go-between that ends at once. */
void sl_parent_watch(void);

/* Sleeps up to us µs, less when a stop is asked for; returns as sl_cancel_check. */
SL_NODISCARD bool sl_sleep(long us, struct sl_err *err);

#endif
