/*
 * The steps of a publish. Both marks are taken before the first snapshot, and each snapshot must hold
 * our own: so a greater number means a later state of the table. What changed goes first; everything
 * is compared where that is not enough.
 */
#include <sys/random.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/log.h"
#include "tasks/publish/publish.h"

#define GENERATION_BITS 40
#define TOMBSTONE_DAYS 30
#define NUMBERS 3 /* of one publish: its fence, what changed, what a comparison adds */

/* --- marks --- */

static bool draw_word(int64_t *ret, struct sl_err *err)
{
	return getrandom(ret, sizeof(*ret), 0) == sizeof(*ret) ||
	       sl_err_set(err, SL_ERR_BUG, "the system gives no random bytes");
}

/* Numbers of a generation are greater than all of those before: after a restore and a rescan nobody
 * from before can have a greater one. */
static bool least_number(const struct sl_publish *p, int64_t *ret, struct sl_err *err)
{
	const struct sl_backend *b = &p->run->p->backend;
	sl_cleanup(sl_freep) char *sink = sl_mark_sink(b->store, b->store_conn);
	unsigned g = 0;

	if (!sl_mark_generation(&p->run->home, sink, &g, err))
		return false;
	*ret = (int64_t)g << GENERATION_BITS;
	return g < 1U << (63 - GENERATION_BITS) ||
	       sl_err_set(err, SL_ERR_CONFIG, "generation %u of \"%s\" is too large", g, sink);
}

static bool read_marks(struct sl_publish *p, struct sl_doc_mark *ret_old, bool *ret_agree,
		       struct sl_err *err)
{
	const char *owner =
		sl_arena_printf(&p->run->arena, "%s.%s", p->run->p->name, p->what->name);
	const struct sl_doc_mark *mine = &p->before.mark;
	int64_t least, n;

	if (!least_number(p, &least, err) ||
	    !p->target->begin(p->docs, p->what->collection, owner, ret_old, err) ||
	    !sl_published_read(&p->key, &p->before, err))
		return false;
	n = ret_old->n > mine->n ? ret_old->n : mine->n;
	p->mark.n = (n > least ? n : least) + NUMBERS;
	*ret_agree = ret_old->n == mine->n && ret_old->word == mine->word &&
		     ret_old->finished == mine->finished && mine->n >= least;
	p->trusted = *ret_agree && strcmp(p->before.spec, p->spec) == 0;
	p->unsafe = !*ret_agree || !mine->finished;
	return draw_word(&p->mark.word, err);
}

static bool take_marks(struct sl_publish *p, struct sl_err *err)
{
	struct sl_doc_mark old;
	bool agree = false;

	if (!read_marks(p, &old, &agree, err))
		return false;
	SL_FAULT("publish.before_take", err);
	if (!p->target->take(p->docs, old, p->mark, err))
		return false;
	SL_FAULT("publish.between_marks", err);
	if (!sl_published_take(&p->key, &p->before, p->mark, !agree, err))
		return false;
	SL_FAULT("publish.after_take", err);
	return true;
}

/* --- what changed --- */

static bool take_changed(void *ctx, const struct sl_str *cells, struct sl_err *err)
{
	struct sl_publish *p = ctx;
	struct sl_doc doc = {.cells = cells, .gone = sl_publish_is_gone(p, cells)};

	p->rows += !doc.gone;
	if (p->rows % 1024 == 1)
		sl_progress(&p->progress, "documents=%s rows=%" PRIu64, p->what->name, p->rows);
	sl_publish_hash(p, cells, doc.hash);
	return p->target->write(p->docs, &doc, err);
}

/* *ret_enough: as many documents as rows. What the table lost has no change number, and leaves one
 * too many. */
static bool write_changed(struct sl_publish *p, bool *ret_enough, struct sl_err *err)
{
	uint64_t rows = 0, documents = 0;

	if (!sl_publish_read(p, sl_publish_changed_sql(p), &rows, take_changed, p, err) ||
	    !p->target->flush(p->docs, err) || !p->target->count(p->docs, &documents, err))
		return false;
	*ret_enough = documents == rows;
	return true;
}

/* --- everything --- */

/* After a restore, or behind a publish that has not ended: nobody older may change a document any
 * more, or it would be behind our back. */
static bool fence(struct sl_publish *p, struct sl_err *err)
{
	if (!p->unsafe)
		return true;
	sl_log(SL_DEBUG, "older publishes are shut out", "documents=%s number=%" PRId64,
	       p->what->name, p->mark.n);
	return p->target->fence(p->docs, err);
}

static bool write_all(struct sl_publish *p, struct sl_err *err)
{
	bool enough = false;

	if (p->target->whole)
		return sl_publish_compare(p, err);
	if (!fence(p, err))
		return false;
	SL_FAULT("publish.after_fence", err);
	if (p->what->has_change && p->trusted && !p->full) {
		if (!write_changed(p, &enough, err) || enough)
			return enough;
		sl_log(SL_DEBUG, "not as many documents as rows: all are compared", "documents=%s",
		       p->what->name);
		p->target->rise(p->docs);
	}
	return sl_publish_compare(p, err);
}

/* --- the end --- */

/* What was rejected is not carried over: the next publish looks at all of it again. */
static bool finish(struct sl_publish *p, struct sl_err *err)
{
	const bool whole = p->rejected == 0 && p->target->counts(p->docs)->rejected == 0;
	bool newest = false;

	SL_FAULT("publish.before_finish", err);
	if (!p->target->finish(p->docs, &newest, err))
		return false;
	SL_FAULT("publish.between_ends", err);
	if (p->target->whole)
		return true;
	if (!newest)
		return sl_publish_begun(p, err);
	if (!sl_published_finish(&p->key, p->mark, whole ? p->spec : p->before.spec,
				 whole ? p->change : p->before.change, err))
		return false;
	SL_FAULT("publish.after_finish", err);
	return true;
}

/* Whoever leaves tombstones takes old ones away, so that they do not become ever more. One that has
 * slept for so long may bring a document back; the next publish finds it by counting. */
static bool forget(struct sl_publish *p, struct sl_err *err)
{
	uint64_t n = 0;

	if (p->target->whole || p->target->counts(p->docs)->removed == 0)
		return true;
	SL_FAULT("publish.before_forget", err);
	if (!p->target->forget(p->docs, sl_clock_now() - TOMBSTONE_DAYS * SL_DAY, &n, err))
		return false;
	if (n)
		sl_log(SL_INFO, "old tombstones are removed", "documents=%s n=%" PRIu64,
		       p->what->name, n);
	return true;
}

/* unchanged: what was looked at and needed nothing. */
static void tell(struct sl_publish *p, bool whole)
{
	const struct sl_doc_counts *c = p->target->counts(p->docs);
	struct sl_result *r = &p->run->result;
	const uint64_t rejected = c->rejected + p->rejected;
	const uint64_t others = c->inserted + c->updated + c->stale + rejected;

	r->n_in += p->rows;
	r->kept += p->rows > rejected ? p->rows - rejected : 0;
	r->rejected += rejected;
	r->inserted += c->inserted;
	r->updated += c->updated;
	r->removed += c->removed;
	r->stale += c->stale;
	r->unchanged += p->rows > others ? p->rows - others : 0;
	r->written += c->inserted + c->updated + c->removed;
	if (c->rejected && !p->rejected)
		p->first = c->first;
	p->rejected = rejected;
	sl_log(SL_INFO, whole ? "published" : "given up, so far",
	       "documents=%s inserted=%" PRIu64 " updated=%" PRIu64 " removed=%" PRIu64
	       " stale=%" PRIu64 " rejected=%" PRIu64,
	       p->what->name, c->inserted, c->updated, c->removed, c->stale, rejected);
}

static bool carry_over(struct sl_publish *p, struct sl_err *err)
{
	struct sl_doc_mark ignored;
	const char *collection = p->what->collection;

	return (p->target->whole ? p->target->begin(p->docs, collection, "", &ignored, err)
				 : take_marks(p, err)) &&
	       p->target->layout(p->docs, &p->layout, p->what->index, p->what->indexes.n, err) &&
	       write_all(p, err) && finish(p, err) && forget(p, err);
}

bool sl_publish(struct sl_publish *p, struct sl_err *err)
{
	if (!sl_publish_layout(p, err))
		return false;
	const bool ok = carry_over(p, err);

	tell(p, ok);
	return ok;
}
