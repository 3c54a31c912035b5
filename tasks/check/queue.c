/*
 * The check of the queue: does it answer, let us in, and allow what collect and normalize do? A
 * ticket is pushed, taken and removed in a stream of its own.
 */
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/queue.h"
#include "tasks/check/check.h"

#define WAIT (3 * SL_SECOND)

static bool probe(struct sl_check *c, struct sl_buf *found, struct sl_err *err)
{
	struct sl_run *run = c->run;
	const struct sl_backend *b = &run->p->backend;
	const char *name = sl_arena_printf(&run->arena, "sluice-check-%ld", (long)getpid());
	const struct sl_queue_engine *engine;
	struct sl_queue *q = NULL;
	struct sl_conn conn;
	const struct sl_queue_conf conf = {.conn = &conn, .wait_us = WAIT, .ttl_us = WAIT};

	if (!sl_queue_get(b->queue, &engine, err) ||
	    !sl_conn_get(b->queue_conn, &run->arena, &conn, err) || !engine->open(&conf, &q, err))
		return false;
	const bool ok = engine->probe(
		q, sl_queue_stream(run->p, name, run->p->sources[0].name, 1, 1, &run->arena), found,
		err);

	engine->close(q);
	return ok;
}

bool sl_check_queue(struct sl_check *c, struct sl_err *err)
{
	const struct sl_backend *b = &c->run->p->backend;
	sl_cleanup(sl_buf_release) struct sl_buf found = SL_BUF_INIT;
	struct sl_err why = SL_ERR_INIT;

	if (!b->queue)
		return true;

	const char *subject =
		sl_arena_printf(&c->run->arena, "queue %s, %s", b->queue, b->queue_conn);

	if (probe(c, &found, &why)) {
		sl_check_ok(c, subject, sl_buf_z(&found));
	} else {
		if (!why.hint[0] && why.kind == SL_ERR_AUTH)
			sl_err_hint(&why, "give the user the rights of docs/queue.md");
		sl_check_blame(&why, b->queue_conn);
		sl_check_fail(c, subject, &why);
	}
	return sl_cancel_check(err);
}
