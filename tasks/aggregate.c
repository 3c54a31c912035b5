/*
 * sluice-aggregate: silver into gold. Executes the pipeline's models in order where the data lies,
 * in one transaction, so that readers see all of the old ones or all of the new ones.
 */
#include <stdio.h>

#include "base/log.h"
#include "run/lock.h"
#include "run/stage.h"
#include "store/models.h"
#include "store/sink.h"

static bool attempt(const struct sl_models *m, bool drop_views, struct sl_err *err)
{
	if (m->engine->begin(m->db, err) && m->engine->lock(m->db, m->p->name, err) &&
	    sl_models_make(m, drop_views, err) && m->engine->commit(m->db, err))
		return true;
	m->engine->rollback(m->db);
	return false;
}

static bool make_all(const struct sl_models *m, struct sl_err *err)
{
	struct sl_err first = SL_ERR_INIT;
	const bool drop_views = sl_models_views_follow(m->p);

	if (attempt(m, drop_views, &first))
		return true;
	if (drop_views || first.kind != SL_ERR_CONFIG) {
		*err = first;
		return false;
	}
	sl_log(SL_DEBUG, "making the models again with their views dropped first", "reason=\"%s\"",
	       first.msg);
	return attempt(m, true, err);
}

/* Before the first store there is nothing to aggregate, and that is no failure. */
static bool has_table(const struct sl_models *m, bool *ret, struct sl_err *err)
{
	enum sl_relation kind;

	if (!sl_models_kind(m, m->p->store.table, &kind, err))
		return false;
	*ret = kind != SL_RELATION_NONE;
	return true;
}

static bool aggregate(struct sl_run *run, const struct sl_models *m, struct sl_err *err)
{
	bool there = false;

	if (!has_table(m, &there, err))
		return false;
	if (!there) {
		sl_log(SL_INFO, "nothing is stored yet, so no model is made", "table=%s",
		       run->p->store.table);
		run->result.note = "nothing is stored yet";
		return true;
	}
	if (!make_all(m, err))
		return false;
	run->result.written = run->p->n_models;
	return true;
}

struct params {
	bool report;
};

static const struct sl_field fields[] = {
	SL_F_BOOL(struct params, report, SL_F_FLAG, "false",
		  "also do what sluice-report does, while the store is open"),
	SL_F_END,
};

static bool run_aggregate(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;
	struct sl_models m = {.p = run->p, .arena = &run->arena};

	if (!sl_models_read(&m, err))
		return false;
	if (run->p->n_models == 0 || run->dry_run)
		return true;
	if (!sl_store_lock(run, err) ||
	    !sl_store_connect(run->p, &run->home, false, sl_store_wait(), &m.engine, &m.db, err))
		return false;

	const bool ok = aggregate(run, &m, err);

	/* Nothing made: there may be no state to record executions in. */
	if (!ok || !p->report || run->result.written == 0) {
		m.engine->close(m.db);
		return ok;
	}
	run->engine = m.engine;
	run->db = m.db;
	return true;
}

static const struct sl_stage stage = {
	.name = "aggregate",
	.summary = "makes a pipeline's models (views and tables in SQL) from what is stored",
	.usage = "--pipeline NAME|FILE [--run-id ID] [OPTION]…",
	.description =
		"Executes models/*.sql in the order of the pipeline file, in one transaction: "
		"readers see\nall of the old models or all of the new ones. A model is one "
		"SELECT; as: view or table\nsays what becomes of it. Running it again gives the "
		"same.\n",
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_HOME | SL_NEEDS_RUN | SL_NEEDS_STORE,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_aggregate,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
