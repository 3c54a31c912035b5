/*
 * Letters of UTF-8 text, one code point at a time: reading, writing, blanks, and Unicode's simple
 * case mappings, where one letter becomes one letter. So lower case of "İ" is "i", upper case of
 * "ß" is "ß"; a text never has more letters than before, but it may have more bytes (Ⱥ → ⱥ: 2 → 3).
 */
#ifndef SL_DATA_LETTERS_H
#define SL_DATA_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* The letter at *p, which moves behind it; the text must be UTF-8 and not be used up. */
uint32_t sl_letter_next(const char **p);
/* Writes it to out, at most 4 bytes; returns how many. */
size_t sl_letter_put(uint32_t c, char *out);

uint32_t sl_letter_lower(uint32_t c);
uint32_t sl_letter_upper(uint32_t c);
uint32_t sl_letter_title(uint32_t c); /* as the first of a word: "ǆ" → "ǅ" */

/* Unicode's White_Space, and U+200B and U+FEFF, which look like nothing. */
bool sl_letter_blank(uint32_t c);

/* Appends s in small letters, its blanks run together to one each, none at the ends: as texts of
 * pages are compared. s must be UTF-8. */
void sl_text_fold(struct sl_str s, struct sl_buf *out);

/* Equal when capital and small letters are the same: by the lower case of the upper case. */
bool sl_text_same(struct sl_str a, struct sl_str b);

#endif
