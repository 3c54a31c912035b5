/*
 * As much of XML as S3's answers need: elements without attributes, found by name, in order.
 */
#ifndef SL_NET_S3_XML_H
#define SL_NET_S3_XML_H

#include "base/buf.h"
#include "base/str.h"

/* Finds the next <tag>…</tag> (or <tag/>, which is empty) in doc; doc goes on behind it. */
bool sl_xml_next(struct sl_str *doc, const char *tag, struct sl_str *ret_inner);
/* Of the first one; SL_STR_NULL when there is none. */
struct sl_str sl_xml_first(struct sl_str doc, const char *tag);
/* Appends text with its five entities and numeric references (ASCII) undone. */
void sl_xml_text(struct sl_str inner, struct sl_buf *out);
/* Appends text as it may stand in an element. */
void sl_xml_add(struct sl_str text, struct sl_buf *out);

#endif
