/*
 * CSV (RFC 4180): records of cells, quotes doubled inside quoted cells, in the dialects that real
 * files come in. csv.h tells which file does what; here are the settings, and rows from cells.
 */
#include "base/mem.h"
#include "data/csv.h"

enum { RAGGED_STRICT, RAGGED_LENIENT };
static const char *const ragged_choices[] = {"strict", "lenient", NULL};
static const char *const duplicates_choices[] = {"refuse", "suffix", NULL};
enum { INVALID_REJECT, INVALID_REPLACE, INVALID_WINDOWS_1252, INVALID_ISO_8859_15 };
static const char *const invalid_choices[] = {"reject", "replace", "windows-1252", "iso-8859-15",
					      NULL};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct sl_csv, delimiter, SL_F_IDENTITY, ",",
		  "one ASCII character between cells; auto: the one of , ; tab | that the header "
		  "has most of"),
	SL_F_TEXT(struct sl_csv, quote, SL_F_IDENTITY, "\"",
		  "one ASCII character around cells; empty: no cell is quoted"),
	SL_F_TEXT(
		struct sl_csv, escape, SL_F_IDENTITY, NULL,
		"one ASCII character that, inside quotes, takes the next one as it is; without it "
		"a quote is doubled"),
	SL_F_TEXTS(struct sl_csv, nulls, SL_F_IDENTITY,
		   "unquoted texts that mean NULL, besides the empty one"),
	SL_F_BOOL(struct sl_csv, header, SL_F_IDENTITY, "true",
		  "the first record names the columns; without it from is a cell's number, from 1"),
	SL_F_INT(struct sl_csv, skip, SL_F_IDENTITY, "0", 0, 1000,
		 "lines before the header that are none of it"),
	SL_F_ENUM(struct sl_csv, duplicates, SL_F_IDENTITY, "refuse", duplicates_choices,
		  "two columns of one name; suffix: the second becomes NAME_2"),
	SL_F_ENUM(struct sl_csv, ragged, SL_F_IDENTITY, "strict", ragged_choices,
		  "lenient: an empty extra cell is dropped, missing cells are NULL; one warning "
		  "counts them"),
	SL_F_ENUM(struct sl_csv, encoding, SL_F_IDENTITY, "auto", sl_encoding_names,
		  "how the bytes stand for letters; auto: UTF-16 by its byte order mark, else "
		  "UTF-8"),
	SL_F_ENUM(
		struct sl_csv, invalid, SL_F_IDENTITY, "reject", invalid_choices,
		"a value that is not UTF-8 in a file that should be: a reject, U+FFFD for the bad "
		"bytes, or read as that encoding"),
	SL_F_END,
};

static bool has_header(const void *params)
{
	return ((const struct sl_csv *)params)->header;
}

static enum sl_encoding encoding_of(const void *params)
{
	return (enum sl_encoding)((const struct sl_csv *)params)->encoding;
}

struct decoder {
	struct sl_csv_reader reader;
	const struct sl_csv *params;
	const struct sl_contract *contract;
	ptrdiff_t *cell_of; /* by column of the contract; -1: not in the record */
	size_t *lengths;    /* of params->nulls */
};

/* --- decoding --- */

static void close_decoder(void *decoder)
{
	struct decoder *d = decoder;
	if (!d)
		return;
	free(d->reader.cells);
	free(d->reader.ends);
	free(d->cell_of);
	free(d->lengths);
	free(d);
}

/* One ASCII character that ends no line. */
static bool is_mark(const char *text)
{
	const unsigned char c = (unsigned char)text[0];

	return c != 0 && text[1] == '\0' && c < 0x80 && c != '\n' && c != '\r';
}

static bool check_marks(const struct sl_csv *p, const char **field, struct sl_err *err)
{
	const char *delimiter = p->delimiter ? p->delimiter : "";
	const char *quote = p->quote ? p->quote : "", *escape = p->escape ? p->escape : "";

	*field = "delimiter";
	if (!is_mark(delimiter) && strcmp(delimiter, "auto") != 0)
		return sl_err_set(err, SL_ERR_CONFIG, "delimiter \"%s\" is not one ASCII character",
				  delimiter);
	*field = "quote";
	if (quote[0] && (!is_mark(quote) || strcmp(quote, delimiter) == 0))
		return sl_err_set(
			err, SL_ERR_CONFIG,
			"quote \"%s\" is not one ASCII character other than the delimiter", quote);
	*field = "escape";
	if (escape[0] && (!is_mark(escape) || strcmp(escape, delimiter) == 0))
		return sl_err_set(
			err, SL_ERR_CONFIG,
			"escape \"%s\" is not one ASCII character other than the delimiter",
			escape);
	return true;
}

static bool check_params(const void *params, const char **field, struct sl_err *err)
{
	const struct sl_csv *p = params;

	if (!check_marks(p, field, err))
		return false;
	*field = "delimiter";
	if (!p->header && strcmp(p->delimiter, "auto") == 0)
		return sl_err_set(err, SL_ERR_CONFIG,
				  "delimiter \"auto\" looks at the header, and there is none");
	*field = "skip";
	if (!p->header && p->skip > 0)
		return sl_err_set(err, SL_ERR_CONFIG,
				  "skip counts lines before the header, and there is none");
	*field = "invalid";
	if (p->invalid != INVALID_REJECT && sl_encoding_is_bytewise(encoding_of(p)))
		return sl_err_set(err, SL_ERR_CONFIG, "in %s no value is invalid",
				  sl_encoding_names[p->encoding]);
	return true;
}

/* What the byte order mark at s's begin says when the settings say otherwise, or NULL. U+FFFE is
 * a mark of UTF-16 that was converted the wrong way round. */
static const char *other_encoding(const struct sl_csv *p, struct sl_str s)
{
	if (sl_str_starts(s, "\xff\xfe"))
		return "utf-16le";
	if (sl_str_starts(s, "\xfe\xff"))
		return "utf-16be";
	if (sl_str_starts(s, "\xef\xbf\xbe"))
		return encoding_of(p) == SL_ENCODING_UTF16BE ? "utf-16le" : "utf-16be";
	if (sl_encoding_is_bytewise(encoding_of(p)) && sl_str_starts(s, "\xef\xbb\xbf"))
		return "utf-8";
	return NULL;
}

static bool refuse_mark(const struct sl_csv *p, struct sl_str s, struct sl_err *err)
{
	const char *other = other_encoding(p, s);

	if (!other)
		return true;
	sl_err_set(err, SL_ERR_DATA, "the input is %s (byte order mark), not what encoding says",
		   strcmp(other, "utf-8") == 0	    ? "UTF-8"
		   : strcmp(other, "utf-16le") == 0 ? "UTF-16, little-endian"
						    : "UTF-16, big-endian");
	return sl_err_hint(err, "take encoding out, or set encoding: %s", other);
}

static bool open_decoder(const void *params, const struct sl_contract *contract,
			 struct sl_str header, void **ret_decoder, struct sl_err *err)
{
	const struct sl_csv *p = params;
	const char *field;
	if (!check_params(p, &field, err) || !refuse_mark(p, header, err))
		return false;
	struct decoder *d = sl_xcalloc(1, sizeof(*d));
	d->params = p;
	d->contract = contract;
	d->reader = sl_csv_reader_of(p, header);
	d->cell_of = sl_xcalloc(contract->n + 1, sizeof(*d->cell_of));
	d->lengths = sl_xcalloc(p->nulls.n + 1, sizeof(*d->lengths));
	for (size_t i = 0; i < p->nulls.n; i++)
		d->lengths[i] = strlen(p->nulls.v[i]);
	if (!sl_csv_bind(&d->reader, p, contract, header, d->cell_of, err)) {
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

static bool means_null(const struct decoder *d, const struct sl_csv_cell *cell)
{
	if (cell->quoted)
		return false;
	for (size_t i = 0; i < d->params->nulls.n; i++)
		if (cell->text.n == d->lengths[i] &&
		    memcmp(cell->text.p, d->params->nulls.v[i], cell->text.n) == 0)
			return true;
	return cell->text.n == 0;
}

/* A value that is not UTF-8, as the settings want it. */
static struct sl_str mend(const struct decoder *d, struct sl_str s, struct sl_arena *arena)
{
	switch (d->params->invalid) {
	case INVALID_REPLACE:
		return sl_utf8_repaired(s, arena);
	case INVALID_WINDOWS_1252:
		return sl_encoding_text(SL_ENCODING_WINDOWS_1252, s, arena);
	case INVALID_ISO_8859_15:
		return sl_encoding_text(SL_ENCODING_ISO_8859_15, s, arena);
	default:
		return s;
	}
}

/* The cell's text in UTF-8; clean: every text of the part is already. */
static struct sl_str text_of(const struct decoder *d, const struct sl_csv_cell *cell, bool clean,
			     struct sl_arena *arena)
{
	struct sl_str s = cell->escaped ? sl_csv_plain(&d->reader, cell->text, arena) : cell->text;

	if (clean)
		return s;
	if (sl_encoding_is_bytewise(encoding_of(d->params)))
		return sl_encoding_text(encoding_of(d->params), s, arena);
	if (d->params->invalid != INVALID_REJECT && !sl_utf8_valid(s, NULL))
		return mend(d, s, arena);
	return s;
}

static void store_cells(const struct decoder *d, size_t n_cells, struct sl_batch *b, size_t row)
{
	for (size_t col = 0; col < d->contract->n; col++) {
		const ptrdiff_t at = d->cell_of[col];
		if (at < 0 || (size_t)at >= n_cells)
			continue;
		const struct sl_csv_cell *cell = &d->reader.cells[at];
		if (means_null(d, cell))
			continue;
		struct sl_raw raw = {.kind = SL_RAW_TEXT};
		raw.text = text_of(d, cell, b->clean, &b->arena);
		if (raw.text.p != cell->text.p)
			raw.src = cell->text;
		sl_contract_store(&d->contract->cols[col], b, row, col, &raw);
	}
}

static bool note_ragged(struct sl_batch *b, const struct sl_csv_record *r, size_t width)
{
	struct sl_ragged *g = &b->ragged;

	if (!g->longer && !g->shorter)
		g->first = r->pos;
	*(r->n > width ? &g->longer : &g->shorter) += 1;
	return true;
}

/* True when the record has as many cells as it should; else rejects it. */
static bool width_ok(const struct decoder *d, struct sl_csv_record *r, struct sl_batch *b,
		     size_t row)
{
	const bool lenient = d->params->ragged == RAGGED_LENIENT;
	const size_t width = d->reader.width;
	if (r->n == width || (r->n > width && !d->params->header))
		return true;
	if (lenient && (r->n < width || (r->n == width + 1 && !d->reader.cells[width].text.n)))
		return note_ragged(b, r, width);
	sl_batch_reject(b, row, "", "fields", "%zu fields, %zu expected", r->n, width);
	return false;
}

static void decode_record(struct decoder *d, struct sl_csv_record *r, struct sl_batch *b)
{
	size_t row = sl_batch_add_row(b, r->pos);
	if (r->open_line > 1)
		sl_batch_reject(b, row, "", "syntax", "%s: opened on line %zu of the record",
				r->fault, r->open_line);
	else if (r->fault)
		sl_batch_reject(b, row, "", "syntax", "%s", r->fault);
	else if (width_ok(d, r, b, row))
		store_cells(d, r->n, b, row);
}

static bool decode(void *decoder, struct sl_str bytes, bool last, struct sl_batch *b,
		   struct sl_err *err)
{
	struct decoder *d = decoder;
	const struct sl_csv *p = d->params;
	(void)last; /* a record cut off there has too few fields or an open quote: both are seen */
	if (!p->header && !refuse_mark(p, bytes, err))
		return false;
	b->bytes = bytes;
	b->clean = !sl_encoding_is_bytewise(encoding_of(p)) && sl_utf8_valid(bytes, NULL) &&
		   sl_str_find(bytes, '\0') < 0;
	size_t at = p->header ? 0 : sl_csv_bom(bytes);
	sl_csv_part(&d->reader, bytes, at);
	while (at < bytes.n) {
		struct sl_csv_record r;
		at = sl_csv_record(&d->reader, bytes, at, &r);
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
	.encoding = encoding_of,
	.cut = sl_csv_cut,
	.open = open_decoder,
	.names = sl_csv_names,
	.absent = name_absent,
	.decode = decode,
	.close = close_decoder,
};
