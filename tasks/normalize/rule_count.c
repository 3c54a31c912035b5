/*
 * Rule count: how many elements a list<text> has, or how many characters a text; with a pattern,
 * how many elements match it, or how many places of the text do. An option tells a list or text
 * that is empty (many sources write "" for what they do not know) from one that was looked through.
 */
#include "data/pattern.h"
#include "tasks/normalize/columns.h"

struct count {
	const char *from, *into, *pattern;
	bool ignore_case, distinct, empty_as_null, zero_as_null;
	size_t from_col, into_col;
	struct sl_pattern code;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct count, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "column to read: text or list<text>; NULL stays NULL"),
	SL_F_TEXT(struct count, into, SL_F_REQUIRED | SL_F_IDENTITY, NULL, "int64 column to write"),
	SL_F_TEXT(struct count, pattern, SL_F_IDENTITY, NULL,
		  "regular expression (PCRE2): count elements, or places of the text, that match; "
		  "default: all elements, or the text's characters"),
	SL_F_BOOL(struct count, ignore_case, SL_F_IDENTITY, "false",
		  "capital and small letters match each other"),
	SL_F_BOOL(struct count, distinct, SL_F_IDENTITY, "false",
		  "equal elements of a list count once"),
	SL_F_BOOL(struct count, empty_as_null, SL_F_IDENTITY, "false",
		  "an empty list or text gives null instead of 0"),
	SL_F_BOOL(struct count, zero_as_null, SL_F_IDENTITY, "false", "0 means: not stated"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct count *c = params;
	bool ok = sl_column_pair(s, c->from, SL_KINDS_TEXT | 1U << SL_TEXT_LIST, c->into,
				 (struct sl_type){.kind = SL_INT64}, 1U << SL_INT64, &c->from_col,
				 &c->into_col);

	if (ok && c->distinct && s->schema->cols[c->from_col].type.kind == SL_TEXT) {
		sl_diag_add(s->diags, SL_E1011, sl_rule_place(s, "distinct"),
			    "\"distinct\" is for list<text>, column \"%s\" is text", c->from);
		ok = false;
	}
	if (c->pattern)
		ok = sl_pattern_compile(&c->code, c->pattern, c->ignore_case, s) && ok;
	return ok;
}

/* Number of matches, below 0: PCRE2's code for why it gave up. */
static int64_t count_matches(const struct count *c, struct sl_str text)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(c->code.match);
	uint32_t options = 0;
	int64_t n = 0;

	for (size_t from = 0; from <= text.n; n++) {
		int found = sl_pattern_find(&c->code, text, from, options);

		if (found <= 0)
			return found < 0 ? found : n;
		/* Behind an empty match only one that moves on may follow. */
		options = v[0] == v[1] ? PCRE2_NOTEMPTY_ATSTART : 0;
		from = v[1];
	}
	return n;
}

static int64_t count_characters(struct sl_str text)
{
	int64_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return n;
}

static int by_bytes(const void *a, const void *b)
{
	return sl_str_cmp(*(const struct sl_str *)a, *(const struct sl_str *)b);
}

static int64_t count_distinct(struct sl_str *v, size_t n)
{
	int64_t distinct = n > 0;

	qsort(v, n, sizeof(*v), by_bytes);
	for (size_t i = 1; i < n; i++)
		distinct += !sl_str_eq(v[i], v[i - 1]);
	return distinct;
}

static int64_t count_elements(const struct count *c, const struct sl_list *list,
			      struct sl_arena *arena)
{
	struct sl_str *kept =
		c->distinct ? sl_arena_alloc(arena, (list->n + 1) * sizeof(*kept)) : NULL;
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		int found = c->code.code ? sl_pattern_find(&c->code, list->v[i], 0, 0) : 1;

		if (found < 0)
			return found;
		if (found > 0 && kept)
			kept[n] = list->v[i];
		n += found > 0;
	}
	return kept ? count_distinct(kept, n) : (int64_t)n;
}

/* The count, below 0: PCRE2's code for why it gave up; *ret_empty: there was nothing to look at. */
static int64_t count_row(const struct count *c, struct sl_batch *b, size_t row, bool *ret_empty)
{
	const struct sl_vec *in = &b->cols[c->from_col];

	if (in->type.kind == SL_TEXT_LIST) {
		*ret_empty = in->u.list[row].n == 0;
		return count_elements(c, &in->u.list[row], &b->arena);
	}
	*ret_empty = in->u.str[row].n == 0;
	return c->code.code ? count_matches(c, in->u.str[row]) : count_characters(in->u.str[row]);
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct count *c = params;
	const struct sl_vec *in = &b->cols[c->from_col];
	struct sl_vec *out = &b->cols[c->into_col];

	(void)err;
	for (size_t row = 0; row < b->rows; row++) {
		bool empty = false;
		int64_t n;

		if (b->state[row] != SL_ROW_KEPT)
			continue;
		out->valid[row] = 0;
		if (!in->valid[row])
			continue;
		n = count_row(c, b, row, &empty);
		if (n < 0)
			sl_pattern_reject((int)n, b, row, c->from, "count");
		out->u.i64[row] = n;
		out->valid[row] =
			n >= 0 && !(empty && c->empty_as_null) && !(n == 0 && c->zero_as_null);
	}
	return true;
}

static void release(void *params)
{
	sl_pattern_release(&((struct count *)params)->code);
}

const struct sl_rule sl_rule_count = {
	.name = "count",
	.summary = "How many elements or characters there are, or how many match a pattern.",
	.example = "- count: {from: tags, into: photos, pattern: '\\.jpg$'}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct count),
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
