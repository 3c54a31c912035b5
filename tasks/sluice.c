/*
 * sluice: the driver that people type. What Airflow does with tasks, it does with child processes;
 * the executables are the same.
 */
#include "run/stage.h"
#include "tasks/sluice/cmd.h"

static const struct sl_stage *const commands[] = {
	&sl_cmd_init,	 &sl_cmd_validate, &sl_cmd_preview,    &sl_cmd_run,
	&sl_cmd_rejects, &sl_cmd_state,	   &sl_cmd_runs,       &sl_cmd_plan,
	&sl_cmd_rebuild, &sl_cmd_explain,  &sl_cmd_completion,
};

int main(int argc, char **argv)
{
	return sl_driver_main(commands, SL_ARRAY_LEN(commands), argc, argv);
}
