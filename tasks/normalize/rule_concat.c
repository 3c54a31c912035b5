/*
 * Rule concat: several columns in one text. Numbers, dates and instants are written as they are in
 * a CSV export: exact, with a decimal point, instants in UTC.
 */
#include "base/clock.h"
#include "base/num.h"
#include "tasks/normalize/columns.h"

#define VALUE_MAX 40 /* bytes that a value that is no text takes at most */

struct concat {
	struct sl_texts from;
	const char *into, *separator;
	bool skip_empty;
	size_t *from_cols; /* from.n */
	size_t into_col;
};

static const struct sl_field fields[] = {
	SL_F_TEXTS(
		struct concat, from, SL_F_REQUIRED | SL_F_IDENTITY,
		"columns to join, in order, of any type but float64 and list<text>; NULLs are left "
		"out, all of them NULL give NULL"),
	SL_F_TEXT(struct concat, into, SL_F_REQUIRED | SL_F_IDENTITY, NULL, "text column to write"),
	SL_F_TEXT(struct concat, separator, SL_F_IDENTITY, " ", "text between two values"),
	SL_F_BOOL(struct concat, skip_empty, SL_F_IDENTITY, "true",
		  "an empty text is left out, too"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct concat *c = params;
	bool ok = c->from.n > 0;

	if (!ok)
		sl_diag_add(s->diags, SL_E1005, sl_rule_place(s, "from"),
			    "rule \"concat\": \"from\" is empty");
	c->from_cols = sl_arena_zalloc(s->arena, c->from.n + 1, sizeof(*c->from_cols));
	for (size_t i = 0; i < c->from.n; i++)
		ok &= sl_rule_from(s, c->from.v[i], c->from.at[i], &c->from_cols[i]) &&
		      sl_rule_type(s, c->from_cols[i], SL_KINDS_EXACT);
	return sl_rule_into(s, c->into, (struct sl_type){.kind = SL_TEXT}, &c->into_col) &&
	       sl_rule_type(s, c->into_col, SL_KINDS_TEXT) && ok;
}

/* A value as text; tmp is where it is written when it is none. */
static struct sl_str value_text(const struct sl_vec *v, size_t row, char tmp[VALUE_MAX])
{
	switch (v->type.kind) {
	case SL_TEXT:
		return v->u.str[row];
	case SL_BOOL:
		return v->u.b[row] ? SL_STR("true") : SL_STR("false");
	case SL_INT64:
		return (struct sl_str){tmp, sl_num_decimal_text(v->u.i64[row], 0, tmp)};
	case SL_DECIMAL:
		return (struct sl_str){tmp, sl_num_decimal_text(v->u.i64[row], v->type.scale, tmp)};
	case SL_DATE:
		return (struct sl_str){tmp, sl_date_text((int32_t)v->u.i64[row], tmp)};
	case SL_TIMESTAMP:
		return (struct sl_str){tmp, sl_time_text(v->u.i64[row], tmp)};
	case SL_FLOAT64:
	case SL_TEXT_LIST:
		break;
	}
	SL_BUG("values of type %d are not joined", (int)v->type.kind);
}

/* Bytes of the joined text, written to out unless it is NULL; *any: there is a value. */
static size_t join(const struct concat *c, const struct sl_batch *b, size_t row, char *out,
		   bool *any)
{
	const size_t sep = strlen(c->separator);
	size_t n = 0;

	*any = false;
	for (size_t i = 0; i < c->from.n; i++) {
		const struct sl_vec *v = &b->cols[c->from_cols[i]];
		char tmp[VALUE_MAX];
		struct sl_str text;

		if (!v->valid[row])
			continue;
		text = value_text(v, row, tmp);
		if (text.n == 0 && c->skip_empty)
			continue;
		if (*any && out)
			memcpy(out + n, c->separator, sep);
		n += *any ? sep : 0;
		if (text.n > 0 && out)
			memcpy(out + n, text.p, text.n);
		n += text.n;
		*any = true;
	}
	return n;
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct concat *c = params;
	struct sl_vec *out = &b->cols[c->into_col];

	(void)err;
	for (size_t row = 0; row < b->rows; row++) {
		struct sl_str text = SL_STR_NULL;
		char *room;
		bool any;

		if (b->state[row] != SL_ROW_KEPT)
			continue;
		text.n = join(c, b, row, NULL, &any);
		if (any) {
			text.p = room = sl_arena_alloc(&b->arena, text.n);
			join(c, b, row, room, &any);
		}
		out->valid[row] = any;
		out->u.str[row] = text;
	}
	return true;
}

const struct sl_rule sl_rule_concat = {
	.name = "concat",
	.summary = "Several columns joined in one text.",
	.example = "- concat: {from: [code, town], into: place}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct concat),
	.prepare = prepare,
	.apply = apply,
};
