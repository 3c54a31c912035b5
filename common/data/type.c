/*
 * Column types as text and back, and the ordered columns of a schema.
 */
#include "data/type.h"

#include "base/mem.h"
#include "base/num.h"

static const struct {
	const char *name;
	enum sl_kind kind;
} plain_types[] = {
	{"bool", SL_BOOL},
	{"int64", SL_INT64},
	{"float64", SL_FLOAT64},
	{"text", SL_TEXT},
	{"date", SL_DATE},
	{"timestamp", SL_TIMESTAMP},
	{"list<text>", SL_TEXT_LIST},
};

/* "12,2" of decimal(12,2); one blank behind the comma is usual and harmless. */
static bool parse_decimal(struct sl_str args, struct sl_type *ret)
{
	uint64_t precision, scale;
	struct sl_str head;
	if (!sl_str_next(&args, ',', &head))
		return false;
	if (sl_str_starts(args, " "))
		args = sl_str_sub(args, 1, args.n);
	if (!sl_num_u64(head, 18, &precision) || !sl_num_u64(args, 18, &scale))
		return false;
	if (precision < 1 || scale > precision)
		return false;
	*ret = (struct sl_type){SL_DECIMAL, (uint8_t)precision, (uint8_t)scale};
	return true;
}

bool sl_type_parse(struct sl_str text, struct sl_type *ret)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(plain_types); i++) {
		if (!sl_str_eqz(text, plain_types[i].name))
			continue;
		*ret = (struct sl_type){plain_types[i].kind, 0, 0};
		return true;
	}
	if (sl_str_starts(text, "decimal(") && sl_str_ends(text, ")"))
		return parse_decimal(sl_str_sub(text, 8, text.n - 9), ret);
	return false;
}

void sl_type_text(struct sl_type t, char out[32])
{
	if (t.kind == SL_DECIMAL) {
		snprintf(out, 32, "decimal(%u,%u)", t.precision, t.scale);
		return;
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(plain_types); i++)
		if (plain_types[i].kind == t.kind)
			snprintf(out, 32, "%s", plain_types[i].name);
}

bool sl_type_eq(struct sl_type a, struct sl_type b)
{
	return a.kind == b.kind &&
	       (a.kind != SL_DECIMAL || (a.precision == b.precision && a.scale == b.scale));
}

size_t sl_schema_add(struct sl_schema *s, const char *name, struct sl_type type)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 16;
		s->cols = sl_xrealloc(s->cols, s->cap, sizeof(*s->cols));
	}
	s->cols[s->n] = (struct sl_column){name, type};
	return s->n++;
}

ptrdiff_t sl_schema_find(const struct sl_schema *s, struct sl_str name)
{
	for (size_t i = 0; i < s->n; i++)
		if (sl_str_eqz(name, s->cols[i].name))
			return (ptrdiff_t)i;
	return -1;
}

void sl_schema_release(struct sl_schema *s)
{
	free(s->cols);
	*s = (struct sl_schema)SL_SCHEMA_INIT;
}
