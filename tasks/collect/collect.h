/*
 * What a source gets from sluice-collect: where to put its inputs. A source lists, reads and hands
 * over bytes; chunks, parts, entries and reruns are not its business.
 *
 * Per attempt (a lost race for the entry's number starts one over):
 *	for each input: sl_collect_known → skip, or sl_collect_input_begin, _bytes…, _input_end
 */
#ifndef SL_COLLECT_COLLECT_H
#define SL_COLLECT_COLLECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "data/pipeline.h"
#include "run/stage.h"

struct sl_collect;

const struct sl_run *sl_collect_run(const struct sl_collect *c);
const struct sl_source *sl_collect_source(const struct sl_collect *c);

/* True when the log holds this input with the same codec settings and the same trusted fingerprint,
 * so that it need not be read (never with --again). stat: fingerprint or NULL. With --dry-run
 * always true, and the input is listed on stdout. */
bool sl_collect_known(struct sl_collect *c, const char *input, const char *stat);

/* Begins an input. With input: whole every file is one more piece of the one input SL_WHOLE; name
 * is then the file's, for messages. Bytes are cut into records, parts and chunks as they come. */
#define SL_WHOLE "whole"
SL_NODISCARD bool sl_collect_begin(struct sl_collect *c, const char *name, struct sl_err *err);
SL_NODISCARD bool sl_collect_bytes(struct sl_collect *c, struct sl_str bytes, struct sl_err *err);
/* stat: the fingerprint to remember, NULL when the file may still change within its clock tick.
 * With input: whole the one given last stands for all files. */
SL_NODISCARD bool sl_collect_end(struct sl_collect *c, const char *stat, struct sl_err *err);
/* Forgets what came since begin (the file moved while it was read); with input: whole everything.
 */
void sl_collect_undo(struct sl_collect *c);

/* The scope was listed whole (then only a complete entry makes something gone). */
void sl_collect_complete(struct sl_collect *c, bool complete);

#endif
