/*
 * The contract: each type takes what it may and rejects the rest by name, limits hold after the
 * rules, and a wrong contract is told with the column's name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/num.h"
#include "data/contract.h"

struct one {
	struct sl_contract_col col;
	struct sl_contract contract;
	struct sl_schema schema;
	struct sl_batch batch;
};

static void one_open(struct one *o, struct sl_contract_col col)
{
	*o = (struct one){.col = col};
	sl_cleanup(sl_diags_release) struct sl_diags diags = SL_DIAGS_INIT;
	assert_true(sl_contract_prepare(&o->col, &diags));
	o->contract = (struct sl_contract){&o->col, 1, 1};
	sl_schema_add(&o->schema, o->col.name, o->col.type);
	sl_batch_init(&o->batch, &o->schema, 64);
}

static void one_close(struct one *o)
{
	sl_batch_release(&o->batch);
	sl_schema_release(&o->schema);
}

static size_t one_store(struct one *o, struct sl_raw raw)
{
	size_t row = sl_batch_add_row(&o->batch, (struct sl_pos){0, 0});
	sl_contract_store(&o->col, &o->batch, row, 0, &raw);
	return row;
}

static struct sl_raw raw_of(enum sl_raw_kind kind, const char *text)
{
	return (struct sl_raw){.kind = kind, .text = sl_str_of(text)};
}

struct scalar_case {
	const char *type;
	enum sl_raw_kind kind;
	const char *text;
	const char *want; /* NULL: NULL; "!": rejected by rule type */
};

static void value_text(const struct sl_vec *v, size_t row, char out[64])
{
	struct sl_str s = {out, 0};
	switch (v->type.kind) {
	case SL_BOOL:
		s = sl_str_of(v->u.b[row] ? "true" : "false");
		break;
	case SL_INT64:
		snprintf(out, 64, "%" PRId64, v->u.i64[row]);
		return;
	case SL_FLOAT64:
		s.n = sl_num_f64_text(v->u.f64[row], out);
		break;
	case SL_DECIMAL:
		s.n = sl_num_decimal_text(v->u.i64[row], v->type.scale, out);
		break;
	case SL_DATE:
		s.n = sl_date_text((int32_t)v->u.i64[row], out);
		break;
	case SL_TIMESTAMP:
		s.n = sl_time_text(v->u.i64[row], out);
		break;
	case SL_TEXT:
		s = v->u.str[row];
		break;
	case SL_TEXT_LIST:
		snprintf(out, 64, "[%zu]", v->u.list[row].n);
		return;
	}
	memmove(out, s.p, s.n);
	out[s.n] = '\0';
}

static void run_scalar(size_t i, const struct scalar_case *c)
{
	struct one o;
	one_open(&o, (struct sl_contract_col){.name = "c", .type_text = c->type});
	size_t row = one_store(&o, raw_of(c->kind, c->text));
	bool rejected = o.batch.state[row] == SL_ROW_REJECTED;
	char got[64] = "NULL";
	if (o.batch.cols[0].valid[row])
		value_text(&o.batch.cols[0], row, got);
	if (rejected)
		snprintf(got, sizeof(got), "!");
	if (strcmp(got, c->want ? c->want : "NULL") != 0)
		fail_msg("case %zu: %s from \"%s\" gave %s", i, c->type, c->text, got);
	if (rejected)
		assert_string_equal(o.batch.rejects[0].rule, "type");
	one_close(&o);
}

static void test_each_type_takes_what_it_may(void **state)
{
	(void)state;
	static const struct scalar_case cases[] = {
		{"int64", SL_RAW_TEXT, "42", "42"},
		{"int64", SL_RAW_TEXT, "+42", "42"},
		{"int64", SL_RAW_TEXT, "007", "7"},
		{"int64", SL_RAW_NUMBER, "-9223372036854775808", "-9223372036854775808"},
		{"int64", SL_RAW_NUMBER, "9223372036854775807", "9223372036854775807"},
		{"int64", SL_RAW_NUMBER, "9223372036854775808", "!"},
		{"int64", SL_RAW_NUMBER, "9007199254740993", "9007199254740993"},
		{"int64", SL_RAW_NUMBER, "1e3", "!"},
		{"int64", SL_RAW_NUMBER, "1.0", "!"},
		{"int64", SL_RAW_TEXT, "7E0", "!"},
		{"int64", SL_RAW_TEXT, "0x1A", "!"},
		{"int64", SL_RAW_TEXT, "1_000", "!"},
		{"int64", SL_RAW_TEXT, " 1", "!"},
		{"int64", SL_RAW_TEXT, "-", "!"},
		{"int64", SL_RAW_TEXT, "", NULL},
		{"int64", SL_RAW_BOOL, "true", "!"},
		{"int64", SL_RAW_OTHER, "{}", "!"},
		{"decimal(5,2)", SL_RAW_TEXT, "12.5", "12.50"},
		{"decimal(5,2)", SL_RAW_NUMBER, "12.500", "12.50"},
		{"decimal(5,2)", SL_RAW_NUMBER, "12.505", "!"},
		{"decimal(5,2)", SL_RAW_NUMBER, "1000", "!"},
		{"decimal(5,2)", SL_RAW_TEXT, "douze", "!"},
		{"float64", SL_RAW_NUMBER, "1e3", "1000"},
		{"float64", SL_RAW_TEXT, "NaN", "!"},
		{"float64", SL_RAW_TEXT, "Infinity", "!"},
		{"float64", SL_RAW_NUMBER, "1e999", "!"},
		{"bool", SL_RAW_BOOL, "true", "true"},
		{"bool", SL_RAW_TEXT, "false", "false"},
		{"bool", SL_RAW_NUMBER, "1", "true"},
		{"bool", SL_RAW_TEXT, "0", "false"},
		{"bool", SL_RAW_TEXT, "oui", "!"},
		{"bool", SL_RAW_NUMBER, "2", "!"},
		{"text", SL_RAW_TEXT, "", ""},
		{"text", SL_RAW_TEXT, "01004", "01004"},
		{"text", SL_RAW_NUMBER, "1.50", "1.50"},
		{"text", SL_RAW_BOOL, "true", "true"},
		{"text", SL_RAW_OTHER, "{\"a\":1}", "{\"a\":1}"},
		{"text", SL_RAW_LIST, "[1,2]", "[1,2]"},
		{"date", SL_RAW_TEXT, "2024-02-29", "2024-02-29"},
		{"date", SL_RAW_TEXT, "2023-02-29", "!"},
		{"date", SL_RAW_NUMBER, "20240229", "!"},
		{"timestamp", SL_RAW_TEXT, "2025-10-26T02:30:00+01:00", "2025-10-26T01:30:00Z"},
		{"timestamp", SL_RAW_TEXT, "2025-10-26T02:30:00", "!"},
		{"timestamp", SL_RAW_NUMBER, "1700000000", "!"},
		{"timestamp", SL_RAW_TEXT, "", NULL},
		{"list<text>", SL_RAW_TEXT, "", "[0]"},
		{"list<text>", SL_RAW_TEXT, "a", "!"},
		{"list<text>", SL_RAW_NULL, "", NULL},
		{"list<text>", SL_RAW_OTHER, "[null]", "!"},
	};
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++)
		run_scalar(i, &cases[i]);
}

static void test_a_list_keeps_its_texts_in_order(void **state)
{
	(void)state;
	struct one o;
	one_open(&o, (struct sl_contract_col){.name = "tags", .type_text = "list<text>"});
	struct sl_str items[] = {SL_STR("b"), SL_STR("a"), SL_STR("")};
	size_t row = one_store(&o, (struct sl_raw){.kind = SL_RAW_LIST, .list = {items, 3}});
	assert_int_equal(o.batch.cols[0].valid[row], 1);
	assert_int_equal(o.batch.cols[0].u.list[row].n, 3);
	assert_true(sl_str_eqz(o.batch.cols[0].u.list[row].v[1], "a"));
	items[1] = SL_STR("a\xff");
	row = one_store(&o, (struct sl_raw){.kind = SL_RAW_LIST, .list = {items, 3}});
	assert_int_equal(o.batch.state[row], SL_ROW_REJECTED);
	assert_string_equal(o.batch.rejects[0].rule, "UTF-8");
	one_close(&o);
}

static void test_bad_text_is_rejected_with_the_bytes_place_in_the_record(void **state)
{
	(void)state;
	struct one o;
	one_open(&o, (struct sl_contract_col){.name = "t", .type_text = "text"});
	static const char part[] = "1,abc\n2,L\x92\xe9t\xe9\n3,a\0b\n";
	o.batch.bytes = (struct sl_str){part, sizeof(part) - 1};
	size_t row = sl_batch_add_row(&o.batch, (struct sl_pos){6, 7});
	sl_contract_store(&o.col, &o.batch, row, 0,
			  &(struct sl_raw){.kind = SL_RAW_TEXT, .text = {part + 8, 5}});
	row = sl_batch_add_row(&o.batch, (struct sl_pos){14, 5});
	sl_contract_store(&o.col, &o.batch, row, 0,
			  &(struct sl_raw){.kind = SL_RAW_TEXT, .text = {part + 16, 3}});
	assert_int_equal(o.batch.n_rejects, 2);
	assert_string_equal(o.batch.rejects[0].field, "t");
	assert_string_equal(o.batch.rejects[0].rule, "UTF-8");
	assert_non_null(strstr(o.batch.rejects[0].reason, "byte 3 of the record"));
	assert_string_equal(o.batch.rejects[1].rule, "NUL");
	assert_non_null(strstr(o.batch.rejects[1].reason, "byte 3 of the record"));
	one_close(&o);
}

static void test_a_local_time_that_happens_twice_is_rejected_or_chosen(void **state)
{
	(void)state;
	static const struct {
		int ambiguous;
		const char *text, *want;
	} cases[] = {
		{SL_AMBIGUOUS_REJECT, "2025-10-26T02:30:00", NULL},
		{SL_AMBIGUOUS_EARLIER, "2025-10-26T02:30:00", "2025-10-26T00:30:00Z"},
		{SL_AMBIGUOUS_LATER, "2025-10-26T02:30:00", "2025-10-26T01:30:00Z"},
		{SL_AMBIGUOUS_LATER, "2025-10-26 02:30:00.25", "2025-10-26T01:30:00.250000Z"},
		{SL_AMBIGUOUS_LATER, "2025-07-01T12:00:00", "2025-07-01T10:00:00Z"},
		{SL_AMBIGUOUS_LATER, "2025-03-30T02:30:00", NULL},
		{SL_AMBIGUOUS_REJECT, "2025-10-26T03:00:00", "2025-10-26T02:00:00Z"},
	};
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct one o;
		one_open(&o, (struct sl_contract_col){.name = "t",
						      .type_text = "timestamp",
						      .zone_name = "Europe/Paris",
						      .ambiguous = cases[i].ambiguous});
		size_t row = one_store(&o, raw_of(SL_RAW_TEXT, cases[i].text));
		char got[64] = "";
		if (o.batch.cols[0].valid[row])
			value_text(&o.batch.cols[0], row, got);
		if (strcmp(got, cases[i].want ? cases[i].want : "") != 0)
			fail_msg("case %zu: %s", i, got);
		assert_int_equal(o.batch.state[row], cases[i].want ? SL_ROW_KEPT : SL_ROW_REJECTED);
		one_close(&o);
	}
}

static void test_limits_hold_at_their_very_values(void **state)
{
	(void)state;
	static const struct {
		const char *type, *min, *max, *text, *rule;
	} cases[] = {
		{"int64", "0", "9", "0", NULL},
		{"int64", "0", "9", "9", NULL},
		{"int64", "0", "9", "-1", "min"},
		{"int64", "0", "9", "10", "max"},
		{"decimal(8,2)", "0", "9.99", "9.99", NULL},
		{"decimal(8,2)", "0", "9.99", "10", "max"},
		{"float64", "0.5", NULL, "0.5", NULL},
		{"float64", "0.5", NULL, "0.4999", "min"},
		{"date", "2020-01-01", NULL, "2019-12-31", "min"},
		{"timestamp", NULL, "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", NULL},
		{"timestamp", NULL, "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000001Z", "max"},
	};
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct one o;
		one_open(&o, (struct sl_contract_col){.name = "c",
						      .type_text = cases[i].type,
						      .min = cases[i].min,
						      .max = cases[i].max});
		one_store(&o, raw_of(SL_RAW_TEXT, cases[i].text));
		sl_contract_check(&o.contract, &o.batch);
		const char *rule = o.batch.n_rejects ? o.batch.rejects[0].rule : "kept";
		if (strcmp(rule, cases[i].rule ? cases[i].rule : "kept") != 0)
			fail_msg("case %zu: %s", i, rule);
		one_close(&o);
	}
}

static void test_required_rejects_null_but_not_an_empty_text(void **state)
{
	(void)state;
	struct one o;
	one_open(&o, (struct sl_contract_col){.name = "c", .type_text = "text", .required = true});
	one_store(&o, raw_of(SL_RAW_TEXT, ""));
	one_store(&o, (struct sl_raw){.kind = SL_RAW_NULL});
	sl_contract_check(&o.contract, &o.batch);
	assert_int_equal(o.batch.state[0], SL_ROW_KEPT);
	assert_int_equal(o.batch.state[1], SL_ROW_REJECTED);
	assert_string_equal(o.batch.rejects[0].rule, "required");
	one_close(&o);
}

static void test_enum_takes_its_texts_and_null_only(void **state)
{
	(void)state;
	static const char *texts[] = {"FR", "BE"};
	struct one o;
	one_open(&o, (struct sl_contract_col){
			     .name = "c", .type_text = "text", .choices = {.v = texts, .n = 2}});
	one_store(&o, raw_of(SL_RAW_TEXT, "BE"));
	one_store(&o, (struct sl_raw){.kind = SL_RAW_NULL});
	one_store(&o, raw_of(SL_RAW_TEXT, "be"));
	sl_contract_check(&o.contract, &o.batch);
	assert_int_equal(o.batch.n_rejects, 1);
	assert_int_equal(o.batch.rejects[0].row, 2);
	assert_string_equal(o.batch.rejects[0].rule, "enum");
	assert_string_equal(o.batch.rejects[0].reason, "not one of FR, BE");
	one_close(&o);
}

static void test_enum_that_is_long_tells_its_size(void **state)
{
	(void)state;
	static const char *texts[] = {"a text of thirty bytes, or so.",
				      "a text of thirty bytes and one",
				      "another text of thirty bytes…"};
	struct one o;
	one_open(&o, (struct sl_contract_col){
			     .name = "c", .type_text = "text", .choices = {.v = texts, .n = 3}});
	one_store(&o, raw_of(SL_RAW_TEXT, "be"));
	sl_contract_check(&o.contract, &o.batch);
	assert_string_equal(o.batch.rejects[0].reason, "not one of the 3 texts allowed");
	one_close(&o);
}

static void test_a_computed_column_is_not_read_from_the_record(void **state)
{
	(void)state;
	struct one o;
	one_open(&o, (struct sl_contract_col){.name = "c", .type_text = "int64", .computed = true});
	size_t row = one_store(&o, raw_of(SL_RAW_TEXT, "12"));
	assert_int_equal(o.batch.cols[0].valid[row], 0);
	one_close(&o);
}

static void test_a_wrong_contract_names_its_column(void **state)
{
	(void)state;
	static const struct sl_contract_col wrong[] = {
		{.name = "prix", .type_text = "entier"},
		{.name = "prix"},
		{.name = "prix", .type_text = "int64", .min = "1.5"},
		{.name = "prix", .type_text = "text", .max = "9"},
		{.name = "prix", .type_text = "int64", .min = "9", .max = "1"},
		{.name = "prix", .type_text = "int64", .zone_name = "Europe/Paris"},
		{.name = "prix", .type_text = "timestamp", .zone_name = "Europe/Nulle"},
		{.name = "prix", .type_text = "timestamp", .ambiguous = SL_AMBIGUOUS_LATER},
	};
	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
		sl_cleanup(sl_diags_release) struct sl_diags diags = SL_DIAGS_INIT;
		struct sl_contract_col c = wrong[i];
		if (sl_contract_prepare(&c, &diags) || diags.total != 1)
			fail_msg("case %zu: %zu problems", i, diags.total);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_type_takes_what_it_may),
		cmocka_unit_test(test_a_list_keeps_its_texts_in_order),
		cmocka_unit_test(test_bad_text_is_rejected_with_the_bytes_place_in_the_record),
		cmocka_unit_test(test_a_local_time_that_happens_twice_is_rejected_or_chosen),
		cmocka_unit_test(test_limits_hold_at_their_very_values),
		cmocka_unit_test(test_required_rejects_null_but_not_an_empty_text),
		cmocka_unit_test(test_enum_takes_its_texts_and_null_only),
		cmocka_unit_test(test_enum_that_is_long_tells_its_size),
		cmocka_unit_test(test_a_computed_column_is_not_read_from_the_record),
		cmocka_unit_test(test_a_wrong_contract_names_its_column),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
