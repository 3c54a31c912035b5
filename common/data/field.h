/*
 * Field tables: one table describes every knob of a stage, source, codec, rule or section: name,
 * type, range, unit, default, who it concerns, help. The same table reads YAML, argv, --set and the
 * environment, and writes --help, --describe and the reference pages.
 *
 *	struct trim { const char *from; bool both; };
 *	static const struct sl_field fields[] = {
 *		SL_F_TEXT(struct trim, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL, "column to trim"),
 *		SL_F_BOOL(struct trim, both, SL_F_IDENTITY, "true", "trim both ends"),
 *		SL_F_END,
 *	};
 *
 * The macros check the member's type at compile time. Values live in the arena given to the reader.
 */
#ifndef SL_DATA_FIELD_H
#define SL_DATA_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/hash.h"
#include "data/diag.h"
#include "data/yaml.h"

enum sl_field_type {
	SL_FT_BOOL,	/* bool */
	SL_FT_INT,	/* int64_t, min…max */
	SL_FT_SIZE,	/* uint64_t bytes, "64KiB" */
	SL_FT_DURATION, /* int64_t µs, "30s" */
	SL_FT_TEXT,	/* const char * */
	SL_FT_ENUM,	/* int: index into choices */
	SL_FT_TEXTS,	/* struct sl_texts: one text or a list of them */
	SL_FT_PAIRS,	/* struct sl_pairs: a map text → text, in order */
	SL_FT_NODE,	/* struct sl_node *: any value, read by the owner */
};

enum {
	SL_F_REQUIRED = 1 << 0,
	SL_F_IDENTITY = 1 << 1, /* changes rows: part of rev. Without it the field is DEPLOY */
	SL_F_SECRET = 1 << 2,	/* refused on argv and in files, never shown */
	SL_F_FLAG = 1 << 3,	/* has a flag of its own on argv: --name, with '_' as '-' */
};

struct sl_texts {
	const char **v;
	struct sl_place *at; /* place of each */
	size_t n;
};

struct sl_pairs {
	const char **key, **value;
	struct sl_place *at; /* place of each key */
	size_t n;
};

struct sl_field {
	const char *name; /* NULL ends the table */
	enum sl_field_type type;
	size_t offset;
	unsigned flags;
	const char *def;	    /* as text in the file; NULL: zero, or absent */
	int64_t min, max;	    /* SL_FT_INT, SL_FT_SIZE, SL_FT_DURATION; 0,0 means no limits */
	const char *const *choices; /* NULL-terminated; of a text they are only told */
	const char *help;	    /* one phrase, with the unit */
};

/* Compile-time check that struct s's member m has type t, then its offset. */
#define SL_F_AT(s, m, t)                                                                           \
	(offsetof(s, m) + 0 * sizeof(char[_Generic(((s *)0)->m, t: 1, default: -1)]))

#define SL_F_BOOL(s, m, fl, d, h) {#m, SL_FT_BOOL, SL_F_AT(s, m, bool), fl, d, 0, 0, NULL, h}
#define SL_F_INT(s, m, fl, d, lo, hi, h)                                                           \
	{#m, SL_FT_INT, SL_F_AT(s, m, int64_t), fl, d, lo, hi, NULL, h}
#define SL_F_SIZE(s, m, fl, d, lo, hi, h)                                                          \
	{#m, SL_FT_SIZE, SL_F_AT(s, m, uint64_t), fl, d, lo, hi, NULL, h}
#define SL_F_DURATION(s, m, fl, d, lo, hi, h)                                                      \
	{#m, SL_FT_DURATION, SL_F_AT(s, m, int64_t), fl, d, lo, hi, NULL, h}
#define SL_F_TEXT(s, m, fl, d, h)                                                                  \
	{#m, SL_FT_TEXT, SL_F_AT(s, m, const char *), fl, d, 0, 0, NULL, h}
#define SL_F_ENUM(s, m, fl, d, ch, h) {#m, SL_FT_ENUM, SL_F_AT(s, m, int), fl, d, 0, 0, ch, h}
#define SL_F_CHOICE(s, m, fl, d, ch, h)                                                            \
	{#m, SL_FT_TEXT, SL_F_AT(s, m, const char *), fl, d, 0, 0, ch, h}
#define SL_F_TEXTS(s, m, fl, h)                                                                    \
	{#m, SL_FT_TEXTS, SL_F_AT(s, m, struct sl_texts), fl, NULL, 0, 0, NULL, h}
#define SL_F_PAIRS(s, m, fl, h)                                                                    \
	{#m, SL_FT_PAIRS, SL_F_AT(s, m, struct sl_pairs), fl, NULL, 0, 0, NULL, h}
#define SL_F_NODE(s, m, fl, h)                                                                     \
	{#m, SL_FT_NODE, SL_F_AT(s, m, struct sl_node *), fl, NULL, 0, 0, NULL, h}
/* key: the name in the file where the member cannot have it ("enum", or a text before its parsing)
 */
#define SL_F_TEXT_AS(s, key, m, fl, d, h)                                                          \
	{key, SL_FT_TEXT, SL_F_AT(s, m, const char *), fl, d, 0, 0, NULL, h}
#define SL_F_TEXTS_AS(s, key, m, fl, h)                                                            \
	{key, SL_FT_TEXTS, SL_F_AT(s, m, struct sl_texts), fl, NULL, 0, 0, NULL, h}
#define SL_F_END {NULL, SL_FT_BOOL, 0, 0, NULL, 0, 0, NULL, NULL}

/*
 * Fills out (params_size bytes, zeroed first) from a YAML mapping, defaults for what is absent.
 * Unknown keys (with a suggestion), wrong types, ranges and missing required keys go to diags; true
 * when this call added none. what: "rule \"trim\"" for the messages. map may be NULL (all
 * defaults). extra: further keys that the caller reads itself, NULL-terminated, or NULL;
 * sl_fields_any: all other keys are somebody else's. A missing key is reported where the mapping's
 * own key stands. A null is refused: a key without a value is more often a slip than a wish for the
 * default.
 */
extern const char *const sl_fields_any[];
bool sl_fields_read(const struct sl_field *table, void *out, size_t params_size,
		    const struct sl_node *map, const char *const *extra, const char *what,
		    struct sl_arena *arena, struct sl_diags *diags);

/* Sets one field from text (argv, environment). */
bool sl_field_set(const struct sl_field *f, void *out, const char *text, struct sl_place at,
		  struct sl_arena *arena, struct sl_diags *diags);

const struct sl_field *sl_field_find(const struct sl_field *table, const char *name);

/* Adds every IDENTITY field (name and value) to a hash. */
void sl_fields_hash(const struct sl_field *table, const void *params, struct sl_hash *h);

/* Rows for --help: "  name TYPE   help (default X; a…b)". */
void sl_fields_help(const struct sl_field *table, struct sl_buf *out);

/* The table as a JSON array, for --describe and the reference pages. */
void sl_fields_describe(const struct sl_field *table, struct sl_buf *out);

#endif
