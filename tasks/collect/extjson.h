/*
 * MongoDB's canonical extended JSON as plain JSON: numbers without their wrappers and with every
 * digit, dates as RFC 3339, object ids and binary data (base64) as texts. What has no wrapper, or a
 * strange one, stays as it is.
 * Source: github.com/mongodb/specifications, "MongoDB Extended JSON (v2)".
 */
#ifndef SL_COLLECT_EXTJSON_H
#define SL_COLLECT_EXTJSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Appends json, blanks between values left out. */
void sl_extjson_plain(struct sl_buf *out, struct sl_str json);

/* A value that a cursor may stand on and step back from: {"$date": …} in ms, {"$numberLong": …},
 * {"$numberInt": …}. False for any other. */
enum sl_extjson_number { SL_EXTJSON_DATE, SL_EXTJSON_INT };
bool sl_extjson_number(struct sl_str json, enum sl_extjson_number *ret_what, int64_t *ret);

#endif
