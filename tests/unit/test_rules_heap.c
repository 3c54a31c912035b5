/*
 * No rule touches the heap per record: each one's example runs twice over a batch that was reset in
 * between, and the second time nothing is allocated. Nor does the way from the bytes of a part to
 * packed columns: ten times the records take no allocation more. Counted by the sanitizer's hooks;
 * a build without them has nothing to count.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/file.h"
#include "data/rule.h"
#include "store/clean_cols.h"
#include "tasks/normalize/rows.h"

#define ROWS 500

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
					      void (*on_free)(const volatile void *))
	__attribute__((weak));

static size_t allocations;

static void count_malloc(const volatile void *p, size_t size)
{
	(void)p;
	(void)size;
	allocations++;
}

static void ignore_free(const volatile void *p)
{
	(void)p;
}

/* Columns that the examples of the rules read and write. */
static const struct {
	const char *name, *type, *value;
} columns[] = {
	{"title", "text", "Maison  de Ville (69123)"},
	{"town", "text", " lyon "},
	{"country", "text", "France"},
	{"code", "text", "69123"},
	{"price_text", "text", "1 250,50 €"},
	{"surface_text", "text", "118,5 m²"},
	{"seen_text", "text", "1er février 2026"},
	{"tags", "list<text>", NULL},
	{"price", "decimal(12,2)", NULL},
	{"rooms", "int64", NULL},
	{"clicked_ms", "int64", NULL},
	{"seen", "timestamp", NULL},
};

static void fill(struct sl_batch *b)
{
	static struct sl_str tags[] = {{"a.jpg", 5}, {"b.png", 5}, {"a.jpg", 5}};

	for (size_t row = 0; row < ROWS; row++) {
		sl_batch_add_row(b, (struct sl_pos){0, 0});
		for (size_t i = 0; i < SL_ARRAY_LEN(columns); i++) {
			struct sl_vec *v = &b->cols[i];

			v->valid[row] = row % 7 != i % 7;
			if (!v->valid[row])
				continue;
			if (v->type.kind == SL_TEXT)
				v->u.str[row] = sl_str_of(columns[i].value);
			else if (v->type.kind == SL_TEXT_LIST)
				v->u.list[row] = (struct sl_list){tags, SL_ARRAY_LEN(tags)};
			else
				v->u.i64[row] = INT64_C(1718031845127) + (int64_t)row;
		}
	}
}

static char folder[] = "/tmp/sluice-test-XXXXXX";

static int make_folder(void **state)
{
	static const char regions[] = "code,region\n69123,ARA\n";
	struct sl_err err = SL_ERR_INIT;
	char path[100];

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/regions.csv", folder);
	return sl_file_replace(path, regions, sizeof(regions) - 1, &err) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/regions.csv", folder);
	unlink(path);
	return rmdir(folder);
}

/* One item "- name: {…}" of a rule's example. */
static void check_item(const struct sl_rule *rule, const struct sl_node *map)
{
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags diags = SL_DIAGS_INIT;
	struct sl_schema schema = SL_SCHEMA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_batch b;
	void *params = sl_arena_zalloc(&arena, 1, rule->params_size);
	struct sl_rule_scope scope = {.schema = &schema,
				      .arena = &arena,
				      .diags = &diags,
				      .rule = rule->name,
				      .dir = folder,
				      .map = map};

	for (size_t i = 0; i < SL_ARRAY_LEN(columns); i++) {
		struct sl_type type;

		assert_true(sl_type_parse(sl_str_of(columns[i].type), &type));
		sl_schema_add(&schema, columns[i].name, type);
	}
	assert_true(sl_fields_read(rule->params, params, rule->params_size, map, NULL, rule->name,
				   &arena, &diags));
	if (!rule->prepare(params, &scope)) {
		struct sl_buf out = SL_BUF_INIT;

		sl_diags_print(&diags, &out);
		fail_msg("%s", sl_buf_z(&out));
	}
	sl_batch_init(&b, &schema, ROWS);
	for (int pass = 0; pass < 3; pass++) {
		sl_batch_reset(&b);
		fill(&b);
		allocations = 0;
		assert_true(rule->apply(params, &b, &err));
	}
	if (allocations > 0)
		fail_msg("rule \"%s\": %zu allocations for %d records", rule->name, allocations,
			 ROWS);
	if (rule->release)
		rule->release(params);
	sl_batch_release(&b);
	sl_schema_release(&schema);
	sl_diags_release(&diags);
	sl_arena_release(&arena);
}

static void test_no_rule_touches_the_heap_per_record(void **state)
{
	(void)state;
	if (!__sanitizer_install_malloc_and_free_hooks)
		skip();
	assert_true(__sanitizer_install_malloc_and_free_hooks(count_malloc, ignore_free));
	for (size_t i = 0; sl_rules[i]; i++) {
		struct sl_arena arena = SL_ARENA_INIT;
		struct sl_diags diags = SL_DIAGS_INIT;
		struct sl_node *list;

		assert_non_null(sl_rules[i]->example);
		list = sl_yaml_parse(sl_str_of(sl_rules[i]->example), "example", &arena, &diags);
		assert_non_null(list);
		assert_true(list->kind == SL_NODE_SEQ && list->n > 0);
		for (size_t k = 0; k < list->n; k++) {
			assert_string_equal(list->items[k]->keys[0]->text, sl_rules[i]->name);
			check_item(sl_rules[i], list->items[k]->items[0]);
		}
		sl_diags_release(&diags);
		sl_arena_release(&arena);
	}
}

/* A listing with something for each of the pipeline's rules. */
static void add_listing(struct sl_buf *out, size_t i)
{
	sl_buf_addf(out,
		    "{\"id\":%zu,\"title\":\" Maison à  Py (%05zu) \",\"price\":\"%zu 500 €\","
		    "\"surface\":\"%zu,5 m²\",\"rooms\":3,\"seen\":\"02/01/2026 10:%02zu\","
		    "\"phone\":\"n/a\",\"address\":{\"country\":\"Suisse\"},"
		    "\"tags\":[\"vue\",\"neuf\",\"vue\"],\"description\":\"Un \\\"bien\\\" en "
		    "copropriété de %zu lots, classe ENERGIE C indice 9\"}\n",
		    i + 1, i, 100 + i % 900, i + 9, i % 60, i);
}

/* Allocations of one part of n records, from its bytes to packed columns. */
static size_t count_part(const struct sl_pipeline *p, void *decoder, struct sl_batch *b,
			 struct sl_buf *packed, size_t n)
{
	sl_cleanup(sl_buf_release) struct sl_buf bytes = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	for (size_t i = 0; i < n; i++)
		add_listing(&bytes, i);
	memset(sl_buf_room(&bytes, SL_DECODE_PADDING), 0, SL_DECODE_PADDING);
	sl_batch_reset(b);
	sl_buf_clear(packed);
	allocations = 0;
	assert_true(sl_rows_make(p, &p->sources[0], decoder, sl_buf_str(&bytes), true, b, &err));
	sl_clean_pack(b, p->contract.n_stored, packed);
	const size_t counted = allocations;
	assert_int_equal(sl_batch_count(b, SL_ROW_KEPT), n);
	return counted;
}

static void test_from_bytes_to_columns_nothing_is_allocated_per_record(void **state)
{
	static const char file[] = "bench/pipelines/listings/pipeline.yaml";
	sl_cleanup(sl_diags_release) struct sl_diags diags = SL_DIAGS_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf packed = SL_BUF_INIT;
	const struct sl_pipeline_opts opts = {.backend = NULL};
	struct sl_err err = SL_ERR_INIT;
	struct sl_batch b;
	void *decoder;

	(void)state;
	if (!__sanitizer_install_malloc_and_free_hooks)
		skip();
	struct sl_pipeline *p = sl_pipeline_open(file, &opts, &diags, &err);
	if (!p)
		fail_msg("%s", err.msg);
	const struct sl_source *s = &p->sources[0];
	assert_true(s->codec->open(s->codec_params, &p->contract, SL_STR_NULL, &decoder, &err));
	sl_batch_init(&b, &p->schema, SL_PART_ROWS);
	count_part(p, decoder, &b, &packed, 2000); /* buffers reach their size */
	const size_t few = count_part(p, decoder, &b, &packed, 200);
	assert_int_equal(count_part(p, decoder, &b, &packed, 2000), few);
	assert_in_range(few, 1, 16);
	s->codec->close(decoder);
	sl_batch_release(&b);
	sl_pipeline_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_rule_touches_the_heap_per_record),
		cmocka_unit_test(test_from_bytes_to_columns_nothing_is_allocated_per_record),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
