/*
 * Batches into COPY's binary form (PostgreSQL manual, "COPY", Binary Format): big-endian, each
 * field with its length in front. Rows are written into one buffer that is sent whenever it is
 * large enough, so nothing is allocated for a row.
 */
#include "engines/pg_db.h"

#include <endian.h>

#include "base/num.h"

#define SEND_AT ((size_t)256 << 10)
#define EPOCH_DAYS 10957 /* 2000-01-01, where PostgreSQL counts from */
#define EPOCH_US (INT64_C(10957) * 86400 * 1000000)
#define OID_TEXT 25

static const char signature[] = "PGCOPY\n\377\r\n"; /* its final NUL belongs to it */

static char *put16(char *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static char *put32(char *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static char *put64(char *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static char *put_i64(char *p, int64_t v)
{
	return put64(put32(p, 8), (uint64_t)v);
}

/*
 * numeric: groups of four decimal digits, weight of the first, sign, display scale. Leading and
 * trailing zero groups are left out, as the server does (numeric.c).
 */
static char *put_decimal(char *p, int64_t value, unsigned scale)
{
	uint16_t groups[12];
	unsigned n = 0, first = 0;
	uint64_t u = value < 0 ? -(uint64_t)value : (uint64_t)value;
	uint64_t pow = (uint64_t)sl_num_pow10(scale);
	uint64_t whole = u / pow, part = u % pow;
	unsigned whole_groups = 0;

	for (uint64_t w = whole; w; w /= 10000)
		whole_groups++;
	for (unsigned i = whole_groups; i > 0; i--, whole /= 10000)
		groups[i - 1] = (uint16_t)(whole % 10000);
	n = whole_groups;
	for (unsigned left = scale; left;) {
		unsigned digits = left < 4 ? left : 4;
		uint64_t unit = (uint64_t)sl_num_pow10(left - digits);
		groups[n++] = (uint16_t)(part / unit * (uint64_t)sl_num_pow10(4 - digits));
		part %= unit;
		left -= digits;
	}
	while (n && !groups[n - 1])
		n--;
	while (first < n && !groups[first])
		first++;
	p = put32(p, 8 + 2 * (n - first));
	p = put16(p, (uint16_t)(n - first));
	p = put16(p, n > first ? (uint16_t)(int16_t)((int)whole_groups - 1 - (int)first) : 0);
	p = put16(p, value < 0 ? 0x4000 : 0);
	p = put16(p, (uint16_t)scale);
	for (unsigned i = first; i < n; i++)
		p = put16(p, groups[i]);
	return p;
}

static void add_text(struct sl_buf *out, struct sl_str s)
{
	char *p = sl_buf_room(out, 4 + s.n);

	p = put32(p, (uint32_t)s.n);
	if (s.n)
		memcpy(p, s.p, s.n);
	sl_buf_grew(out, 4 + s.n);
}

static void add_list(struct sl_buf *out, const struct sl_list *list)
{
	size_t begin = out->n;
	char *p = sl_buf_room(out, 24);

	p = put32(p, 0);	       /* its length, known at the end */
	p = put32(p, list->n ? 1 : 0); /* dimensions */
	p = put32(p, 0);	       /* no NULL inside */
	p = put32(p, OID_TEXT);
	if (list->n)
		put32(put32(p, (uint32_t)list->n), 1); /* lower bound */
	sl_buf_grew(out, list->n ? 24 : 16);
	for (size_t i = 0; i < list->n; i++)
		add_text(out, list->v[i]);
	put32(out->p + begin, (uint32_t)(out->n - begin - 4));
}

/* Values of a fixed size, at most 4 + 8 + 2 × 12 bytes. */
static char *put_fixed(char *p, const struct sl_vec *v, size_t row)
{
	uint64_t bits;

	switch (v->type.kind) {
	case SL_BOOL:
		p = put32(p, 1);
		*p = v->u.b[row] != 0;
		return p + 1;
	case SL_INT64:
		return put_i64(p, v->u.i64[row]);
	case SL_FLOAT64:
		memcpy(&bits, &v->u.f64[row], sizeof(bits));
		return put64(put32(p, 8), bits);
	case SL_DECIMAL:
		return put_decimal(p, v->u.i64[row], v->type.scale);
	case SL_DATE:
		return put32(put32(p, 4), (uint32_t)(int32_t)(v->u.i64[row] - EPOCH_DAYS));
	case SL_TIMESTAMP:
		return put_i64(p, v->u.i64[row] - EPOCH_US);
	case SL_TEXT:
	case SL_TEXT_LIST:
		break;
	}
	return p;
}

static void add_value(struct sl_buf *out, const struct sl_vec *v, size_t row)
{
	if (!v->valid[row]) {
		put32(sl_buf_room(out, 4), UINT32_MAX);
		sl_buf_grew(out, 4);
	} else if (v->type.kind == SL_TEXT) {
		add_text(out, v->u.str[row]);
	} else if (v->type.kind == SL_TEXT_LIST) {
		add_list(out, &v->u.list[row]);
	} else {
		char *p = sl_buf_room(out, 64);
		sl_buf_grew(out, (size_t)(put_fixed(p, v, row) - p));
	}
}

static void add_row(struct sl_db *db, const struct sl_batch *b, size_t row,
		    const struct sl_copy_extra *extra)
{
	size_t n = db->copying->n;
	char *p = sl_buf_room(&db->wire, 2);

	put16(p, (uint16_t)(n + (db->with_change ? 3 : 2)));
	sl_buf_grew(&db->wire, 2);
	for (size_t i = 0; i < n; i++)
		add_value(&db->wire, &b->cols[i], row);
	char *hidden = sl_buf_room(&db->wire, 36);
	p = put_i64(put_i64(hidden, extra->input), extra->seq + (int64_t)row);
	if (db->with_change)
		p = put_i64(p, extra->change);
	sl_buf_grew(&db->wire, (size_t)(p - hidden));
}

/* Ends what is left of a failed or given-up copy; err, if not NULL, is filled from its result. */
static void end_copy(struct sl_db *db, struct sl_err *err)
{
	PGresult *result;

	db->copying = NULL;
	sl_buf_clear(&db->wire);
	while ((result = PQgetResult(db->conn))) {
		const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		if (PQresultStatus(result) ==
		    PGRES_COPY_IN) { /* only while the server still reads */
			PQclear(result);
			if (PQputCopyEnd(db->conn, "given up") != 1)
				return;
			continue;
		}
		db->duplicate |= state && strcmp(state, "23505") == 0;
		if (err && PQresultStatus(result) != PGRES_COMMAND_OK)
			sl_pg_fail(db, result, err);
		PQclear(result);
	}
	if (err && !err->kind)
		sl_pg_fail(db, NULL, err);
}

static bool send(struct sl_db *db, struct sl_err *err)
{
	if (db->wire.n && PQputCopyData(db->conn, db->wire.p, (int)db->wire.n) != 1) {
		sl_err_clear(err);
		end_copy(db, err);
		return false;
	}
	sl_buf_clear(&db->wire);
	return true;
}

bool sl_pg_copy_begin(struct sl_db *db, const char *table, const struct sl_schema *schema,
		      unsigned how, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_buf_adds(&sql, "copy ");
	sl_sql_ident(&sql, table);
	if (how & SL_COPY_BY_NAME) {
		sl_buf_adds(&sql, " (");
		sl_sql_copy_columns(&sql, schema, how & SL_COPY_CHANGE);
		sl_buf_addc(&sql, ')');
	}
	sl_buf_addf(&sql, " from stdin (format binary%s)", how & SL_COPY_FRESH ? ", freeze" : "");
	sl_cleanup(sl_pg_put_result) PGresult *result = PQexec(db->conn, sl_buf_z(&sql));
	if (PQresultStatus(result) != PGRES_COPY_IN)
		return sl_pg_fail(db, result, err);
	db->copying = schema;
	db->with_change = how & SL_COPY_CHANGE;
	db->duplicate = false;
	sl_buf_clear(&db->wire);
	sl_buf_add(&db->wire, signature, sizeof(signature));
	memset(sl_buf_room(&db->wire, 8), 0, 8); /* flags, length of a header extension */
	sl_buf_grew(&db->wire, 8);
	return true;
}

bool sl_pg_copy_batch(struct sl_db *db, const struct sl_batch *b, struct sl_copy_extra *extra,
		      struct sl_err *err)
{
	for (size_t row = 0; row < b->rows; row++) {
		if (b->state[row] != SL_ROW_KEPT)
			continue;
		add_row(db, b, row, extra);
		if (db->wire.n >= SEND_AT && !send(db, err))
			return false;
	}
	extra->seq += (int64_t)b->rows;
	return true;
}

bool sl_pg_copy_end(struct sl_db *db, uint64_t *ret_rows, bool *ret_duplicate, struct sl_err *err)
{
	put16(sl_buf_room(&db->wire, 2), UINT16_MAX);
	sl_buf_grew(&db->wire, 2);
	bool sent = send(db, err) && PQputCopyEnd(db->conn, NULL) == 1;
	PGresult *result = sent ? PQgetResult(db->conn) : NULL;
	bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;

	if (ok && ret_rows && !sl_num_u64(sl_str_of(PQcmdTuples(result)), UINT64_MAX, ret_rows))
		*ret_rows = 0;
	if (sent && !ok) {
		const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		db->duplicate = state && strcmp(state, "23505") == 0;
		sl_pg_fail(db, result, err);
	}
	PQclear(result);
	*ret_duplicate = db->duplicate;
	if (sent)
		end_copy(db, NULL);
	return ok;
}

void sl_pg_copy_abort(struct sl_db *db, bool *ret_duplicate)
{
	if (db->copying)
		end_copy(db, NULL);
	if (ret_duplicate)
		*ret_duplicate = db->duplicate;
}
