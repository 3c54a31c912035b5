/*
 * What made-up records look like. A profile is a set of draws (named values, each from a
 * distribution), templates that put drawn values into the fields of a record, templates of what the
 * contract's columns must then hold, and ways to spoil a record with the reject that must follow.
 * It comes from PIPELINE/generate.yaml, or from the contract alone.
 *
 * A record is one version of an entity. A draw is a pure function of (seed, entity, version, draw):
 * nothing is remembered, so memory stays the same however many rows there are.
 */
#ifndef GENERATE_PROFILE_H
#define GENERATE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/err.h"
#include "data/pipeline.h"

enum draw_kind {
	DRAW_ID,      /* base + entity: differs for every entity */
	DRAW_VERSION, /* base + 0, 1, 2 … */
	DRAW_TIME,    /* a moment that grows with the version */
	DRAW_DAY,     /* its day */
	DRAW_CHOICE,  /* one of texts, by weight */
	DRAW_NUMBER,  /* from ranges, by weight */
	DRAW_WORDS,   /* one to three made-up words, now and then with a trap for parsers */
	DRAW_BOOL,
	DRAW_DATE,   /* any day of a year */
	DRAW_MOMENT, /* any moment of a year */
	DRAW_LIST,   /* up to four words, as a JSON array */
};

struct draw {
	const char *name;
	enum draw_kind kind;
	bool each;	  /* drawn anew for each version of an entity */
	unsigned missing; /* of 10,000: how often there is no value */
	int64_t base;	  /* ID, VERSION; TIME, DAY: µs of the first version */
	size_t n;	  /* CHOICE, NUMBER */
	uint64_t *upto;	  /* their weights, added up */
	const char **texts;
	int64_t *from, *to; /* inclusive, × 10^-scale */
	unsigned scale;
};

enum piece_form {
	PIECE_PLAIN,
	PIECE_FRENCH,  /* "{prix:fr}": 1234567.50 as 1 234 567,50 */
	PIECE_ONLY_IF, /* "{prix:if}": nothing, but missing where the value is */
};

/* Text with values in it; a value that is missing makes the whole text missing. */
struct piece {
	struct sl_str literal; /* before the value */
	ptrdiff_t draw;	       /* -1: none behind it */
	enum piece_form form;
};

struct template
{
	struct piece *v;
	size_t n;
};

struct record_field {
	const char *name;
	struct template *items; /* of a list; else one */
	size_t n;
	bool list;
	bool bare; /* JSON: a number, bool or list as it stands, not a text */
};

struct expectation {
	size_t col; /* of the contract */
	struct template text;
	bool length; /* the text's number of letters, not the text */
};

/* One way to spoil a record. */
struct spoil {
	size_t field;	  /* of the record */
	const char *text; /* what stands there instead; NULL: nothing */
	const char *column, *rule;
};

struct profile {
	struct draw *draws;
	size_t n_draws;
	struct record_field *fields;
	size_t n_fields;
	struct expectation *expected; /* contract columns that are not in it are NULL */
	size_t n_expected;
	struct spoil *spoils;
	size_t n_spoils;
	bool keyed;	/* an entity is a key: there is a current row of each */
	bool versioned; /* the version decides which one, else the order in the files */
	bool answers;	/* the right answers are known */
};

/* What draws may start from. */
struct profile_limits {
	uint64_t entities; /* as many at most */
	bool lists;	   /* the format can hold lists */
};

/* Reads PIPELINE/generate.yaml where there is one (SL_ERR_CONFIG: wrong, told with all places on
 * stderr), else makes a profile from the contract. Owned by arena. SL_ERR_CONFIG: no key column can
 * differ for so many entities. */
SL_NODISCARD bool profile_open(const struct sl_pipeline *p, const struct profile_limits *limits,
			       struct sl_arena *arena, struct profile *ret, struct sl_err *err);

/* Their two halves. *ret_found = false: there is no such file. */
SL_NODISCARD bool profile_from_file(const struct sl_pipeline *p, struct sl_arena *arena,
				    struct profile *ret, bool *ret_found, struct sl_err *err);
SL_NODISCARD bool profile_from_contract(const struct sl_pipeline *p,
					const struct profile_limits *limits, struct sl_arena *arena,
					struct profile *ret, struct sl_err *err);

/* --- drawing --- */

/* The values of one version of one entity. */
struct sample {
	const struct profile *p;
	uint64_t seed, entity;
	unsigned version;
	struct sl_str *values; /* by draw; SL_STR_NULL: missing */
	struct sl_arena arena; /* theirs */
};

void sample_init(struct sample *s, const struct profile *p, uint64_t seed);
void sample_draw(struct sample *s, uint64_t entity, unsigned version);
void sample_release(struct sample *s);

/* Adds a template's text; false, and nothing added, when a value in it is missing. */
bool sample_text(const struct sample *s, const struct template *t, struct sl_buf *out);

/* A random word that depends on all of these alone. */
uint64_t dice(uint64_t seed, uint64_t a, uint64_t b, uint64_t c);
/* The same, 0 … n-1. */
uint64_t dice_below(uint64_t n, uint64_t seed, uint64_t a, uint64_t b, uint64_t c);

#endif
