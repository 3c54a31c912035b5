/*
 * Links of a header, from left to right: <target>; name=word; name="quoted, with \" signs", <target>…
 */
#include "tasks/collect/http_link.h"

#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct sl_str *s)
{
	while (s->n > 0 && is_blank(s->p[0]))
		*s = sl_str_sub(*s, 1, s->n);
}

static bool take(struct sl_str *s, char c)
{
	skip_blanks(s);
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = sl_str_sub(*s, 1, s->n);
	return true;
}

static struct sl_str take_until(struct sl_str *s, const char *ends)
{
	size_t n = 0;

	while (n < s->n && (s->p[n] == '\0' || !strchr(ends, s->p[n])))
		n++;
	const struct sl_str taken = sl_str_sub(*s, 0, n);
	*s = sl_str_sub(*s, n, s->n);
	return taken;
}

/* What stands in quotes, escapes as they are; one that is never closed takes the rest. */
static struct sl_str take_quoted(struct sl_str *s)
{
	size_t n = 0;

	while (n < s->n && s->p[n] != '"')
		n += s->p[n] == '\\' && n + 1 < s->n ? 2 : 1;
	const struct sl_str taken = sl_str_sub(*s, 0, n);
	*s = sl_str_sub(*s, n + 1, s->n);
	return taken;
}

static struct sl_str take_value(struct sl_str *s)
{
	if (!take(s, '='))
		return SL_STR_NULL;
	return take(s, '"') ? take_quoted(s) : sl_str_trim(take_until(s, ";,"));
}

static bool holds_next(struct sl_str rel)
{
	struct sl_str word;

	while (sl_str_next(&rel, ' ', &word))
		if (word.n == 4 && strncasecmp(word.p, "next", 4) == 0)
			return true;
	return false;
}

/* Behind a target: its parameters, up to and with the comma. True: it is the next page's. */
static bool take_parameters(struct sl_str *s)
{
	bool any = false, is_next = false;

	while (s->n > 0 && !take(s, ',')) {
		(void)take_until(s, ";,");
		if (!take(s, ';'))
			continue;
		skip_blanks(s);
		const struct sl_str name = sl_str_trim(take_until(s, "=;,"));
		const struct sl_str value = take_value(s);

		if (any || name.n != 3 || strncasecmp(name.p, "rel", 3) != 0)
			continue;
		any = true; /* a second one does not count: §3.3 */
		is_next = value.p && holds_next(value);
	}
	return is_next;
}

struct sl_str sl_http_next_link(struct sl_str value)
{
	while (value.n > 0) {
		(void)take_until(&value, "<");
		if (!take(&value, '<'))
			return SL_STR_NULL;
		const struct sl_str target = take_until(&value, ">");

		if (!take(&value, '>'))
			return SL_STR_NULL;
		if (take_parameters(&value))
			return target;
	}
	return SL_STR_NULL;
}
