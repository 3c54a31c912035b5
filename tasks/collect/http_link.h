/*
 * The header Link: where an API says that the next page stands.
 */
#ifndef SL_COLLECT_HTTP_LINK_H
#define SL_COLLECT_HTTP_LINK_H

#include "base/str.h"

/* The target of the first link in value whose first parameter rel holds the word next, in any case;
 * SL_STR_NULL when there is none. Texts in quotes may hold any sign. Source: RFC 8288 §3. */
struct sl_str sl_http_next_link(struct sl_str value);

#endif
