/* Records in CSV, JSON and JSON lines. See record.h. */
#include "tasks/generate/record.h"

#include "base/mem.h"
#include "data/csv.h"

#define WRITE_BYTES ((size_t)64 << 10)

/* --- forms --- */

static bool fail_csv(const struct sl_source *source, const char *what, struct sl_err *err)
{
	return sl_err_set(err, SL_ERR_CONFIG,
			  "cannot make records for source \"%s\": CSV %s is read, not written",
			  source->name, what);
}

static bool csv_form(const struct sl_source *source, struct record_form *ret, struct sl_err *err)
{
	const struct sl_csv *csv = source->codec_params;
	const int quote = sl_csv_quote(csv), escape = sl_csv_escape(csv);

	if (!csv->header)
		return fail_csv(source, "without a header", err);
	if (quote < 0)
		return fail_csv(source, "without quotes", err);
	if (csv->encoding != SL_ENCODING_AUTO && csv->encoding != SL_ENCODING_UTF8)
		return fail_csv(source, "in another encoding than UTF-8", err);
	*ret = (struct record_form){
		.format = RECORD_CSV,
		.ending = "csv",
		.delimiter = strcmp(csv->delimiter, "auto") == 0 ? ',' : csv->delimiter[0],
		.quote = (char)quote,
		.escape = escape < 0 ? '\0' : (char)escape,
		.skip = (unsigned)csv->skip,
	};
	return true;
}

bool record_form_of(const struct sl_source *source, struct record_form *ret, struct sl_err *err)
{
	const char *codec = source->codec ? source->codec->name : "none";

	if (strcmp(codec, "csv") == 0)
		return csv_form(source, ret, err);
	if (strcmp(codec, "json") == 0)
		*ret = (struct record_form){.format = RECORD_JSON, .ending = "json"};
	else if (strcmp(codec, "jsonl") == 0)
		*ret = (struct record_form){.format = RECORD_JSONL, .ending = "jsonl"};
	else
		return sl_err_set(err, SL_ERR_CONFIG,
				  "cannot make records for source \"%s\": codec \"%s\" is none of "
				  "csv, json, jsonl",
				  source->name, codec);
	return true;
}

/* --- cells --- */

static void add_cell(const struct record_form *form, struct sl_str text, struct sl_buf *out)
{
	bool quoted = text.n == 0; /* an empty cell without quotes is NULL */

	for (size_t i = 0; i < text.n && !quoted; i++)
		quoted = text.p[i] == form->delimiter || text.p[i] == form->quote ||
			 text.p[i] == '\n' || text.p[i] == '\r';
	if (!quoted) {
		sl_buf_addstr(out, text);
		return;
	}
	sl_buf_addc(out, form->quote);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == form->quote)
			sl_buf_addc(out, form->escape ? form->escape : form->quote);
		else if (form->escape && text.p[i] == form->escape)
			sl_buf_addc(out, form->escape);
		sl_buf_addc(out, text.p[i]);
	}
	sl_buf_addc(out, form->quote);
}

static void add_value(const struct record_form *form, struct sl_str text, bool bare,
		      struct sl_buf *out)
{
	if (form->format == RECORD_CSV)
		add_cell(form, text, out);
	else if (bare)
		sl_buf_addstr(out, text);
	else
		sl_buf_add_json(out, text);
}

static void add_nothing(const struct record_form *form, struct sl_buf *out)
{
	if (form->format != RECORD_CSV)
		sl_buf_adds(out, "null");
}

/* --- fields --- */

static void add_list(const struct sample *s, const struct record_field *f, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	bool any = false;

	sl_buf_addc(out, '[');
	for (size_t i = 0; i < f->n; i++) {
		sl_buf_clear(&text);
		if (!sample_text(s, &f->items[i], &text))
			continue;
		sl_buf_adds(out, any ? "," : "");
		sl_buf_add_json(out, sl_buf_str(&text));
		any = true;
	}
	sl_buf_addc(out, ']');
}

static void add_field(const struct record_form *form, const struct sample *s,
		      const struct record_field *f, struct sl_buf *scratch, struct sl_buf *out)
{
	sl_buf_clear(scratch);
	if (f->list && form->format != RECORD_CSV)
		add_list(s, f, out);
	else if (f->list || !sample_text(s, &f->items[0], scratch))
		add_nothing(form, out);
	else
		add_value(form, sl_buf_str(scratch), f->bare, out);
}

void record_write(const struct record_form *form, const struct sample *s, const struct spoil *spoil,
		  struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf scratch = SL_BUF_INIT;
	const bool csv = form->format == RECORD_CSV;

	sl_buf_adds(out, csv ? "" : "{");
	for (size_t i = 0; i < s->p->n_fields; i++) {
		const struct record_field *f = &s->p->fields[i];

		if (i)
			sl_buf_addc(out, csv ? form->delimiter : ',');
		if (!csv) {
			sl_buf_add_json(out, sl_str_of(f->name));
			sl_buf_addc(out, ':');
		}
		if (!spoil || spoil->field != i)
			add_field(form, s, f, &scratch, out);
		else if (spoil->text)
			add_value(form, sl_str_of(spoil->text), false, out);
		else
			add_nothing(form, out);
	}
	sl_buf_adds(out, csv ? "" : "}");
}

/* --- files --- */

static bool flush(struct record_file *f, struct sl_err *err)
{
	if (!sl_fd_write_all(f->tmp.fd, sl_buf_z(&f->bytes), f->bytes.n, f->name, err))
		return false;
	f->begun += f->bytes.n;
	sl_buf_clear(&f->bytes);
	return true;
}

bool record_file_begin(struct record_file *f, const struct record_form *form,
		       const struct profile *p, const char *dir, struct sl_err *err)
{
	if (!sl_tmpfile_open(&f->tmp, dir, err))
		return false;
	if (form->format == RECORD_JSON)
		sl_buf_adds(&f->bytes, "[\n");
	if (form->format != RECORD_CSV)
		return true;
	for (unsigned i = 0; i < form->skip; i++)
		sl_buf_adds(&f->bytes, "made up\n");
	for (size_t i = 0; i < p->n_fields; i++) {
		if (i)
			sl_buf_addc(&f->bytes, form->delimiter);
		add_cell(form, sl_str_of(p->fields[i].name), &f->bytes);
	}
	sl_buf_addc(&f->bytes, '\n');
	return true;
}

bool record_file_add(struct record_file *f, const struct record_form *form, struct sl_str record,
		     uint64_t *ret_offset, struct sl_err *err)
{
	if (form->format == RECORD_JSON && f->rows)
		sl_buf_adds(&f->bytes, ",\n");
	*ret_offset = f->begun + f->bytes.n;
	sl_buf_addstr(&f->bytes, record);
	if (form->format != RECORD_JSON)
		sl_buf_addc(&f->bytes, '\n');
	f->rows++;
	return f->bytes.n < WRITE_BYTES || flush(f, err);
}

bool record_file_end(struct record_file *f, const struct record_form *form, const char *dir,
		     struct sl_err *err)
{
	sl_cleanup(sl_freep) char *final = sl_xasprintf("%s/%s", dir, f->name);

	if (form->format == RECORD_JSON)
		sl_buf_adds(&f->bytes, "\n]\n");
	return flush(f, err) && sl_tmpfile_rename(&f->tmp, final, err);
}

void record_file_release(struct record_file *f)
{
	sl_tmpfile_close(&f->tmp);
	sl_buf_release(&f->bytes);
}
