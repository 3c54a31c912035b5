/*
 * The promise that a stop request ends a stage within 3 s, also inside a library call that does not
 * look at the clock: the first signal arms a timer, and when that fires the prepared result line is
 * written and the process leaves with 128 + signal. What a transaction had not committed is gone,
 * as after a kill.
 */
#ifndef SL_RUN_WATCHDOG_H
#define SL_RUN_WATCHDOG_H

#include <sys/types.h>

/* After sl_cancel_setup. wait_ms: from the signal to leaving. */
void sl_watchdog_setup(long wait_ms);

/* The line to write; it holds "\"exit\":143", whose number is set to the signal's. Copied. NULL:
 * none. */
void sl_watchdog_result(const char *line);

/* No stop request is taken any more; the time of one that has come goes on. */
void sl_watchdog_hold(void);

/* The stage has ended by itself. */
void sl_watchdog_off(void);

/* Passes a stop request on to a child. One that has got its own already (a scheduler signals the
 * whole process group) does not take this for a second one, which would end it at once. */
void sl_watchdog_pass_on(pid_t pid);

#endif
