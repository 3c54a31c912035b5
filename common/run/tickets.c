/* The backend's queue as a stage sees it: see tickets.h. */
#include "run/tickets.h"

#include "base/clock.h"
#include "base/log.h"

#define WAIT (2 * SL_SECOND) /* for each answer; a stop must be answered within three */

static void warn(const struct sl_err *err)
{
	sl_log(SL_WARNING, "no help from the queue, going on from bronze", "reason=\"%s%s%s\"",
	       err->msg, err->hint[0] ? "; " : "", err->hint);
}

static bool ends_opening(enum sl_err_kind kind)
{
	return kind != SL_ERR_UNAVAILABLE;
}

bool sl_tickets_open(struct sl_tickets *t, struct sl_err *err)
{
	const struct sl_backend *b = &t->run->p->backend;
	struct sl_conn conn;
	const struct sl_queue_conf conf = {
		.conn = &conn, .wait_us = WAIT, .ttl_us = b->queue_settings.ttl};

	t->q = NULL;
	if (!b->queue)
		return true;
	if (!sl_queue_get(b->queue, &t->engine, err) ||
	    !sl_conn_get(b->queue_conn, &t->run->arena, &conn, err))
		return false;
	if (t->engine->open(&conf, &t->q, err))
		return true;
	t->q = NULL;
	if (ends_opening(err->kind))
		return false;
	warn(err);
	sl_err_clear(err);
	return true;
}

bool sl_tickets_give_up(struct sl_tickets *t, struct sl_err *err)
{
	sl_tickets_close(t);
	if (err->kind == SL_ERR_AUTH || err->kind == SL_ERR_CANCELLED)
		return false;
	warn(err);
	sl_err_clear(err);
	return true;
}

void sl_tickets_close(struct sl_tickets *t)
{
	if (t->q)
		t->engine->close(t->q);
	t->q = NULL;
}

static bool drop_streams(struct sl_tickets *t, struct sl_err *err)
{
	struct sl_run *run = t->run;
	const char *const *streams;
	size_t n;

	if (!sl_queue_streams(run->p, &run->home, run->run_id, NULL, &run->arena, &streams, &n,
			      err))
		return false;
	if (n == 0)
		return true;
	return sl_tickets_open(t, err) && (!t->q || t->engine->drop(t->q, streams, n, err));
}

void sl_tickets_drop_run(struct sl_run *run)
{
	sl_cleanup(sl_tickets_close) struct sl_tickets t = {.run = run};
	struct sl_err err = SL_ERR_INIT;

	if (run->p->backend.queue && !drop_streams(&t, &err))
		sl_log(SL_WARNING, "the run's tickets stay in the queue until their time is over",
		       "reason=\"%s\"", err.msg);
}
