/*
 * Allocation that never returns NULL: out of memory ends the process with exit 70 (SL_BUG). Sizes
 * that come from outside are compared with a limit before they get here.
 */
#ifndef SL_BASE_MEM_H
#define SL_BASE_MEM_H

#include <stddef.h>

#include "base/compiler.h"

void *sl_xmalloc(size_t size);
void *sl_xcalloc(size_t n, size_t size); /* zeroed; n × size checked for overflow */
void *sl_xrealloc(void *p, size_t n, size_t size);
char *sl_xstrdup(const char *s);
char *sl_xstrndup(const char *s, size_t n);
char *sl_xasprintf(const char *fmt, ...) SL_PRINTF(1, 2);

/* sl_cleanup(sl_freep) char *s = …; */
void sl_freep(void *pp);

#endif
