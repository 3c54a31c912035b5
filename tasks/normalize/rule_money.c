/*
 * Rule money: an amount of money with or without its currency's sign, exact. With accounting: true,
 * "(12,50)" and "12,50-" are negative. Only the currency named is accepted, so that dollars never
 * pass for euros.
 */
#include "tasks/normalize/rule_amount.h"

struct money {
	const char *from, *into;
	struct sl_texts currency;
	int locale, on_error;
	bool accounting;
	struct sl_amount_rule rule;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct money, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "text column to read; NULL and blank text give NULL"),
	SL_F_TEXT(struct money, into, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "int64 or decimal column to write; a new one is decimal(18,2)"),
	SL_F_ENUM(struct money, locale, SL_F_IDENTITY, "plain", sl_amount_locales,
		  "marks: fr \"1 234,50\", en \"1,234.50\", plain \"1234.50\""),
	SL_F_TEXTS(struct money, currency, SL_F_IDENTITY,
		   "signs or words that may stand before or behind; default: fr €, EUR; en $, USD"),
	SL_F_BOOL(struct money, accounting, SL_F_IDENTITY, "false",
		  "brackets and a sign behind the number are negative"),
	SL_F_ENUM(struct money, on_error, SL_F_IDENTITY, "reject", sl_on_errors,
		  "what a text that is no amount does: reject the row, or give null"),
	SL_F_END,
};

static void choose_words(const struct money *p, struct sl_amount_style *style)
{
	static const char *const fr[] = {"€", "EUR"};
	static const char *const en[] = {"$", "USD"};

	style->words = p->currency.v;
	style->n_words = p->currency.n;
	if (p->currency.n || p->locale == SL_AMOUNT_PLAIN)
		return;
	style->words = p->locale == SL_AMOUNT_FR ? fr : en;
	style->n_words = 2;
}

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct money *p = params;

	p->rule = (struct sl_amount_rule){
		.name = "money",
		.style = {.locale = p->locale, .accounting = p->accounting, .before = true},
		.on_error = p->on_error,
	};
	choose_words(p, &p->rule.style);
	return sl_amount_rule_prepare(&p->rule, p->from, p->into,
				      (struct sl_type){SL_DECIMAL, 18, 2}, s);
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	(void)err;
	sl_amount_rule_apply(&((const struct money *)params)->rule, b);
	return true;
}

const struct sl_rule sl_rule_money = {
	.name = "money",
	.summary = "An amount of money written for people as an exact value.",
	.example = "- money: {from: price_text, into: price, locale: fr}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct money),
	.prepare = prepare,
	.apply = apply,
};
