/*
 * Inputs that are read in steps: see collect.h. Everything hangs on the steps' names: they are the
 * same for every attempt of a run, so that whoever comes finds what stands, and reads on behind it.
 */
#include "base/cancel.h"
#include "base/fault.h"
#include "tasks/collect/session.h"

/* --- which input, and from where --- */

/* The run's first entry of this source. *ret_n = 0 when it has none. */
static bool own_entry(struct sl_collect *c, struct sl_log_entry *ret, uint64_t *ret_n,
		      struct sl_err *err)
{
	const struct sl_run *run = c->run;
	const char *source = c->source->name;
	uint64_t *own;
	size_t n;

	*ret_n = 0;
	if (c->tap || !run->run_id) /* a look belongs to no run */
		return true;
	if (!sl_run_entries(&run->home, run->run_id, source, &c->arena, &own, &n, err))
		return false;
	if (n == 0)
		return true;
	*ret_n = own[0];
	return sl_log_read_head(&run->home, source, own[0], &c->arena, ret, err);
}

static const char *interval_name(struct sl_collect *c)
{
	const struct sl_run *run = c->run;
	char from[32], to[32];

	if (!run->has_interval)
		return sl_arena_printf(&c->arena, "run %s", run->run_id ? run->run_id : "");
	sl_time_text(run->interval_start, from);
	sl_time_text(run->interval_end, to);
	return sl_arena_printf(&c->arena, "%s/%s", from, to);
}

/* --again reads the range of the run's entry, all others what lies behind the log. */
static bool find_range(struct sl_collect *c, struct sl_steps *s, const struct sl_log_entry *own,
		       struct sl_err *err)
{
	if (own && own->range != SL_RANGE_INTERVAL) {
		s->repeat = true;
		s->from = own->from;
		s->end = own->to;
	} else if (!(c->tap && c->tap->any) && c->n > 0 &&
		   !sl_log_cursor(&c->run->home, c->source->name, c->n, &c->arena, &s->from, err)) {
		return false;
	}
	s->input = s->from ? sl_arena_printf(&c->arena, "after %s", s->from) : "begin";
	return true;
}

static bool choose_input(struct sl_collect *c, enum sl_steps_kind kind, struct sl_steps *s,
			 struct sl_err *err)
{
	struct sl_log_entry own;
	uint64_t n;

	if (!own_entry(c, &own, &n, err))
		return false;
	s->adopted = n > 0 && !c->run->again;
	switch (kind) {
	case SL_STEPS_INTERVAL:
		s->input = interval_name(c);
		return true;
	case SL_STEPS_CURSOR:
		c->range = SL_RANGE_CURSOR;
		return find_range(c, s, n ? &own : NULL, err);
	}
	return true;
}

/* True when there is nothing to read. */
static bool skip(struct sl_collect *c, const struct sl_steps *s)
{
	if (c->tap)
		return c->tap->skip(c->tap, s->input, false);
	if (!c->run->dry_run)
		return s->adopted;
	printf("%s\t%s\t%s\n", s->adopted ? "known" : "read", c->source->name, s->input);
	return true;
}

/* --- steps that stand --- */

static void name_step(const struct sl_collect *c, struct sl_steps *s)
{
	struct sl_hash h;

	sl_hash_init(&h);
	sl_hash_strz(&h, "sluice step 1");
	sl_hash_strz(&h, c->source->name);
	sl_hash_strz(&h, c->run->run_id);
	sl_hash_strz(&h, s->input);
	sl_hash_u64(&h, s->edition);
	sl_hash_strz(&h, s->asks);
	sl_hash_strz(&h, c->settings);
	sl_hash_u64(&h, s->kept);
	sl_hash_hex(&h, s->id);
}

static void take(struct sl_collect *c, struct sl_steps *s, const struct sl_chunk *chunk)
{
	if (chunk->records)
		sl_pack_add(&c->pack, chunk);
	s->at = chunk->next;
	s->end = chunk->end ? chunk->end : s->end;
	s->partial = chunk->partial;
	s->done = chunk->next == NULL;
	s->kept++;
}

/* Goes over all steps that stand from here on. */
static bool follow(struct sl_collect *c, struct sl_steps *s, struct sl_err *err)
{
	struct sl_chunk chunk;
	bool found = true;

	while (!s->done) {
		name_step(c, s);
		if (!sl_bronze_find(&c->run->home, c->source->name, s->id, &c->arena, &chunk,
				    &found, err))
			return false;
		if (!found)
			return true;
		take(c, s, &chunk);
	}
	return true;
}

/* --- the source's side --- */

bool sl_steps_begin(struct sl_collect *c, enum sl_steps_kind kind, const char *asks,
		    struct sl_steps *s, struct sl_err *err)
{
	const struct sl_edition *e;

	*s = (struct sl_steps){.asks = asks};
	if (!choose_input(c, kind, s, err))
		return false;
	e = sl_inventory_find(&c->inventory, s->input);
	s->known = e != NULL;
	s->edition = e ? e->n : 0;
	if (skip(c, s)) {
		s->done = s->adopted = true;
		return true;
	}
	if (c->tap)
		return true;
	c->file = s->input;
	sl_pack_begin(&c->pack, c->source->name, s->input, c->settings);
	return follow(c, s, err);
}

bool sl_step_begin(struct sl_collect *c, struct sl_steps *s, struct sl_err *err)
{
	if (!sl_cancel_check(err))
		return false;
	SL_FAULT("collect.before_step", err);
	if (c->tap)
		return c->tap->begin(c->tap, s->input, err);
	sl_pack_step(&c->pack, s->id);
	c->files++;
	return true;
}

static bool keep(struct sl_collect *c, struct sl_steps *s, const char *next, struct sl_err *err)
{
	bool kept = false;

	SL_FAULT("collect.before_keep", err);
	if (!sl_pack_step_end(&c->pack, next, s->end, s->partial, s->kept == 0, &kept, err))
		return sl_err_prefix(err, "cannot keep a step of \"%s\"", s->input);
	SL_FAULT("collect.after_keep", err);
	if (kept)
		return follow(c, s, err);
	s->at = next;
	s->done = next == NULL;
	return true;
}

bool sl_step_end(struct sl_collect *c, struct sl_steps *s, const char *next, struct sl_err *err)
{
	const char *own = next ? sl_arena_strdup(&c->arena, next) : NULL;

	if (!c->tap)
		return keep(c, s, own, err);
	s->at = own;
	s->done = own == NULL;
	return c->tap->end(c->tap, err);
}

bool sl_steps_end(struct sl_collect *c, struct sl_steps *s, struct sl_err *err)
{
	(void)err;
	if (c->tap || s->adopted)
		return true;
	c->file = NULL;
	c->complete = c->range == SL_RANGE_INTERVAL && !s->partial;
	if (s->repeat)
		c->range = SL_RANGE_REPEAT;
	c->from = s->from;
	c->to = s->end;
	if (c->pack.n_chunks || s->known)
		sl_collect_push(c, s->input, NULL);
	return true;
}
