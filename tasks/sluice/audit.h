/*
 * audit/<time>-<host>-<pid>.json: what people changed by hand, one file a change, before it is
 * made. Never rewritten; who cannot be noted changes nothing.
 */
#ifndef SL_SLUICE_AUDIT_H
#define SL_SLUICE_AUDIT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "run/stage.h"

/* change: "rescan", "rebuild"; what: one line for people. SL_ERR_IO, SL_ERR_CREATE. */
SL_NODISCARD bool sl_audit(const struct sl_run *run, const char *change, const char *what,
			   struct sl_err *err);

/* The newest max of them, one a line, oldest first. */
SL_NODISCARD bool sl_audit_show(const struct sl_run *run, uint64_t max, struct sl_buf *out,
				struct sl_err *err);

#endif
