/*
 * Rule number: a text that holds one number, perhaps with a unit behind, into an int64 or decimal
 * column. Exact: digits that the column cannot hold refuse the value. See amount.h for what a
 * locale allows.
 */
#include "tasks/normalize/rule_amount.h"

struct number {
	const char *from, *into, *unit;
	int locale, on_error;
	bool zero_as_null;
	struct sl_amount_rule rule;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct number, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "text column to read; NULL and blank text give NULL"),
	SL_F_TEXT(struct number, into, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "int64 or decimal column to write; a new one is decimal(18,6)"),
	SL_F_ENUM(struct number, locale, SL_F_IDENTITY, "plain", sl_amount_locales,
		  "marks: fr \"1 234,5\", en \"1,234.5\", plain \"1234.5\""),
	SL_F_TEXT(struct number, unit, SL_F_IDENTITY, NULL,
		  "unit that may stand behind the number"),
	SL_F_BOOL(struct number, zero_as_null, SL_F_IDENTITY, "false", "0 means: not stated"),
	SL_F_ENUM(struct number, on_error, SL_F_IDENTITY, "reject", sl_on_errors,
		  "what a text that is no number does: reject the row, or give null"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct number *p = params;

	p->rule = (struct sl_amount_rule){
		.name = "number",
		.style = {.locale = p->locale, .words = &p->unit, .n_words = p->unit ? 1 : 0},
		.zero_as_null = p->zero_as_null,
		.on_error = p->on_error,
	};
	return sl_amount_rule_prepare(&p->rule, p->from, p->into,
				      (struct sl_type){SL_DECIMAL, 18, 6}, s);
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	(void)err;
	sl_amount_rule_apply(&((const struct number *)params)->rule, b);
	return true;
}

const struct sl_rule sl_rule_number = {
	.name = "number",
	.summary =
		"A number written for people, with thousands marks and a unit, as an exact value.",
	.example = "- number: {from: surface_text, into: surface, locale: fr, unit: m²}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct number),
	.prepare = prepare,
	.apply = apply,
};
