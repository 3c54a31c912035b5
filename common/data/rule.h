/*
 * A rule reads columns of a batch and writes one, column by column, never row by row. It is one
 * file (tasks/normalize/rule_<name>.c) and one line in rule_list.h; reading its YAML, refusing
 * unknown keys, help, docs and counting come from its field table.
 *
 * A bad value is no error: the rule rejects the row (sl_batch_reject) or leaves NULL, as its fields
 * say. An error (false) means that the rule itself cannot work.
 */
#ifndef SL_DATA_RULE_H
#define SL_DATA_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "data/batch.h"
#include "data/diag.h"
#include "data/field.h"
#include "data/type.h"

/* What a rule sees while the pipeline is read. */
struct sl_rule_scope {
	struct sl_schema *schema; /* columns known so far */
	struct sl_arena *arena;
	struct sl_diags *diags;
	struct sl_place at; /* the rule's place in the file */
	const char *rule;   /* its name */
	const char *dir;    /* the pipeline's folder, absolute: for files that a rule names */
	const struct sl_node *map; /* its fields as they stand there; may be NULL */
};

/* Where the value of one of the rule's fields stands; the rule's place when it is not there. */
struct sl_place sl_rule_place(const struct sl_rule_scope *s, const char *field);

/* Index of a column that must exist; on failure adds E1008 with a suggestion and returns false. */
bool sl_rule_from(struct sl_rule_scope *s, const char *name, struct sl_place at, size_t *ret);

/*
 * Index of the column to write: an existing one (its type is then the result's; check it with
 * sl_rule_type) or a new one of type def, not stored. name NULL: *ret stays as the caller set it,
 * the column read. Several rules may write one column; the last one that runs wins.
 */
bool sl_rule_into(struct sl_rule_scope *s, const char *name, struct sl_type def, size_t *ret);

/* True when column col has one of the kinds (bits 1 << SL_TEXT …), else E1005 naming both. */
bool sl_rule_type(struct sl_rule_scope *s, size_t col, unsigned kinds);

struct sl_rule {
	const char *name;
	const char *summary;
	const char *example; /* as in a pipeline file, for the reference; lines "- name: {…}" */
	unsigned version;    /* raised whenever the same input gives another result: part of rev */
	const struct sl_field *params;
	size_t params_size;
	/* Resolves columns, compiles patterns; problems go to scope->diags. */
	bool (*prepare)(void *params, struct sl_rule_scope *scope);
	bool (*apply)(const void *params, struct sl_batch *b, struct sl_err *err);
	void (*release)(void *params); /* may be NULL */
	/* Adds what the result depends on besides the fields, such as a file's bytes: part of rev.
	 * May be NULL. */
	void (*hash)(const void *params, struct sl_hash *h);
};

const struct sl_rule *sl_rule_find(const char *name);
extern const struct sl_rule *const sl_rules[]; /* NULL-terminated; defined in tasks/normalize */

/* One rule of a pipeline, ready to run. */
struct sl_rule_use {
	const struct sl_rule *rule;
	void *params;
	struct sl_place at;
};

#endif
