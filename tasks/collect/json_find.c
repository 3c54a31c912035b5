/* A walk over JSON's structure: see json_find.h. */
#include "tasks/collect/json_find.h"

#include <jansson.h>

#include "base/num.h"

struct walk {
	const char *p, *end;
};

static void skip_blanks(struct walk *w)
{
	while (w->p < w->end && *w->p && strchr(" \t\r\n", *w->p))
		w->p++;
}

static bool skip_string(struct walk *w)
{
	for (w->p++; w->p < w->end; w->p++) {
		if (*w->p == '\\')
			w->p++;
		else if (*w->p == '"') {
			w->p++;
			return true;
		}
	}
	return false;
}

static bool skip_scalar(struct walk *w)
{
	const char *from = w->p;

	while (w->p < w->end && ((*w->p >= '0' && *w->p <= '9') || (*w->p >= 'a' && *w->p <= 'z') ||
				 (*w->p && strchr("+-.E", *w->p))))
		w->p++;
	return w->p > from;
}

/* What a walk expects next. */
enum expect { VALUE, VALUE_OR_END, KEY, KEY_OR_END, AFTER };

static bool skip_key(struct walk *w)
{
	if (*w->p != '"' || !skip_string(w))
		return false;
	skip_blanks(w);
	return w->p < w->end && *w->p++ == ':';
}

/* One token of the value; false: not JSON. */
static bool step(struct walk *w, char *stack, size_t *depth, enum expect *e)
{
	char c = *w->p;
	char open = *depth ? stack[*depth - 1] : 0;

	if (*e == AFTER || *e == VALUE_OR_END || *e == KEY_OR_END) {
		if ((c == ']' && open == '[' && *e != KEY_OR_END) || (c == '}' && open == '{')) {
			w->p++;
			(*depth)--;
			*e = AFTER;
			return true;
		}
	}
	if (*e == AFTER) {
		w->p++;
		*e = open == '[' ? VALUE : KEY;
		return c == ',';
	}
	if (*e == KEY || *e == KEY_OR_END) {
		*e = VALUE;
		return skip_key(w);
	}
	*e = AFTER;
	if (c == '"')
		return skip_string(w);
	if (c != '{' && c != '[')
		return skip_scalar(w);
	if (*depth == SL_JSON_FIND_DEPTH)
		return false;
	stack[(*depth)++] = c;
	*e = c == '[' ? VALUE_OR_END : KEY_OR_END;
	w->p++;
	return true;
}

/* Moves behind the value at w->p. */
static bool skip_value(struct walk *w)
{
	char stack[SL_JSON_FIND_DEPTH];
	size_t depth = 0;
	enum expect e = VALUE;

	do {
		skip_blanks(w);
		if (w->p >= w->end || !step(w, stack, &depth, &e))
			return false;
	} while (depth > 0 || e != AFTER);
	return true;
}

bool sl_json_is_value(struct sl_str text)
{
	struct walk w = {text.p, text.p + text.n};

	if (!text.n || !skip_value(&w))
		return false;
	skip_blanks(&w);
	return w.p == w.end;
}

/* In a container that is known to be sound: moves to its first element's value, or false. */
static bool enter(struct walk *w)
{
	w->p++;
	skip_blanks(w);
	return *w->p != ']' && *w->p != '}';
}

/* Behind an element: moves to the next one, or false. */
static bool next(struct walk *w)
{
	skip_blanks(w);
	if (*w->p != ',')
		return false;
	w->p++;
	skip_blanks(w);
	return true;
}

static struct sl_str take_value(struct walk *w)
{
	const char *from = w->p;

	return skip_value(w) ? (struct sl_str){from, (size_t)(w->p - from)} : SL_STR_NULL;
}

/* key: with its quotes, as it stands; it may write letters as escapes. */
static bool is_key(struct sl_str key, struct sl_str name)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	if (sl_str_find(key, '\\') < 0)
		return sl_str_eq(sl_str_sub(key, 1, key.n - 2), name);
	return sl_json_text(key, &text) && sl_str_eq(sl_buf_str(&text), name);
}

static struct sl_str find_member(struct sl_str object, struct sl_str name)
{
	struct walk w = {object.p, object.p + object.n};

	for (bool more = enter(&w); more; more = next(&w)) {
		const char *from = w.p;
		if (!skip_string(&w))
			return SL_STR_NULL;
		struct sl_str key = {from, (size_t)(w.p - from)};
		skip_blanks(&w);
		w.p++;
		skip_blanks(&w);
		struct sl_str value = take_value(&w);
		if (is_key(key, name))
			return value;
	}
	return SL_STR_NULL;
}

static struct sl_str find_element(struct sl_str array, struct sl_str name)
{
	struct walk w = {array.p, array.p + array.n};
	uint64_t index;

	if (!sl_num_u64(name, UINT32_MAX, &index))
		return SL_STR_NULL;
	for (bool more = enter(&w); more; more = next(&w), index--) {
		struct sl_str value = take_value(&w);
		if (index == 0)
			return value;
	}
	return SL_STR_NULL;
}

/* RFC 6901 §4: ~1 is '/', ~0 is '~'. */
static struct sl_str unescape(struct sl_str part, struct sl_buf *out)
{
	sl_buf_clear(out);
	for (size_t i = 0; i < part.n; i++)
		if (part.p[i] == '~' && i + 1 < part.n)
			sl_buf_addc(out, part.p[++i] == '1' ? '/' : '~');
		else
			sl_buf_addc(out, part.p[i]);
	return sl_buf_str(out);
}

struct sl_str sl_json_find(struct sl_str text, const char *path)
{
	sl_cleanup(sl_buf_release) struct sl_buf name = SL_BUF_INIT;
	struct sl_str value = sl_str_trim(text), rest = sl_str_of(path), part;
	bool pointer = sl_str_starts(rest, "/");

	if (pointer)
		rest = sl_str_sub(rest, 1, rest.n);
	while (*path && value.p && sl_str_next(&rest, pointer ? '/' : '.', &part)) {
		if (pointer)
			part = unescape(part, &name);
		if (value.p[0] == '{')
			value = find_member(value, part);
		else
			value = value.p[0] == '[' ? find_element(value, part) : SL_STR_NULL;
		if (!rest.p || !rest.n)
			break;
	}
	return value;
}

size_t sl_json_count(struct sl_str value)
{
	struct walk w = {value.p, value.p + value.n};
	size_t n = 0;

	if (!value.n || value.p[0] != '[')
		return value.n && value.p[0] == '{';
	for (bool more = enter(&w); more; more = next(&w), n++)
		if (!take_value(&w).p)
			break;
	return n;
}

bool sl_json_text(struct sl_str value, struct sl_buf *out)
{
	json_t *j;

	sl_buf_clear(out);
	if (!value.n)
		return false;
	if (value.p[0] != '"') {
		sl_buf_addstr(out, value);
		return strchr("-0123456789", value.p[0]) != NULL;
	}
	j = json_loadb(value.p, value.n, JSON_DECODE_ANY, NULL); /* a NUL is refused */
	if (j)
		sl_buf_add(out, json_string_value(j), json_string_length(j));
	json_decref(j);
	return out->n > 0;
}
