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

/* One rule over a schema a: text, l: list<text>, t: text, i: int64, d: decimal(12,2), y: date,
 * z: timestamp, b: bool, f: float64. */
struct bench {
	struct sl_arena arena;
	struct sl_schema schema;
	struct sl_diags diags;
	struct sl_batch batch;
	const struct sl_rule *rule;
	void *params;
	bool ready;
};

enum { A, L, T, I, D, Y, Z, B, F };

/* dir: the pipeline's folder. */
static void open_bench_in(struct bench *x, const char *dir, const char *rule, const char *yaml)
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
	sl_schema_add(&x->schema, "y", (struct sl_type){.kind = SL_DATE});
	sl_schema_add(&x->schema, "z", (struct sl_type){.kind = SL_TIMESTAMP});
	sl_schema_add(&x->schema, "b", (struct sl_type){.kind = SL_BOOL});
	sl_schema_add(&x->schema, "f", (struct sl_type){.kind = SL_FLOAT64});
	map = sl_yaml_parse(sl_str_of(yaml), "test.yaml", &x->arena, &x->diags);
	assert_non_null(map);
	x->params = sl_arena_zalloc(&x->arena, 1, x->rule->params_size);
	scope = (struct sl_rule_scope){
		.schema = &x->schema,
		.arena = &x->arena,
		.diags = &x->diags,
		.at = map->at,
		.rule = rule,
		.dir = dir,
		.map = map,
	};
	x->ready = sl_fields_read(x->rule->params, x->params, x->rule->params_size, map, NULL, rule,
				  &x->arena, &x->diags) &&
		   x->rule->prepare(x->params, &scope);
	if (x->ready)
		sl_batch_init(&x->batch, &x->schema, 64);
}

static void open_bench(struct bench *x, const char *rule, const char *yaml)
{
	open_bench_in(x, ".", rule, yaml);
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

static SL_UNUSED void add_list(struct bench *x, const char *const *texts, size_t n)
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

static const char *number_text(struct bench *x, int64_t value, unsigned scale)
{
	char text[24];

	sl_num_decimal_text(value, scale, text);
	return sl_arena_strdup(&x->arena, text);
}

/* The elements with "|" between them. */
static const char *list_text(struct bench *x, const struct sl_list *list)
{
	const char *all = "";

	for (size_t i = 0; i < list->n; i++)
		all = sl_arena_printf(&x->arena, "%s%s" SL_STR_FMT, all, i ? "|" : "",
				      SL_STR_ARG(list->v[i]));
	return all;
}

/* The value of col in row as text; "NULL", or "REJECT" when the row was rejected. */
static const char *cell(struct bench *x, size_t row, size_t col)
{
	const struct sl_vec *v = &x->batch.cols[col];
	char text[40];

	if (x->batch.state[row] == SL_ROW_REJECTED)
		return "REJECT";
	if (!v->valid[row])
		return "NULL";
	switch (v->type.kind) {
	case SL_TEXT:
		return sl_arena_str(&x->arena, v->u.str[row]).p;
	case SL_TEXT_LIST:
		return list_text(x, &v->u.list[row]);
	case SL_BOOL:
		return v->u.b[row] ? "true" : "false";
	case SL_DATE:
		sl_date_text((int32_t)v->u.i64[row], text);
		return sl_arena_strdup(&x->arena, text);
	case SL_TIMESTAMP:
		sl_time_text(v->u.i64[row], text);
		return sl_arena_strdup(&x->arena, text);
	case SL_FLOAT64:
		sl_num_f64_text(v->u.f64[row], text);
		return sl_arena_strdup(&x->arena, text);
	case SL_INT64:
	case SL_DECIMAL:
		break;
	}
	return number_text(x, v->u.i64[row], v->type.kind == SL_DECIMAL ? v->type.scale : 0);
}

struct text_case {
	const char *in, *want;
};

/* Each text of column a through the rule; what stands in col afterwards. */
static SL_UNUSED void check_texts(const char *rule, const char *yaml, size_t col,
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

struct wrong_case {
	const char *rule, *yaml, *says;
};

/* Each rule is refused with a diagnostic that holds these words. */
static SL_UNUSED void check_wrong(const struct wrong_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sl_buf out = SL_BUF_INIT;
		struct bench x;

		open_bench(&x, cases[i].rule, cases[i].yaml);
		assert_false(x.ready);
		sl_diags_print(&x.diags, &out);
		if (!strstr(sl_buf_z(&out), cases[i].says))
			fail_msg("case %zu: \"%s\" is not in: %s", i, cases[i].says,
				 sl_buf_z(&out));
		sl_buf_release(&out);
		close_bench(&x);
	}
}

#endif
