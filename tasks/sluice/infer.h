/*
 * Guesses a contract from data: every record of every file is looked at, so that a field that is
 * rare, or empty at first, counts as well. What is guessed is the narrowest type that all values
 * fit; nothing that would change a value (leading zeros, a plus sign) is taken for a number.
 */
#ifndef SL_SLUICE_INFER_H
#define SL_SLUICE_INFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "run/stage.h"

struct sl_guess_col {
	const char *from; /* as the data call it: a header's name, or a path in a JSON record */
	const char *name; /* a column's name made of it, unlike all others */
	char type[32];
	uint64_t values;	/* records that have one */
	bool naive;		/* timestamps without offset: they need a zone */
	const char *raw, *rule; /* texts that a rule reads: under this name; NULL: none does */
	bool unsure;		/* dates of which day and month cannot be told apart */
	bool unique;		/* every record has one, and all are different */
};

struct sl_guess {
	const char *codec;	    /* "csv" */
	const char *settings[2][2]; /* of the codec that differ from the defaults; NULL ends them */
	struct sl_guess_col *cols;
	size_t n_cols;
	uint64_t records;   /* that could be read */
	uint64_t rejects;   /* that could not */
	const char *reject; /* what was wrong with the first of them */
	size_t inputs;
};

/*
 * path: a file or a pattern, from the current directory. Everything in ret lives in arena.
 * SL_ERR_NO_INPUT: no such file; SL_ERR_DATA: no records, or none that could be read.
 */
SL_NODISCARD bool sl_guess_contract(struct sl_run *run, const char *path, struct sl_arena *arena,
				    struct sl_guess *ret, struct sl_err *err);

#endif
