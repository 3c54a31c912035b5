/*
 * Models into relations, all in one transaction that the caller begins and ends. How an existing
 * relation makes way: a view is replaced in place; a table is made beside the old one and renamed.
 * An engine that refuses (changed columns of a view, a view over a table that goes) is asked again
 * with every model's view dropped first.
 */
#ifndef SL_STORE_MODELS_H
#define SL_STORE_MODELS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/pipeline.h"
#include "store/engine.h"

struct sl_models {
	const struct sl_pipeline *p;
	struct sl_arena *arena;
	const struct sl_engine *engine;
	struct sl_db *db;
	const char **sql; /* per model: its one SELECT */
};

/* Reads and checks every model's file. SL_ERR_CONFIG naming the file. */
SL_NODISCARD bool sl_models_read(struct sl_models *m, struct sl_err *err);

/* What "schema.name" or "name" is. */
SL_NODISCARD bool sl_models_kind(const struct sl_models *m, const char *relation,
				 enum sl_relation *ret, struct sl_err *err);

/* A view comes behind a table: the table cannot be made anew while the view stands over it. */
bool sl_models_views_follow(const struct sl_pipeline *p);

/* Takes away those that are views, the last one first. */
SL_NODISCARD bool sl_models_drop_views(const struct sl_models *m, struct sl_err *err);

/* Makes them in order. drop_views: all views of models go first, the last one first. Errors of the
 * SQL are SL_ERR_CONFIG and name the file. */
SL_NODISCARD bool sl_models_make(const struct sl_models *m, bool drop_views, struct sl_err *err);

#endif
