/*
 * Rule extract: the part of a text that a pattern finds. Over a list<text> the first element that
 * matches counts. The result is the first group that took part in the match, without groups the
 * whole match; without a match it is NULL. It is a view into the text read: nothing is copied.
 *
 * Patterns are PCRE2 with UTF and UCP (\s also means U+00A0 and U+202F), compiled to machine code.
 * A pattern that needs more than MATCH_LIMIT steps rejects the row instead of holding up the run.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "data/rule.h"

#define MATCH_LIMIT 100000
#define JIT_STACK_START ((size_t)32 * 1024)
#define JIT_STACK_MAX ((size_t)1024 * 1024)

struct extract {
	const char *from, *into, *pattern;
	bool ignore_case;
	size_t from_col, into_col;
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct extract, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "column to read: text or list<text>"),
	SL_F_TEXT(struct extract, pattern, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "regular expression (PCRE2); its first group that matches is the result"),
	SL_F_TEXT(struct extract, into, SL_F_IDENTITY, NULL,
		  "text column to write; default: the column read"),
	SL_F_BOOL(struct extract, ignore_case, SL_F_IDENTITY, "false",
		  "capital and small letters match each other"),
	SL_F_END,
};

static bool compile(struct extract *x, struct sl_rule_scope *s)
{
	uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
	int code;
	PCRE2_SIZE at;
	PCRE2_UCHAR why[160];

	if (x->ignore_case)
		options |= PCRE2_CASELESS;
	x->code = pcre2_compile((PCRE2_SPTR)x->pattern, PCRE2_ZERO_TERMINATED, options, &code, &at,
				NULL);
	if (!x->code) {
		pcre2_get_error_message(code, why, sizeof(why));
		sl_diag_add(s->diags, SL_E1013, sl_rule_place(s, "pattern"),
			    "pattern \"%s\": %s at character %zu", x->pattern, (const char *)why,
			    (size_t)at + 1);
		return false;
	}
	x->match = pcre2_match_data_create_from_pattern(x->code, NULL);
	x->context = pcre2_match_context_create(NULL);
	if (!x->match || !x->context)
		SL_BUG("out of memory");
	pcre2_set_match_limit(x->context, MATCH_LIMIT);
	/* Without JIT (a build that lacks it) the interpreter gives the same results. */
	if (pcre2_jit_compile(x->code, PCRE2_JIT_COMPLETE) == 0) {
		x->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
		pcre2_jit_stack_assign(x->context, NULL, x->stack);
	}
	return true;
}

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct extract *x = params;
	bool ok = sl_rule_from(s, x->from, sl_rule_place(s, "from"), &x->from_col) &&
		  sl_rule_type(s, x->from_col, 1U << SL_TEXT | 1U << SL_TEXT_LIST);

	x->into_col = x->from_col;
	if (ok)
		ok = sl_rule_into(s, x->into, (struct sl_type){.kind = SL_TEXT}, &x->into_col) &&
		     sl_rule_type(s, x->into_col, 1U << SL_TEXT);
	return compile(x, s) && ok;
}

static struct sl_str matched_part(const struct extract *x, struct sl_str text, int groups)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(x->match);
	int g = 0;

	for (int i = 1; i < groups; i++) {
		if (v[2 * i] != PCRE2_UNSET) {
			g = i;
			break;
		}
	}
	/* \K can put the begin behind the end. */
	if (v[2 * g + 1] < v[2 * g])
		return (struct sl_str){text.p, 0};
	return (struct sl_str){text.p + v[2 * g], v[2 * g + 1] - v[2 * g]};
}

/* 1: found, 0: no match, below: PCRE2's code for why it gave up. */
static int find(const struct extract *x, struct sl_str text, struct sl_str *ret)
{
	PCRE2_SPTR subject = (PCRE2_SPTR)(text.p ? text.p : "");
	/* Batches hold valid UTF-8 only, so neither of them checks it. */
	int rc = x->stack ? pcre2_jit_match(x->code, subject, text.n, 0, 0, x->match, x->context)
			  : pcre2_match(x->code, subject, text.n, 0, PCRE2_NO_UTF_CHECK, x->match,
					x->context);

	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc < 0)
		return rc;
	*ret = matched_part(x, text, rc);
	return 1;
}

static int find_in_row(const struct extract *x, const struct sl_vec *in, size_t row,
		       struct sl_str *ret)
{
	const struct sl_list *list;

	if (!in->valid[row])
		return 0;
	if (in->type.kind == SL_TEXT)
		return find(x, in->u.str[row], ret);
	list = &in->u.list[row];
	for (size_t i = 0; i < list->n; i++) {
		int found = find(x, list->v[i], ret);

		if (found)
			return found;
	}
	return 0;
}

static void reject_row(const struct extract *x, struct sl_batch *b, size_t row, int code)
{
	PCRE2_UCHAR why[120];

	pcre2_get_error_message(code, why, sizeof(why));
	sl_batch_reject(b, row, x->from, "extract", "the pattern gave up: %s", (const char *)why);
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct extract *x = params;
	const struct sl_vec *in = &b->cols[x->from_col];
	struct sl_vec *out = &b->cols[x->into_col];

	(void)err;
	for (size_t row = 0; row < b->rows; row++) {
		struct sl_str text = SL_STR_NULL;
		int found;

		if (b->state[row] != SL_ROW_KEPT)
			continue;
		found = find_in_row(x, in, row, &text);
		if (found < 0)
			reject_row(x, b, row, found);
		out->u.str[row] = text;
		out->valid[row] = found > 0;
	}
	return true;
}

static void release(void *params)
{
	struct extract *x = params;

	pcre2_code_free(x->code);
	pcre2_match_data_free(x->match);
	pcre2_match_context_free(x->context);
	pcre2_jit_stack_free(x->stack);
	x->code = NULL;
	x->match = NULL;
	x->context = NULL;
	x->stack = NULL;
}

const struct sl_rule sl_rule_extract = {
	.name = "extract",
	.summary = "The part of a text, or of the first matching text of a list, that a pattern "
		   "finds.",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct extract),
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
