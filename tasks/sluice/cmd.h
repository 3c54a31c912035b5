/*
 * The driver's commands, one file each. They print for people on stdout; the stages do the work.
 */
#ifndef SL_SLUICE_CMD_H
#define SL_SLUICE_CMD_H

#include "run/stage.h"

extern const struct sl_stage sl_cmd_run;
extern const struct sl_stage sl_cmd_validate;
extern const struct sl_stage sl_cmd_plan;
extern const struct sl_stage sl_cmd_preview;
extern const struct sl_stage sl_cmd_rebuild;
extern const struct sl_stage sl_cmd_rejects;
extern const struct sl_stage sl_cmd_state;
extern const struct sl_stage sl_cmd_runs;
extern const struct sl_stage sl_cmd_init;
extern const struct sl_stage sl_cmd_completion;
extern const struct sl_stage sl_cmd_explain;

#endif
