/*
 * The scanner behind the JSON codecs' cutters. Its state is zero again at every record's end: that
 * is what lets a decoder find the same records from any part's first byte.
 */
#include "data/json_scan.h"

/* w[0] */
enum scan_state {
	SCAN_BETWEEN, /* before a record, or what leads to it */
	SCAN_LED,     /* behind '[' or ',' (in w[2]) */
	SCAN_NESTED,  /* inside w[1] objects and lists */
	SCAN_STRING,  /* inside a string; w[3]: the last byte was an open backslash */
	SCAN_OTHER,   /* inside a number, a word, or what is not JSON at all */
	SCAN_LINE,    /* jsonl: inside a line */
};

enum { W_STATE, W_DEPTH, W_LEAD, W_ESCAPED };

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* White space, and the bytes of a byte order mark. */
static size_t skip_between(const char *p, size_t i, size_t n)
{
	while (i < n && (is_blank(p[i]) || p[i] == '\xef' || p[i] == '\xbb' || p[i] == '\xbf'))
		i++;
	return i;
}

static size_t skip_blank(const char *p, size_t i, size_t n)
{
	while (i < n && is_blank(p[i]))
		i++;
	return i;
}

static bool end_record(struct sl_cutter *c, size_t end, bool blank, struct sl_cut_event *ev)
{
	*c = (struct sl_cutter){{0}};
	*ev = (struct sl_cut_event){.end = end, .blank = blank};
	return true;
}

/* Number of backslashes that end p[from…i). */
static size_t backslashes(const char *p, size_t from, size_t i)
{
	size_t k = i;
	while (k > from && p[k - 1] == '\\')
		k--;
	return i - k;
}

/* From inside a string to one past its closing quote; n + 1 when it goes on in the next piece. */
static size_t skip_string(struct sl_cutter *c, const char *p, size_t i, size_t n)
{
	size_t from = i;
	size_t carried = c->w[W_ESCAPED];
	for (;;) {
		const char *q = i < n ? memchr(p + i, '"', n - i) : NULL;
		size_t at = q ? (size_t)(q - p) : n;
		size_t run = backslashes(p, from, at);
		bool escaped = (run + (run == at - from ? carried : 0)) % 2 == 1;
		if (!q) {
			c->w[W_ESCAPED] = escaped;
			return n + 1;
		}
		i = at + 1;
		if (!escaped) {
			c->w[W_ESCAPED] = 0;
			return i;
		}
		from = i;
		carried = 0;
	}
}

/* To the next byte that opens or closes something. */
static size_t skip_inside(const char *p, size_t i, size_t n)
{
	static const bool stops[256] = {
		['{'] = true, ['}'] = true, ['['] = true, [']'] = true, ['"'] = true,
	};
	while (i < n && !stops[(unsigned char)p[i]])
		i++;
	return i;
}

static size_t skip_other(const char *p, size_t i, size_t n)
{
	while (i < n && p[i] != ',' && p[i] != ']' && p[i] != '\n')
		i++;
	return i;
}

static enum scan_state begin_value(struct sl_cutter *c, char b)
{
	c->w[W_DEPTH] = b == '{' || b == '[';
	if (b == '"')
		return SCAN_STRING;
	return c->w[W_DEPTH] ? SCAN_NESTED : SCAN_OTHER;
}

static enum scan_state step_nested(struct sl_cutter *c, char b)
{
	if (b == '"')
		return SCAN_STRING;
	if (b == '{' || b == '[')
		c->w[W_DEPTH]++;
	else
		c->w[W_DEPTH]--;
	return SCAN_NESTED;
}

/* Behind what leads to a value, at a byte that is not blank. True: the record ends without one. */
static bool end_led(struct sl_cutter *c, char b, size_t i, struct sl_cut_event *ev)
{
	if (b == ']' && c->w[W_LEAD] == '[')
		return end_record(c, i + 1, true, ev);
	if (b == ',' || b == ']')
		return end_record(c, i, false, ev);
	return false;
}

/* Inside a value; returns true when it ends, *i one past its last byte. */
static bool scan_value(struct sl_cutter *c, enum scan_state *s, const char *p, size_t *i, size_t n)
{
	if (*s == SCAN_OTHER) {
		*i = skip_other(p, *i, n);
		return *i < n;
	}
	if (*s == SCAN_STRING) {
		*i = skip_string(c, p, *i, n);
		if (*i > n)
			return false;
		*s = SCAN_NESTED;
		return c->w[W_DEPTH] == 0;
	}
	*i = skip_inside(p, *i, n);
	if (*i == n)
		return false;
	*s = step_nested(c, p[(*i)++]);
	return *s == SCAN_NESTED && c->w[W_DEPTH] == 0;
}

bool sl_json_cut(const void *params, struct sl_cutter *c, const char *p, size_t from, size_t n,
		 struct sl_cut_event *ev)
{
	(void)params;
	enum scan_state s = (enum scan_state)c->w[W_STATE];
	size_t i = from;
	if (s == SCAN_BETWEEN) {
		i = skip_between(p, i, n);
		if (i > from)
			return end_record(c, i, true, ev);
	}
	while (i < n) {
		if (s == SCAN_BETWEEN && p[i] == ']')
			return end_record(c, i + 1, true, ev);
		if (s == SCAN_BETWEEN && (p[i] == '[' || p[i] == ',')) {
			c->w[W_LEAD] = (unsigned char)p[i++];
			s = SCAN_LED;
		} else if (s == SCAN_BETWEEN || s == SCAN_LED) {
			i = s == SCAN_LED ? skip_blank(p, i, n) : i;
			if (i == n)
				break;
			if (s == SCAN_LED && end_led(c, p[i], i, ev))
				return true;
			s = begin_value(c, p[i++]);
		} else if (scan_value(c, &s, p, &i, n)) {
			return end_record(c, i, false, ev);
		}
	}
	c->w[W_STATE] = s;
	return false;
}

bool sl_jsonl_cut(const void *params, struct sl_cutter *c, const char *p, size_t from, size_t n,
		  struct sl_cut_event *ev)
{
	(void)params;
	size_t i = from;
	if (c->w[W_STATE] == SCAN_BETWEEN) {
		i = skip_between(p, i, n);
		if (i > from)
			return end_record(c, i, true, ev);
	}
	const char *line_end = i < n ? memchr(p + i, '\n', n - i) : NULL;
	if (line_end)
		return end_record(c, (size_t)(line_end - p) + 1, false, ev);
	c->w[W_STATE] = i < n ? SCAN_LINE : c->w[W_STATE];
	return false;
}

struct sl_str sl_json_value_of(struct sl_str record, bool *ret_led)
{
	size_t from = skip_between(record.p, 0, record.n), end = record.n;
	if (ret_led) {
		*ret_led = from < end && (record.p[from] == '[' || record.p[from] == ',');
		from = *ret_led ? skip_blank(record.p, from + 1, end) : from;
	}
	while (end > from && is_blank(record.p[end - 1]))
		end--;
	return (struct sl_str){record.p + from, end - from};
}

bool sl_json_is_open(struct sl_str text)
{
	struct sl_cutter c = {{0}};
	struct sl_cut_event ev = {0};
	while (ev.end < text.n && sl_json_cut(NULL, &c, text.p, ev.end, text.n, &ev))
		;
	return c.w[W_STATE] == SCAN_NESTED || c.w[W_STATE] == SCAN_STRING ||
	       c.w[W_STATE] == SCAN_LED;
}
