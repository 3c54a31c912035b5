/*
 * Rule lookup: a text replaced by what a CSV file in the pipeline's folder says of it. The file is
 * read by the CSV codec while the pipeline file is; its bytes are part of the rev, so that a
 * changed table means changed rules. It is kept in memory: a larger one is joined in a model.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/codec.h"
#include "data/csv.h"
#include "tasks/normalize/columns.h"

#define FILE_MAX ((size_t)8 << 20)
#define RECORDS_MAX ((size_t)200000)

enum missing { MISSING_NULL, MISSING_KEEP, MISSING_REJECT };
static const char *const missing_names[] = {"null", "keep", "reject", NULL};

enum { KEY, VALUE };

struct entry {
	struct sl_str key, value; /* value.p NULL: the file states none */
};

/* What the file holds, read once. */
struct table {
	struct sl_schema schema; /* KEY, VALUE */
	struct sl_batch batch;
	struct sl_buf bytes;
	struct entry *entries; /* by key */
	size_t n;
};

struct lookup {
	const char *from, *into, *file, *key, *value, *delimiter;
	int missing;
	size_t from_col, into_col;
	struct table table;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct lookup, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "text column to look up; NULL stays NULL"),
	SL_F_TEXT(struct lookup, file, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "CSV file in the pipeline's folder, with a header; at most 8 MiB and 200000 "
		  "records"),
	SL_F_TEXT(struct lookup, key, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "its column that is compared, byte by byte; no text may stand there twice"),
	SL_F_TEXT(struct lookup, value, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "its column that is the result; an empty cell gives NULL"),
	SL_F_ENUM(struct lookup, missing, SL_F_IDENTITY, "null", missing_names,
		  "what a text that the file lacks does: give null, keep it, or reject the row"),
	SL_F_TEXT(struct lookup, into, SL_F_IDENTITY, NULL,
		  "text column to write; default: the column read"),
	SL_F_TEXT(struct lookup, delimiter, SL_F_IDENTITY, ",",
		  "one ASCII character between the file's cells"),
	SL_F_END,
};

/* --- reading the file --- */

/* Length of the header record, blank lines before it included. */
static size_t header_length(const struct sl_codec *codec, const struct sl_csv *csv,
			    struct sl_str bytes)
{
	struct sl_cutter cutter = {{0}};
	struct sl_cut_event ev = {.end = 0, .blank = true};

	while (ev.blank && ev.end < bytes.n)
		if (!codec->cut(csv, &cutter, bytes.p, ev.end, bytes.n, &ev))
			return bytes.n;
	return ev.end;
}

static size_t count_lines(struct sl_str bytes)
{
	size_t n = 1;

	for (size_t i = 0; i < bytes.n; i++)
		n += bytes.p[i] == '\n' || bytes.p[i] == '\r';
	return n;
}

/* The records behind the header, into t->batch. */
static bool decode(struct table *t, const struct lookup *l, const struct sl_csv *csv,
		   struct sl_err *err)
{
	const struct sl_codec *codec = sl_codec_find("csv");
	const struct sl_type text = {.kind = SL_TEXT};
	struct sl_contract_col cols[] = {
		{.name = "key", .from = l->key, .type = text, .required = true},
		{.name = "value", .from = l->value, .type = text, .required = true},
	};
	const struct sl_contract contract = {.cols = cols, .n_stored = 2, .n = 2};
	const struct sl_str all = sl_buf_str(&t->bytes);
	const size_t header = header_length(codec, csv, all);
	const struct sl_str body = sl_str_sub(all, header, all.n);
	const size_t lines = count_lines(body);
	void *decoder;
	bool ok;

	sl_schema_add(&t->schema, "key", text);
	sl_schema_add(&t->schema, "value", text);
	sl_batch_init(&t->batch, &t->schema, lines < RECORDS_MAX ? lines : RECORDS_MAX);
	if (!codec->open(csv, &contract, sl_str_sub(all, 0, header), &decoder, err))
		return false;
	ok = codec->decode(decoder, body, true, &t->batch, err);
	codec->close(decoder);
	return ok;
}

static bool read_table(struct table *t, const struct lookup *l, const struct sl_csv *csv,
		       const char *dir, struct sl_err *err)
{
	if (!sl_file_read_beneath(dir, l->file, FILE_MAX, &t->bytes, err))
		return false;
	(void)sl_buf_room(&t->bytes, SL_DECODE_PADDING);
	return decode(t, l, csv, err);
}

static int by_key(const void *a, const void *b)
{
	return sl_str_cmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

/* First row that is no entry, with why; NULL when all are. */
static const char *make_entries(struct table *t, size_t *ret_row)
{
	const struct sl_batch *b = &t->batch;
	const struct sl_vec *key = &b->cols[KEY], *value = &b->cols[VALUE];

	t->entries = sl_xcalloc(b->rows + 1, sizeof(*t->entries));
	for (size_t row = 0; row < b->rows; row++) {
		*ret_row = row;
		if (b->state[row] != SL_ROW_KEPT)
			return b->rejects[0].reason;
		if (!key->valid[row])
			return "the key is empty";
		t->entries[t->n++] = (struct entry){
			key->u.str[row],
			value->valid[row] && value->u.str[row].n > 0 ? value->u.str[row]
								     : SL_STR_NULL,
		};
	}
	qsort(t->entries, t->n, sizeof(*t->entries), by_key);
	return NULL;
}

static bool refuse_twice(const struct lookup *l, struct sl_rule_scope *s)
{
	const struct entry *e = l->table.entries;

	for (size_t i = 1; i < l->table.n; i++) {
		if (!sl_str_eq(e[i - 1].key, e[i].key))
			continue;
		sl_diag_add(s->diags, SL_E1011, sl_rule_place(s, "file"),
			    "file \"%s\": key \"" SL_STR_FMT "\" stands twice", l->file,
			    SL_STR_ARG(e[i].key));
		return false;
	}
	return true;
}

static bool load(struct lookup *l, struct sl_rule_scope *s)
{
	const struct sl_codec *codec = sl_codec_find("csv");
	struct sl_err err = SL_ERR_INIT;
	struct sl_csv csv;
	const char *why;
	size_t row = 0;

	if (!sl_fields_read(codec->params, &csv, sizeof(csv), NULL, NULL, "csv", s->arena,
			    s->diags))
		return false;
	csv.delimiter = l->delimiter;
	if (!read_table(&l->table, l, &csv, s->dir, &err)) {
		sl_diag_add(s->diags, SL_E1012, sl_rule_place(s, "file"), "file \"%s\": %s%s%s",
			    l->file, err.msg, *err.hint ? "; " : "", err.hint);
		return false;
	}
	why = make_entries(&l->table, &row);
	if (!why)
		return refuse_twice(l, s);
	sl_diag_add(s->diags, SL_E1012, sl_rule_place(s, "file"),
		    "file \"%s\": record %zu behind the header: %s", l->file, row + 1, why);
	return false;
}

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct lookup *l = params;
	const struct sl_type text = {.kind = SL_TEXT};
	bool ok = sl_column_pair(s, l->from, SL_KINDS_TEXT, l->into, text, SL_KINDS_TEXT,
				 &l->from_col, &l->into_col);

	return load(l, s) && ok;
}

/* --- looking up --- */

static void look_up_row(const struct lookup *l, struct sl_batch *b, size_t row)
{
	const struct sl_vec *in = &b->cols[l->from_col];
	struct sl_vec *out = &b->cols[l->into_col];
	const struct entry wanted = {.key = in->u.str[row]};
	const struct entry *e = NULL;
	struct sl_str text = SL_STR_NULL;

	if (in->valid[row]) {
		e = bsearch(&wanted, l->table.entries, l->table.n, sizeof(*e), by_key);
		if (e)
			text = e->value;
		else if (l->missing == MISSING_KEEP)
			text = wanted.key;
		else if (l->missing == MISSING_REJECT)
			sl_batch_reject(b, row, l->from, "lookup", "not in file \"%s\"", l->file);
	}
	out->valid[row] = e ? text.p != NULL : in->valid[row] && l->missing == MISSING_KEEP;
	out->u.str[row] = text;
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct lookup *l = params;

	(void)err;
	for (size_t row = 0; row < b->rows; row++)
		if (b->state[row] == SL_ROW_KEPT)
			look_up_row(l, b, row);
	return true;
}

static void release(void *params)
{
	struct table *t = &((struct lookup *)params)->table;

	sl_batch_release(&t->batch);
	sl_schema_release(&t->schema);
	sl_buf_release(&t->bytes);
	free(t->entries);
	t->entries = NULL;
}

static void hash(const void *params, struct sl_hash *h)
{
	sl_hash_str(h, sl_buf_str(&((const struct lookup *)params)->table.bytes));
}

const struct sl_rule sl_rule_lookup = {
	.name = "lookup",
	.summary = "A text replaced by what a CSV file of the pipeline says of it.",
	.example =
		"- lookup: {from: code, into: region, file: regions.csv, key: code, value: region}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct lookup),
	.prepare = prepare,
	.apply = apply,
	.release = release,
	.hash = hash,
};
