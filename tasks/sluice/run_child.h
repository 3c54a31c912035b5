/*
 * The driver's children: builds the argv that Airflow would use, waits, reads the result lines.
 */
#ifndef SL_SLUICE_RUN_CHILD_H
#define SL_SLUICE_RUN_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "run/stage.h"

/* A run as the driver executes it. */
struct sl_drive {
	struct sl_run *run;
	const char *run_id;
	const char *extra;	 /* one more word for store, or NULL */
	uint32_t partitions_max; /* most children at once */
	const char *reporter;	 /* stage that is told to --report, too; NULL: none */
	int failed;		 /* exit code of the first stage that failed; 0: none */
	struct sl_err why;
};

/* The words of a child's command line, NULL-terminated, owned by the run's arena. k, n: partition,
 * n = 0 for a stage that has none. */
const char *const *sl_child_argv(const struct sl_drive *d, const char *stage, uint32_t k,
				 uint32_t n);

/*
 * Executes sluice-<stage>, n copies at once when n > 0, and adds their results into *ret.
 * *ret_code: the first exit code that is not 0; ret_why says what the child said of it. False only
 * when a child could not be started, or a stop was asked for.
 */
SL_NODISCARD bool sl_child_run(const struct sl_drive *d, const char *stage, uint32_t n,
			       struct sl_result *ret, int *ret_code, struct sl_err *ret_why,
			       struct sl_err *err);

#endif
