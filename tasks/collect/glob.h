/*
 * Files by pattern: `*`, `?` and `[…]` in any component, sorted by bytes. The components before the
 * first one with a wildcard are the fixed directory, which no match may lead out of.
 */
#ifndef SL_COLLECT_GLOB_H
#define SL_COLLECT_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/err.h"

struct sl_match {
	const char *name; /* as the pattern writes it: the input's name */
	const char *rel;  /* below root */
};

struct sl_matches {
	const char *root; /* absolute */
	bool root_missing;
	bool wild; /* the pattern holds a wildcard; without one there is always one match */
	struct sl_match *v;
	size_t n;
};

/* base: absolute directory from which a relative pattern counts. Everything lives in arena. A name
 * that is not UTF-8 is SL_ERR_NO_INPUT, since no log could keep it. */
SL_NODISCARD bool sl_glob(const char *base, const char *pattern, struct sl_arena *arena,
			  struct sl_matches *ret, struct sl_err *err);

#endif
