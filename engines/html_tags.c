/*
 * How many attributes the elements of a page have, counted before libxml2 reads it: libxml2 compares
 * each one's name with all before it, so that one tag of a megabyte takes minutes, one of eight hours.
 * Where it is not clear what libxml2 takes for a tag, too many are counted rather than too few.
 *
 * Source: libxml2 2.9, HTMLparser.c (htmlParseStartElement, htmlParseScript, htmlParseComment).
 */
#include <strings.h>

#include "engines/html.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Behind an attribute's value, which may come after blanks; a quote that is never closed takes the
 * rest of the page. */
static const char *skip_value(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	if (p < end && (*p == '"' || *p == '\'')) {
		const char *close = memchr(p + 1, *p, (size_t)(end - p) - 1);

		return close ? close + 1 : end;
	}
	while (p < end && !is_blank(*p) && *p != '>')
		p++;
	return p;
}

/* From behind a tag's name to its '>', or the page's end. */
static const char *skip_attributes(const char *p, const char *end, size_t *ret_n)
{
	*ret_n = 0;
	while (p < end && *p != '>') {
		if (*p == '=') {
			p = skip_value(p + 1, end);
		} else if (is_blank(*p) || *p == '/') {
			p++;
		} else {
			++*ret_n;
			while (p < end && !is_blank(*p) && *p != '/' && *p != '=' && *p != '>')
				p++;
		}
	}
	return p;
}

static const char *const raw[] = {"script", "style"}; /* hold no tags */

/* The next place of these two bytes, or NULL. */
static const char *find_pair(const char *p, const char *end, const char *pair)
{
	while (p < end && (p = memchr(p, pair[0], (size_t)(end - p)))) {
		if (p[1] == pair[1])
			return p;
		p++;
	}
	return NULL;
}

/* What is known to have no end in the rest of the page: it is looked for once. */
struct endless {
	bool comment, raw[SL_ARRAY_LEN(raw)];
};

static bool is_called(struct sl_str name, const char *what)
{
	return name.n == strlen(what) && strncasecmp(name.p, what, name.n) == 0;
}

/* The end of what a tag called name begins; p itself when it may hold tags, or has no end. */
static const char *skip_raw(struct sl_str name, const char *p, const char *end, struct endless *no)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(raw); i++) {
		if (no->raw[i] || !is_called(name, raw[i]))
			continue;
		for (const char *q = p; (q = find_pair(q, end, "</")); q += 2)
			if (strncasecmp(q + 2, raw[i], name.n) == 0)
				return q;
		no->raw[i] = true;
	}
	return p;
}

/* Behind the comment that begins at p, "<!--"; behind its first letters when it has no end. */
static const char *skip_comment(const char *p, const char *end, struct endless *no)
{
	for (const char *q = p + 4; !no->comment && (q = find_pair(q, end, "--")); q++)
		if (q[2] == '>' || (q[2] == '!' && q[3] == '>'))
			return q + 3;
	no->comment = true;
	return p + 4;
}

bool html_attributes_fit(struct sl_str text)
{
	const char *p = text.p, *const end = text.p + text.n;
	struct endless no = {false, {false, false}};
	size_t n, of_root = 0; /* those of a further <html> or <body> go to the first one */

	while (p < end && (p = memchr(p, '<', (size_t)(end - p)))) {
		if (strncmp(p, "<!--", 4) == 0) {
			p = skip_comment(p, end, &no);
			continue;
		}
		if (!is_letter(*++p))
			continue;
		const char *name = p;

		while (p < end && !is_blank(*p) && *p != '/' && *p != '>')
			p++;
		const struct sl_str tag = {name, (size_t)(p - name)};

		p = skip_attributes(p, end, &n);
		if (is_called(tag, "html") || is_called(tag, "body"))
			n = of_root += n;
		if (n > SL_HTML_ATTRIBUTES)
			return false;
		if (p[-1] != '/') /* "<script/>" is over */
			p = skip_raw(tag, p, end, &no);
	}
	return true;
}
