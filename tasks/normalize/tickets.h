/*
 * Takes the tickets of this execution's partition from the queue. What they bring is made without
 * reading bronze; what they do not bring is left to the caller.
 */
#ifndef SL_NORMALIZE_TICKETS_H
#define SL_NORMALIZE_TICKETS_H

#include "store/ticket.h"
#include "tasks/normalize/work.h"

/* Makes part t->part of item, or leaves it; false ends the stage. */
typedef bool (*sl_ticket_fn)(void *ctx, size_t item, const struct sl_ticket *t, struct sl_err *err);

/* Calls make for every ticket that names a part of work; a part may come twice. Removes the streams
 * afterwards. Troubles of the queue are no error (run/tickets.h). Fault points normalize.after_take,
 * normalize.before_ack. */
SL_NODISCARD bool sl_normalize_take(struct sl_run *run, const struct sl_work *work,
				    sl_ticket_fn make, void *ctx, struct sl_err *err);

#endif
