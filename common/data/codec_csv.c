/*
 * CSV (RFC 4180): records of cells, quotes doubled inside quoted cells. The cutter (csv_cut.c)
 * finds record ends for collect, the decoder reads cells for normalize; both follow the same rules:
 * a quote opens only at a cell's begin, and LF, CRLF or a lone CR outside quotes ends a record, so
 * that a file of either kind gives the same rows. Blank lines are no records.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "data/codec.h"
#include "data/csv.h"

enum { RAGGED_STRICT, RAGGED_LENIENT };
static const char *const ragged_choices[] = {"strict", "lenient", NULL};
static const char *const encoding_choices[] = {"utf-8", NULL};

#define MAX_COLUMNS 16384

static const struct sl_field fields[] = {
	SL_F_TEXT(struct sl_csv, delimiter, SL_F_IDENTITY, ",",
		  "one ASCII character between cells"),
	SL_F_TEXT(struct sl_csv, quote, SL_F_IDENTITY, "\"",
		  "one ASCII character around cells; empty: no cell is quoted"),
	SL_F_TEXTS(struct sl_csv, nulls, SL_F_IDENTITY,
		   "unquoted texts that mean NULL, besides the empty one"),
	SL_F_BOOL(struct sl_csv, header, SL_F_IDENTITY, "true",
		  "the first record names the columns; without it from is a cell's number, from 1"),
	SL_F_ENUM(struct sl_csv, ragged, SL_F_IDENTITY, "strict", ragged_choices,
		  "lenient: an empty extra cell is dropped, missing cells are NULL"),
	SL_F_ENUM(struct sl_csv, encoding, SL_F_IDENTITY, "utf-8", encoding_choices,
		  "how the bytes stand for letters"),
	SL_F_END,
};

static bool has_header(const void *params)
{
	return ((const struct sl_csv *)params)->header;
}

/* --- reading records --- */

struct cell {
	struct sl_str text; /* between the quotes when quoted */
	bool quoted;
	bool pairs; /* holds doubled quotes */
};

struct record {
	struct sl_pos pos; /* without the line end */
	size_t n;	   /* cells; those beyond the decoder's width are counted only */
	const char *fault; /* NULL: fine */
	bool blank;
};

struct decoder {
	const struct sl_csv *params;
	const struct sl_contract *contract;
	int quote;
	char delimiter;
	size_t width;	    /* cells of a whole record; without a header those that are needed */
	struct cell *cells; /* width + 1 */
	ptrdiff_t *cell_of; /* by column of the contract; -1: not in the record */
	size_t *lengths;    /* of params->nulls */
};

/* A quoted cell from its opening quote; returns the place behind it. */
static const char *read_quoted(const struct decoder *d, const char *p, const char *end,
			       struct cell *cell, const char **fault)
{
	const char *begin = ++p;
	*cell = (struct cell){.quoted = true};
	for (;;) {
		const char *q = p < end ? memchr(p, d->quote, (size_t)(end - p)) : NULL;
		if (!q) {
			*fault = "quote never closed";
			cell->text = (struct sl_str){begin, (size_t)(end - begin)};
			return end;
		}
		p = q + 1;
		if (p == end || *p != (char)d->quote) {
			cell->text = (struct sl_str){begin, (size_t)(q - begin)};
			break;
		}
		cell->pairs = true;
		p++;
	}
	if (p < end && *p != d->delimiter && *p != '\n' && *p != '\r')
		*fault = "text after a closing quote";
	return p;
}

/* To the next delimiter or line end. Sixteen bytes at once: most cells end within. */
static inline const char *skip_plain(const struct decoder *d, const char *p, const char *end)
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
static const char *read_cell(const struct decoder *d, const char *p, const char *end,
			     struct cell *cell, const char **fault)
{
	if (p < end && (unsigned char)*p == d->quote)
		return skip_plain(d, read_quoted(d, p, end, cell, fault), end);
	const char *begin = p;
	p = skip_plain(d, p, end);
	*cell = (struct cell){.text = {begin, (size_t)(p - begin)}};
	return p;
}

/* One record from bytes.p[at]; returns the offset of the next one. */
static size_t read_record(struct decoder *d, struct sl_str bytes, size_t at, struct record *r)
{
	const char *p = bytes.p + at, *end = bytes.p + bytes.n;
	struct cell spare = {0}; /* where cells beyond the header go */

	*r = (struct record){.pos.offset = (uint32_t)at};
	for (;;) {
		struct cell *cell = r->n <= d->width ? &d->cells[r->n] : &spare;
		r->n++;
		p = read_cell(d, p, end, cell, &r->fault);
		if (p == end || *p != d->delimiter)
			break;
		p++;
	}
	r->pos.length = (uint32_t)(p - bytes.p - (ptrdiff_t)at);
	r->blank = r->pos.length == 0;
	if (p < end && *p++ == '\r' && p < end && *p == '\n')
		p++;
	return (size_t)(p - bytes.p);
}

/* --- header --- */

static size_t bom_length(struct sl_str s)
{
	return s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static bool refuse_utf16(struct sl_str s, struct sl_err *err)
{
	bool le = s.n >= 2 && memcmp(s.p, "\xff\xfe", 2) == 0;
	if (!le && !(s.n >= 2 && memcmp(s.p, "\xfe\xff", 2) == 0))
		return true;
	sl_err_set(err, SL_ERR_DATA, "the input is UTF-16 (%s byte order mark), not utf-8",
		   le ? "little-endian" : "big-endian");
	return sl_err_hint(err, "convert it first: iconv -f UTF-16 -t UTF-8");
}

/* A copy of a cell without the doubling of its quotes. */
static struct sl_str unquote(const struct decoder *d, struct sl_str s, struct sl_arena *arena)
{
	char *to = sl_arena_alloc(arena, s.n);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		to[n++] = s.p[i];
		if ((unsigned char)s.p[i] == d->quote)
			i++;
	}
	return (struct sl_str){to, n};
}

static bool read_header(struct decoder *d, struct sl_str header, struct sl_arena *arena,
			struct sl_err *err)
{
	struct record r = {.blank = true};
	d->width = MAX_COLUMNS;
	d->cells = sl_xcalloc(d->width + 1, sizeof(*d->cells));
	for (size_t at = bom_length(header); r.blank && at < header.n;)
		at = read_record(d, header, at, &r);
	if (r.blank)
		return sl_err_set(err, SL_ERR_DATA, "the header is empty");
	if (r.fault)
		return sl_err_set(err, SL_ERR_DATA, "the header cannot be read: %s", r.fault);
	if (r.n > MAX_COLUMNS)
		return sl_err_set(err, SL_ERR_DATA, "the header has %zu columns, more than %d", r.n,
				  MAX_COLUMNS);
	d->width = r.n;
	for (size_t i = 0; i < r.n; i++) {
		struct cell *cell = &d->cells[i];
		if (cell->pairs)
			cell->text = unquote(d, cell->text, arena);
		bool nul = sl_str_find(cell->text, '\0') >= 0;
		if (nul || !sl_utf8_valid(cell->text, NULL))
			return sl_err_set(err, SL_ERR_DATA,
					  "the name of column %zu in the header %s", i + 1,
					  nul ? "holds a NUL" : "is not UTF-8");
	}
	return true;
}

static bool missing_column(const struct decoder *d, const struct sl_contract_col *c,
			   struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf names = SL_BUF_INIT;
	for (size_t i = 0; i < d->width && names.n < 200; i++) {
		if (i > 0)
			sl_buf_adds(&names, ", ");
		sl_buf_add_escaped(&names, d->cells[i].text, 60);
	}
	sl_err_set(err, SL_ERR_DATA, "the header has no column \"%s\", which is required", c->from);
	return sl_err_hint(err, "its columns: %s", sl_buf_z(&names));
}

/* Finds the cell of a column; its name must not stand twice. */
static bool bind_name(struct decoder *d, size_t col, struct sl_err *err)
{
	const struct sl_contract_col *c = &d->contract->cols[col];
	ptrdiff_t found = -1;
	for (size_t i = 0; i < d->width; i++) {
		if (!sl_str_eqz(d->cells[i].text, c->from))
			continue;
		if (found >= 0) {
			sl_err_set(err, SL_ERR_DATA,
				   "column \"%s\" stands twice in the header: columns %td and %zu",
				   c->from, found + 1, i + 1);
			return sl_err_hint(err, "name the columns apart in the file");
		}
		found = (ptrdiff_t)i;
	}
	d->cell_of[col] = found;
	return found >= 0 || !c->required || missing_column(d, c, err);
}

/* Without a header: from is the cell's number, else the column's place among those read. */
static bool bind_number(struct decoder *d, size_t col, size_t place, struct sl_err *err)
{
	const struct sl_contract_col *c = &d->contract->cols[col];
	uint64_t number = place;
	if (strcmp(c->from, c->name) != 0 &&
	    (!sl_num_u64(sl_str_of(c->from), MAX_COLUMNS, &number) || number == 0))
		return sl_err_set(
			err, SL_ERR_CONFIG,
			"\"from\" of column \"%s\" is \"%s\": without a header it must be a "
			"cell's number, 1 to %d",
			c->name, c->from, MAX_COLUMNS);
	d->cell_of[col] = (ptrdiff_t)number - 1;
	if (number > d->width)
		d->width = number;
	return true;
}

static bool bind(struct decoder *d, struct sl_str header, struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena names = SL_ARENA_INIT;
	if (d->params->header && !read_header(d, header, &names, err))
		return false;
	size_t place = 0;
	for (size_t col = 0; col < d->contract->n; col++) {
		d->cell_of[col] = -1;
		if (d->contract->cols[col].computed)
			continue;
		place++;
		if (d->params->header ? !bind_name(d, col, err) : !bind_number(d, col, place, err))
			return false;
	}
	d->cells = sl_xrealloc(d->cells, d->width + 1, sizeof(*d->cells));
	return true;
}

/* --- decoding --- */

static void close_decoder(void *decoder)
{
	struct decoder *d = decoder;
	if (!d)
		return;
	free(d->cells);
	free(d->cell_of);
	free(d->lengths);
	free(d);
}

static bool check_params(const void *params, const char **field, struct sl_err *err)
{
	const struct sl_csv *p = params;
	const char *delimiter = p->delimiter ? p->delimiter : "";
	const char *quote = p->quote ? p->quote : "";
	const unsigned char d = (unsigned char)delimiter[0];
	*field = "delimiter";
	if (d == 0 || delimiter[1] != '\0' || d >= 0x80 || d == '\n' || d == '\r')
		return sl_err_set(err, SL_ERR_CONFIG, "delimiter \"%s\" is not one ASCII character",
				  delimiter);
	const unsigned char q = (unsigned char)quote[0];
	*field = "quote";
	if (q && (quote[1] != '\0' || q >= 0x80 || q == '\n' || q == '\r' || q == d))
		return sl_err_set(
			err, SL_ERR_CONFIG,
			"quote \"%s\" is not one ASCII character other than the delimiter", quote);
	return true;
}

static bool open_decoder(const void *params, const struct sl_contract *contract,
			 struct sl_str header, void **ret_decoder, struct sl_err *err)
{
	const struct sl_csv *p = params;
	const char *field;
	if (!check_params(p, &field, err) || !refuse_utf16(header, err))
		return false;
	struct decoder *d = sl_xcalloc(1, sizeof(*d));
	d->params = p;
	d->contract = contract;
	d->quote = sl_csv_quote(p);
	d->delimiter = sl_csv_delimiter(p);
	d->cell_of = sl_xcalloc(contract->n + 1, sizeof(*d->cell_of));
	d->lengths = sl_xcalloc(p->nulls.n + 1, sizeof(*d->lengths));
	for (size_t i = 0; i < p->nulls.n; i++)
		d->lengths[i] = strlen(p->nulls.v[i]);
	if (!bind(d, header, err)) {
		close_decoder(d);
		return false;
	}
	*ret_decoder = d;
	return true;
}

static void name_absent(const void *decoder, struct sl_buf *names)
{
	const struct decoder *d = decoder;
	for (size_t col = 0; col < d->contract->n; col++) {
		if (d->cell_of[col] >= 0 || d->contract->cols[col].computed)
			continue;
		sl_buf_adds(names, names->n > 0 ? ", " : "");
		sl_buf_add_escaped(names, sl_str_of(d->contract->cols[col].from), 60);
	}
}

static bool means_null(const struct decoder *d, const struct cell *cell)
{
	if (cell->quoted)
		return false;
	for (size_t i = 0; i < d->params->nulls.n; i++)
		if (cell->text.n == d->lengths[i] &&
		    memcmp(cell->text.p, d->params->nulls.v[i], cell->text.n) == 0)
			return true;
	return cell->text.n == 0;
}

static void store_cells(const struct decoder *d, size_t n_cells, struct sl_batch *b, size_t row)
{
	for (size_t col = 0; col < d->contract->n; col++) {
		const ptrdiff_t at = d->cell_of[col];
		if (at < 0 || (size_t)at >= n_cells)
			continue;
		const struct cell *cell = &d->cells[at];
		if (means_null(d, cell))
			continue;
		struct sl_raw raw = {.kind = SL_RAW_TEXT, .text = cell->text};
		if (cell->pairs) {
			raw.src = cell->text;
			raw.text = unquote(d, cell->text, &b->arena);
		}
		sl_contract_store(&d->contract->cols[col], b, row, col, &raw);
	}
}

/* True when the record has as many cells as it should; else rejects it. */
static bool width_ok(const struct decoder *d, struct record *r, struct sl_batch *b, size_t row)
{
	const bool lenient = d->params->ragged == RAGGED_LENIENT;
	if (r->n == d->width || (r->n > d->width && !d->params->header) ||
	    (r->n < d->width && lenient))
		return true;
	const struct cell *extra = &d->cells[d->width];
	if (lenient && r->n == d->width + 1 && extra->text.n == 0)
		return true;
	sl_batch_reject(b, row, "", "fields", "%zu fields, %zu expected", r->n, d->width);
	return false;
}

static void decode_record(struct decoder *d, struct record *r, struct sl_batch *b)
{
	size_t row = sl_batch_add_row(b, r->pos);
	if (r->fault)
		sl_batch_reject(b, row, "", "syntax", "%s", r->fault);
	else if (width_ok(d, r, b, row))
		store_cells(d, r->n, b, row);
}

static bool decode(void *decoder, struct sl_str bytes, bool last, struct sl_batch *b,
		   struct sl_err *err)
{
	struct decoder *d = decoder;
	(void)last; /* a record cut off there has too few fields or an open quote: both are seen */
	if (!d->params->header && !refuse_utf16(bytes, err))
		return false;
	b->bytes = bytes;
	b->clean = sl_utf8_valid(bytes, NULL) && sl_str_find(bytes, '\0') < 0;
	size_t at = d->params->header ? 0 : bom_length(bytes);
	while (at < bytes.n) {
		struct record r;
		at = read_record(d, bytes, at, &r);
		if (r.blank)
			continue;
		if (b->rows == b->cap)
			return sl_err_set(err, SL_ERR_DATA, "a part holds more than %zu records",
					  b->cap);
		decode_record(d, &r, b);
	}
	return true;
}

const struct sl_codec sl_codec_csv = {
	.name = "csv",
	.summary = "comma-separated values with a header line (RFC 4180)",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct sl_csv),
	.check = check_params,
	.has_header = has_header,
	.cut = sl_csv_cut,
	.open = open_decoder,
	.absent = name_absent,
	.decode = decode,
	.close = close_decoder,
};
