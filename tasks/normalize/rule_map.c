/*
 * Rule map: a text replaced by the value that a table gives for it ("MAISON" → "house", "oui" →
 * true). An exact entry goes before one that only differs in capital letters. NULL stays NULL.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"
#include "tasks/normalize/columns.h"
#include "tasks/normalize/constants.h"

enum on_unknown { UNKNOWN_KEEP, UNKNOWN_NULL, UNKNOWN_REJECT };
static const char *const unknown_names[] = {"keep", "null", "reject", NULL};

struct entry {
	struct sl_str key;
	size_t value; /* row of the constants */
};

struct map {
	const char *from, *into;
	struct sl_pairs values;
	int fallback;
	bool ignore_case;
	size_t from_col, into_col;
	struct entry *entries; /* sorted by key */
	struct sl_constants constants;
	pcre2_code **any_case; /* keys as patterns in the file's order, with ignore_case */
	pcre2_match_data *match;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct map, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "text column to read; NULL stays NULL"),
	SL_F_TEXT(struct map, into, SL_F_IDENTITY, NULL,
		  "column to write, of any type but list<text>; default: the column read"),
	SL_F_PAIRS(struct map, values, SL_F_REQUIRED | SL_F_IDENTITY,
		   "text: value to write for it, as the type of into is written in data"),
	{"default", SL_FT_ENUM, SL_F_AT(struct map, fallback, int), SL_F_IDENTITY, "keep", 0, 0,
	 unknown_names,
	 "what a text that is not listed does: keep it (into text), null, or reject the row"},
	SL_F_BOOL(struct map, ignore_case, SL_F_IDENTITY, "false",
		  "capital and small letters are the same"),
	SL_F_END,
};

static int by_key(const void *a, const void *b)
{
	return sl_str_cmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static void compile_any_case(struct map *m)
{
	int code;
	PCRE2_SIZE at;

	m->any_case = sl_xcalloc(m->values.n + 1, sizeof(*m->any_case));
	m->match = pcre2_match_data_create(1, NULL);
	for (size_t i = 0; i < m->values.n; i++) {
		m->any_case[i] = pcre2_compile((PCRE2_SPTR)m->values.key[i], PCRE2_ZERO_TERMINATED,
					       PCRE2_LITERAL | PCRE2_UTF | PCRE2_CASELESS |
						       PCRE2_ANCHORED | PCRE2_ENDANCHORED,
					       &code, &at, NULL);
		if (!m->any_case[i])
			SL_BUG("cannot compile a literal text: code %d", code);
	}
}

/* The values in the type of the column written. */
static bool read_values(struct map *m, struct sl_type type, struct sl_rule_scope *s)
{
	struct sl_texts texts = {.v = m->values.value, .at = m->values.at, .n = m->values.n};

	m->entries = sl_xcalloc(m->values.n + 1, sizeof(*m->entries));
	for (size_t i = 0; i < m->values.n; i++)
		m->entries[i] = (struct entry){sl_str_of(m->values.key[i]), i};
	if (m->values.n)
		qsort(m->entries, m->values.n, sizeof(*m->entries), by_key);
	return sl_constants_read(&m->constants, type, &texts, s);
}

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct map *m = params;

	if (!sl_rule_from(s, m->from, sl_rule_place(s, "from"), &m->from_col) ||
	    !sl_rule_type(s, m->from_col, 1U << SL_TEXT))
		return false;
	m->into_col = m->from_col;
	if (!sl_rule_into(s, m->into, (struct sl_type){.kind = SL_TEXT}, &m->into_col) ||
	    !sl_rule_type(s, m->into_col,
			  m->fallback == UNKNOWN_KEEP ? 1U << SL_TEXT
						      : SL_KINDS_EXACT | 1U << SL_FLOAT64) ||
	    !read_values(m, s->schema->cols[m->into_col].type, s))
		return false;
	if (m->ignore_case)
		compile_any_case(m);
	return true;
}

static bool matches(const struct map *m, size_t i, struct sl_str text)
{
	return pcre2_match(m->any_case[i], (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0,
			   PCRE2_NO_UTF_CHECK, m->match, NULL) >= 0;
}

static bool look_up(const struct map *m, struct sl_str text, size_t *ret)
{
	const struct entry wanted = {.key = text};
	const struct entry *e =
		bsearch(&wanted, m->entries, m->values.n, sizeof(*m->entries), by_key);

	if (e)
		*ret = e->value;
	for (size_t i = 0; !e && m->ignore_case && i < m->values.n; i++) {
		if (matches(m, i, text)) {
			*ret = i;
			return true;
		}
	}
	return e != NULL;
}

static void map_row(const struct map *m, struct sl_batch *b, size_t row)
{
	const struct sl_vec *in = &b->cols[m->from_col];
	struct sl_vec *out = &b->cols[m->into_col];
	size_t value;

	if (!in->valid[row]) {
		out->valid[row] = 0;
	} else if (look_up(m, in->u.str[row], &value)) {
		sl_value_copy(out, row, sl_constants_values(&m->constants), value);
	} else if (m->fallback == UNKNOWN_KEEP) {
		sl_value_copy(out, row, in, row);
	} else {
		if (m->fallback == UNKNOWN_REJECT)
			sl_batch_reject(b, row, m->from, "map", "not one of the %zu values listed",
					m->values.n);
		out->valid[row] = 0;
	}
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct map *m = params;

	(void)err;
	for (size_t row = 0; row < b->rows; row++)
		if (b->state[row] == SL_ROW_KEPT)
			map_row(m, b, row);
	return true;
}

static void release(void *params)
{
	struct map *m = params;

	for (size_t i = 0; m->any_case && i < m->values.n; i++)
		pcre2_code_free(m->any_case[i]);
	pcre2_match_data_free(m->match);
	free(m->any_case);
	free(m->entries);
	sl_constants_release(&m->constants);
	m->any_case = NULL;
	m->entries = NULL;
	m->match = NULL;
}

const struct sl_rule sl_rule_map = {
	.name = "map",
	.summary = "A text replaced by the value that a table gives for it.",
	.example = "- map: {from: country, values: {France: FR, Belgique: BE}, default: reject}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct map),
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
