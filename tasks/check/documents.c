/*
 * The checks of where documents go: the server answers, lets us in, is new enough, and the user may
 * write to every collection. Files need no more than HOME.
 */
#include "store/documents.h"
#include "base/cancel.h"
#include "tasks/check/check.h"

#define WAIT (3 * SL_SECOND)

static const char *subject_of(struct sl_check *c)
{
	const struct sl_backend *b = &c->run->p->backend;

	return sl_arena_printf(&c->run->arena, "documents %s, %s", b->documents, b->documents_conn);
}

static bool ask_all(const struct sl_check *c, const struct sl_docs_engine *engine,
		    struct sl_docs *docs, struct sl_buf *found, struct sl_err *err)
{
	const struct sl_pipeline *p = c->run->p;

	for (size_t i = 0; i < p->n_documents; i++) {
		sl_buf_clear(found);
		if (!engine->check(docs, p->documents[i].collection, found, err))
			return false;
	}
	sl_buf_addf(found, "; %zu %s can be written", p->n_documents,
		    p->n_documents == 1 ? "collection" : "collections");
	return true;
}

bool sl_check_documents(struct sl_check *c, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf found = SL_BUF_INIT;
	const struct sl_pipeline *p = c->run->p;
	const struct sl_docs_engine *engine = NULL;
	struct sl_docs *docs = NULL;
	struct sl_err why = SL_ERR_INIT;

	if (p->n_documents == 0 || !p->backend.documents_conn)
		return true;
	if (sl_docs_open(p, &c->run->home, "sluice-check", WAIT, &engine, &docs, &why) &&
	    ask_all(c, engine, docs, &found, &why)) {
		sl_check_ok(c, subject_of(c), sl_buf_z(&found));
	} else {
		sl_check_blame(&why, c->run->p->backend.documents_conn);
		sl_check_fail(c, subject_of(c), &why);
	}
	if (docs)
		engine->close(docs);
	return sl_cancel_check(err);
}
