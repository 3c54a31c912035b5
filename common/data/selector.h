/*
 * CSS selectors, compiled: which elements of a page hold a value. The parser knows no document;
 * engines/html.c matches what it made.
 *
 * Known: type, *, .class, #id, [attr], [attr=v] and the operators ~= |= ^= $= *= (with the flag i),
 * :first-child, :last-child, :nth-child(an+b | odd | even), :not(list), :has(relative list), and
 * :has-text('t'), as browser drivers have it: an element whose whole text, its blanks run together,
 * holds t in any case. Combinators: descendant, >, +, ~. Escapes as CSS has them ("md\:flex").
 *
 * Source: W3C Selectors Level 4 (§3 grammar, §4.5 :has, §14 nth-child), CSS Syntax Level 3 §4.3.7
 * (escapes); Playwright, "Other locators" (:has-text).
 */
#ifndef SL_DATA_SELECTOR_H
#define SL_DATA_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

#define SL_SELECTOR_BYTES 4096 /* most of one selector */
#define SL_SELECTOR_DEPTH 8    /* levels of :not and :has inside each other */

struct sl_selector;

enum sl_sel_what {
	SL_SEL_TYPE,  /* name, in small letters */
	SL_SEL_CLASS, /* value */
	SL_SEL_ID,    /* value */
	SL_SEL_ATTR,  /* name, op, value, fold */
	SL_SEL_NTH,   /* step, offset: of its place among its siblings, from 1 */
	SL_SEL_LAST,  /* the last child */
	SL_SEL_NOT,   /* list */
	SL_SEL_HAS,   /* list, relative to the element */
	SL_SEL_TEXT,  /* value, in small letters, blanks run together */
};

struct sl_sel_test {
	enum sl_sel_what what;
	struct sl_str name, value;
	char op;   /* SL_SEL_ATTR: 0 there at all, '=', or the sign before it */
	bool fold; /* letters of either case are the same */
	int step, offset;
	const struct sl_selector *list;
};

/* Tests that one element must pass, and how it stands to the one before: ' ' below it, '>' its
 * child, '+' right after it, '~' after it; 0 for the first one ("*" has no tests). */
struct sl_sel_part {
	char relation;
	struct sl_sel_test *tests;
	size_t n_tests;
};

struct sl_sel_path {
	struct sl_sel_part *parts; /* from left to right */
	size_t n_parts;
};

/* A comma list: an element matches when it does one of the paths. */
struct sl_selector {
	struct sl_sel_path *paths;
	size_t n_paths;
};

/* Everything lives in arena; text may go. SL_ERR_CONFIG with the character's place, from 1. */
SL_NODISCARD bool sl_selector_parse(struct sl_str text, struct sl_arena *arena,
				    struct sl_selector *ret, struct sl_err *err);

#endif
