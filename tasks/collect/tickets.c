/*
 * Tickets pushed: see tickets.h. Small parts ride along as they stand in bronze, until the run's
 * budget is used up; the rest are named only.
 */
#include "tasks/collect/tickets.h"

#include "base/cancel.h"
#include "base/fault.h"
#include "base/log.h"
#include "run/tickets.h"
#include "store/bronze.h"
#include "store/share.h"
#include "store/ticket.h"

struct telling {
	struct sl_run *run;
	struct sl_tickets tickets;
	char key[SL_HASH_HEX]; /* HOME's */
	const char *stream;
	struct sl_kept *kept;
	const struct sl_chunk *chunk;	 /* at hand, while its parts may be carried */
	struct sl_bronze_reader *reader; /* NULL: it was kept */
	struct sl_str held;		 /* its frames then, from the next part on */
	struct sl_buf frames, body;
	uint64_t left; /* of the budget, bytes */
	uint64_t parts, carried;
};

static void release(struct telling *t)
{
	sl_tickets_close(&t->tickets);
	sl_bronze_close(t->reader);
	sl_buf_release(&t->frames);
	sl_buf_release(&t->body);
}

static bool may_ride(const struct telling *t, const struct sl_chunk *c, const struct sl_part *p)
{
	const uint64_t most = t->run->p->backend.queue_settings.part;

	return !p->oversize && p->frames <= most && p->frames <= SL_TICKET_FRAMES &&
	       strlen(c->input) <= SL_TICKET_INPUT && c->header.n <= SL_TICKET_HEADER &&
	       p->frames + c->header.n <= t->left;
}

/* The part's frames as they stand in bronze. */
static bool read_frames(struct telling *t, uint32_t part, struct sl_str *ret, struct sl_err *err)
{
	if (!t->reader) {
		*ret = sl_str_sub(t->held, 0, t->chunk->parts[part].frames);
		return true;
	}
	sl_buf_clear(&t->frames);
	if (!sl_bronze_frames(t->reader, part, &t->frames, err))
		return false;
	*ret = sl_buf_str(&t->frames);
	return true;
}

/* Fills in what rides along, when it may. Parts come in their order. */
static bool load(struct telling *t, struct sl_ticket *ticket, struct sl_err *err)
{
	const struct sl_chunk *c = t->chunk;
	const struct sl_part *p = ticket->part < c->n_parts ? &c->parts[ticket->part] : NULL;
	struct sl_str frames;

	if (!p)
		return true;
	if (may_ride(t, c, p)) {
		if (!read_frames(t, ticket->part, &frames, err))
			return false;
		ticket->offset = p->offset;
		ticket->bytes = p->bytes;
		ticket->last = p->last;
		ticket->input = sl_str_of(c->input);
		ticket->header = c->header;
		ticket->frames = frames;
		t->left -= p->frames + c->header.n;
		t->carried++;
	}
	t->held = sl_str_sub(t->held, p->frames, t->held.n);
	return true;
}

static bool push_part(struct telling *t, const struct sl_shared *s, uint32_t part,
		      struct sl_err *err)
{
	struct sl_ticket ticket = {
		.source = sl_str_of(s->source->name),
		.entry = s->entry,
		.rev = sl_str_of(t->run->p->rev),
		.place = s->place,
		.chunk_place = s->chunk_place,
		.chunk = sl_str_of(s->chunk->id),
		.part = part,
	};

	if (!sl_cancel_check(err) || (t->chunk && !load(t, &ticket, err)))
		return false;
	SL_FAULT("collect.while_telling", err);
	sl_buf_clear(&t->body);
	sl_ticket_put(&ticket, t->key, &t->body);
	t->parts++;
	return t->tickets.engine->push(t->tickets.q, t->stream, sl_buf_str(&t->body), err);
}

/* Nothing is at hand when nothing can ride. */
static bool open_chunk(struct telling *t, const struct sl_shared *s, struct sl_err *err)
{
	sl_bronze_close(t->reader);
	t->reader = NULL;
	t->held = SL_STR_NULL;
	t->chunk = t->left > 0 ? sl_kept_find(t->kept, s->chunk->id, &t->held) : NULL;
	if (t->chunk || t->left == 0)
		return true;
	if (!sl_bronze_open(&t->run->home, s->source->name, s->chunk->id, &t->reader, err))
		return false;
	t->chunk = sl_bronze_chunk(t->reader);
	return true;
}

static bool push_chunk(struct telling *t, const struct sl_shared *s, struct sl_err *err)
{
	if (!open_chunk(t, s, err))
		return false;
	for (uint32_t k = 0; k < s->chunk->parts; k++)
		if (!push_part(t, s, k, err))
			return false;
	return true;
}

/* One stream after the other, so that each gets its time to live once. */
static bool push_stream(struct telling *t, const struct sl_share *share,
			const struct sl_source *source, uint32_t k, uint32_t n, struct sl_err *err)
{
	t->stream =
		sl_queue_stream(t->run->p, t->run->run_id, source->name, k + 1, n, &t->run->arena);
	for (size_t i = 0; i < share->n; i++) {
		const struct sl_shared *s = &share->v[i];

		if (s->source != source || s->owner != k || !s->wanted)
			continue;
		if (!push_chunk(t, s, err))
			return false;
	}
	return true;
}

static bool push_all(struct telling *t, const struct sl_share *share, uint32_t n,
		     struct sl_err *err)
{
	const struct sl_pipeline *p = t->run->p;
	const char *const *old;
	size_t n_old;

	if (!sl_queue_streams(p, &t->run->home, t->run->run_id, t->run->source, &t->run->arena,
			      &old, &n_old, err) ||
	    !t->tickets.engine->drop(t->tickets.q, old, n_old, err))
		return false;
	for (size_t i = 0; i < p->n_sources; i++)
		for (uint32_t k = 0; k < n; k++)
			if (!push_stream(t, share, &p->sources[i], k, n, err))
				return false;
	return t->tickets.engine->flush(t->tickets.q, err);
}

bool sl_collect_tell(struct sl_run *run, uint32_t n, struct sl_kept *kept, struct sl_err *err)
{
	sl_cleanup(release) struct telling t = {
		.run = run,
		.tickets = {.run = run},
		.kept = kept,
		.left = run->p->backend.queue_settings.budget,
	};
	struct sl_share share;

	if (!run->p->backend.queue)
		return true;
	if (!sl_share_read(run->p, &run->home, run->run_id, run->source, n, &run->arena, &share,
			   err) ||
	    !sl_tickets_open(&t.tickets, err))
		return false;
	if (!t.tickets.q)
		return true;
	if (!sl_home_key(&run->home, t.key, err))
		return false;
	if (!push_all(&t, &share, n, err))
		return sl_tickets_give_up(&t.tickets, err);
	sl_log(SL_INFO, "told the queue", "tickets=%" PRIu64 " with_bytes=%" PRIu64 " kib=%" PRIu64,
	       t.parts, t.carried, (run->p->backend.queue_settings.budget - t.left) >> 10);
	return true;
}
