/*
 * Batches into DuckDB: column by column into a data chunk of its vector size, which an appender
 * takes. Nothing is allocated for a row.
 */
#include "base/mem.h"
#include "engines/duckdb_db.h"

struct sl_duckdb_copy {
	duckdb_appender appender;
	duckdb_data_chunk chunk;
	const struct sl_schema *schema;
	bool with_change;
	size_t capacity; /* rows of a chunk */
	uint32_t *rows;	 /* capacity: which rows of the batch are in the chunk */
	uint64_t copied;
};

static duckdb_logical_type logical_type(struct sl_type t)
{
	switch (t.kind) {
	case SL_BOOL:
		return sl_duck.create_logical_type(DUCKDB_TYPE_BOOLEAN);
	case SL_INT64:
		return sl_duck.create_logical_type(DUCKDB_TYPE_BIGINT);
	case SL_FLOAT64:
		return sl_duck.create_logical_type(DUCKDB_TYPE_DOUBLE);
	case SL_DECIMAL:
		return sl_duck.create_decimal_type(t.precision, t.scale);
	case SL_TEXT:
		return sl_duck.create_logical_type(DUCKDB_TYPE_VARCHAR);
	case SL_DATE:
		return sl_duck.create_logical_type(DUCKDB_TYPE_DATE);
	case SL_TIMESTAMP:
		return sl_duck.create_logical_type(DUCKDB_TYPE_TIMESTAMP_TZ);
	case SL_TEXT_LIST:
		break;
	}
	duckdb_logical_type text = sl_duck.create_logical_type(DUCKDB_TYPE_VARCHAR);
	duckdb_logical_type list = sl_duck.create_list_type(text);
	sl_duck.destroy_logical_type(&text);
	return list;
}

static duckdb_data_chunk create_chunk(const struct sl_schema *schema, bool with_change)
{
	const struct sl_type hidden = {.kind = SL_INT64};
	size_t n = schema->n + (with_change ? 3 : 2);
	duckdb_logical_type *types = sl_xcalloc(n, sizeof(*types));

	for (size_t i = 0; i < n; i++)
		types[i] = logical_type(i < schema->n ? schema->cols[i].type : hidden);
	duckdb_data_chunk chunk = sl_duck.create_data_chunk(types, n);
	for (size_t i = 0; i < n; i++)
		sl_duck.destroy_logical_type(&types[i]);
	free(types);
	return chunk;
}

/* An appender cannot be destroyed without flushing; what it holds ends with the transaction. */
void sl_duckdb_copy_abort(struct sl_db *db, bool *ret_duplicate)
{
	struct sl_duckdb_copy *c = db->copy;

	if (ret_duplicate)
		*ret_duplicate = false; /* no unique index here */
	if (!c)
		return;
	if (c->appender)
		sl_duck.appender_destroy(&c->appender);
	if (c->chunk)
		sl_duck.destroy_data_chunk(&c->chunk);
	free(c->rows);
	free(c);
	db->copy = NULL;
}

static bool fail(struct sl_db *db, struct sl_err *err)
{
	const char *text = sl_duck.appender_error(db->copy->appender);
	sl_cleanup(sl_freep) char *copy = sl_xstrdup(text ? text : "unknown error");

	sl_duckdb_copy_abort(db, NULL);
	return sl_duckdb_fail(err, sl_duckdb_kind(DUCKDB_ERROR_INVALID, copy), copy);
}

static bool name_columns(struct sl_duckdb_copy *c)
{
	static const char *const hidden[] = {"_sl_input", "_sl_seq", "_sl_change"};
	bool ok = true;

	for (size_t i = 0; ok && i < c->schema->n; i++)
		ok = sl_duck.appender_add_column(c->appender, c->schema->cols[i].name) ==
		     DuckDBSuccess;
	for (size_t i = 0; ok && i < (c->with_change ? 3U : 2U); i++)
		ok = sl_duck.appender_add_column(c->appender, hidden[i]) == DuckDBSuccess;
	return ok;
}

bool sl_duckdb_copy_begin(struct sl_db *db, const char *table, const struct sl_schema *schema,
			  unsigned how, struct sl_err *err)
{
	const char *dot = strchr(table, '.');
	sl_cleanup(sl_freep) char *in = dot ? sl_xstrndup(table, (size_t)(dot - table)) : NULL;
	struct sl_duckdb_copy *c = sl_xcalloc(1, sizeof(*c));

	db->copy = c;
	c->schema = schema;
	c->with_change = how & SL_COPY_CHANGE;
	c->capacity = sl_duck.vector_size();
	c->rows = sl_xcalloc(c->capacity, sizeof(*c->rows));
	if (sl_duck.appender_create_ext(db->connection, NULL, in, dot ? dot + 1 : table,
					&c->appender) != DuckDBSuccess)
		return fail(db, err);
	if (how & SL_COPY_BY_NAME && !name_columns(c))
		return fail(db, err);
	c->chunk = create_chunk(schema, c->with_change);
	return true;
}

static void fill_i64(void *data, const struct sl_vec *v, const uint32_t *rows, size_t n)
{
	int64_t *out = data;

	for (size_t i = 0; i < n; i++)
		out[i] = v->u.i64[rows[i]];
}

static void fill_i32(void *data, const struct sl_vec *v, const uint32_t *rows, size_t n)
{
	int32_t *out = data;

	for (size_t i = 0; i < n; i++)
		out[i] = (int32_t)v->u.i64[rows[i]];
}

/* DuckDB keeps a decimal in the smallest integer that holds its precision. */
static void fill_decimal(void *data, const struct sl_vec *v, const uint32_t *rows, size_t n)
{
	int16_t *out = data;

	if (v->type.precision > 9) {
		fill_i64(data, v, rows, n);
		return;
	}
	if (v->type.precision > 4) {
		fill_i32(data, v, rows, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (int16_t)v->u.i64[rows[i]];
}

static void fill_text(duckdb_vector vector, const struct sl_vec *v, const uint32_t *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct sl_str *s = &v->u.str[rows[i]];
		if (v->valid[rows[i]])
			sl_duck.vector_assign_string_element_len(vector, i, s->n ? s->p : "", s->n);
	}
}

static bool fill_list(duckdb_vector vector, const struct sl_vec *v, const uint32_t *rows, size_t n)
{
	duckdb_list_entry *entries = sl_duck.vector_get_data(vector);
	idx_t total = 0;

	for (size_t i = 0; i < n; i++) {
		entries[i].offset = total;
		entries[i].length = v->valid[rows[i]] ? v->u.list[rows[i]].n : 0;
		total += entries[i].length;
	}
	if (sl_duck.list_vector_reserve(vector, total) != DuckDBSuccess ||
	    sl_duck.list_vector_set_size(vector, total) != DuckDBSuccess)
		return false;
	duckdb_vector child = sl_duck.list_vector_get_child(vector);
	for (size_t i = 0; i < n; i++)
		for (idx_t k = 0; k < entries[i].length; k++) {
			const struct sl_str *s = &v->u.list[rows[i]].v[k];
			sl_duck.vector_assign_string_element_len(child, entries[i].offset + k,
								 s->n ? s->p : "", s->n);
		}
	return true;
}

static void fill_nulls(duckdb_vector vector, const struct sl_vec *v, const uint32_t *rows, size_t n)
{
	uint64_t *bits = NULL;

	for (size_t i = 0; i < n; i++) {
		if (v->valid[rows[i]])
			continue;
		if (!bits) {
			sl_duck.vector_ensure_validity_writable(vector);
			bits = sl_duck.vector_get_validity(vector);
		}
		bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
	}
}

static bool fill_column(duckdb_vector vector, const struct sl_vec *v, const uint32_t *rows,
			size_t n)
{
	void *data = sl_duck.vector_get_data(vector);

	fill_nulls(vector, v, rows, n);
	switch (v->type.kind) {
	case SL_BOOL:
		for (size_t i = 0; i < n; i++)
			((uint8_t *)data)[i] = v->u.b[rows[i]] != 0;
		return true;
	case SL_FLOAT64:
		for (size_t i = 0; i < n; i++)
			((double *)data)[i] = v->u.f64[rows[i]];
		return true;
	case SL_DATE:
		fill_i32(data, v, rows, n);
		return true;
	case SL_DECIMAL:
		fill_decimal(data, v, rows, n);
		return true;
	case SL_INT64:
	case SL_TIMESTAMP:
		fill_i64(data, v, rows, n);
		return true;
	case SL_TEXT:
		fill_text(vector, v, rows, n);
		return true;
	case SL_TEXT_LIST:
		break;
	}
	return fill_list(vector, v, rows, n);
}

/* _sl_input, _sl_seq[, _sl_change] behind the batch's own columns. */
static void fill_hidden(struct sl_duckdb_copy *c, const struct sl_copy_extra *extra, size_t n)
{
	int64_t *hidden[3];

	for (size_t i = 0; i < (c->with_change ? 3U : 2U); i++)
		hidden[i] = sl_duck.vector_get_data(
			sl_duck.data_chunk_get_vector(c->chunk, c->schema->n + i));
	for (size_t i = 0; i < n; i++) {
		hidden[0][i] = extra->input;
		hidden[1][i] = extra->seq + c->rows[i];
		if (c->with_change)
			hidden[2][i] = extra->change;
	}
}

static bool append_chunk(struct sl_db *db, const struct sl_batch *b,
			 const struct sl_copy_extra *extra, size_t n, struct sl_err *err)
{
	struct sl_duckdb_copy *c = db->copy;

	sl_duck.data_chunk_reset(c->chunk);
	for (size_t i = 0; i < c->schema->n; i++)
		if (!fill_column(sl_duck.data_chunk_get_vector(c->chunk, i), &b->cols[i], c->rows,
				 n))
			return fail(db, err);
	fill_hidden(c, extra, n);
	sl_duck.data_chunk_set_size(c->chunk, n);
	c->copied += n;
	return sl_duck.append_data_chunk(c->appender, c->chunk) == DuckDBSuccess || fail(db, err);
}

bool sl_duckdb_copy_batch(struct sl_db *db, const struct sl_batch *b, struct sl_copy_extra *extra,
			  struct sl_err *err)
{
	struct sl_duckdb_copy *c = db->copy;
	size_t n = 0;

	for (size_t row = 0; row < b->rows; row++) {
		if (b->state[row] != SL_ROW_KEPT)
			continue;
		c->rows[n++] = (uint32_t)row;
		if (n < c->capacity)
			continue;
		if (!append_chunk(db, b, extra, n, err))
			return false;
		n = 0;
	}
	if (n && !append_chunk(db, b, extra, n, err))
		return false;
	extra->seq += (int64_t)b->rows;
	return true;
}

bool sl_duckdb_copy_end(struct sl_db *db, uint64_t *ret_rows, bool *ret_duplicate,
			struct sl_err *err)
{
	*ret_duplicate = false;
	if (sl_duck.appender_close(db->copy->appender) != DuckDBSuccess)
		return fail(db, err);
	if (ret_rows)
		*ret_rows = db->copy->copied;
	sl_duckdb_copy_abort(db, NULL);
	return true;
}
