/*
 * --help as a manual page, --describe as JSON, --explain: all written from the same tables that
 * read the command line.
 */
#ifndef SL_RUN_HELP_H
#define SL_RUN_HELP_H

#include "base/buf.h"
#include "base/err.h"
#include "run/stage.h"

/* command: as typed, "sluice-collect" or "sluice run". */
void sl_help(const struct sl_stage *stage, const char *command, struct sl_buf *out);
void sl_describe(const struct sl_stage *stage, const char *command, struct sl_buf *out);

void sl_driver_help(const struct sl_stage *const *commands, size_t n, struct sl_buf *out);
void sl_driver_describe(const struct sl_stage *const *commands, size_t n, struct sl_buf *out);

/* code: "E1003", "65" or "data". SL_ERR_USAGE when unknown. */
SL_NODISCARD bool sl_explain(const char *code, struct sl_buf *out, struct sl_err *err);

/* Writes everything to stdout; a reader that went away (EPIPE) is no error. SL_ERR_IO. */
SL_NODISCARD bool sl_stdout(struct sl_str text, struct sl_err *err);

/* The same for long outputs. *ret_gone = the reader went away; else left alone. */
SL_NODISCARD bool sl_stdout_until(struct sl_str text, bool *ret_gone, struct sl_err *err);

#endif
