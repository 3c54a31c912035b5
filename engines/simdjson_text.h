/*
 * Texts and numbers of JSON for the module simdjson, and the C headers that it needs.
 */
#ifndef SL_ENGINES_SIMDJSON_TEXT_H
#define SL_ENGINES_SIMDJSON_TEXT_H

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* C's compound literals */
extern "C" {
#include "base/arena.h"
#include "base/str.h"
#include "data/codec.h"
#include "data/json_reader.h"
}
#pragma GCC diagnostic pop

enum class escape { fine, wrong, surrogate };

/* Writes s without its escapes to to (s.n bytes suffice); *ret is its length. Half a surrogate pair
 * becomes U+FFFD and is told. RFC 8259 §7. */
escape unescape(sl_str s, char *to, size_t *ret);

/* RFC 8259 §6. */
bool is_number(sl_str s);

#endif
