/*
 * An error is a value: kind, text, optional hint. Whoever meets the failure fills it, callers add
 * context in front, and only the stage runtime prints it, once.
 *
 *	bool f(…, struct sl_err *err)		true: results set, err untouched
 *						false: err filled, results untouched
 *	return sl_err_set(err, SL_ERR_DATA, "cannot read \"%s\": %s", path, why);
 *
 * The kind is chosen by what the operator should do, not by where it happened; it alone decides the
 * exit code and whether a retry can help (sysexits.h numbers where one exists).
 */
#ifndef SL_BASE_ERR_H
#define SL_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

/* X(kind, name, exit code, retry helps, what it means to the operator) */
#define SL_ERR_KINDS(X)                                                                            \
	X(NONE, "none", 0, false, "no error")                                                      \
	X(USAGE, "usage", 64, false, "the command line is wrong: see --help")                      \
	X(DATA, "data", 65, false, "the data break the contract beyond the reject limit")          \
	X(NO_INPUT, "input", 66, false, "an input is missing or is not a plain readable file")     \
	X(UNAVAILABLE, "unavailable", 69, true, "a server or service does not answer")             \
	X(BUG, "bug", 70, false, "a defect of this program, or out of memory")                     \
	X(CREATE, "create", 73, true, "an output cannot be created")                               \
	X(IO, "io", 74, true, "reading or writing failed: disk full, I/O error")                   \
	X(AGAIN, "again", 75, true, "busy or changed meanwhile: the same call can succeed later")  \
	X(PROTOCOL, "protocol", 76, false, "the other side speaks something else than expected")   \
	X(AUTH, "auth", 77, false, "access refused: user, password, or rights")                    \
	X(CONFIG, "config", 78, false, "the pipeline file or a setting is wrong")                  \
	X(NOTHING, "nothing", 99, false, "nothing to do: no new input")                            \
	X(CANCELLED, "cancelled", 143, true, "stopped by a signal")

enum sl_err_kind {
#define X(kind, name, code, retry, help) SL_ERR_##kind,
	SL_ERR_KINDS(X)
#undef X
		SL_ERR_KIND_COUNT
};

struct sl_err {
	enum sl_err_kind kind;
	char msg[1024]; /* one line, lower case, no full stop */
	char hint[256]; /* the cure, or "" */
};

#define SL_ERR_INIT {SL_ERR_NONE, "", ""}

/* Fills err and returns false, so that failing is one line. Too long a text is cut, never an error.
 */
bool sl_err_set(struct sl_err *err, enum sl_err_kind kind, const char *fmt, ...) SL_PRINTF(3, 4);

/* As sl_err_set, with ": <text of errnum>" behind. ENOSPC, EDQUOT, EIO become SL_ERR_IO whatever
 * kind says, since the cure is the same everywhere. */
bool sl_err_errno(struct sl_err *err, enum sl_err_kind kind, int errnum, const char *fmt, ...)
	SL_PRINTF(4, 5);

/* Puts "context: " in front of the text; returns false. */
bool sl_err_prefix(struct sl_err *err, const char *fmt, ...) SL_PRINTF(2, 3);

/* Sets the cure, shown behind the text; returns false. */
bool sl_err_hint(struct sl_err *err, const char *fmt, ...) SL_PRINTF(2, 3);

void sl_err_clear(struct sl_err *err);

const char *sl_err_kind_name(enum sl_err_kind kind);
const char *sl_err_kind_help(enum sl_err_kind kind);
int sl_err_exit_code(enum sl_err_kind kind);
bool sl_err_retryable(enum sl_err_kind kind);

/*
 * A broken contract inside this program (never bad input): one line, the prepared result line if
 * the runtime has set one, then _exit(70). Stays in release builds.
 */
#define SL_BUG(...) sl_bug(__FILE_NAME__, __LINE__, __VA_ARGS__)
#define SL_ASSERT(cond) ((cond) ? (void)0 : SL_BUG("assertion \"%s\" does not hold", #cond))
SL_NORETURN void sl_bug(const char *file, int line, const char *fmt, ...) SL_PRINTF(3, 4);

/* Text written as the very last line by sl_bug (the result line with exit 70); borrowed for ever.
 */
void sl_bug_set_result(const char *line);

#ifndef __FILE_NAME__ /* gcc 12 has it, older ones not */
#define __FILE_NAME__ __FILE__
#endif

#endif
