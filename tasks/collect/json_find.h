/*
 * Values inside an API's answer, found without building a tree, so that records go to bronze with
 * every byte as it was sent. What is looked at is structure: strings, escapes, brackets; whether a
 * scalar is one is seen when the record is read.
 */
#ifndef SL_COLLECT_JSON_FIND_H
#define SL_COLLECT_JSON_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/str.h"

#define SL_JSON_FIND_DEPTH 64

/* True when text is one JSON value, of SL_JSON_FIND_DEPTH levels at most, and blanks. */
bool sl_json_is_value(struct sl_str text);

/*
 * The raw value at path in a text for which sl_json_is_value holds; SL_STR_NULL: there is none.
 * path: a JSON pointer ("/data/items/0", RFC 6901), or names with dots between ("data.items"); ""
 * the whole text. Keys are compared with escapes as they stand.
 */
struct sl_str sl_json_find(struct sl_str text, const char *path);

/* How many elements a raw array has; 1 for an object, 0 for anything else. */
size_t sl_json_count(struct sl_str value);

/* A raw string without quotes and escapes, or a number as it stands. False: neither, or empty, or a
 * text with a NUL in it. */
SL_NODISCARD bool sl_json_text(struct sl_str value, struct sl_buf *out);

#endif
