/* Values written in a rule: see constants.h. */
#include "tasks/normalize/constants.h"

#include "data/contract.h"
#include "data/letters.h"

static bool read_one(struct sl_constants *c, const char *text, struct sl_place at,
		     struct sl_rule_scope *s)
{
	const struct sl_contract_col col = {.name = "value", .type = c->schema.cols[0].type};
	const struct sl_raw raw = {.kind = SL_RAW_TEXT, .text = sl_str_of(text)};
	struct sl_batch *b = &c->batch;
	size_t row = sl_batch_add_row(b, (struct sl_pos){0, 0});
	char type[32];

	sl_contract_store(&col, b, row, 0, &raw);
	if (b->cols[0].valid[row])
		return true;
	sl_type_text(col.type, type);
	sl_diag_add(s->diags, SL_E1005, at, "rule \"%s\": \"%s\" is no %s: %s", s->rule, text, type,
		    b->n_rejects ? b->rejects[b->n_rejects - 1].reason : "an empty text");
	return false;
}

bool sl_constants_read(struct sl_constants *c, struct sl_type type, const struct sl_texts *texts,
		       struct sl_rule_scope *s)
{
	bool ok = true;

	sl_schema_add(&c->schema, "value", type);
	sl_batch_init(&c->batch, &c->schema, texts->n);
	for (size_t i = 0; i < texts->n; i++)
		ok &= read_one(c, texts->v[i], texts->at[i], s);
	return ok;
}

const struct sl_vec *sl_constants_values(const struct sl_constants *c)
{
	return &c->batch.cols[0];
}

static bool equal(const struct sl_vec *a, size_t i, const struct sl_vec *b, size_t k,
		  bool ignore_case)
{
	switch (a->type.kind) {
	case SL_TEXT:
		return ignore_case ? sl_text_same(a->u.str[i], b->u.str[k])
				   : sl_str_eq(a->u.str[i], b->u.str[k]);
	case SL_BOOL:
		return a->u.b[i] == b->u.b[k];
	case SL_INT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		return a->u.i64[i] == b->u.i64[k];
	case SL_FLOAT64:
	case SL_TEXT_LIST:
		break;
	}
	SL_BUG("values of type %d are not compared", (int)a->type.kind);
}

bool sl_constants_have(const struct sl_constants *c, const struct sl_vec *v, size_t row,
		       bool ignore_case)
{
	for (size_t i = 0; i < c->batch.rows; i++)
		if (equal(&c->batch.cols[0], i, v, row, ignore_case))
			return true;
	return false;
}

void sl_constants_release(struct sl_constants *c)
{
	sl_batch_release(&c->batch);
	sl_schema_release(&c->schema);
}
