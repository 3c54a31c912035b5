/*
 * Where CSV records end: a state machine over bytes that may stop and go on anywhere, also inside a
 * byte order mark, a pair of quotes or a CRLF.
 */
#include "data/csv.h"

/* Where the cutter stands; in w[0]. */
enum cut_state {
	CUT_BEGIN,  /* before the input's first byte: a byte order mark may come */
	CUT_BOM1,   /* behind its EF */
	CUT_BOM2,   /* behind its EF BB */
	CUT_FIRST,  /* behind the whole mark */
	CUT_RECORD, /* at a record's begin */
	CUT_CELL,   /* at a cell's begin */
	CUT_PLAIN,  /* in a cell that is not quoted, or behind the quotes of one that is */
	CUT_QUOTED, /* inside quotes */
	CUT_QUOTE,  /* behind a quote inside quotes: the end of them, or the first of a pair */
	CUT_CR,	    /* behind a record's CR, the piece's last byte: an LF may follow */
};

static enum cut_state cut_bom(enum cut_state s, unsigned char c, bool *ret_taken)
{
	static const unsigned char mark[] = {0xef, 0xbb, 0xbf};
	*ret_taken = s <= CUT_BOM2 && c == mark[s];
	if (*ret_taken)
		return s + 1;
	return s == CUT_BEGIN || s == CUT_FIRST ? CUT_RECORD : CUT_PLAIN;
}

/* The state behind c, which ends no record. */
static enum cut_state cut_step(enum cut_state s, unsigned char c, int quote, char delimiter)
{
	if (s == CUT_QUOTED)
		return c == quote ? CUT_QUOTE : CUT_QUOTED;
	if (c == quote && s == CUT_QUOTE)
		return CUT_QUOTED;
	if (c == quote && (s == CUT_RECORD || s == CUT_CELL))
		return CUT_QUOTED;
	return c == (unsigned char)delimiter ? CUT_CELL : CUT_PLAIN;
}

/* Bytes at p[i…n) that cannot change the state. */
static size_t cut_skip(enum cut_state s, const char *p, size_t i, size_t n, int quote,
		       char delimiter)
{
	if (s == CUT_QUOTED) {
		const char *q = memchr(p + i, quote, n - i);
		return q ? (size_t)(q - p) : n;
	}
	if (s == CUT_PLAIN)
		while (i < n && p[i] != delimiter && p[i] != '\n' && p[i] != '\r')
			i++;
	return i;
}

/* The common record: one line without quotes. Returns its end from its begin at p[i], or 0 when the
 * states have to decide. */
static size_t cut_plain_line(const char *p, size_t i, size_t n, int quote)
{
	const char *line = p + i, *lf = memchr(line, '\n', n - i);
	size_t length;

	if (!lf || lf == line || *line == '\r')
		return 0;
	length = (size_t)(lf - line);
	if (memchr(line, quote, length) || memchr(line, '\r', length - 1))
		return 0;
	return i + length + 1;
}

static bool cut_end(struct sl_cutter *c, size_t end, bool blank, struct sl_cut_event *ev)
{
	c->w[0] = CUT_RECORD;
	*ev = (struct sl_cut_event){.end = end, .blank = blank};
	return true;
}

/* A record's line end begins at p[i]. A CR alone on its line is blank at once, whatever follows, so
 * that nothing blank is ever left at the input's end. False: the next piece decides. */
static bool cut_line_end(struct sl_cutter *c, const char *p, size_t i, size_t n, bool blank,
			 struct sl_cut_event *ev)
{
	if (p[i] == '\n' || blank)
		return cut_end(c, i + 1, blank, ev);
	if (i + 1 < n)
		return cut_end(c, i + (p[i + 1] == '\n' ? 2 : 1), false, ev);
	c->w[0] = CUT_CR;
	return false;
}

bool sl_csv_cut(const void *params, struct sl_cutter *c, const char *p, size_t from, size_t n,
		struct sl_cut_event *ev)
{
	const struct sl_csv *csv = params;
	const int quote = sl_csv_quote(csv);
	const char delimiter = sl_csv_delimiter(csv);
	enum cut_state s = (enum cut_state)c->w[0];
	const size_t line = s == CUT_RECORD ? cut_plain_line(p, from, n, quote) : 0;

	if (line)
		return cut_end(c, line, false, ev);
	for (size_t i = from; i < n; i++) {
		i = cut_skip(s, p, i, n, quote, delimiter);
		if (i == n)
			break;
		const unsigned char b = (unsigned char)p[i];
		if (s <= CUT_FIRST) {
			bool taken;
			s = cut_bom(s, b, &taken);
			if (taken)
				continue;
		}
		if (s == CUT_CR)
			return cut_end(c, b == '\n' ? i + 1 : i, false, ev);
		if (s != CUT_QUOTED && (b == '\n' || b == '\r'))
			return cut_line_end(c, p, i, n, s == CUT_RECORD, ev);
		s = cut_step(s, b, quote, delimiter);
	}
	c->w[0] = s;
	return false;
}
