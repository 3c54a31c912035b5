/*
 * sluice-publish: rows of tables and models into documents, in MongoDB or in files. A document is
 * replaced only by a later state of its row; running it again writes nothing.
 */
#include <stdio.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "run/lock.h"
#include "run/stage.h"
#include "store/sink.h"
#include "tasks/publish/publish.h"

#define WAIT (30 * SL_SECOND) /* for the documents' server */

struct params {
	bool full, report;
};

static const struct sl_field fields[] = {
	SL_F_BOOL(struct params, full, SL_F_FLAG, "false",
		  "compare every row with every document, not only what changed"),
	SL_F_BOOL(struct params, report, SL_F_FLAG, "false",
		  "also do what sluice-report does, while the store is open"),
	SL_F_END,
};

/* "mongo.documents/annonces": whose documents the database remembers. */
static const char *target_name(struct sl_run *run, const struct sl_documents *d)
{
	const struct sl_backend *b = &run->p->backend;

	return sl_arena_printf(&run->arena, "%s%s%s/%s", b->documents, b->documents_conn ? "." : "",
			       b->documents_conn ? b->documents_conn : "", d->collection);
}

static bool open_target(struct sl_publish *p, struct sl_err *err)
{
	struct sl_run *run = p->run;
	const char *name = sl_arena_printf(&run->arena, "sluice-publish %s", run->p->name);

	return sl_docs_open(run->p, &run->home, name, WAIT, &p->target, &p->docs, err);
}

/* A server is read over a connection of its own; a file has only one. */
static bool open_reader(struct sl_publish *p, struct sl_err *err)
{
	const struct sl_engine *engine = NULL;

	p->reader = p->db;
	return !p->engine->shared || sl_store_connect(p->run->p, &p->run->home, true,
						      sl_store_wait(), &engine, &p->reader, err);
}

static void close_all(struct sl_publish *p)
{
	if (p->docs)
		p->target->close(p->docs);
	if (p->reader && p->reader != p->db)
		p->engine->close(p->reader);
}

static bool publish_one(struct sl_run *run, struct sl_sink *sink, const struct sl_documents *d,
			bool full, struct sl_err *ret_first, struct sl_err *err)
{
	sl_cleanup(close_all) struct sl_publish p = {
		.run = run,
		.what = d,
		.engine = sl_sink_engine(sink),
		.db = sl_sink_db(sink),
		.progress = sl_progress_begin("publishing"),
		.full = full,
		.first = SL_ERR_INIT,
	};

	p.key = (struct sl_published_key){p.engine, p.db, run->p->name, d->name,
					  target_name(run, d)};
	if (!open_target(&p, err) || !open_reader(&p, err) || !sl_publish(&p, err))
		return false;
	sl_progress_end(&p.progress);
	run->result.entries++;
	if (p.rejected && ret_first->kind == SL_ERR_NONE) {
		*ret_first = p.first;
		sl_err_prefix(ret_first, "%" PRIu64 " of documents \"%s\" %s rejected: the first",
			      p.rejected, d->name, p.rejected == 1 ? "was" : "were");
	}
	return true;
}

/* What cannot be a document is told when everything else is published. */
static bool publish_all(struct sl_run *run, struct sl_sink *sink, bool full, struct sl_err *err)
{
	struct sl_err first = SL_ERR_INIT;

	for (size_t i = 0; i < run->p->n_documents; i++)
		if (!sl_cancel_check(err) ||
		    !publish_one(run, sink, &run->p->documents[i], full, &first, err))
			return false;
	if (first.kind == SL_ERR_NONE)
		return true;
	*err = first;
	return false;
}

static bool run_publish(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;
	struct sl_sink *sink = NULL;

	if (run->p->n_documents == 0)
		run->result.note = "the pipeline has no documents";
	if (run->p->n_documents == 0 || run->dry_run)
		return true;
	if (!sl_store_lock(run, err) || !sl_sink_open_rebuild(run->p, &run->home, &sink, err))
		return false;
	if (!sink) {
		run->result.note = "nothing is stored yet";
		return true;
	}
	if (!publish_all(run, sink, p->full, err)) {
		sl_sink_close(sink);
		return false;
	}
	run->engine = sl_sink_engine(sink);
	run->db = sl_sink_detach(sink);
	if (!p->report) {
		run->engine->close(run->db);
		run->engine = NULL;
		run->db = NULL;
	}
	return true;
}

static const struct sl_stage stage = {
	.name = "publish",
	.summary = "publishes rows of tables and models as documents: MongoDB, or files",
	.usage = "--pipeline NAME|FILE [--run-id ID] [--full] [OPTION]…",
	.description =
		"For each entry of the section documents: what changed since the last publish is "
		"written,\n"
		"what the table no longer has becomes a tombstone. A document is replaced only by "
		"a later\n"
		"state of its row, however many publishes run, are killed or wake up late. After "
		"a\n"
		"restore of the database or of the collection everything is compared by itself;\n"
		"--full does so at any time.\n",
	.examples = "sluice publish imo\n"
		    "sluice publish imo --backend servers --full\n",
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_HOME | SL_NEEDS_RUN | SL_NEEDS_STORE,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_publish,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
