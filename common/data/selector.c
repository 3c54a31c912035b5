/*
 * The selector parser: see selector.h. Recursive descent over bytes; every list grows in the arena.
 */
#include "data/selector.h"

#include "base/buf.h"
#include "base/num.h"
#include "data/letters.h"

struct parser {
	struct sl_str s;
	size_t at;
	unsigned depth;
	struct sl_arena *arena;
	struct sl_err *err;
};

static bool fail(const struct parser *p, const char *what)
{
	return sl_err_set(p->err, SL_ERR_CONFIG, "selector \"%.*s\": %s at character %zu",
			  (int)p->s.n, p->s.p, what, p->at + 1);
}

static int peek(const struct parser *p)
{
	return p->at < p->s.n ? (unsigned char)p->s.p[p->at] : -1;
}

static bool take(struct parser *p, char c)
{
	if (peek(p) != (unsigned char)c)
		return false;
	p->at++;
	return true;
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool skip_blanks(struct parser *p)
{
	const size_t begin = p->at;

	while (is_blank(peek(p)))
		p->at++;
	return p->at > begin;
}

/* Room for one more of n things of size bytes; *v moves when it is full. */
static void *one_more(struct sl_arena *arena, void *v, size_t n, size_t size)
{
	if (n > 0 && (n & (n - 1)) != 0)
		return v;
	void *wider = sl_arena_zalloc(arena, n ? 2 * n : 1, size);
	if (n > 0)
		memcpy(wider, v, n * size);
	return wider;
}

/* --- names and texts --- */

static bool is_name(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c >= 0x80;
}

/* c: a byte, or -1 at the end. */
static int hex_of(int c)
{
	return c < 0 ? -1 : sl_hex_digit((char)c);
}

static void add_letter(struct sl_buf *out, uint32_t c)
{
	char utf8[4];

	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	sl_buf_add(out, utf8, sl_letter_put(c, utf8));
}

/* Behind a backslash: up to six hex digits and one blank, or the character itself. */
static bool take_escape(struct parser *p, struct sl_buf *out)
{
	uint32_t c = 0;
	int n = 0;

	if (peek(p) < 0 || peek(p) == '\n')
		return fail(p, "nothing is escaped");
	for (; n < 6 && hex_of(peek(p)) >= 0; n++)
		c = c * 16 + (uint32_t)hex_of(p->s.p[p->at++]);
	if (n == 0) {
		sl_buf_addc(out, p->s.p[p->at++]);
		return true;
	}
	if (is_blank(peek(p)))
		p->at++;
	add_letter(out, c);
	return true;
}

static bool take_name(struct parser *p, struct sl_str *ret)
{
	sl_cleanup(sl_buf_release) struct sl_buf name = SL_BUF_INIT;

	while (is_name(peek(p)) || peek(p) == '\\') {
		if (!take(p, '\\'))
			sl_buf_addc(&name, p->s.p[p->at++]);
		else if (!take_escape(p, &name))
			return false;
	}
	if (name.n == 0)
		return fail(p, "a name is missing");
	*ret = (struct sl_str){sl_arena_strdup(p->arena, sl_buf_z(&name)), name.n};
	return true;
}

static bool take_quoted(struct parser *p, struct sl_str *ret)
{
	const char quote = p->s.p[p->at++];
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	while (peek(p) >= 0 && peek(p) != (unsigned char)quote) {
		if (!take(p, '\\'))
			sl_buf_addc(&text, p->s.p[p->at++]);
		else if (!take_escape(p, &text))
			return false;
	}
	if (!take(p, quote))
		return fail(p, "a quote is never closed");
	*ret = (struct sl_str){sl_arena_strdup(p->arena, sl_buf_z(&text)), text.n};
	return true;
}

static bool take_value(struct parser *p, struct sl_str *ret)
{
	return peek(p) == '"' || peek(p) == '\'' ? take_quoted(p, ret) : take_name(p, ret);
}

static struct sl_str ascii_lower(struct parser *p, struct sl_str s)
{
	char *to = sl_arena_alloc(p->arena, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		to[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
	to[s.n] = '\0';
	return (struct sl_str){to, s.n};
}

/* --- tests --- */

static bool take_attribute(struct parser *p, struct sl_sel_test *t)
{
	t->what = SL_SEL_ATTR;
	skip_blanks(p);
	if (!take_name(p, &t->name))
		return false;
	t->name = ascii_lower(p, t->name);
	skip_blanks(p);
	if (take(p, ']'))
		return true;
	t->op = '=';
	if (peek(p) > 0 && strchr("~|^$*", peek(p)))
		t->op = p->s.p[p->at++];
	if (!take(p, '='))
		return fail(p, "= is missing");
	skip_blanks(p);
	if (!take_value(p, &t->value))
		return false;
	if (skip_blanks(p) && (take(p, 'i') || take(p, 'I'))) {
		t->fold = true;
		skip_blanks(p);
	}
	return take(p, ']') || fail(p, "] is missing");
}

static bool take_int(struct parser *p, int *ret)
{
	const size_t begin = p->at;
	int64_t v;

	while (peek(p) >= '0' && peek(p) <= '9')
		p->at++;
	if (!sl_num_i64(sl_str_sub(p->s, begin, p->at - begin), 0, 100000, &v))
		return fail(p, "a number is missing or too large");
	*ret = (int)v;
	return true;
}

/* "odd", "even", "3", "2n", "-n+3", "2n + 1". */
static bool take_nth(struct parser *p, struct sl_sel_test *t)
{
	bool minus;

	t->what = SL_SEL_NTH;
	if (sl_str_starts(sl_str_sub(p->s, p->at, 3), "odd")) {
		p->at += 3;
		t->step = 2;
		t->offset = 1;
		return true;
	}
	if (sl_str_starts(sl_str_sub(p->s, p->at, 4), "even")) {
		p->at += 4;
		t->step = 2;
		return true;
	}
	minus = take(p, '-');
	if (!minus)
		(void)take(p, '+');
	t->offset = 1;
	if ((peek(p) | 0x20) != 'n' && !take_int(p, &t->offset))
		return false;
	if (minus)
		t->offset = -t->offset;
	if ((peek(p) | 0x20) != 'n')
		return true;
	p->at++;
	t->step = t->offset;
	t->offset = 0;
	skip_blanks(p);
	minus = take(p, '-');
	if (!minus && !take(p, '+'))
		return true;
	skip_blanks(p);
	if (!take_int(p, &t->offset))
		return false;
	t->offset = minus ? -t->offset : t->offset;
	return true;
}

static bool fold(struct parser *p, struct sl_str *s)
{
	sl_cleanup(sl_buf_release) struct sl_buf folded = SL_BUF_INIT;

	if (!sl_utf8_valid(*s, NULL))
		return fail(p, "a text is not UTF-8");
	sl_text_fold(*s, &folded);
	*s = (struct sl_str){sl_arena_strdup(p->arena, sl_buf_z(&folded)), folded.n};
	return true;
}

static bool take_list(struct parser *p, bool relative, struct sl_selector *ret);

static bool take_inner_list(struct parser *p, bool relative, struct sl_sel_test *t)
{
	struct sl_selector *list = sl_arena_zalloc(p->arena, 1, sizeof(*list));

	if (++p->depth > SL_SELECTOR_DEPTH)
		return fail(p, "too many levels");
	t->list = list;
	if (!take_list(p, relative, list))
		return false;
	p->depth--;
	return true;
}

static bool take_argument(struct parser *p, struct sl_str name, struct sl_sel_test *t)
{
	skip_blanks(p);
	if (sl_str_eqz(name, "nth-child"))
		return take_nth(p, t);
	if (sl_str_eqz(name, "has-text")) {
		t->what = SL_SEL_TEXT;
		return take_value(p, &t->value) && fold(p, &t->value);
	}
	t->what = sl_str_eqz(name, "has") ? SL_SEL_HAS : SL_SEL_NOT;
	return take_inner_list(p, t->what == SL_SEL_HAS, t);
}

static bool take_pseudo(struct parser *p, struct sl_sel_test *t)
{
	static const char *const with_argument[] = {"nth-child", "has-text", "has", "not"};
	const size_t begin = p->at;
	struct sl_str name;

	if (!take_name(p, &name))
		return false;
	if (sl_str_eqz(name, "first-child")) {
		*t = (struct sl_sel_test){.what = SL_SEL_NTH, .offset = 1};
		return true;
	}
	if (sl_str_eqz(name, "last-child")) {
		t->what = SL_SEL_LAST;
		return true;
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(with_argument); i++) {
		if (!sl_str_eqz(name, with_argument[i]))
			continue;
		if (!take(p, '('))
			return fail(p, "( is missing");
		if (!take_argument(p, name, t))
			return false;
		skip_blanks(p);
		return take(p, ')') || fail(p, ") is missing");
	}
	p->at = begin;
	return fail(p, "an unknown pseudo-class (first-child, last-child, nth-child, not, has, "
		       "has-text are known)");
}

static bool take_test(struct parser *p, struct sl_sel_test *t)
{
	if (take(p, '.')) {
		t->what = SL_SEL_CLASS;
		return take_name(p, &t->value);
	}
	if (take(p, '#')) {
		t->what = SL_SEL_ID;
		return take_name(p, &t->value);
	}
	if (take(p, '['))
		return take_attribute(p, t);
	if (take(p, ':'))
		return take_pseudo(p, t);
	t->what = SL_SEL_TYPE;
	if (!take_name(p, &t->name))
		return false;
	t->name = ascii_lower(p, t->name);
	return true;
}

/* --- paths --- */

static bool begins_test(int c)
{
	return c == '.' || c == '#' || c == '[' || c == ':';
}

static bool take_part(struct parser *p, struct sl_sel_part *part)
{
	bool any = take(p, '*');

	if (!any && !begins_test(peek(p)) && !is_name(peek(p)) && peek(p) != '\\')
		return fail(p, "an element is missing");
	while (begins_test(peek(p)) || (!any && part->n_tests == 0)) {
		part->tests = one_more(p->arena, part->tests, part->n_tests, sizeof(*part->tests));
		if (!take_test(p, &part->tests[part->n_tests]))
			return false;
		part->n_tests++;
	}
	return true;
}

/* The sign between two parts, or 0 when the path is over. */
static char take_relation(struct parser *p)
{
	const bool blank = skip_blanks(p);

	if (peek(p) == '>' || peek(p) == '+' || peek(p) == '~')
		return p->s.p[p->at++];
	return blank && peek(p) >= 0 && peek(p) != ',' && peek(p) != ')' ? ' ' : '\0';
}

/* relative: the path begins below the element in question, or with its own sign. */
static bool take_path(struct parser *p, bool relative, struct sl_sel_path *path)
{
	char relation = '\0';

	skip_blanks(p);
	if (relative) {
		relation = take_relation(p);
		relation = relation ? relation : ' ';
	}
	do {
		skip_blanks(p);
		path->parts = one_more(p->arena, path->parts, path->n_parts, sizeof(*path->parts));
		struct sl_sel_part *part = &path->parts[path->n_parts++];
		part->relation = relation;
		if (!take_part(p, part))
			return false;
		relation = take_relation(p);
	} while (relation);
	return true;
}

static bool take_list(struct parser *p, bool relative, struct sl_selector *ret)
{
	do {
		ret->paths = one_more(p->arena, ret->paths, ret->n_paths, sizeof(*ret->paths));
		if (!take_path(p, relative, &ret->paths[ret->n_paths++]))
			return false;
		skip_blanks(p);
	} while (take(p, ','));
	return true;
}

bool sl_selector_parse(struct sl_str text, struct sl_arena *arena, struct sl_selector *ret,
		       struct sl_err *err)
{
	struct parser p = {.s = text, .arena = arena, .err = err};

	*ret = (struct sl_selector){NULL, 0};
	if (text.n > SL_SELECTOR_BYTES)
		return sl_err_set(err, SL_ERR_CONFIG, "a selector is longer than %d bytes",
				  SL_SELECTOR_BYTES);
	if (!take_list(&p, false, ret))
		return false;
	return p.at == text.n || fail(&p, "something is left over");
}
