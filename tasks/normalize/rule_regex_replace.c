/*
 * Rule regex_replace: what a pattern finds in a text, replaced. Matches are taken from left to
 * right and do not overlap; an empty match counts once at its place, as in Perl. The replacement is
 * read once, while the pipeline file is: "$1" or "${1}" is a group, "${name}" a named one, "$$" a
 * dollar. A group that took no part in the match is empty.
 */
#include "base/mem.h"
#include "base/num.h"
#include "data/pattern.h"
#include "tasks/normalize/columns.h"

enum which { WHICH_ALL, WHICH_FIRST };
static const char *const which_names[] = {"all", "first", NULL};

struct piece {
	struct sl_str text; /* written as it stands when group is 0 … */
	uint32_t group;	    /* … else this group, counted from 1; the whole match is WHOLE */
};
#define WHOLE UINT32_MAX

struct replace {
	struct sl_texts from;
	const char *into, *pattern, *with;
	int which;
	bool ignore_case;
	struct sl_columns cols;
	struct sl_pattern code;
	struct piece *pieces;
	size_t n_pieces;
	struct sl_buf *result; /* of the row at hand; its memory stays */
};

static const struct sl_field fields[] = {
	SL_F_TEXTS(struct replace, from, SL_F_REQUIRED | SL_F_IDENTITY,
		   "text columns to read, one or a list; NULL stays NULL"),
	SL_F_TEXT(struct replace, pattern, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "regular expression (PCRE2); a text without a match stays as it is"),
	SL_F_TEXT(struct replace, with, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "text in its place: $1 and ${name} are groups, $0 the whole match, $$ a dollar"),
	SL_F_ENUM(struct replace, which, SL_F_IDENTITY, "all", which_names, "matches to replace"),
	SL_F_BOOL(struct replace, ignore_case, SL_F_IDENTITY, "false",
		  "capital and small letters match each other"),
	SL_F_TEXT(struct replace, into, SL_F_IDENTITY, NULL,
		  "text column to write, for one column read; default: the column read"),
	SL_F_END,
};

/* --- the replacement --- */

static bool wrong(const struct replace *r, struct sl_rule_scope *s, const char *why)
{
	sl_diag_add(s->diags, SL_E1013, sl_rule_place(s, "with"), "replacement \"%s\": %s", r->with,
		    why);
	return false;
}

static void add_text(struct replace *r, struct sl_str text)
{
	if (text.n > 0)
		r->pieces[r->n_pieces++] = (struct piece){.text = text};
}

/* Number of the group called name; -1: there is none. */
static int find_group(const struct replace *r, struct sl_str name, struct sl_arena *arena)
{
	uint32_t groups = 0;
	uint64_t number;

	pcre2_pattern_info(r->code.code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (name.n > 0 && name.p[0] >= '0' && name.p[0] <= '9')
		return sl_num_u64(name, groups, &number) ? (int)number : -1;
	return pcre2_substring_number_from_name(r->code.code,
						(PCRE2_SPTR)sl_arena_str(arena, name).p);
}

/* What stands behind a "$": *rest moves behind it. */
static bool read_group(struct replace *r, struct sl_str *rest, struct sl_rule_scope *s)
{
	struct sl_str name = *rest;
	size_t digits = 0;
	int group;

	if (sl_str_starts(*rest, "{")) {
		*rest = sl_str_sub(*rest, 1, rest->n);
		if (sl_str_find(*rest, '}') < 0)
			return wrong(r, s, "\"${\" without \"}\"");
		(void)sl_str_next(rest, '}', &name);
	} else {
		while (digits < rest->n && rest->p[digits] >= '0' && rest->p[digits] <= '9')
			digits++;
		if (digits == 0)
			return wrong(r, s,
				     "a \"$\" needs a number, {name} or another \"$\" behind it");
		name = sl_str_sub(*rest, 0, digits);
		*rest = sl_str_sub(*rest, digits, rest->n);
	}
	group = find_group(r, name, s->arena);
	if (group < 0)
		return wrong(r, s,
			     sl_arena_printf(s->arena,
					     "the pattern has no group \"" SL_STR_FMT "\"",
					     SL_STR_ARG(name)));
	r->pieces[r->n_pieces++] = (struct piece){.group = group ? (uint32_t)group : WHOLE};
	return true;
}

static bool read_pieces(struct replace *r, struct sl_rule_scope *s)
{
	struct sl_str rest = sl_str_of(r->with);
	ptrdiff_t at;

	r->pieces = sl_arena_zalloc(s->arena, rest.n + 1, sizeof(*r->pieces));
	while ((at = sl_str_find(rest, '$')) >= 0) {
		add_text(r, sl_str_sub(rest, 0, (size_t)at));
		rest = sl_str_sub(rest, (size_t)at + 1, rest.n);
		if (sl_str_starts(rest, "$")) {
			add_text(r, sl_str_sub(rest, 0, 1));
			rest = sl_str_sub(rest, 1, rest.n);
		} else if (!read_group(r, &rest, s)) {
			return false;
		}
	}
	add_text(r, rest);
	return true;
}

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct replace *r = params;
	bool ok = sl_columns_prepare(&r->cols, &r->from, r->into, SL_KINDS_TEXT, s);

	r->result = sl_xcalloc(1, sizeof(*r->result));
	return sl_pattern_compile(&r->code, r->pattern, r->ignore_case, s) && read_pieces(r, s) &&
	       ok;
}

/* --- replacing --- */

static void add_pieces(const struct replace *r, struct sl_str text, uint32_t groups)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(r->code.match);

	for (size_t i = 0; i < r->n_pieces; i++) {
		const struct piece *piece = &r->pieces[i];
		uint32_t g = piece->group == WHOLE ? 0 : piece->group;

		if (!piece->group)
			sl_buf_addstr(r->result, piece->text);
		else if (g < groups && v[2 * g] != PCRE2_UNSET && v[2 * g] < v[2 * g + 1])
			sl_buf_add(r->result, text.p + v[2 * g], v[2 * g + 1] - v[2 * g]);
	}
}

/* Makes r->result. 1: it holds the new text, 0: nothing matched, below: PCRE2's code. */
static int replace(const struct replace *r, struct sl_str text)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(r->code.match);
	size_t done = 0;
	uint32_t options = 0;
	int groups, found = 0;

	sl_buf_clear(r->result);
	while ((groups = sl_pattern_find(&r->code, text, done, options)) > 0) {
		/* \K in a look-around could put a match before the last one. */
		if (v[0] < done || v[1] < v[0])
			break;
		sl_buf_add(r->result, text.p + done, v[0] - done);
		add_pieces(r, text, (uint32_t)groups);
		options = v[0] == v[1] ? PCRE2_NOTEMPTY_ATSTART : 0;
		done = v[1];
		found = 1;
		if (r->which == WHICH_FIRST || r->result->n > SL_PART_BYTES)
			break;
	}
	if (groups < 0)
		return groups;
	if (found)
		sl_buf_add(r->result, text.p + done, text.n - done);
	return found;
}

static void replace_row(const struct replace *r, struct sl_batch *b, size_t i, size_t row)
{
	const struct sl_vec *in = &b->cols[r->cols.from[i]];
	struct sl_vec *out = &b->cols[r->cols.into[i]];
	struct sl_str text = in->u.str[row];
	int found = 0;

	if (in->valid[row]) {
		text.p = text.p ? text.p : "";
		found = replace(r, text);
	}
	if (found < 0)
		sl_pattern_reject(found, b, row, r->from.v[i], "regex_replace");
	else if (found && r->result->n > SL_PART_BYTES)
		sl_batch_reject(b, row, r->from.v[i], "regex_replace",
				"the result is longer than 1 MiB");
	else if (found)
		text = sl_arena_str(&b->arena, sl_buf_str(r->result));
	out->valid[row] = in->valid[row];
	out->u.str[row] = text;
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct replace *r = params;

	(void)err;
	for (size_t i = 0; i < r->cols.n; i++)
		for (size_t row = 0; row < b->rows; row++)
			if (b->state[row] == SL_ROW_KEPT)
				replace_row(r, b, i, row);
	return true;
}

static void release(void *params)
{
	struct replace *r = params;

	sl_pattern_release(&r->code);
	if (r->result)
		sl_buf_release(r->result);
	free(r->result);
	r->result = NULL;
}

const struct sl_rule sl_rule_regex_replace = {
	.name = "regex_replace",
	.summary = "What a pattern finds in a text, replaced by another text.",
	.example = "- regex_replace: {from: title, pattern: '\\s*\\((\\d{5})\\)$', with: ', $1'}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct replace),
	.prepare = prepare,
	.apply = apply,
	.release = release,
};
