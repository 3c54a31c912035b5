/*
 * Where CSV records end: a state machine over bytes that may stop and go on anywhere, also inside a
 * byte order mark, a pair of quotes or a CRLF. With delimiter: auto it also finds out, from the
 * first record, what stands between the cells.
 */
#include "data/csv.h"

/* What is in the cutter's words. */
enum { W_STATE, W_SKIPPED, W_DELIMITER, W_SEEN }; /* W_SEEN…: of each candidate */

/* delimiter: auto takes the one of these that stands most often in the header, outside quotes; of
 * two the first. */
static const char candidates[] = ",;\t|";

/* Where the cutter stands. */
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
	CUT_ESCAPE, /* behind an escape character inside quotes */
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

/* How this file is written. */
struct form {
	int quote, escape;
	char delimiter; /* '\0': not known yet */
};

static struct form form_of(const struct sl_csv *p, const struct sl_cutter *c)
{
	const bool automatic = p->delimiter && strcmp(p->delimiter, "auto") == 0;
	const char set = p->delimiter && p->delimiter[0] ? p->delimiter[0] : ',';

	return (struct form){sl_csv_quote(p), sl_csv_escape(p),
			     automatic ? (char)c->w[W_DELIMITER] : set};
}

/* Is c what stands between cells? As long as nobody knows, each candidate is, and is counted. */
static bool is_delimiter(const struct form *f, struct sl_cutter *c, unsigned char b)
{
	if (f->delimiter)
		return b == (unsigned char)f->delimiter;
	const char *found = b ? strchr(candidates, b) : NULL;
	if (found)
		c->w[W_SEEN + (found - candidates)]++;
	return found != NULL;
}

/* The first record has ended: the delimiter is the candidate seen most. */
static void settle(struct sl_cutter *c)
{
	size_t best = 0;

	for (size_t i = 1; candidates[i]; i++)
		if (c->w[W_SEEN + i] > c->w[W_SEEN + best])
			best = i;
	c->w[W_DELIMITER] = (unsigned char)candidates[best];
}

/* The state behind b, which ends no record. */
static enum cut_state cut_step(const struct form *f, struct sl_cutter *c, enum cut_state s,
			       unsigned char b)
{
	if (s == CUT_ESCAPE)
		return CUT_QUOTED;
	if (s == CUT_QUOTED)
		return b == f->quote ? CUT_QUOTE : b == f->escape ? CUT_ESCAPE : CUT_QUOTED;
	if (b == f->quote && s == CUT_QUOTE)
		return CUT_QUOTED;
	if (b == f->quote && (s == CUT_RECORD || s == CUT_CELL))
		return CUT_QUOTED;
	return is_delimiter(f, c, b) ? CUT_CELL : CUT_PLAIN;
}

/* Bytes at p[i…n) that cannot change the state. */
static size_t cut_skip(const struct form *f, enum cut_state s, const char *p, size_t i, size_t n)
{
	if (s == CUT_QUOTED && f->escape < 0) {
		const char *q = memchr(p + i, f->quote, n - i);
		return q ? (size_t)(q - p) : n;
	}
	if (s == CUT_PLAIN && f->delimiter)
		while (i < n && p[i] != f->delimiter && p[i] != '\n' && p[i] != '\r')
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

/* A record ends at end. Lines to be skipped count as blank ones. */
static bool cut_end(const struct sl_csv *p, struct sl_cutter *c, size_t end, bool blank,
		    struct sl_cut_event *ev)
{
	const bool skipped = c->w[W_SKIPPED] < (uint64_t)p->skip;

	c->w[W_STATE] = CUT_RECORD;
	c->w[W_SKIPPED] += skipped;
	if (!skipped && !blank && !c->w[W_DELIMITER])
		settle(c);
	*ev = (struct sl_cut_event){.end = end, .blank = blank || skipped};
	return true;
}

/* A record's line end begins at p[i]. A CR alone on its line is blank at once, whatever follows, so
 * that nothing blank is ever left at the input's end. False: the next piece decides. */
static bool cut_line_end(const struct sl_csv *csv, struct sl_cutter *c, const char *p, size_t i,
			 size_t n, bool blank, struct sl_cut_event *ev)
{
	if (p[i] == '\n' || blank)
		return cut_end(csv, c, i + 1, blank, ev);
	if (i + 1 < n)
		return cut_end(csv, c, i + (p[i + 1] == '\n' ? 2 : 1), false, ev);
	c->w[W_STATE] = CUT_CR;
	return false;
}

bool sl_csv_cut(const void *params, struct sl_cutter *c, const char *p, size_t from, size_t n,
		struct sl_cut_event *ev)
{
	const struct sl_csv *csv = params;
	const struct form f = form_of(csv, c);
	const bool skipping = c->w[W_SKIPPED] < (uint64_t)csv->skip;
	enum cut_state s = (enum cut_state)c->w[W_STATE];
	const size_t line = s == CUT_RECORD && f.delimiter && !skipping
				    ? cut_plain_line(p, from, n, f.quote)
				    : 0;

	if (line)
		return cut_end(csv, c, line, false, ev);
	for (size_t i = from; i < n; i++) {
		i = cut_skip(&f, s, p, i, n);
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
			return cut_end(csv, c, b == '\n' ? i + 1 : i, false, ev);
		if (s != CUT_QUOTED && s != CUT_ESCAPE && (b == '\n' || b == '\r'))
			return cut_line_end(csv, c, p, i, n, s == CUT_RECORD && !skipping, ev);
		s = skipping ? CUT_PLAIN : cut_step(&f, c, s, b);
	}
	c->w[W_STATE] = s;
	return false;
}

char sl_csv_delimiter(const struct sl_csv *p, struct sl_str header)
{
	struct sl_cutter c = {.w = {[W_SKIPPED] = (uint64_t)p->skip}}; /* they are gone already */
	struct sl_cut_event ev = {.blank = true};
	size_t from = 0;

	while (ev.blank && from < header.n && sl_csv_cut(p, &c, header.p, from, header.n, &ev))
		from = ev.end;
	if (ev.blank)
		(void)sl_csv_cut(p, &c, "\n", 0, 1, &ev);
	return form_of(p, &c).delimiter;
}
