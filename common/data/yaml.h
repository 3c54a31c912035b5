/*
 * Strict YAML 1.2 core on top of libyaml's events: a tree whose every node knows its place. Refused
 * with a place: duplicate keys, anchors and aliases, tags, several documents, tabs as indentation
 * (said kindly), more than 1 MiB, more than 64 levels, bytes that are not UTF-8. `no`, `on`, `0o17`
 * and `1_000` are plain text here; true, false, null, integers and floats follow the core schema.
 * One kindness: inside {} YAML ends a plain text at a comma, so `{type: decimal(12,2)}` would be
 * two keys; a text with an open parenthesis is joined with the lone key that closes it.
 */
#ifndef SL_DATA_YAML_H
#define SL_DATA_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/str.h"
#include "data/diag.h"

enum sl_node_kind { SL_NODE_SCALAR, SL_NODE_SEQ, SL_NODE_MAP };

struct sl_node {
	enum sl_node_kind kind;
	struct sl_place at;
	struct sl_place owner; /* of its key; the root's and a list item's own place */
	bool bad;	  /* reported already (alias, tag …): readers pass over it in silence */
	bool quoted;	  /* scalar was quoted or a block: always text */
	const char *text; /* scalar: NUL-terminated, no NUL inside */
	struct sl_node **items; /* seq: items; map: values in order */
	struct sl_node **keys;	/* map: keys (scalars) in order */
	size_t n;
};

/* Parses file's bytes. Nodes live in arena. NULL when nothing usable could be read; problems are in
 * diags either way. name: how messages call the file; copied into arena. */
struct sl_node *sl_yaml_parse(struct sl_str bytes, const char *name, struct sl_arena *arena,
			      struct sl_diags *diags);

/* A value from outside a file, all of it at `at`: YAML when it begins with [, {, " or ', else a
 * plain scalar as it stands (so a pattern needs no quotes). NULL when it is wrong (told to diags).
 */
struct sl_node *sl_yaml_value(const char *value, struct sl_place at, struct sl_arena *arena,
			      struct sl_diags *diags);

/* The first key of map that reads so, or NULL: for its place. */
const struct sl_node *sl_node_key(const struct sl_node *map, const char *key);

/* Value of a key, or NULL (also when node is NULL or no map). */
struct sl_node *sl_node_get(const struct sl_node *map, const char *key);
bool sl_node_is_null(const struct sl_node *n); /* ~, null, empty plain scalar */

/* Sets a dotted path in the tree to sl_yaml_value(value), making maps on the way. False (and told
 * to diags) when the path runs through a scalar or list or the value is wrong. */
bool sl_node_set(struct sl_node *root, const char *path, const char *value, struct sl_place at,
		 struct sl_arena *arena, struct sl_diags *diags);

#endif
