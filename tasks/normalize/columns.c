/* Columns that a rule reads and writes: see columns.h. */
#include "tasks/normalize/columns.h"

const char *const sl_on_errors[] = {"reject", "null", NULL};

bool sl_column_pair(struct sl_rule_scope *s, const char *from, unsigned from_kinds,
		    const char *into, struct sl_type def, unsigned into_kinds, size_t *ret_from,
		    size_t *ret_into)
{
	if (!sl_rule_from(s, from, sl_rule_place(s, "from"), ret_from) ||
	    !sl_rule_type(s, *ret_from, from_kinds))
		return false;
	*ret_into = *ret_from;
	return sl_rule_into(s, into, def, ret_into) && sl_rule_type(s, *ret_into, into_kinds);
}

bool sl_columns_agree(struct sl_rule_scope *s, size_t a, size_t b, struct sl_place at)
{
	const struct sl_column *x = &s->schema->cols[a], *y = &s->schema->cols[b];
	char have[32], wanted[32];

	if (sl_type_eq(x->type, y->type))
		return true;
	sl_type_text(x->type, have);
	sl_type_text(y->type, wanted);
	sl_diag_add(s->diags, SL_E1005, at,
		    "rule \"%s\": column \"%s\" is %s, but \"%s\" is %s: they must agree", s->rule,
		    x->name, have, y->name, wanted);
	return false;
}

static bool check_count(const struct sl_texts *from, const char *into, struct sl_rule_scope *s)
{
	if (from->n == 0) {
		sl_diag_add(s->diags, SL_E1005, sl_rule_place(s, "from"),
			    "rule \"%s\": \"from\" is empty", s->rule);
		return false;
	}
	if (from->n == 1 || !into)
		return true;
	sl_diag_add(s->diags, SL_E1011, sl_rule_place(s, "into"),
		    "rule \"%s\": \"into\" is for one column read, not for %zu", s->rule, from->n);
	return false;
}

bool sl_columns_prepare(struct sl_columns *c, const struct sl_texts *from, const char *into,
			unsigned kinds, struct sl_rule_scope *s)
{
	bool ok = true;

	if (!check_count(from, into, s))
		return false;
	c->n = from->n;
	c->from = sl_arena_zalloc(s->arena, c->n, sizeof(*c->from));
	c->into = sl_arena_zalloc(s->arena, c->n, sizeof(*c->into));
	for (size_t i = 0; i < c->n; i++) {
		if (!sl_rule_from(s, from->v[i], from->at[i], &c->from[i]) ||
		    !sl_rule_type(s, c->from[i], kinds)) {
			ok = false;
			continue;
		}
		c->into[i] = c->from[i];
		ok &= sl_rule_into(s, into, s->schema->cols[c->from[i]].type, &c->into[i]) &&
		      sl_columns_agree(s, c->into[i], c->from[i], sl_rule_place(s, "into"));
	}
	return ok;
}

void sl_value_clear(struct sl_vec *v, size_t row)
{
	v->valid[row] = 0;
	switch (v->type.kind) {
	case SL_BOOL:
		v->u.b[row] = 0;
		break;
	case SL_FLOAT64:
		v->u.f64[row] = 0;
		break;
	case SL_TEXT:
		v->u.str[row] = SL_STR_NULL;
		break;
	case SL_TEXT_LIST:
		v->u.list[row] = (struct sl_list){NULL, 0};
		break;
	case SL_INT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		v->u.i64[row] = 0;
		break;
	}
}

void sl_value_copy(struct sl_vec *to, size_t to_row, const struct sl_vec *from, size_t from_row)
{
	to->valid[to_row] = from->valid[from_row];
	switch (from->type.kind) {
	case SL_BOOL:
		to->u.b[to_row] = from->u.b[from_row];
		break;
	case SL_FLOAT64:
		to->u.f64[to_row] = from->u.f64[from_row];
		break;
	case SL_TEXT:
		to->u.str[to_row] = from->u.str[from_row];
		break;
	case SL_TEXT_LIST:
		to->u.list[to_row] = from->u.list[from_row];
		break;
	case SL_INT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		to->u.i64[to_row] = from->u.i64[from_row];
		break;
	}
}
