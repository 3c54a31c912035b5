/*
 * From the bytes of a CSV record to its cells: see csv.h. Where the cells of a part end is known
 * ahead for almost every part (csv_index.h); a part with a quote in an odd place, and a header, are
 * read byte by byte. Both ways give the same records.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/mem.h"
#include "data/csv.h"
#include "data/csv_index.h"

/* The quote that may close a cell, from p; *escaped when something before it is escaped. NULL: there
 * is none. */
static const char *find_quote(const struct sl_csv_reader *d, const char *p, const char *end,
			      bool *escaped)
{
	if (d->escape < 0 || d->escape == d->quote)
		return p < end ? memchr(p, d->quote, (size_t)(end - p)) : NULL;
	for (; p < end && (unsigned char)*p != d->quote; p++)
		if ((unsigned char)*p == d->escape) {
			*escaped = true;
			p++;
		}
	return p < end ? p : NULL;
}

static const char open_quote[] = "quote never closed";

/* A quoted cell from its opening quote; returns the place behind it. */
static const char *read_quoted(const struct sl_csv_reader *d, const char *p, const char *end,
			       struct sl_csv_cell *cell, const char **fault)
{
	const char *begin = ++p;
	*cell = (struct sl_csv_cell){.quoted = true};
	for (;;) {
		const char *q = find_quote(d, p, end, &cell->escaped);
		if (!q) {
			*fault = open_quote;
			cell->text = (struct sl_str){begin, (size_t)(end - begin)};
			return end;
		}
		p = q + 1;
		if (p == end || *p != (char)d->quote) {
			cell->text = (struct sl_str){begin, (size_t)(q - begin)};
			break;
		}
		cell->escaped = true;
		p++;
	}
	if (p < end && *p != d->delimiter && *p != '\n' && *p != '\r')
		*fault = "text after a closing quote";
	return p;
}

/* To the next delimiter or line end. Sixteen bytes at once: most cells end within. */
static inline const char *skip_plain(const struct sl_csv_reader *d, const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i delimiter = _mm_set1_epi8(d->delimiter), lf = _mm_set1_epi8('\n'),
		      cr = _mm_set1_epi8('\r');

	for (; end - p >= 16; p += 16) {
		const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
		const int found = _mm_movemask_epi8(_mm_or_si128(
			_mm_cmpeq_epi8(bytes, delimiter),
			_mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr))));

		if (found)
			return p + __builtin_ctz((unsigned)found);
	}
#endif
	while (p < end && *p != d->delimiter && *p != '\n' && *p != '\r')
		p++;
	return p;
}

/* One cell from p; returns its delimiter, line end, or end. */
static const char *read_cell(const struct sl_csv_reader *d, const char *p, const char *end,
			     struct sl_csv_cell *cell, const char **fault)
{
	if (p < end && (unsigned char)*p == d->quote)
		return skip_plain(d, read_quoted(d, p, end, cell, fault), end);
	const char *begin = p;
	p = skip_plain(d, p, end);
	*cell = (struct sl_csv_cell){.text = {begin, (size_t)(p - begin)}};
	return p;
}

static size_t line_of(const char *begin, const char *p)
{
	size_t line = 1;

	for (; (begin = memchr(begin, '\n', (size_t)(p - begin))); begin++)
		line++;
	return line;
}

static size_t read_record(struct sl_csv_reader *d, struct sl_str bytes, size_t at,
			  struct sl_csv_record *r)
{
	const char *p = bytes.p + at, *end = bytes.p + bytes.n;
	const char *last;		/* cell begins here */
	struct sl_csv_cell spare = {0}; /* where cells beyond the width go */

	*r = (struct sl_csv_record){.pos.offset = (uint32_t)at};
	for (;;) {
		struct sl_csv_cell *cell = r->n <= d->width ? &d->cells[r->n] : &spare;
		r->n++;
		last = p;
		p = read_cell(d, p, end, cell, &r->fault);
		if (p == end || *p != d->delimiter)
			break;
		p++;
	}
	r->pos.length = (uint32_t)(p - bytes.p - (ptrdiff_t)at);
	if (r->fault == open_quote)
		r->open_line = line_of(bytes.p + at, last);
	r->blank = r->pos.length == 0;
	if (p < end && *p++ == '\r' && p < end && *p == '\n')
		p++;
	return (size_t)(p - bytes.p);
}

/* --- cells whose ends are known --- */

void sl_csv_part(struct sl_csv_reader *d, struct sl_str bytes, size_t from)
{
	const struct sl_csv_marks marks = {d->quote, d->delimiter};
	const size_t room = bytes.n + SL_CSV_INDEX_SLACK;

	d->next = 0;
	d->indexed = false;
	if (d->escape >= 0)
		return;
	if (room > d->cap_ends) {
		free(d->ends);
		d->ends = sl_xcalloc(room, sizeof(*d->ends)); /* pages come when they are used */
		d->cap_ends = room;
	}
	/* What is before `from` is a byte order mark: it holds no mark of ours. */
	d->indexed = sl_csv_index(marks, sl_str_sub(bytes, from, bytes.n), d->ends, &d->n_ends);
	for (size_t i = 0; from > 0 && i < d->n_ends; i++)
		d->ends[i] += (uint32_t)from;
}

/* In an indexed part a cell that begins with a quote ends with one. */
static inline void take_cell(const struct sl_csv_reader *d, const char *begin, const char *end,
			     struct sl_csv_cell *cell)
{
	*cell = (struct sl_csv_cell){.text = {begin, (size_t)(end - begin)}};
	if (begin == end || (unsigned char)*begin != d->quote)
		return;
	cell->quoted = true;
	cell->text = (struct sl_str){begin + 1, (size_t)(end - begin) - 2};
	cell->escaped = cell->text.n > 0 && memchr(cell->text.p, d->quote, cell->text.n);
}

static size_t indexed_record(struct sl_csv_reader *d, struct sl_str bytes, size_t at,
			     struct sl_csv_record *r)
{
	struct sl_csv_cell spare;
	size_t begin = at, end;

	*r = (struct sl_csv_record){.pos.offset = (uint32_t)at};
	for (;; begin = end + 1) {
		end = d->next < d->n_ends ? d->ends[d->next] : bytes.n;
		take_cell(d, bytes.p + begin, bytes.p + end,
			  r->n <= d->width ? &d->cells[r->n] : &spare);
		r->n++;
		d->next++;
		if (end == bytes.n || bytes.p[end] != d->delimiter)
			break;
	}
	r->pos.length = (uint32_t)(end - at);
	r->blank = end == at;
	if (end == bytes.n)
		return end;
	if (bytes.p[end] == '\r' && end + 1 < bytes.n && bytes.p[end + 1] == '\n') {
		d->next++;
		end++;
	}
	return end + 1;
}

size_t sl_csv_record(struct sl_csv_reader *d, struct sl_str bytes, size_t at,
		     struct sl_csv_record *r)
{
	return d->indexed ? indexed_record(d, bytes, at, r) : read_record(d, bytes, at, r);
}

struct sl_str sl_csv_plain(const struct sl_csv_reader *d, struct sl_str s, struct sl_arena *arena)
{
	char *to = sl_arena_alloc(arena, s.n);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];
		if ((c == d->escape || c == d->quote) && i + 1 < s.n)
			i++;
		to[n++] = s.p[i];
	}
	return (struct sl_str){to, n};
}
