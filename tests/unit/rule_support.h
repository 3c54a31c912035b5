/*
 * What the tests of rules share: one rule, prepared from YAML as in a pipeline file, over a batch
 * built by hand, and its values read as text.
 */
#ifndef RULE_SUPPORT_H
#define RULE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/num.h"
#include "data/rule.h"

/* One rule over a schema a: text, l: list<text>, t: text, i: int64, d: decimal(12,2). */
struct bench {
	struct sl_arena arena;
	struct sl_schema schema;
	struct sl_diags diags;
	struct sl_batch batch;
	const struct sl_rule *rule;
	void *params;
	bool ready;
};

enum { A, L, T, I, D };

static void open_bench(struct bench *x, const char *rule, const char *yaml)
{
	struct sl_node *map;
	struct sl_rule_scope scope;

	*x = (struct bench){.rule = sl_rule_find(rule)};
	assert_non_null(x->rule);
	sl_schema_add(&x->schema, "a", (struct sl_type){.kind = SL_TEXT});
	sl_schema_add(&x->schema, "l", (struct sl_type){.kind = SL_TEXT_LIST});
	sl_schema_add(&x->schema, "t", (struct sl_type){.kind = SL_TEXT});
	sl_schema_add(&x->schema, "i", (struct sl_type){.kind = SL_INT64});
	sl_schema_add(&x->schema, "d", (struct sl_type){SL_DECIMAL, 12, 2});
	map = sl_yaml_parse(sl_str_of(yaml), "test.yaml", &x->arena, &x->diags);
	assert_non_null(map);
	x->params = sl_arena_zalloc(&x->arena, 1, x->rule->params_size);
	scope = (struct sl_rule_scope){
		.schema = &x->schema,
		.arena = &x->arena,
		.diags = &x->diags,
		.at = map->at,
		.rule = rule,
		.map = map,
	};
	x->ready = sl_fields_read(x->rule->params, x->params, x->rule->params_size, map, NULL, rule,
				  &x->arena, &x->diags) &&
		   x->rule->prepare(x->params, &scope);
	if (x->ready)
		sl_batch_init(&x->batch, &x->schema, 64);
}

static size_t add_row(struct bench *x, const char *a)
{
	size_t row = sl_batch_add_row(&x->batch, (struct sl_pos){0, 0});

	if (a) {
		x->batch.cols[A].u.str[row] = sl_str_of(a);
		x->batch.cols[A].valid[row] = 1;
	}
	return row;
}

static void add_list(struct bench *x, const char *const *texts, size_t n)
{
	size_t row = add_row(x, NULL);
	struct sl_list *list = &x->batch.cols[L].u.list[row];

	list->v = sl_arena_zalloc(&x->arena, n + 1, sizeof(*list->v));
	list->n = n;
	for (size_t i = 0; i < n; i++)
		list->v[i] = sl_str_of(texts[i]);
	x->batch.cols[L].valid[row] = 1;
}

static void run_rule(struct bench *x)
{
	struct sl_err err = SL_ERR_INIT;

	assert_true(x->rule->apply(x->params, &x->batch, &err));
}

static void close_bench(struct bench *x)
{
	if (x->rule->release)
		x->rule->release(x->params);
	if (x->ready)
		sl_batch_release(&x->batch);
	sl_schema_release(&x->schema);
	sl_diags_release(&x->diags);
	sl_arena_release(&x->arena);
}

/* The value of col in row as text; "NULL", or "REJECT" when the row was rejected. */
static const char *cell(struct bench *x, size_t row, size_t col)
{
	const struct sl_vec *v = &x->batch.cols[col];
	char text[24];

	if (x->batch.state[row] == SL_ROW_REJECTED)
		return "REJECT";
	if (!v->valid[row])
		return "NULL";
	if (v->type.kind == SL_TEXT)
		return sl_arena_str(&x->arena, v->u.str[row]).p;
	sl_num_decimal_text(v->u.i64[row], v->type.kind == SL_DECIMAL ? v->type.scale : 0, text);
	return sl_arena_strdup(&x->arena, text);
}

struct text_case {
	const char *in, *want;
};

/* Each text of column a through the rule; what stands in col afterwards. */
static void check_texts(const char *rule, const char *yaml, size_t col,
			const struct text_case *cases, size_t n)
{
	struct bench x;

	open_bench(&x, rule, yaml);
	assert_true(x.ready);
	for (size_t i = 0; i < n; i++)
		add_row(&x, cases[i].in);
	run_rule(&x);
	for (size_t i = 0; i < n; i++) {
		const char *got = cell(&x, i, col);

		if (strcmp(got, cases[i].want) != 0)
			fail_msg("case %zu \"%s\": got %s, want %s", i,
				 cases[i].in ? cases[i].in : "NULL", got, cases[i].want);
	}
	close_bench(&x);
}

#endif
