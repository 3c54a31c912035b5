/*
 * Tells a queue what was collected: one ticket a part, in the stream of the partition that the part
 * falls to, after the run's entries are linked.
 */
#ifndef SL_COLLECT_TICKETS_H
#define SL_COLLECT_TICKETS_H

#include "run/stage.h"
#include "tasks/collect/kept.h"

/* n: partitions of the run. kept: chunks that need not be read again, or NULL. What an earlier collection of the same run told is taken back first.
 * Without a queue nothing is done; its troubles are no error (run/tickets.h). SL_ERR_IO when the log
 * cannot be read. Fault point collect.while_telling. */
SL_NODISCARD bool sl_collect_tell(struct sl_run *run, uint32_t n, struct sl_kept *kept,
				  struct sl_err *err);

#endif
