/*
 * Checks, one line each: what was looked at, and what is wrong with the cure. The first that fails
 * decides the exit code.
 */
#ifndef SL_CHECK_CHECK_H
#define SL_CHECK_CHECK_H

#include "base/buf.h"
#include "base/err.h"
#include "run/stage.h"

struct sl_check {
	struct sl_run *run;
	struct sl_buf out;
	size_t ok, failed, skipped;
	struct sl_err first; /* of the first that failed */
};

/* One line. subject: "source drop"; text: what was found. */
void sl_check_ok(struct sl_check *c, const char *subject, const char *text);
/* why: not asked because something before it is missing. */
void sl_check_skip(struct sl_check *c, const char *subject, const char *why);
/* err's hint is the cure; without one its kind's meaning. */
void sl_check_fail(struct sl_check *c, const char *subject, const struct sl_err *err);
/* A hint for an error without one: what to look at in connection id. */
void sl_check_blame(struct sl_err *err, const char *id);

/* home and bronze can be written to; each source lists its inputs; the queue takes tickets; the
 * store answers and its table fits; the documents' server does, and its collections can be written;
 * the models and queries are statements that the engine understands. False only for a stop. */
SL_NODISCARD bool sl_check_home(struct sl_check *c, struct sl_err *err);
SL_NODISCARD bool sl_check_bronze(struct sl_check *c, struct sl_err *err);
SL_NODISCARD bool sl_check_sources(struct sl_check *c, struct sl_err *err);
SL_NODISCARD bool sl_check_queue(struct sl_check *c, struct sl_err *err);
SL_NODISCARD bool sl_check_store(struct sl_check *c, struct sl_err *err);
SL_NODISCARD bool sl_check_documents(struct sl_check *c, struct sl_err *err);
SL_NODISCARD bool sl_check_sql(struct sl_check *c, struct sl_err *err);

#endif
