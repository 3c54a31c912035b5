/* Writes the right answers. See oracle.h. */
#include "tasks/generate/oracle.h"

#include "base/mem.h"
#include "base/num.h"

#define WRITE_BYTES ((size_t)64 << 10)

static bool begin_file(struct oracle *o, struct oracle_file *f, const char *name,
		       struct sl_err *err)
{
	f->name = name;
	return sl_tmpfile_open(&f->tmp, o->dir, err);
}

static bool flush(struct oracle_file *f, struct sl_err *err)
{
	if (!sl_fd_write_all(f->tmp.fd, sl_buf_z(&f->bytes), f->bytes.n, f->name, err))
		return false;
	sl_buf_clear(&f->bytes);
	return true;
}

static bool add_line(struct oracle_file *f, struct sl_str line, struct sl_err *err)
{
	sl_buf_addstr(&f->bytes, line);
	sl_buf_addc(&f->bytes, '\n');
	return f->bytes.n < WRITE_BYTES || flush(f, err);
}

static bool end_file(const struct oracle *o, struct oracle_file *f, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *final = sl_xasprintf("%s/%s", o->dir, f->name);

	return flush(f, err) && sl_tmpfile_rename(&f->tmp, final, err);
}

bool oracle_begin(struct oracle *o, const struct sl_pipeline *p, const struct profile *profile,
		  const char *dir, struct sl_err *err)
{
	*o = (struct oracle){.p = p, .profile = profile, .dir = sl_xasprintf("%s/oracle", dir)};
	return begin_file(o, &o->accepted, "accepted.jsonl", err) &&
	       begin_file(o, &o->rejects, "rejects.jsonl", err) &&
	       (!profile->keyed || begin_file(o, &o->current, "current.jsonl", err));
}

/* --- a row as a query prints it --- */

static void add_number(struct sl_type type, struct sl_str text, struct sl_buf *out)
{
	char canonical[32];
	int64_t units;
	double value;

	if (type.kind == SL_DECIMAL &&
	    sl_num_decimal(text, type.precision, type.scale, &units) == SL_DEC_OK)
		sl_num_decimal_text(units, type.scale, canonical);
	else if (type.kind == SL_FLOAT64 && sl_num_f64(text, &value))
		sl_num_f64_text(value, canonical);
	else
		snprintf(canonical, sizeof(canonical), SL_STR_FMT, SL_STR_ARG(text));
	sl_buf_adds(out, canonical);
}

static void add_cell(struct sl_type type, struct sl_str text, struct sl_buf *out)
{
	switch (type.kind) {
	case SL_INT64:
	case SL_FLOAT64:
	case SL_DECIMAL:
		add_number(type, text, out);
		return;
	case SL_BOOL:
	case SL_TEXT_LIST:
		sl_buf_addstr(out, text);
		return;
	case SL_TEXT:
	case SL_DATE:
	case SL_TIMESTAMP:
		sl_buf_add_json(out, text);
		return;
	}
}

static const struct expectation *find_expected(const struct profile *p, size_t col)
{
	for (size_t i = 0; i < p->n_expected; i++)
		if (p->expected[i].col == col)
			return &p->expected[i];
	return NULL;
}

static uint64_t letters_in(struct sl_str s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	return n;
}

static void add_expected(struct oracle *o, const struct sample *s, size_t col)
{
	const struct expectation *e = find_expected(o->profile, col);

	sl_buf_clear(&o->scratch);
	if (!e || !sample_text(s, &e->text, &o->scratch))
		sl_buf_adds(&o->line, "null");
	else if (e->length)
		sl_buf_addf(&o->line, "%" PRIu64, letters_in(sl_buf_str(&o->scratch)));
	else
		add_cell(o->p->contract.cols[col].type, sl_buf_str(&o->scratch), &o->line);
}

static struct sl_str row_of(struct oracle *o, const struct sample *s)
{
	const struct sl_contract *c = &o->p->contract;

	sl_buf_clear(&o->line);
	for (size_t i = 0; i < c->n_stored; i++) {
		sl_buf_addc(&o->line, i ? ',' : '{');
		sl_buf_add_json(&o->line, sl_str_of(c->cols[i].name));
		sl_buf_addc(&o->line, ':');
		add_expected(o, s, i);
	}
	sl_buf_addc(&o->line, '}');
	return sl_buf_str(&o->line);
}

bool oracle_accept(struct oracle *o, const struct sample *s, struct sl_err *err)
{
	o->n_rows++;
	return add_line(&o->accepted, row_of(o, s), err);
}

bool oracle_current(struct oracle *o, const struct sample *s, struct sl_err *err)
{
	o->n_current++;
	return add_line(&o->current, row_of(o, s), err);
}

bool oracle_reject(struct oracle *o, const struct spoil *spoil, const char *file, uint64_t offset,
		   size_t length, struct sl_err *err)
{
	o->n_rows++;
	o->n_rejects++;
	sl_buf_clear(&o->line);
	sl_buf_adds(&o->line, "{\"file\":");
	sl_buf_add_json(&o->line, sl_str_of(file));
	sl_buf_addf(&o->line, ",\"byte_offset\":%" PRIu64 ",\"byte_length\":%zu,\"field\":", offset,
		    length);
	sl_buf_add_json(&o->line, sl_str_of(spoil->column));
	sl_buf_adds(&o->line, ",\"rule\":");
	sl_buf_add_json(&o->line, sl_str_of(spoil->rule));
	sl_buf_addc(&o->line, '}');
	return add_line(&o->rejects, sl_buf_str(&o->line), err);
}

/* --- counts --- */

void oracle_file_done(struct oracle *o, const struct record_file *f)
{
	sl_buf_adds(&o->files, o->files.n ? ",\n  {\"file\":" : "\n  {\"file\":");
	sl_buf_add_json(&o->files, sl_str_of(f->name));
	sl_buf_addf(&o->files,
		    ",\"bytes\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"rejects\":%" PRIu64 "}",
		    f->begun, f->rows, f->spoiled);
}

bool oracle_end(struct oracle *o, struct sl_buf *summary, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *final = sl_xasprintf("%s/summary.json", o->dir);

	sl_buf_addf(summary, ",\n \"accepted\":%" PRIu64 ",\"rejects\":%" PRIu64 ",\"current\":",
		    o->n_rows - o->n_rejects, o->n_rejects);
	if (o->profile->keyed)
		sl_buf_addf(summary, "%" PRIu64, o->n_current);
	else
		sl_buf_adds(summary, "null");
	sl_buf_addf(summary, ",\n \"files\":[%s\n ]}\n", sl_buf_z(&o->files));
	return end_file(o, &o->accepted, err) && end_file(o, &o->rejects, err) &&
	       (!o->profile->keyed || end_file(o, &o->current, err)) &&
	       sl_file_replace_unsynced(final, sl_buf_z(summary), summary->n, err);
}

void oracle_release(struct oracle *o)
{
	struct oracle_file *files[] = {&o->accepted, &o->current, &o->rejects};

	for (size_t i = 0; i < SL_ARRAY_LEN(files); i++) {
		sl_tmpfile_close(&files[i]->tmp);
		sl_buf_release(&files[i]->bytes);
	}
	sl_buf_release(&o->line);
	sl_buf_release(&o->scratch);
	sl_buf_release(&o->files);
	free(o->dir);
	o->dir = NULL;
}
