/*
 * The run's interval in texts of the pipeline file and the command line:
 * {interval_start:%Y-%m-%d}, {interval_end:%Y-%m-%d}, with the letters of sl_time_format, in UTC.
 */
#ifndef SL_RUN_INTERVAL_H
#define SL_RUN_INTERVAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/err.h"

bool sl_interval_in(const char *text);

/* text with the interval put in. SL_ERR_USAGE when it needs one and start is NULL, SL_ERR_CONFIG
 * when it is not closed or has other letters. */
SL_NODISCARD bool sl_interval_fill(const char *text, const sl_time *start, const sl_time *end,
				   struct sl_buf *out, struct sl_err *err);

#endif
