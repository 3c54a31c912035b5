/*
 * Rule case: a text in small letters, in capitals, or with a capital at the begin of each word. The
 * mappings are Unicode's simple ones, one letter for one: "İ" → "i", "ß" stays "ß" in capitals. A
 * result may have more bytes than the text ("Ⱥ" → "ⱥ"); a text that does not change is not copied.
 *
 * A word ends at a blank, at an ASCII sign, and at the signs of the blocks Latin-1, General
 * Punctuation and CJK Punctuation; an apostrophe ends one only behind a single letter, which gives
 * "L'Isle-Adam", "D'Artagnan", but "Don't" and "Aujourd'hui".
 */
#include "data/letters.h"
#include "tasks/normalize/columns.h"

enum to { TO_LOWER, TO_UPPER, TO_TITLE };
static const char *const to_names[] = {"lower", "upper", "title", NULL};

struct case_rule {
	struct sl_texts from;
	const char *into;
	int to;
	struct sl_columns cols;
};

static const struct sl_field fields[] = {
	SL_F_TEXTS(struct case_rule, from, SL_F_REQUIRED | SL_F_IDENTITY,
		   "text columns to change, one or a list; NULL stays NULL"),
	SL_F_ENUM(struct case_rule, to, SL_F_REQUIRED | SL_F_IDENTITY, NULL, to_names,
		  "letters wanted; title: a capital at the begin of each word, the rest small"),
	SL_F_TEXT(struct case_rule, into, SL_F_IDENTITY, NULL,
		  "text column to write, for one column read; default: the column read"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct case_rule *r = params;

	return sl_columns_prepare(&r->cols, &r->from, r->into, SL_KINDS_TEXT, s);
}

/* Where in a word the next letter stands. */
struct words {
	size_t letters; /* of the word so far */
};

static bool apostrophe(uint32_t c)
{
	return c == '\'' || c == 0x2019;
}

static bool in_word(uint32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	if (c < 0xc0)
		return c == 0xaa || c == 0xb5 || c == 0xba;
	return c != 0xd7 && c != 0xf7 && !(c >= 0x2000 && c <= 0x206f) &&
	       !(c >= 0x3000 && c <= 0x303f) && !sl_letter_blank(c);
}

static uint32_t map_in_word(struct words *w, uint32_t c)
{
	bool first = w->letters == 0;

	if (apostrophe(c) && w->letters > 1) {
		w->letters++;
		return c;
	}
	if (!in_word(c)) {
		w->letters = 0;
		return c;
	}
	w->letters++;
	return first ? sl_letter_title(c) : sl_letter_lower(c);
}

static uint32_t map_letter(const struct case_rule *r, struct words *w, uint32_t c)
{
	switch ((enum to)r->to) {
	case TO_LOWER:
		return sl_letter_lower(c);
	case TO_UPPER:
		return sl_letter_upper(c);
	case TO_TITLE:
		return map_in_word(w, c);
	}
	return c;
}

/* Bytes that the result needs; *changed: it differs from the text. */
static size_t measure(const struct case_rule *r, struct sl_str text, bool *changed)
{
	const char *p = text.p, *end = text.p + text.n;
	struct words w = {0};
	char ignored[4];
	size_t n = 0;

	*changed = false;
	while (p < end) {
		uint32_t c = sl_letter_next(&p), mapped = map_letter(r, &w, c);

		*changed |= mapped != c;
		n += sl_letter_put(mapped, ignored);
	}
	return n;
}

static struct sl_str change(const struct case_rule *r, struct sl_str text, struct sl_arena *arena)
{
	const char *p = text.p, *end = text.p + text.n;
	struct words w = {0};
	bool changed;
	size_t size = measure(r, text, &changed), n = 0;
	char *out;

	if (!changed)
		return text;
	out = sl_arena_alloc(arena, size);
	while (p < end)
		n += sl_letter_put(map_letter(r, &w, sl_letter_next(&p)), out + n);
	return (struct sl_str){out, n};
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct case_rule *r = params;

	(void)err;
	for (size_t i = 0; i < r->cols.n; i++) {
		const struct sl_vec *in = &b->cols[r->cols.from[i]];
		struct sl_vec *out = &b->cols[r->cols.into[i]];

		for (size_t row = 0; row < b->rows; row++) {
			if (b->state[row] != SL_ROW_KEPT)
				continue;
			struct sl_str text = in->u.str[row];

			out->valid[row] = in->valid[row];
			out->u.str[row] = text.n > 0 ? change(r, text, &b->arena) : text;
		}
	}
	return true;
}

const struct sl_rule sl_rule_case = {
	.name = "case",
	.summary = "Text in small letters, capitals, or with capitals at the begin of words.",
	.example = "- case: {from: town, to: title}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct case_rule),
	.prepare = prepare,
	.apply = apply,
};
