/*
 * A lexer over SQL: it copies everything as it stands except parameters and the last semicolon.
 */
#include "data/sqltext.h"

#include <ctype.h>
#include <strings.h>

struct lexer {
	struct sl_str in;
	size_t at;
	bool with_params;
	bool ended; /* behind a semicolon */
	struct sl_arena *arena;
	struct sl_sqltext *ret;
	struct sl_buf out;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static char peek(const struct lexer *l, size_t ahead)
{
	return l->at + ahead < l->in.n ? l->in.p[l->at + ahead] : '\0';
}

static void copy(struct lexer *l, size_t n)
{
	sl_buf_addstr(&l->out, sl_str_sub(l->in, l->at, n));
	l->at += n;
}

static bool no_end(const char *what, struct sl_err *err)
{
	return sl_err_set(err, SL_ERR_CONFIG, "a %s has no end", what);
}

/* 'text', "name", E'te\'xt': a doubled quote stays inside. */
static bool copy_quoted(struct lexer *l, struct sl_err *err)
{
	const char quote = peek(l, 0);
	const bool escapes = quote == '\'' && l->at > 0 && (l->in.p[l->at - 1] | 32) == 'e' &&
			     (l->at < 2 || !is_word(l->in.p[l->at - 2]));

	copy(l, 1);
	while (l->at < l->in.n) {
		const char c = peek(l, 0);

		if ((escapes && c == '\\') || (c == quote && peek(l, 1) == quote)) {
			copy(l, 2);
			continue;
		}
		copy(l, 1);
		if (c == quote)
			return true;
	}
	return no_end("quoted text", err);
}

static bool copy_comment(struct lexer *l, struct sl_err *err)
{
	size_t depth = 0;

	if (peek(l, 0) == '-') {
		while (l->at < l->in.n && peek(l, 0) != '\n')
			copy(l, 1);
		return true;
	}
	do {
		const bool begins = peek(l, 0) == '/' && peek(l, 1) == '*';
		const bool ends = peek(l, 0) == '*' && peek(l, 1) == '/';

		depth = depth + begins - ends;
		copy(l, begins || ends ? 2 : 1);
	} while (depth > 0 && l->at < l->in.n);
	return depth == 0 || no_end("comment", err);
}

/* $tag$ … $tag$; *ret_is = it was one. */
static bool copy_dollar(struct lexer *l, bool *ret_is, struct sl_err *err)
{
	size_t n = 1;

	*ret_is = false;
	if (l->at > 0 && is_word(l->in.p[l->at - 1]))
		return true;
	while (is_word(peek(l, n)))
		n++;
	if (peek(l, n) != '$' || isdigit((unsigned char)peek(l, 1)))
		return true;
	n++;

	const struct sl_str rest = sl_str_sub(l->in, l->at + n, l->in.n);
	const char *end = memmem(rest.p, rest.n, l->in.p + l->at, n);

	*ret_is = true;
	if (!end)
		return no_end("quoted text", err);
	copy(l, n + (size_t)(end - rest.p) + n);
	return true;
}

static size_t number_of(struct lexer *l, const char *name)
{
	struct sl_sqltext *t = l->ret;

	for (size_t i = 0; i < t->n_names; i++) {
		if (strcmp(t->names[i], name) == 0)
			return i + 1;
	}

	const char **names = sl_arena_zalloc(l->arena, t->n_names + 1, sizeof(*names));

	if (t->n_names)
		memcpy(names, t->names, t->n_names * sizeof(*names));
	names[t->n_names] = name;
	t->names = names;
	return ++t->n_names;
}

static void copy_colon(struct lexer *l)
{
	size_t n = 1;

	if (peek(l, 1) == ':') {
		copy(l, 2);
		return;
	}
	if (!l->with_params || isdigit((unsigned char)peek(l, 1)) || !is_word(peek(l, 1))) {
		copy(l, 1);
		return;
	}
	while (is_word(peek(l, n)))
		n++;

	const char *name = sl_arena_str(l->arena, sl_str_sub(l->in, l->at + 1, n - 1)).p;

	sl_buf_addf(&l->out, "$%zu", number_of(l, name));
	l->at += n;
}

static void note_verb(struct lexer *l)
{
	size_t n = 0;

	while (is_word(peek(l, n)))
		n++;

	char *verb = sl_arena_printf(l->arena, "%.*s", n ? (int)n : 1, l->in.p + l->at);

	for (char *c = verb; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	l->ret->verb = verb;
}

static bool next(struct lexer *l, struct sl_err *err)
{
	const char c = peek(l, 0);
	bool dollar = false;

	if (isspace((unsigned char)c)) {
		copy(l, 1);
		return true;
	}
	if ((c == '-' && peek(l, 1) == '-') || (c == '/' && peek(l, 1) == '*'))
		return copy_comment(l, err);
	if (l->ended)
		return sl_err_set(err, SL_ERR_CONFIG, "there is more than one statement");
	if (c == ';') {
		l->ended = true;
		l->at++;
		return true;
	}
	if (!l->ret->verb[0])
		note_verb(l);
	if (c == '\'' || c == '"')
		return copy_quoted(l, err);
	if (c == '$' && !copy_dollar(l, &dollar, err))
		return false;
	if (dollar)
		return true;
	if (c == ':')
		copy_colon(l);
	else
		copy(l, 1);
	return true;
}

bool sl_sqltext_read(struct sl_str text, bool with_params, struct sl_arena *arena,
		     struct sl_sqltext *ret, struct sl_err *err)
{
	struct lexer l = {
		.in = text,
		.with_params = with_params,
		.arena = arena,
		.ret = ret,
	};
	bool ok = true;

	*ret = (struct sl_sqltext){.verb = ""};
	if (text.n && memchr(text.p, '\0', text.n))
		return sl_err_set(err, SL_ERR_CONFIG, "there is a NUL byte in the SQL");
	while (ok && l.at < text.n)
		ok = next(&l, err);
	if (ok && !ret->verb[0])
		ok = sl_err_set(err, SL_ERR_CONFIG, "there is no statement");
	if (ok)
		ret->sql = sl_arena_str(arena, sl_str_trim(sl_buf_str(&l.out))).p;
	sl_buf_release(&l.out);
	return ok;
}

bool sl_sqltext_reads(const struct sl_sqltext *t)
{
	static const char *const verbs[] = {"select", "with",	  "values",  "from",	  "table",
					    "show",   "describe", "explain", "summarize", "("};

	for (size_t i = 0; i < SL_ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i], t->verb) == 0)
			return true;
	}
	return false;
}
