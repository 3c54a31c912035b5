/*
 * SQL as text, before any engine sees it: one statement only, and named parameters. A lexer of what
 * PostgreSQL, DuckDB and Spark share (quotes, E'…', $tag$…$tag$, -- and nested comments); it knows
 * no grammar.
 */
#ifndef SL_DATA_SQLTEXT_H
#define SL_DATA_SQLTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

struct sl_sqltext {
	const char *sql;    /* without the semicolon at its end; :name is $1, $2, … */
	const char *verb;   /* its first word in lower case, "(" or "" */
	const char **names; /* of $1, $2, …: each once */
	size_t n_names;
};

/*
 * Everything in ret is owned by arena. with_params: a colon and a name outside quotes is a
 * parameter
 * ("::" is a cast, ": name" with a blank is left alone). SL_ERR_CONFIG: no statement, several, or a
 * quote or comment without end; the caller says in which file.
 */
SL_NODISCARD bool sl_sqltext_read(struct sl_str text, bool with_params, struct sl_arena *arena,
				  struct sl_sqltext *ret, struct sl_err *err);

/* True for a statement that only reads: select, with, values, from, table, show, describe, explain,
 * summarize, "(". */
bool sl_sqltext_reads(const struct sl_sqltext *t);

#endif
