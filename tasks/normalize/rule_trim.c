/*
 * Rule trim: blanks at the ends of a text taken away, and on request runs of blanks inside made
 * one. A blank is whatever Unicode calls white space, so U+00A0 and U+202F too, and the invisible
 * U+200B and U+FEFF. Without inner the result is a view into the text read.
 */
#include "data/letters.h"
#include "tasks/normalize/columns.h"

enum side { SIDE_BOTH, SIDE_START, SIDE_END };
static const char *const side_names[] = {"both", "start", "end", NULL};

struct trim {
	struct sl_texts from;
	const char *into;
	int side;
	bool inner, empty_as_null;
	struct sl_columns cols;
};

static const struct sl_field fields[] = {
	SL_F_TEXTS(struct trim, from, SL_F_REQUIRED | SL_F_IDENTITY,
		   "text columns to trim, one or a list; NULL stays NULL"),
	SL_F_TEXT(struct trim, into, SL_F_IDENTITY, NULL,
		  "text column to write, for one column read; default: the column read"),
	SL_F_ENUM(struct trim, side, SL_F_IDENTITY, "both", side_names, "where blanks are dropped"),
	SL_F_BOOL(struct trim, inner, SL_F_IDENTITY, "false",
		  "runs of blanks inside become one U+0020"),
	SL_F_BOOL(struct trim, empty_as_null, SL_F_IDENTITY, "false",
		  "a text of blanks alone becomes NULL"),
	SL_F_END,
};

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct trim *t = params;

	return sl_columns_prepare(&t->cols, &t->from, t->into, SL_KINDS_TEXT, s);
}

/* The end of the last letter between p and end that is no blank; the one at p is none. */
static const char *before_blanks(const char *p, const char *end)
{
	for (;;) {
		const char *letter = end - 1, *next;

		while (letter > p && ((unsigned char)*letter & 0xc0) == 0x80)
			letter--;
		next = letter;
		if (letter == p || !sl_letter_blank(sl_letter_next(&next)))
			return end;
		end = letter;
	}
}

/* Bounds of what lies between the outer blanks. */
static struct sl_str cut(const struct trim *t, struct sl_str text)
{
	const char *first = text.p, *last = text.p + text.n, *next = first;

	while (first < last && sl_letter_blank(sl_letter_next(&next)))
		first = next;
	if (first == last)
		return (struct sl_str){text.p, 0};
	if (t->side != SIDE_START)
		last = before_blanks(first, last);
	if (t->side == SIDE_END)
		first = text.p;
	return (struct sl_str){first, (size_t)(last - first)};
}

static bool invisible(uint32_t c)
{
	return c == 0x200b || c == 0xfeff;
}

/* Runs of blanks as one; what looks like nothing leaves nothing. */
static struct sl_str squeeze(struct sl_str text, struct sl_arena *arena)
{
	char *out = sl_arena_alloc(arena, text.n);
	const char *p = text.p, *end = text.p + text.n;
	size_t n = 0;

	while (p < end) {
		if (*p > ' ' && (unsigned char)*p < 0x80) { /* ASCII, no blank */
			out[n++] = *p++;
			continue;
		}
		const char *letter = p;
		uint32_t c = sl_letter_next(&p);

		if (!sl_letter_blank(c)) {
			memcpy(out + n, letter, (size_t)(p - letter));
			n += (size_t)(p - letter);
		} else if (!invisible(c) && (n == 0 || out[n - 1] != ' ')) {
			out[n++] = ' ';
		}
	}
	return (struct sl_str){out, n};
}

static void trim_row(const struct trim *t, struct sl_batch *b, size_t i, size_t row)
{
	const struct sl_vec *in = &b->cols[t->cols.from[i]];
	struct sl_vec *out = &b->cols[t->cols.into[i]];
	struct sl_str text = in->u.str[row];
	bool valid = in->valid[row];

	if (valid && text.n > 0) {
		text = cut(t, text);
		if (t->inner)
			text = squeeze(text, &b->arena);
	}
	valid = valid && !(t->empty_as_null && text.n == 0);
	out->valid[row] = valid;
	out->u.str[row] = valid ? text : SL_STR_NULL;
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct trim *t = params;

	(void)err;
	for (size_t i = 0; i < t->cols.n; i++)
		for (size_t row = 0; row < b->rows; row++)
			if (b->state[row] == SL_ROW_KEPT)
				trim_row(t, b, i, row);
	return true;
}

const struct sl_rule sl_rule_trim = {
	.name = "trim",
	.summary = "Text without blanks at its ends.",
	.example = "- trim: {from: [title, town], inner: true}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct trim),
	.prepare = prepare,
	.apply = apply,
};
