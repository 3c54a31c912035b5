/*
 * Rule filter: rows that nobody wants are dropped (state "filtered", counted, no reject row).
 * Either the values to keep are listed or those to drop; NULL is a value that is listed nowhere.
 */
#include "tasks/normalize/columns.h"
#include "tasks/normalize/constants.h"

enum nulls { NULLS_UNLISTED, NULLS_KEEP, NULLS_DROP };
static const char *const nulls_names[] = {"unlisted", "keep", "drop", NULL};

struct filter {
	const char *from;
	struct sl_texts keep, drop;
	int nulls;
	bool ignore_case;
	size_t col;
	bool keeps; /* what is listed is kept */
	struct sl_constants listed;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct filter, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "column to read, of any type but float64 and list<text>"),
	SL_F_TEXTS(struct filter, keep, SL_F_IDENTITY,
		   "the only values whose rows are kept, written as in the data"),
	SL_F_TEXTS(struct filter, drop, SL_F_IDENTITY, "values whose rows are dropped"),
	SL_F_ENUM(struct filter, nulls, SL_F_IDENTITY, "unlisted", nulls_names,
		  "rows without a value; unlisted: dropped with keep, kept with drop"),
	SL_F_BOOL(struct filter, ignore_case, SL_F_IDENTITY, "false",
		  "for text: capital and small letters are the same"),
	SL_F_END,
};

static bool check_lists(const struct filter *f, struct sl_rule_scope *s)
{
	if (f->keep.n > 0 && f->drop.n > 0) {
		sl_diag_add(s->diags, SL_E1011, sl_rule_place(s, "drop"),
			    "rule \"filter\" takes \"keep\" or \"drop\", not both");
		return false;
	}
	if (f->keep.n + f->drop.n > 0 || f->nulls == NULLS_DROP)
		return true;
	sl_diag_add(s->diags, SL_E1004, s->at,
		    "rule \"filter\" drops nothing: it needs \"keep\", \"drop\" or nulls: drop");
	return false;
}

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct filter *f = params;
	bool ok = check_lists(f, s);

	if (!sl_rule_from(s, f->from, sl_rule_place(s, "from"), &f->col) ||
	    !sl_rule_type(s, f->col, SL_KINDS_EXACT))
		return false;
	f->keeps = f->keep.n > 0;
	return sl_constants_read(&f->listed, s->schema->cols[f->col].type,
				 f->keeps ? &f->keep : &f->drop, s) &&
	       ok;
}

static bool wanted(const struct filter *f, const struct sl_vec *in, size_t row)
{
	if (in->valid[row])
		return sl_constants_have(&f->listed, in, row, f->ignore_case) == f->keeps;
	switch ((enum nulls)f->nulls) {
	case NULLS_UNLISTED:
		return !f->keeps;
	case NULLS_KEEP:
		return true;
	case NULLS_DROP:
		return false;
	}
	return true;
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct filter *f = params;

	(void)err;
	for (size_t row = 0; row < b->rows; row++)
		if (b->state[row] == SL_ROW_KEPT && !wanted(f, &b->cols[f->col], row))
			b->state[row] = SL_ROW_FILTERED;
	return true;
}

static void release(void *params)
{
	sl_constants_release(&((struct filter *)params)->listed);
}

const struct sl_rule sl_rule_filter = {
	.name = "filter",
	.summary = "Rows dropped by the value of a column.",
	.example = "- filter: {from: country, keep: [FR, BE]}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct filter),
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
