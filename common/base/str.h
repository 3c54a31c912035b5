/*
 * struct sl_str: a slice of bytes that somebody else owns. It may hold NUL bytes and need not be
 * UTF-8; SL_STR_NULL (p == NULL) is "no value", which differs from the empty slice.
 */
#ifndef SL_BASE_STR_H
#define SL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/compiler.h"

struct sl_str {
	const char *p;
	size_t n;
};

#define SL_STR_NULL ((struct sl_str){NULL, 0})
#define SL_STR(literal) ((struct sl_str){(literal), sizeof(literal) - 1})
#define SL_STR_FMT "%.*s" /* printf("…" SL_STR_FMT, SL_STR_ARG(s)) */
#define SL_STR_ARG(s) ((int)(s).n), ((s).p ? (s).p : "")

static inline struct sl_str sl_str_of(const char *z)
{
	return (struct sl_str){z, z ? strlen(z) : 0};
}

static inline bool sl_str_eq(struct sl_str a, struct sl_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool sl_str_eqz(struct sl_str s, const char *z);
int sl_str_cmp(struct sl_str a, struct sl_str b); /* by bytes, shorter first */
bool sl_str_starts(struct sl_str s, const char *prefix);
bool sl_str_ends(struct sl_str s, const char *suffix);
ptrdiff_t sl_str_find(struct sl_str s, char c); /* index or -1 */
/* Where wanted, one byte or more, stands first in s; NULL: nowhere. Made for words in long texts;
 * texts made to be slow take s.n × wanted.n steps. */
const char *sl_str_search(struct sl_str s, struct sl_str wanted);
struct sl_str sl_str_sub(struct sl_str s, size_t from, size_t n); /* clamped to s */

/* Without blanks at both ends: ASCII white space, U+00A0, U+202F, U+2007 and U+FEFF. */
struct sl_str sl_str_trim(struct sl_str s);

/* Cuts at the first sep: the part before it goes to *head, s becomes the rest. False when s is used
 * up (an empty last part is given once). */
bool sl_str_next(struct sl_str *s, char sep, struct sl_str *head);

/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). On false
 * *bad, if given, is the offset of the first bad byte. */
bool sl_utf8_valid(struct sl_str s, size_t *bad);

/* Length of the well-formed UTF-8 sequence at p, of n bytes at most; 0 when there is none. */
size_t sl_utf8_len(const char *p, size_t n);

/* Edit distance for "did you mean": insert, delete, replace, swap of neighbours; at most 64 bytes.
 */
size_t sl_str_distance(const char *a, const char *b);

#endif
