/*
 * Strict YAML 1.2 core on top of libyaml's events: a tree whose every node knows its place. Refused
 * with a place: duplicate keys, anchors and aliases, tags, several documents, tabs as indentation
 * (said kindly), more than 1 MiB, more than 64 levels, bytes that are not UTF-8. `no`, `on`, `0o17`
 * and `1_000` are plain text here; true, false, null, integers and floats follow the core schema.
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
	bool quoted; /* scalar was quoted or a block: always text */
	const char *text; /* scalar: NUL-terminated, no NUL inside */
	struct sl_node **items; /* seq: items; map: values in order */
	struct sl_node **keys; /* map: keys (scalars) in order */
	size_t n;
};

/* Parses file's bytes. Nodes live in arena. NULL when nothing usable could be read; problems are in
 * diags either way. name: how messages call the file; copied into arena. */
struct sl_node *sl_yaml_parse(struct sl_str bytes, const char *name, struct sl_arena *arena,
			      struct sl_diags *diags);

/* Value of a key, or NULL (also when node is NULL or no map). */
struct sl_node *sl_node_get(const struct sl_node *map, const char *key);
bool sl_node_is_null(const struct sl_node *n); /* ~, null, empty plain scalar */

/* Sets a dotted path in the tree to a scalar parsed as YAML flow text ("in/ *.json", "[a, b]"),
 * creating maps on the way. at: its origin. False when the path runs through a scalar or list. */
bool sl_node_set(struct sl_node *root, const char *path, const char *value, struct sl_place at,
		 struct sl_arena *arena, struct sl_diags *diags);

#endif
