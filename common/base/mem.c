/*
 * Allocation that never returns NULL. Out of memory is a SL_BUG: one line, the prepared result, 70.
 */
#include "base/mem.h"

#include <stdarg.h>

#include "base/err.h"

static size_t product(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		SL_BUG("allocation of %zu × %zu bytes overflows", n, size);
	return bytes ? bytes : 1; /* malloc(0) may return NULL */
}

void *sl_xmalloc(size_t size)
{
	return sl_xrealloc(NULL, 1, size);
}

void *sl_xcalloc(size_t n, size_t size)
{
	size_t bytes = product(n, size);
	void *p = calloc(1, bytes);

	if (!p)
		SL_BUG("out of memory (%zu bytes wanted)", bytes);
	return p;
}

void *sl_xrealloc(void *p, size_t n, size_t size)
{
	size_t bytes = product(n, size);
	void *q = realloc(p, bytes);

	if (!q)
		SL_BUG("out of memory (%zu bytes wanted)", bytes);
	return q;
}

char *sl_xstrdup(const char *s)
{
	return sl_xstrndup(s, strlen(s));
}

char *sl_xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = sl_xmalloc(len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *sl_xasprintf(const char *fmt, ...)
{
	char *p = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		SL_BUG("out of memory (formatting a text)");
	return p;
}

void sl_freep(void *pp)
{
	void *p;

	memcpy(&p, pp, sizeof(p)); /* pp is a char **, struct x **, …: no common type to read by */
	free(p);
	memset(pp, 0, sizeof(p));
}
