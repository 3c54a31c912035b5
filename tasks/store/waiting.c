/*
 * What was said before is kept beside the marks (sl_mark_told), with the rules that said it.
 */
#include "tasks/store/waiting.h"

#include <inttypes.h>

#include "base/log.h"

#define NAMES_SHOWN 400 /* bytes of their names in the result */

static void add_name(struct sl_waiting *w, const struct sl_log_entry *e)
{
	w->run->result.pending++;
	if (w->names.n < NAMES_SHOWN)
		sl_buf_addf(&w->names, "%s%s/%" PRIu64, w->names.n ? ", " : "pending: ", e->source,
			    e->n);
}

static bool was_told(const struct sl_waiting *w, const struct sl_log_entry *e, const char *what)
{
	return sl_mark_was_told(&w->run->home, w->sink, e->source, e->n, what);
}

static enum sl_level tell(const struct sl_waiting *w, const struct sl_log_entry *e, bool own,
			  const char *what)
{
	return sl_mark_told(&w->run->home, w->sink, e->source, e->n, what) && !own ? SL_INFO
										   : SL_WARNING;
}

/* --- refused --- */

static const char *refused(const struct sl_waiting *w, const struct sl_counts *c)
{
	return sl_arena_printf(&w->run->arena, "refused %s %" PRIu64 "/%" PRIu64, w->run->p->rev,
			       c->bad, c->n_in);
}

static void keep_first(struct sl_err *r, const struct sl_log_entry *e, const struct sl_counts *c)
{
	if (r->kind != SL_ERR_NONE)
		return;
	sl_err_set(r, SL_ERR_DATA,
		   "entry %" PRIu64 " of source \"%s\" has %" PRIu64 " rejected of %" PRIu64
		   " records, more than rejects.limit allows; nothing of it was stored",
		   e->n, e->source, c->bad, c->n_in);
	sl_err_hint(r, "see the rejects (sluice rejects), mend the data or the rules, or raise "
		       "rejects.limit, then run again");
}

void sl_waiting_refused(struct sl_waiting *w, const struct sl_log_entry *e, bool own,
			const struct sl_counts *c)
{
	if (own)
		w->own_refused = true;
	else
		w->other_refused = true;
	add_name(w, e);
	sl_log(tell(w, e, own, refused(w, c)), "entry refused, the table stays as it was",
	       "source=%s entry=%" PRIu64 " run=%s rejected=%" PRIu64 " in=%" PRIu64, e->source,
	       e->n, e->run, c->bad, c->n_in);
	keep_first(&w->refusal, e, c);
}

bool sl_waiting_was_refused(const struct sl_waiting *w, const struct sl_log_entry *e,
			    const struct sl_counts *c)
{
	return was_told(w, e, refused(w, c));
}

/* --- unreadable --- */

static const char *unreadable(const struct sl_waiting *w)
{
	return sl_arena_printf(&w->run->arena, "unreadable %s", w->run->p->rev);
}

void sl_waiting_unreadable(struct sl_waiting *w, const struct sl_log_entry *e)
{
	add_name(w, e);
	sl_log(tell(w, e, false, unreadable(w)),
	       "entry stays pending: some parts cannot be normalized now",
	       "source=%s entry=%" PRIu64 " run=%s", e->source, e->n, e->run);
}

bool sl_waiting_was_unreadable(const struct sl_waiting *w, const struct sl_log_entry *e)
{
	return was_told(w, e, unreadable(w));
}
