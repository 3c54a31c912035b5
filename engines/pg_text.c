/*
 * PostgreSQL's text values in canonical form (store/engine.h). The session is set to UTC and ISO
 * dates, so only the punctuation differs.
 */
#include "engines/pg_db.h"

#include "base/num.h"

/* Fixed numbers of pg_type, from the server's catalog/pg_type.dat; they never change. */
enum {
	OID_BOOL = 16,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_OID = 26,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_TEXT_ARRAY = 1009,
	OID_VARCHAR_ARRAY = 1015,
	OID_DATE = 1082,
	OID_TIMESTAMP = 1114,
	OID_TIMESTAMPTZ = 1184,
	OID_NUMERIC = 1700,
};

enum sl_kind sl_pg_kind_of(Oid type)
{
	switch (type) {
	case OID_BOOL:
		return SL_BOOL;
	case OID_INT8:
	case OID_INT2:
	case OID_INT4:
	case OID_OID:
		return SL_INT64;
	case OID_FLOAT4:
	case OID_FLOAT8:
		return SL_FLOAT64;
	case OID_TEXT_ARRAY:
	case OID_VARCHAR_ARRAY:
		return SL_TEXT_LIST;
	case OID_DATE:
		return SL_DATE;
	case OID_TIMESTAMP:
	case OID_TIMESTAMPTZ:
		return SL_TIMESTAMP;
	case OID_NUMERIC:
		return SL_DECIMAL;
	}
	return SL_TEXT;
}

/* "2026-11-25 17:52:40.5+00" → "2026-11-25T17:52:40.500000Z"; years before Christ and infinity
 * stay. */
static struct sl_str time_text(struct sl_str v, struct sl_buf *out)
{
	ptrdiff_t blank = sl_str_find(v, ' ');
	struct sl_str fraction;

	if (blank < 0 || sl_str_ends(v, " BC"))
		return v;
	if (sl_str_ends(v, "+00"))
		v.n -= 3;
	ptrdiff_t dot = sl_str_find(v, '.');
	size_t whole = dot < 0 ? v.n : (size_t)dot;
	fraction = sl_str_sub(v, whole + (dot >= 0), v.n);
	sl_buf_clear(out);
	sl_buf_add(out, v.p, (size_t)blank);
	sl_buf_addc(out, 'T');
	sl_buf_addstr(out, sl_str_sub(v, (size_t)blank + 1, whole - (size_t)blank - 1));
	if (fraction.n)
		sl_buf_addf(out, "." SL_STR_FMT "%.*s", SL_STR_ARG(fraction), 6 - (int)fraction.n,
			    "000000");
	sl_buf_addc(out, 'Z');
	return sl_buf_str(out);
}

static struct sl_str double_text(struct sl_str v, struct sl_buf *out)
{
	double value;

	if (!sl_num_f64(v, &value))
		return v; /* NaN, Infinity: spelled the same by every engine */
	sl_buf_clear(out);
	sl_buf_grew(out, sl_num_f64_text(value, sl_buf_room(out, 32)));
	return sl_buf_str(out);
}

/* One element of an array literal, from *at on; *at ends behind it. */
static void add_element(struct sl_str v, size_t *at, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	bool quoted = v.p[*at] == '"';

	for (*at += quoted; *at < v.n; (*at)++) {
		char c = v.p[*at];
		if (quoted ? c == '"' : c == ',' || c == '}')
			break;
		if (c == '\\' && *at + 1 < v.n)
			c = v.p[++*at];
		sl_buf_addc(&text, c);
	}
	*at += quoted;
	if (!quoted && sl_str_eqz(sl_buf_str(&text), "NULL"))
		sl_buf_adds(out, "null");
	else
		sl_buf_add_json(out, (struct sl_str){sl_buf_z(&text), text.n});
}

/* {a,"b c",NULL} → ["a","b c",null]. Arrays of arrays stay as the server writes them. */
static struct sl_str list_text(struct sl_str v, struct sl_buf *out)
{
	size_t at = 1;

	if (v.n < 2 || v.p[0] != '{' || v.p[1] == '{')
		return v;
	sl_buf_clear(out);
	sl_buf_addc(out, '[');
	while (at < v.n && v.p[at] != '}') {
		if (out->n > 1)
			sl_buf_addc(out, ',');
		add_element(v, &at, out);
		at += at < v.n && v.p[at] == ',';
	}
	sl_buf_addc(out, ']');
	return sl_buf_str(out);
}

struct sl_str sl_pg_text(Oid type, struct sl_str value, struct sl_buf *scratch)
{
	switch (type) {
	case OID_BOOL:
		return value.p[0] == 't' ? SL_STR("true") : SL_STR("false");
	case OID_FLOAT4:
	case OID_FLOAT8:
		return double_text(value, scratch);
	case OID_TIMESTAMP:
	case OID_TIMESTAMPTZ:
		return time_text(value, scratch);
	case OID_TEXT_ARRAY:
	case OID_VARCHAR_ARRAY:
		return list_text(value, scratch);
	}
	return value;
}
