/*
 * What the fuzz targets share. A target is one file, fuzz_<parser>.c: libFuzzer gives it bytes, and
 * FUZZ_MUST says what holds for all of them, beyond that nothing crashes and nothing leaks. Seeds
 * are in corpus/<parser>/; `scripts/test fuzz` runs every target.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_MUST(cond) ((cond) ? (void)0 : fuzz_fail(__FILE_NAME__, __LINE__, #cond))

static inline SL_NORETURN void fuzz_fail(const char *file, int line, const char *cond)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, cond);
	abort();
}

/* Takes the first byte: a choice that the target makes. 0 when there is none. */
static inline unsigned fuzz_byte(struct sl_str *s)
{
	if (s->n == 0)
		return 0;
	s->p++;
	s->n--;
	return (unsigned char)s->p[-1];
}

/* Takes everything up to the first NUL, or all. */
static inline struct sl_str fuzz_part(struct sl_str *s)
{
	struct sl_str part = SL_STR("");

	(void)sl_str_next(s, '\0', &part);
	if (!s->p) /* used up */
		*s = SL_STR("");
	return part;
}

static inline struct sl_str fuzz_input(const uint8_t *data, size_t size)
{
	return (struct sl_str){size ? (const char *)data : "", size};
}

#endif
