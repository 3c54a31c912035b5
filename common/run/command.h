/*
 * The runtime below sl_stage_main and sl_driver_main.
 */
#ifndef SL_RUN_COMMAND_H
#define SL_RUN_COMMAND_H

#include <stdbool.h>

#include "run/stage.h"

/* command: for messages, "sluice run". driver: it waits a little longer for its children to stop.
 */
int sl_command_main(const struct sl_stage *stage, const char *command, bool driver, int argc,
		    char **argv);

/* Tells of a failure before any command began; returns the exit code. */
int sl_command_fail(const char *name, const struct sl_err *err);

/*
 * Streams that are closed at the start would be taken by the first file that is opened. stdout is
 * opened for reading, so that writing to it fails as it should.
 */
void sl_hold_streams(void);

/* All of them to stderr, with the source lines. */
void sl_print_diags(const struct sl_diags *diags);

#endif
