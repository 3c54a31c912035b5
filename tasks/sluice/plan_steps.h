/*
 * The stages that a pipeline's plan consists of: what is executed, over which sources, and what each
 * needs to reach.
 */
#ifndef SL_SLUICE_PLAN_STEPS_H
#define SL_SLUICE_PLAN_STEPS_H

#include "base/buf.h"
#include "run/stage.h"

struct sl_step {
	const char *name;
	const char *exe, *word; /* word: a command of the driver; NULL: a stage's own executable */
	const char *more;	/* one more word, or NULL */
	struct sl_texts words;	/* a job's */
	const struct sl_source *source; /* it works on this one alone; NULL: on all */
	bool mapped;			/* once per partition */
	bool store;			/* talks to the store */
	bool queue;			/* talks to the queue */
	bool sources;			/* reads the sources */
	bool documents;			/* talks to the documents' server */
	bool without_interval;		/* it takes no --interval-start and --interval-end */
	bool without_run_id;		/* it takes no --run-id */
};

/* The pipeline has no work for the stage. */
bool sl_stage_is_idle(const struct sl_pipeline *p, const char *stage);

/* In their order; how many. They live as long as the run. */
size_t sl_steps_of(struct sl_run *run, const struct sl_step **ret);

/* What comes last, whatever happened before. */
const struct sl_step *sl_step_report(void);

/* The words to execute it by, without what the run is about. */
struct sl_texts sl_step_argv(struct sl_run *run, const struct sl_step *step);
/* As a person would type it, without what this command was given. */
void sl_step_text(const struct sl_run *run, const struct sl_step *step, struct sl_buf *out);
/* Ids of the connections that it needs, each once. */
struct sl_texts sl_step_connections(struct sl_run *run, const struct sl_step *step);
/* Tries after the first: those of the file, or as many as what it waits for may take. */
int64_t sl_step_retries(const struct sl_pipeline *p, const struct sl_step *step);

#endif
