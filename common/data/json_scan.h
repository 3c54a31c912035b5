/*
 * Where JSON records end, found without parsing: strings, escapes and nesting are all that is
 * looked at. Used by collect to cut, and by normalize to find the same records again in a part.
 *
 * A part knows nothing of what came before it, so each record carries what leads to it: the opening
 * bracket or the comma in front belongs to the record behind. Whatever stands between two records
 * (white space, a byte order mark, the closing bracket, an empty array) is reported as blank. So an
 * array of objects, one object, and objects or arrays in a row all give their objects. Other things
 * are records too, ended by a comma, a bracket or the line's end, and rejected when they are read.
 */
#ifndef SL_DATA_JSON_SCAN_H
#define SL_DATA_JSON_SCAN_H

#include "data/codec.h"

bool sl_json_cut(const void *params, struct sl_cutter *c, const char *p, size_t from, size_t n,
		 struct sl_cut_event *ev);
bool sl_jsonl_cut(const void *params, struct sl_cutter *c, const char *p, size_t from, size_t n,
		  struct sl_cut_event *ev);

/* The value of a record as cut: without blanks, and if ret_led is given without a bracket or comma
 * that leads to it (*ret_led: there was one). Empty when there is no value. */
struct sl_str sl_json_value_of(struct sl_str record, bool *ret_led);

/* True when the text ends inside a string, an object or a list. */
bool sl_json_is_open(struct sl_str text);

#endif
