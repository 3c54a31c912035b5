/*
 * The backend's queue as a stage sees it: open or not, it makes no difference to what comes out. Of
 * its troubles only those that somebody must mend end a stage: a wrong password or missing rights,
 * and, when it is opened, a wrong setting or another kind of server. All others are one warning, and
 * the stage goes on without it.
 *
 *	sl_cleanup(sl_tickets_close) struct sl_tickets t = {.run = run};
 *	if (!sl_tickets_open(&t, err)) return false;
 *	if (t.q && !t.engine->flush(t.q, err) && !sl_tickets_give_up(&t, err)) return false;
 */
#ifndef SL_RUN_TICKETS_H
#define SL_RUN_TICKETS_H

#include "run/stage.h"
#include "store/queue.h"

struct sl_tickets {
	struct sl_run *run;
	const struct sl_queue_engine *engine;
	struct sl_queue *q; /* NULL: the backend has none, or it gave up */
};

/* False: see above. */
SL_NODISCARD bool sl_tickets_open(struct sl_tickets *t, struct sl_err *err);
/* After an error of the queue: warns, clears it, closes the queue. False when it ends the stage. */
SL_NODISCARD bool sl_tickets_give_up(struct sl_tickets *t, struct sl_err *err);
void sl_tickets_close(struct sl_tickets *t);

/* Opens the queue, removes every stream of the run, and closes it: nobody takes them any more. What
 * hinders it is a warning: they go away by themselves, only later. */
void sl_tickets_drop_run(struct sl_run *run);

#endif
