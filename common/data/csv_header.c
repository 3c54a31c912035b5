/*
 * Which cell of a CSV record is which column: by the header's names, or by number.
 */
#include "base/mem.h"
#include "base/num.h"
#include "data/csv.h"

static bool check_name(const struct sl_csv_cell *cell, size_t number, struct sl_err *err)
{
	const bool nul = sl_str_find(cell->text, '\0') >= 0;

	if (!nul && sl_utf8_valid(cell->text, NULL))
		return true;
	return sl_err_set(err, SL_ERR_DATA, "the name of column %zu in the header %s", number,
			  nul ? "holds a NUL" : "is not UTF-8");
}

static bool is_taken(const struct sl_csv_reader *d, size_t before, struct sl_str name)
{
	for (size_t i = 0; i < before; i++)
		if (sl_str_eq(d->cells[i].text, name))
			return true;
	return false;
}

/* The second "an" is "an_2", the third "an_3"; a name that is there already is passed over. */
static void suffix_names(struct sl_csv_reader *d, struct sl_arena *arena)
{
	struct sl_str *written = sl_arena_alloc(arena, d->width * sizeof(*written));

	for (size_t i = 0; i < d->width; i++) {
		struct sl_str name = written[i] = d->cells[i].text;
		size_t nth = 1;

		for (size_t before = 0; before < i; before++)
			nth += sl_str_eq(written[before], name);
		for (; is_taken(d, i, d->cells[i].text); nth++)
			d->cells[i].text = sl_str_of(sl_arena_printf(arena, "%.*s_%zu", (int)name.n,
								     name.p, nth > 1 ? nth : 2));
	}
}

/* The header's names become d's cells. */
static bool read_names(struct sl_csv_reader *d, const struct sl_csv *p, struct sl_str header,
		       struct sl_arena *arena, struct sl_err *err)
{
	struct sl_csv_record r = {.blank = true};
	for (size_t at = sl_csv_bom(header); r.blank && at < header.n;)
		at = sl_csv_record(d, header, at, &r);
	if (r.blank)
		return sl_err_set(err, SL_ERR_DATA, "the header is empty");
	if (r.fault)
		return sl_err_set(err, SL_ERR_DATA, "the header cannot be read: %s", r.fault);
	if (r.n > SL_CSV_COLUMNS)
		return sl_err_set(err, SL_ERR_DATA, "the header has %zu columns, more than %d", r.n,
				  SL_CSV_COLUMNS);
	d->width = r.n;
	for (size_t i = 0; i < r.n; i++) {
		struct sl_csv_cell *cell = &d->cells[i];
		if (cell->escaped)
			cell->text = sl_csv_plain(d, cell->text, arena);
		if (sl_encoding_is_bytewise((enum sl_encoding)p->encoding))
			cell->text =
				sl_encoding_text((enum sl_encoding)p->encoding, cell->text, arena);
		if (!check_name(cell, i + 1, err))
			return false;
	}
	if (p->duplicates == SL_CSV_SUFFIX)
		suffix_names(d, arena);
	return true;
}

/* What the file's delimiter looks like when the one that is set cuts nothing; '\0': no idea. */
static char other_delimiter(const struct sl_csv_reader *d)
{
	static const char likely[] = ";\t|,";

	for (const char *c = likely; d->width == 1 && *c; c++)
		if (*c != d->delimiter && sl_str_find(d->cells[0].text, *c) >= 0)
			return *c;
	return '\0';
}

/* What may be wrong with a header that lacks columns. */
static bool hint_columns(const struct sl_csv_reader *d, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf names = SL_BUF_INIT;
	const char other = other_delimiter(d);

	if (other == '\t')
		return sl_err_hint(err, "it holds tabs: codec: {csv: {delimiter: \"\\t\"}}");
	if (other)
		return sl_err_hint(err,
				   "its cells may end with \"%c\": "
				   "codec: {csv: {delimiter: \"%c\"}}, or auto",
				   other, other);
	for (size_t i = 0; i < d->width && names.n < 200; i++) {
		sl_buf_adds(&names, i > 0 ? ", \"" : "\"");
		sl_buf_add_escaped(&names, d->cells[i].text, 60);
		sl_buf_addc(&names, '"');
	}
	return sl_err_hint(err, "its columns: %s", sl_buf_z(&names));
}

/* Finds the cell of a column; its name must not stand twice. */
static bool bind_name(const struct sl_csv_reader *d, const struct sl_contract_col *c,
		      ptrdiff_t *cell_of, struct sl_err *err)
{
	ptrdiff_t found = -1;
	for (size_t i = 0; i < d->width; i++) {
		if (!sl_str_eqz(d->cells[i].text, c->from))
			continue;
		if (found >= 0) {
			sl_err_set(err, SL_ERR_DATA,
				   "column \"%s\" stands twice in the header: columns %td and %zu",
				   c->from, found + 1, i + 1);
			return sl_err_hint(err, "name the columns apart in the file, or set "
						"duplicates: suffix");
		}
		found = (ptrdiff_t)i;
	}
	*cell_of = found;
	if (found >= 0 || !c->required)
		return true;
	sl_err_set(err, SL_ERR_DATA, "the header has no column \"%s\", which is required", c->from);
	return hint_columns(d, err);
}

/* Without a header: from is the cell's number, else the column's place among those read. */
static bool bind_number(struct sl_csv_reader *d, const struct sl_contract_col *c, size_t place,
			ptrdiff_t *cell_of, struct sl_err *err)
{
	uint64_t number = place;
	if (strcmp(c->from, c->name) != 0 &&
	    (!sl_num_u64(sl_str_of(c->from), SL_CSV_COLUMNS, &number) || number == 0))
		return sl_err_set(
			err, SL_ERR_CONFIG,
			"\"from\" of column \"%s\" is \"%s\": without a header it must be a "
			"cell's number, 1 to %d",
			c->name, c->from, SL_CSV_COLUMNS);
	*cell_of = (ptrdiff_t)number - 1;
	if (number > d->width)
		d->width = number;
	return true;
}

static bool bind_columns(struct sl_csv_reader *d, const struct sl_csv *p,
			 const struct sl_contract *contract, ptrdiff_t *cell_of, struct sl_err *err)
{
	size_t place = 0, found = 0;
	for (size_t col = 0; col < contract->n; col++) {
		const struct sl_contract_col *c = &contract->cols[col];
		cell_of[col] = -1;
		if (c->computed)
			continue;
		place++;
		if (p->header ? !bind_name(d, c, &cell_of[col], err)
			      : !bind_number(d, c, place, &cell_of[col], err))
			return false;
		found += cell_of[col] >= 0;
	}
	if (found > 0 || place == 0)
		return true;
	/* An error page, another file, another delimiter: rows of NULLs would be all there is. */
	sl_err_set(err, SL_ERR_DATA, "the header has none of the contract's columns");
	return hint_columns(d, err);
}

struct sl_csv_reader sl_csv_reader_of(const struct sl_csv *p, struct sl_str header)
{
	return (struct sl_csv_reader){.quote = sl_csv_quote(p),
				      .escape = sl_csv_escape(p),
				      .delimiter = sl_csv_delimiter(p, header)};
}

/* Room for a header's cells, then their names in it. */
static bool open_names(struct sl_csv_reader *d, const struct sl_csv *p, struct sl_str header,
		       struct sl_arena *arena, struct sl_err *err)
{
	d->width = SL_CSV_COLUMNS;
	d->cells = sl_xcalloc(d->width + 1, sizeof(*d->cells));
	return read_names(d, p, header, arena, err);
}

bool sl_csv_names(const void *params, struct sl_str header, struct sl_arena *arena,
		  struct sl_texts *ret, struct sl_err *err)
{
	struct sl_csv_reader d = sl_csv_reader_of(params, header);
	const bool ok = open_names(&d, params, header, arena, err);

	*ret = (struct sl_texts){NULL, NULL, 0};
	if (ok) {
		ret->v = sl_arena_alloc(arena, d.width * sizeof(*ret->v));
		for (; ret->n < d.width; ret->n++)
			ret->v[ret->n] = sl_arena_printf(arena, "%.*s", (int)d.cells[ret->n].text.n,
							 d.cells[ret->n].text.p);
	}
	free(d.cells);
	return ok;
}

bool sl_csv_bind(struct sl_csv_reader *d, const struct sl_csv *p,
		 const struct sl_contract *contract, struct sl_str header, ptrdiff_t *cell_of,
		 struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena names = SL_ARENA_INIT;
	if (p->header && !open_names(d, p, header, &names, err))
		return false;
	if (!bind_columns(d, p, contract, cell_of, err))
		return false;
	d->cells = sl_xrealloc(d->cells, d->width + 1, sizeof(*d->cells));
	return true;
}
