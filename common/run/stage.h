/*
 * What every executable shares: arguments, pipeline, home, signals, parent watch, logs, the one
 * error line, the result line, the exit code. A stage is a descriptor and one function; main is one
 * line:
 *
 *	static const struct sl_stage stage = {.name = "collect", …, .run = run};
 *	int main(int argc, char **argv) { return sl_stage_main(&stage, argc, argv); }
 */
#ifndef SL_RUN_STAGE_H
#define SL_RUN_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "data/field.h"
#include "data/pipeline.h"
#include "run/result.h"
#include "store/engine.h"
#include "store/home.h"

/* What a stage asks the runtime to prepare. */
enum {
	SL_NEEDS_PIPELINE = 1 << 0,
	SL_NEEDS_HOME = 1 << 1,
	SL_NEEDS_RUN = 1 << 2,	  /* a run id: --run-id, or derived */
	SL_NEEDS_STORE = 1 << 3,  /* the backend's store is resolved */
	SL_QUIET_RESULT = 1 << 4, /* the driver on a terminal prints a summary instead */
	SL_TAKES_PARTITION = 1 << 5,
	SL_TAKES_AGAIN = 1 << 6,
	SL_TAKES_ARGS = 1 << 7,	  /* positional arguments, in run->args */
	SL_PIPELINE_ARG = 1 << 8, /* the first of them is the pipeline, where no flag names it */
	SL_TAKES_BACKEND =
		1 << 9, /* --backend, --home and --set although it opens pipelines itself */
	SL_FINDS_HOME = 1 << 10,     /* run->home.dir where there is one; nothing is made */
	SL_TAKES_INTERVAL = 1 << 11, /* although it has no run */
};

/* The running stage: everything that it may know about the outside. */
struct sl_run {
	const struct sl_stage *stage;
	struct sl_arena arena; /* lives until exit */
	struct sl_pipeline *p; /* NULL without SL_NEEDS_PIPELINE */
	struct sl_home home;
	const char *home_flag;	  /* --home, NULL: not given */
	const char *pipeline_arg; /* as typed */
	const char *source;	  /* --source, NULL: all */
	const char *run_id;
	bool has_interval;
	sl_time interval_start, interval_end; /* half-open */
	uint32_t part_k, part_n;	      /* --partition, from 1; 1/1 by default */
	bool again;			      /* --again */
	bool dry_run;
	const char *backend;	  /* as chosen */
	const char *backend_from; /* "--backend", "SLUICE_BACKEND" or "default" */
	struct sl_texts args;	  /* positional arguments, for the driver's commands */
	/* --pipeline, --home, --backend, --set, --log-… as typed, to hand on to child stages */
	const char *const *passed;
	size_t n_passed;
	const struct sl_override *overrides; /* of --set */
	size_t n_overrides;
	struct sl_result result;
	bool error_logged; /* the driver's: a child has logged the error line already */
	/* A stage may leave its store open here: the runtime then does sluice-report's work once
	 * this execution's own record is written, and closes it. */
	const struct sl_engine *engine;
	struct sl_db *db;
	int exit_code; /* the driver: of the child that failed; 0: the error's kind decides */
};

struct sl_stage {
	const char *name; /* "collect": executable sluice-collect; the driver's commands "run", … */
	const char *summary;	       /* one sentence for --help */
	const char *usage;	       /* after the name: "--pipeline NAME [OPTION]…" */
	const char *description;       /* paragraphs for --help: what and when */
	const char *examples;	       /* command lines for --help, one a line; NULL: a plain one */
	unsigned needs;		       /* SL_NEEDS_… */
	const struct sl_field *params; /* own flags; may be NULL */
	size_t params_size;
	bool (*run)(struct sl_run *run, const void *params, struct sl_err *err);
};

/* Returns the exit code. Never 0 or 99 after a signal. */
int sl_stage_main(const struct sl_stage *stage, int argc, char **argv);

/* The driver: argv[1] picks one of commands; a stage's name executes that stage ("sluice query P"
 * is "sluice-query --pipeline P"). */
int sl_driver_main(const struct sl_stage *const *commands, size_t n, int argc, char **argv);

/* Reads and checks the pipeline file again and fails with SL_ERR_AGAIN when its rev is not run->p's
 * (docs/delivery.md, rule 5: rules changed meanwhile). */
SL_NODISCARD bool sl_run_rules_still(const struct sl_run *run, struct sl_err *err);

#endif
