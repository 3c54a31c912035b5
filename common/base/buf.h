/*
 * struct sl_buf: growing bytes with a NUL behind them. buf.p is never NULL after the first add, and
 * buf.p[buf.n] == '\0' always. Ownership: the holder releases it; detach hands the bytes over.
 *
 *	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
 *	sl_buf_addf(&b, "%s.%s", schema, table);
 */
#ifndef SL_BASE_BUF_H
#define SL_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/str.h"

struct sl_buf {
	char *p;
	size_t n;
	size_t cap;
};

#define SL_BUF_INIT {NULL, 0, 0}

void sl_buf_add(struct sl_buf *b, const void *p, size_t n);
void sl_buf_adds(struct sl_buf *b, const char *z);
void sl_buf_addstr(struct sl_buf *b, struct sl_str s);
void sl_buf_addc(struct sl_buf *b, char c);
void sl_buf_addf(struct sl_buf *b, const char *fmt, ...) SL_PRINTF(2, 3);
void sl_buf_vaddf(struct sl_buf *b, const char *fmt, va_list ap) SL_PRINTF(2, 0);

/* Makes room for n more bytes and returns where they go; sl_buf_grew(b, k) then says how many came.
 */
char *sl_buf_room(struct sl_buf *b, size_t n);
void sl_buf_grew(struct sl_buf *b, size_t n);

/* The text as a JSON string with its quotes (RFC 8259 §7); bytes that are not UTF-8 become U+FFFD.
 */
void sl_buf_add_json(struct sl_buf *b, struct sl_str s);

/* Control characters and broken UTF-8 as \xNN; what does not fit into max bytes is cut, never
 * inside a character, and "…" (3 bytes more) stands for it: for log lines and excerpts. */
void sl_buf_add_escaped(struct sl_buf *b, struct sl_str s, size_t max);

/* RFC 4648 §4, with padding. */
void sl_buf_add_base64(struct sl_buf *b, struct sl_str bytes);

void sl_buf_clear(struct sl_buf *b); /* n = 0, keeps the memory */
void sl_buf_release(struct sl_buf *b);
char *sl_buf_detach(struct sl_buf *b);	      /* returns owned, NUL-terminated; b is empty */
const char *sl_buf_z(const struct sl_buf *b); /* never NULL */
struct sl_str sl_buf_str(const struct sl_buf *b);

#endif
