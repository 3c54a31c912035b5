/*
 * The tree of a YAML file: looking up keys, and setting values that come from outside the file.
 */
#include "data/yaml.h"

#define DEPTH_MAX 64

const struct sl_node *sl_node_key(const struct sl_node *map, const char *key)
{
	if (!map || map->kind != SL_NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->keys[i];
	return NULL;
}

struct sl_node *sl_node_get(const struct sl_node *map, const char *key)
{
	if (!map || map->kind != SL_NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->items[i];
	return NULL;
}

bool sl_node_is_null(const struct sl_node *n)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	if (n->kind != SL_NODE_SCALAR || n->quoted)
		return false;
	for (size_t i = 0; i < SL_ARRAY_LEN(nulls); i++)
		if (strcmp(n->text, nulls[i]) == 0)
			return true;
	return false;
}

/* Puts key: value behind map's entries, or in the place of the entry that is there. */
static void put(struct sl_node *map, struct sl_str key, struct sl_node *value, struct sl_place at,
		struct sl_arena *arena)
{
	value->owner = at;
	for (size_t i = 0; i < map->n; i++) {
		if (!sl_str_eqz(key, map->keys[i]->text))
			continue;
		map->items[i] = value;
		return;
	}
	struct sl_node **items = sl_arena_zalloc(arena, map->n + 1, sizeof(*items));
	struct sl_node **keys = sl_arena_zalloc(arena, map->n + 1, sizeof(*keys));
	if (map->n > 0) {
		memcpy(items, map->items, map->n * sizeof(*items));
		memcpy(keys, map->keys, map->n * sizeof(*keys));
	}
	struct sl_node *k = sl_arena_zalloc(arena, 1, sizeof(*k));
	k->kind = SL_NODE_SCALAR;
	k->at = k->owner = at;
	k->text = sl_arena_str(arena, key).p;
	items[map->n] = value;
	keys[map->n] = k;
	map->items = items;
	map->keys = keys;
	map->n++;
}

bool sl_node_set(struct sl_node *root, const char *path, const char *value, struct sl_place at,
		 struct sl_arena *arena, struct sl_diags *diags)
{
	struct sl_str rest = sl_str_of(path), name = SL_STR_NULL;
	struct sl_node *map = root;
	size_t depth = 0;
	struct sl_node *leaf = sl_yaml_value(value, at, arena, diags);
	if (!leaf)
		return false;
	while (sl_str_next(&rest, '.', &name)) {
		if (map->kind != SL_NODE_MAP || name.n == 0 || ++depth > DEPTH_MAX) {
			sl_diag_add(diags, SL_E1003, at, "cannot set \"%s\": no such place", path);
			return false;
		}
		if ((size_t)(name.p - path) + name.n == strlen(path)) {
			put(map, name, leaf, at, arena);
			return true;
		}
		struct sl_node *next = sl_node_get(map, sl_arena_str(arena, name).p);
		if (!next || sl_node_is_null(next)) {
			next = sl_arena_zalloc(arena, 1, sizeof(*next));
			next->kind = SL_NODE_MAP;
			next->at = at;
			next->text = "";
			put(map, name, next, at, arena);
		}
		map = next;
	}
	return false;
}
