/*
 * Diagnostics of a text file: all of them in one pass, each with line and column, printed in the
 * compilers' form with the source line and a caret:
 *
 *	pipelines/imo/pipeline.yaml:14:7: error[E1003]: unknown key "colums" (did you mean
 *"columns"?)
 */
#ifndef SL_DATA_DIAG_H
#define SL_DATA_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"

/* X(code, what it means, how to mend it): `sluice --explain E1003` prints them. */
#define SL_DIAG_CODES(X)                                                                           \
	X(E1001, "the file is not YAML", "mend the syntax at the place named")                     \
	X(E1002, "a key stands twice in one mapping", "keep one of them")                          \
	X(E1003, "an unknown key", "use one of the keys listed by --describe")                     \
	X(E1004, "a required key is missing", "add it")                                            \
	X(E1005, "a value of the wrong type", "write a value of the type named")                   \
	X(E1006, "a value out of range", "write a value inside the range named")                   \
	X(E1007, "a value that is not one of the choices", "use one of the choices listed")        \
	X(E1008, "a name that refers to nothing", "define it, or mend the spelling")               \
	X(E1009, "nested too deeply, too large, or too many aliases", "make the file simpler")     \
	X(E1010, "a feature of YAML that is refused here", "write it plainly")                     \
	X(E1011, "two settings contradict each other", "remove one of them")                       \
	X(E1012, "a file named here cannot be used", "create it, mend the path, or what it holds") \
	X(E1013, "a regular expression or template is wrong", "mend it at the place named")        \
	X(E1014, "an unsupported format version", "use the version named")

enum sl_diag_code {
#define X(code, meaning, cure) SL_##code,
	SL_DIAG_CODES(X)
#undef X
		SL_DIAG_CODE_COUNT
};

struct sl_place {
	const char *file; /* as the user knows it; borrowed from the diag list's owner */
	unsigned line; /* from 1; 0: not in a file (then origin says where: "--set", "environment")
			*/
	unsigned col;  /* from 1, in characters */
	const char *origin;
};

#define SL_DIAG_MAX 50 /* errors kept; the rest is counted */

struct sl_diag_item;

struct sl_diags {
	struct sl_diag_item *v;
	size_t n;
	size_t total; /* also those beyond SL_DIAG_MAX */
};

#define SL_DIAGS_INIT {NULL, 0, 0}

void sl_diag_add(struct sl_diags *d, enum sl_diag_code code, struct sl_place at, const char *fmt,
		 ...) SL_PRINTF(4, 5);

/* All of them in order of place, with source line and caret (reads the files again for that). */
void sl_diags_print(const struct sl_diags *d, struct sl_buf *out);

/* True when empty; else SL_ERR_CONFIG with the first one as text. */
bool sl_diags_ok(const struct sl_diags *d, struct sl_err *err);
void sl_diags_release(struct sl_diags *d);

/* meaning and cure of "E1003"; false when there is no such code. */
bool sl_diag_explain(const char *code, const char **meaning, const char **cure);

/* All codes as a JSON array, for --describe and the reference. */
void sl_diags_describe(struct sl_buf *out);

/* " (did you mean \"columns\"?)" appended to out when one of names is near to word, else nothing.
 */
void sl_suggest(struct sl_buf *out, const char *word, const char *const *names, size_t n);

#endif
