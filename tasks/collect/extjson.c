/*
 * Extended JSON to plain JSON: see extjson.h. One pass over the text without a stack: only a wrapper
 * ({"$name": …}) is read as a whole, everything else is copied as it comes. The text is libbson's,
 * so it is well formed; what stands in a wrapper need not be the driver's, since a document may have
 * keys like "$numberInt" of its own.
 */
#include "tasks/collect/extjson.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/num.h"

#define MS INT64_C(1000)

/* A place in the text. */
struct at {
	const char *p, *end;
};

static void skip_blanks(struct at *a)
{
	while (a->p < a->end && (*a->p == ' ' || *a->p == '\n' || *a->p == '\t'))
		a->p++;
}

static bool take(struct at *a, char c)
{
	skip_blanks(a);
	if (a->p == a->end || *a->p != c)
		return false;
	a->p++;
	return true;
}

/* "…" with its quotes; nothing is taken when it has no end. */
static bool take_text(struct at *a, struct sl_str *ret)
{
	skip_blanks(a);
	const size_t left = (size_t)(a->end - a->p);
	size_t n = 1;

	if (left == 0 || *a->p != '"')
		return false;
	while (n < left && a->p[n] != '"')
		n += a->p[n] == '\\' ? 2 : 1;
	if (n >= left)
		return false;
	*ret = (struct sl_str){a->p, n + 1};
	a->p += n + 1;
	return true;
}

static struct sl_str inside(struct sl_str quoted)
{
	return sl_str_sub(quoted, 1, quoted.n - 2);
}

/* {"key": "…"} */
static bool take_wrapped(struct at *a, const char *key, struct sl_str *ret)
{
	struct sl_str name;

	return take(a, '{') && take_text(a, &name) && sl_str_eqz(inside(name), key) &&
	       take(a, ':') && take_text(a, ret) && take(a, '}');
}

/* --- what stands in a wrapper --- */

static bool put_text(struct at *a, struct sl_buf *out)
{
	struct sl_str text;

	if (!take_text(a, &text))
		return false;
	sl_buf_addstr(out, text);
	return true;
}

static size_t count_digits(struct sl_str s, size_t from)
{
	size_t n = 0;

	while (from + n < s.n && s.p[from + n] >= '0' && s.p[from + n] <= '9')
		n++;
	return n;
}

/* RFC 8259 §6 */
static bool is_number(struct sl_str s)
{
	size_t at = s.n && s.p[0] == '-', n = count_digits(s, at);

	if (n == 0 || (n > 1 && s.p[at] == '0'))
		return false;
	at += n;
	if (at < s.n && s.p[at] == '.') {
		n = count_digits(s, at + 1);
		if (n == 0)
			return false;
		at += 1 + n;
	}
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		at++;
		at += at < s.n && (s.p[at] == '+' || s.p[at] == '-');
		n = count_digits(s, at);
		if (n == 0)
			return false;
		at += n;
	}
	return at == s.n;
}

/* NaN, Infinity, and what is no number stay texts. A whole double is written as an integer: shells make all numbers
 * doubles. */
static bool put_number(struct at *a, struct sl_buf *out)
{
	struct sl_str text;

	if (!take_text(a, &text))
		return false;
	struct sl_str s = inside(text);
	if (!is_number(s)) {
		sl_buf_addstr(out, text);
		return true;
	}
	if (sl_str_ends(s, ".0"))
		s.n -= 2;
	sl_buf_addstr(out, s);
	return true;
}

static bool put_date(struct at *a, struct sl_buf *out)
{
	static const int64_t least = INT64_C(-62135596800000), most = INT64_C(253402300799999);
	struct sl_str digits;
	int64_t ms;
	char text[32];

	if (!take_wrapped(a, "$numberLong", &digits))
		return false;
	if (!sl_num_i64(inside(digits), least, most, &ms)) { /* beyond the years 1 to 9999 */
		sl_buf_addstr(out, digits);
		return true;
	}
	sl_time_text(ms * MS, text);
	sl_buf_addf(out, "\"%s\"", text);
	return true;
}

/* {"base64": "…", "subType": "00"} */
static bool put_binary(struct at *a, struct sl_buf *out)
{
	struct sl_str name, bytes, type;

	if (!take(a, '{') || !take_text(a, &name) || !take(a, ':') || !take_text(a, &bytes) ||
	    !take(a, ',') || !take_text(a, &name) || !take(a, ':') || !take_text(a, &type) ||
	    !take(a, '}'))
		return false;
	sl_buf_addstr(out, bytes);
	return true;
}

static bool put_null(struct at *a, struct sl_buf *out)
{
	static const char word[] = "true";

	skip_blanks(a);
	if ((size_t)(a->end - a->p) < strlen(word) || memcmp(a->p, word, strlen(word)) != 0)
		return false;
	a->p += strlen(word);
	sl_buf_adds(out, "null");
	return true;
}

static const struct {
	const char *name;
	bool (*put)(struct at *a, struct sl_buf *out);
} wrappers[] = {
	{"$oid", put_text},
	{"$numberInt", put_number},
	{"$numberLong", put_number},
	{"$numberDouble", put_number},
	{"$numberDecimal", put_number},
	{"$date", put_date},
	{"$binary", put_binary},
	{"$symbol", put_text},
	{"$code", put_text},
	{"$undefined", put_null},
};

/* At a '{'. False, and nothing done, when no wrapper begins here. */
static bool unwrap(struct at *a, struct sl_buf *out)
{
	const size_t before = out->n;
	struct at ahead = *a;
	struct sl_str name;

	if (!take(&ahead, '{') || !take_text(&ahead, &name) || !sl_str_starts(name, "\"$") ||
	    !take(&ahead, ':'))
		return false;
	for (size_t i = 0; i < SL_ARRAY_LEN(wrappers); i++)
		if (sl_str_eqz(inside(name), wrappers[i].name) && wrappers[i].put(&ahead, out) &&
		    take(&ahead, '}')) {
			*a = ahead;
			return true;
		}
	out->n = before;
	return false;
}

void sl_extjson_plain(struct sl_buf *out, struct sl_str json)
{
	struct at a = {json.p, json.p + json.n};
	struct sl_str text;

	for (;;) {
		skip_blanks(&a);
		if (a.p == a.end)
			return;
		if (*a.p == '{' && unwrap(&a, out))
			continue;
		if (*a.p == '"' && take_text(&a, &text))
			sl_buf_addstr(out, text);
		else
			sl_buf_addc(out, *a.p++);
	}
}

bool sl_extjson_number(struct sl_str json, enum sl_extjson_number *ret_what, int64_t *ret)
{
	const struct at begin = {json.p, json.p + json.n};
	struct at a = begin, b = begin, c = begin;
	struct sl_str name, digits;

	*ret_what = SL_EXTJSON_INT;
	if (take_wrapped(&a, "$numberLong", &digits) || take_wrapped(&b, "$numberInt", &digits))
		return sl_num_i64(inside(digits), INT64_MIN, INT64_MAX, ret);
	*ret_what = SL_EXTJSON_DATE;
	return take(&c, '{') && take_text(&c, &name) && sl_str_eqz(inside(name), "$date") &&
	       take(&c, ':') && take_wrapped(&c, "$numberLong", &digits) &&
	       sl_num_i64(inside(digits), INT64_MIN, INT64_MAX, ret);
}
