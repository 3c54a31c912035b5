/*
 * Tickets taken: see tickets.h. The list of work stays the authority: a ticket that is damaged, of
 * other rules or of nothing in the list is passed over and removed, and so is one that brings no
 * bytes, since it tells nothing that the list does not.
 */
#include "tasks/normalize/tickets.h"

#include "base/cancel.h"
#include "base/fault.h"
#include "base/log.h"
#include "run/tickets.h"

#define AT_ONCE 8 /* tickets held in memory, of at most a part each */

struct taking {
	struct sl_run *run;
	struct sl_tickets tickets;
	char key[SL_HASH_HEX]; /* HOME's */
	const struct sl_work *work;
	sl_ticket_fn make;
	void *ctx;
	uint64_t taken, carried, foreign;
	uint64_t most; /* to take: beyond it somebody plays with us */
};

static void release(struct taking *t)
{
	sl_tickets_close(&t->tickets);
}

static int by_chunk(const void *key, const void *item)
{
	const struct sl_ticket *t = key;

	return sl_str_cmp(t->chunk, sl_str_of(((const struct sl_work_item *)item)->chunk));
}

/* The item whose part the ticket is; NULL: none. */
static const struct sl_work_item *find_item(const struct taking *t, const struct sl_ticket *ticket)
{
	const struct sl_work_item *item =
		t->work->n ? bsearch(ticket, t->work->v, t->work->n, sizeof(*t->work->v), by_chunk)
			   : NULL;

	if (!item || ticket->part < item->first || ticket->part - item->first >= item->n ||
	    !sl_str_eqz(ticket->source, item->source->name))
		return NULL;
	return item;
}

static bool use(struct taking *t, struct sl_str body, struct sl_err *err)
{
	struct sl_ticket ticket;
	const struct sl_work_item *item = NULL;

	t->taken++;
	if (body.p && sl_ticket_get(body, t->key, &ticket) &&
	    sl_str_eqz(ticket.rev, t->run->p->rev))
		item = find_item(t, &ticket);
	t->foreign += item == NULL;
	if (!item || !ticket.frames.p)
		return true;
	t->carried++;
	return t->make(t->ctx, (size_t)(item - t->work->v), &ticket, err);
}

/* *ret_queue: the error is the queue's. */
static bool take_some(struct taking *t, const char *stream, size_t *ret_n, bool *ret_queue,
		      struct sl_err *err)
{
	const struct sl_queue_engine *engine = t->tickets.engine;
	const struct sl_queue_item *items;

	*ret_queue = true;
	if (!engine->take(t->tickets.q, stream, AT_ONCE, &items, ret_n, err))
		return false;
	*ret_queue = false;
	SL_FAULT("normalize.after_take", err);
	for (size_t i = 0; i < *ret_n; i++) {
		*ret_queue = false;
		if (!use(t, items[i].body, err))
			return false;
		SL_FAULT("normalize.before_ack", err);
		*ret_queue = true;
		if (!engine->done(t->tickets.q, stream, items[i].receipt, err))
			return false;
	}
	return true;
}

static bool take_stream(struct taking *t, const char *stream, struct sl_err *err)
{
	size_t n = 1;
	bool queue = false;

	while (n > 0 && t->taken < t->most) {
		if (!take_some(t, stream, &n, &queue, err))
			return queue && sl_tickets_give_up(&t->tickets, err);
	}
	return t->tickets.engine->drop(t->tickets.q, &stream, 1, err) ||
	       sl_tickets_give_up(&t->tickets, err);
}

static bool take_all(struct taking *t, struct sl_err *err)
{
	struct sl_run *run = t->run;

	for (size_t i = 0; t->tickets.q && i < run->p->n_sources; i++) {
		const char *source = run->p->sources[i].name;

		if (run->source && strcmp(run->source, source) != 0)
			continue;
		if (!take_stream(t,
				 sl_queue_stream(run->p, run->run_id, source, run->part_k,
						 run->part_n, &run->arena),
				 err))
			return false;
	}
	return true;
}

bool sl_normalize_take(struct sl_run *run, const struct sl_work *work, sl_ticket_fn make, void *ctx,
		       struct sl_err *err)
{
	sl_cleanup(release) struct taking t = {
		.run = run,
		.tickets = {.run = run},
		.work = work,
		.make = make,
		.ctx = ctx,
		.most = 1000,
	};

	if (work->n == 0 || !run->p->backend.queue)
		return true;
	for (size_t i = 0; i < work->n; i++)
		t.most += UINT64_C(4) * work->v[i].n;
	if (!sl_tickets_open(&t.tickets, err))
		return false;
	if (!t.tickets.q)
		return true;
	if (!sl_home_key(&run->home, t.key, err))
		return false;
	if (!take_all(&t, err))
		return false;
	sl_log(SL_INFO, "took tickets",
	       "tickets=%" PRIu64 " with_bytes=%" PRIu64 " foreign=%" PRIu64, t.taken, t.carried,
	       t.foreign);
	return true;
}
