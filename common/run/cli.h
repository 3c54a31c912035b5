/*
 * Command lines. Flags are fields: the common ones here, a stage's own from its table (SL_F_FLAG).
 * Forms: --name VALUE, --name=VALUE, -x VALUE; a bool takes none (--name) or =true/=false. What
 * looks like a secret is refused, because other users see argv.
 */
#ifndef SL_RUN_CLI_H
#define SL_RUN_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "data/field.h"
#include "data/pipeline.h"
#include "run/stage.h"

/* The common flags as typed; NULL where absent. */
struct sl_cli {
	const char *pipeline, *source, *interval_start, *interval_end, *run_id, *partition;
	const char *home, *backend, *log_level, *log_format, *result_file, *explain;
	struct sl_texts set; /* "key=value" each */
	bool again, dry_run, help, version, describe;
	const char *backend_from;      /* where backend was found */
	struct sl_texts args;	       /* positional */
	struct sl_override *overrides; /* of set */
	size_t n_overrides;
	const char **passed; /* see struct sl_run */
	size_t n_passed;
};

extern const struct sl_field sl_cli_fields[];

/* True when the stage takes this common flag. */
bool sl_cli_takes(const struct sl_stage *stage, const struct sl_field *flag);
/* The variable that stands in for a common flag, or NULL. */
const char *sl_cli_env(const struct sl_field *flag);
/* The short letter of a flag, or 0. */
char sl_cli_short(const char *name);
/* "log_level" → "--log-level"; owned by arena. */
const char *sl_cli_flag(struct sl_arena *arena, const char *name);

/*
 * Reads argv[1…argc), then what the environment says where argv is silent. own: the stage's params,
 * already holding their defaults. SL_ERR_USAGE. argv is borrowed, the rest lives in arena.
 */
SL_NODISCARD bool sl_cli_parse(const struct sl_stage *stage, int argc, char **argv,
			       struct sl_arena *arena, void *own, struct sl_cli *ret,
			       struct sl_err *err);

/* A URI with a password, or a JSON connection with one. */
bool sl_cli_looks_secret(const char *text);

/* "2/8" → 2 and 8; 1 ≤ k ≤ n ≤ 65535. SL_ERR_USAGE. */
SL_NODISCARD bool sl_cli_partition(const char *text, uint32_t *ret_k, uint32_t *ret_n,
				   struct sl_err *err);

/* Both ends or none; half-open, start before end. SL_ERR_USAGE with the explanation. */
SL_NODISCARD bool sl_cli_interval(const struct sl_cli *cli, struct sl_run *run, struct sl_err *err);

#endif
