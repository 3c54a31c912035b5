/* Finding elements, and text in and out. */
#include "net/s3_xml.h"

#include "base/num.h"

static const struct {
	char c;
	const char *name;
} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"}};

/* *ret_at: behind the text. */
static bool find(struct sl_str s, const char *text, size_t *ret_start, size_t *ret_at)
{
	const size_t n = strlen(text);
	const char *at = s.n >= n ? memmem(s.p, s.n, text, n) : NULL;

	if (!at)
		return false;
	*ret_start = (size_t)(at - s.p);
	*ret_at = *ret_start + n;
	return true;
}

bool sl_xml_next(struct sl_str *doc, const char *tag, struct sl_str *ret_inner)
{
	char open[48], close[48], empty[48];
	size_t start = 0, from = 0, empty_at, behind, end;

	snprintf(open, sizeof(open), "<%s>", tag);
	snprintf(close, sizeof(close), "</%s>", tag);
	snprintf(empty, sizeof(empty), "<%s/>", tag);
	const bool opened = find(*doc, open, &start, &from);

	if (find(*doc, empty, &empty_at, &behind) && (!opened || empty_at < start)) {
		*ret_inner = SL_STR("");
		*doc = sl_str_sub(*doc, behind, doc->n);
		return true;
	}
	if (!opened)
		return false;
	const struct sl_str rest = sl_str_sub(*doc, from, doc->n);

	if (!find(rest, close, &end, &behind))
		return false;
	*ret_inner = sl_str_sub(rest, 0, end);
	*doc = sl_str_sub(rest, behind, rest.n);
	return true;
}

struct sl_str sl_xml_first(struct sl_str doc, const char *tag)
{
	struct sl_str inner;

	return sl_xml_next(&doc, tag, &inner) ? inner : SL_STR_NULL;
}

/* "&#34;" → '"'; only ASCII stands so in what S3 answers. Returns the bytes used, 0: none. */
static size_t take_number(struct sl_str s, char *ret)
{
	const ptrdiff_t end = sl_str_find(s, ';');
	uint64_t v = 0;

	if (!sl_str_starts(s, "&#") || end < 3 || end > 6)
		return 0;
	if (!sl_num_u64(sl_str_sub(s, 2, (size_t)end - 2), 127, &v) || v == 0)
		return 0;
	*ret = (char)v;
	return (size_t)end + 1;
}

static size_t take_entity(struct sl_str s, char *ret)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(entities); i++) {
		if (!sl_str_starts(s, entities[i].name))
			continue;
		*ret = entities[i].c;
		return strlen(entities[i].name);
	}
	return take_number(s, ret);
}

void sl_xml_text(struct sl_str inner, struct sl_buf *out)
{
	for (size_t i = 0; i < inner.n;) {
		char c = inner.p[i];
		size_t used = c == '&' ? take_entity(sl_str_sub(inner, i, inner.n), &c) : 0;

		sl_buf_addc(out, c);
		i += used ? used : 1;
	}
}

void sl_xml_add(struct sl_str text, struct sl_buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		const char *name = NULL;

		for (size_t k = 0; k < SL_ARRAY_LEN(entities) && !name; k++)
			if (entities[k].c == text.p[i])
				name = entities[k].name;
		if (name)
			sl_buf_adds(out, name);
		else
			sl_buf_addc(out, text.p[i]);
	}
}
