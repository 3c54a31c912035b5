/*
 * DuckDB's vectors as canonical text (store/engine.h says which form each type has), so that the
 * same rows give the same bytes from every engine.
 */
#include <math.h>

#include "base/clock.h"
#include "base/num.h"
#include "engines/duckdb_db.h"

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 uwide;

bool sl_duckdb_readable(duckdb_logical_type type)
{
	switch ((int)sl_duck.get_type_id(type)) {
	case DUCKDB_TYPE_BOOLEAN:
	case DUCKDB_TYPE_TINYINT:
	case DUCKDB_TYPE_SMALLINT:
	case DUCKDB_TYPE_INTEGER:
	case DUCKDB_TYPE_BIGINT:
	case DUCKDB_TYPE_UTINYINT:
	case DUCKDB_TYPE_USMALLINT:
	case DUCKDB_TYPE_UINTEGER:
	case DUCKDB_TYPE_UBIGINT:
	case DUCKDB_TYPE_FLOAT:
	case DUCKDB_TYPE_DOUBLE:
	case DUCKDB_TYPE_TIMESTAMP:
	case DUCKDB_TYPE_TIMESTAMP_TZ:
	case DUCKDB_TYPE_DATE:
	case DUCKDB_TYPE_HUGEINT:
	case DUCKDB_TYPE_VARCHAR:
	case DUCKDB_TYPE_DECIMAL:
		return true;
	case DUCKDB_TYPE_LIST: {
		duckdb_logical_type child = sl_duck.list_type_child_type(type);
		bool texts = sl_duck.get_type_id(child) == DUCKDB_TYPE_VARCHAR;
		sl_duck.destroy_logical_type(&child);
		return texts;
	}
	}
	return false;
}

static enum sl_kind kind_of(duckdb_type type)
{
	switch ((int)type) {
	case DUCKDB_TYPE_BOOLEAN:
		return SL_BOOL;
	case DUCKDB_TYPE_FLOAT:
	case DUCKDB_TYPE_DOUBLE:
		return SL_FLOAT64;
	case DUCKDB_TYPE_TIMESTAMP:
	case DUCKDB_TYPE_TIMESTAMP_TZ:
		return SL_TIMESTAMP;
	case DUCKDB_TYPE_DATE:
		return SL_DATE;
	case DUCKDB_TYPE_DECIMAL:
		return SL_DECIMAL;
	case DUCKDB_TYPE_LIST:
		return SL_TEXT_LIST;
	case DUCKDB_TYPE_VARCHAR:
		return SL_TEXT;
	}
	return SL_INT64;
}

void sl_duckdb_cell_init(struct sl_duckdb_cell *c, duckdb_logical_type type, enum sl_kind *ret_kind)
{
	c->type = sl_duck.get_type_id(type);
	if (c->type == DUCKDB_TYPE_DECIMAL) {
		c->scale = sl_duck.decimal_scale(type);
		c->storage = sl_duck.decimal_internal_type(type);
	}
	*ret_kind = kind_of(c->type);
}

void sl_duckdb_cell_bind(struct sl_duckdb_cell *c, duckdb_vector vector)
{
	c->vector = vector;
	c->data = sl_duck.vector_get_data(vector);
	c->validity = sl_duck.vector_get_validity(vector);
}

static bool is_valid(const uint64_t *validity, idx_t row)
{
	return !validity || (validity[row / 64] >> (row % 64) & 1);
}

static struct sl_str string_of(const duckdb_string_t *s)
{
	uint32_t n = s->value.inlined.length;

	return (struct sl_str){n <= 12 ? s->value.inlined.inlined : s->value.pointer.ptr, n};
}

/* value × 10^-scale. */
static struct sl_str wide_text(char out[48], wide value, unsigned scale)
{
	uwide rest = value < 0 ? -(uwide)value : (uwide)value;
	char *p = out + 48;
	unsigned digits = 0;

	do {
		if (scale && digits == scale)
			*--p = '.';
		*--p = (char)('0' + (int)(rest % 10));
		rest /= 10;
		digits++;
	} while (rest || digits <= scale);
	if (value < 0)
		*--p = '-';
	return (struct sl_str){p, (size_t)(out + 48 - p)};
}

static struct sl_str double_text(char out[48], double value)
{
	if (isfinite(value))
		return (struct sl_str){out, sl_num_f64_text(value, out)};
	if (isnan(value))
		return SL_STR("NaN");
	return value > 0 ? SL_STR("Infinity") : SL_STR("-Infinity");
}

static struct sl_str list_text(struct sl_duckdb_cell *c, idx_t row)
{
	duckdb_vector child = sl_duck.list_vector_get_child(c->vector);
	const duckdb_string_t *texts = sl_duck.vector_get_data(child);
	const uint64_t *validity = sl_duck.vector_get_validity(child);
	const duckdb_list_entry *entry = (const duckdb_list_entry *)c->data + row;

	sl_buf_clear(&c->big);
	sl_buf_addc(&c->big, '[');
	for (uint64_t i = entry->offset; i < entry->offset + entry->length; i++) {
		if (i > entry->offset)
			sl_buf_addc(&c->big, ',');
		if (is_valid(validity, i))
			sl_buf_add_json(&c->big, string_of(&texts[i]));
		else
			sl_buf_adds(&c->big, "null");
	}
	sl_buf_addc(&c->big, ']');
	return sl_buf_str(&c->big);
}

static wide hugeint_of(const duckdb_hugeint *h)
{
	return (wide)(((uwide)(uint64_t)h->upper << 64) | h->lower);
}

static wide integer_of(duckdb_type storage, const void *data, idx_t row)
{
	switch ((int)storage) {
	case DUCKDB_TYPE_TINYINT:
		return ((const int8_t *)data)[row];
	case DUCKDB_TYPE_SMALLINT:
		return ((const int16_t *)data)[row];
	case DUCKDB_TYPE_INTEGER:
		return ((const int32_t *)data)[row];
	case DUCKDB_TYPE_UTINYINT:
		return ((const uint8_t *)data)[row];
	case DUCKDB_TYPE_USMALLINT:
		return ((const uint16_t *)data)[row];
	case DUCKDB_TYPE_UINTEGER:
		return ((const uint32_t *)data)[row];
	case DUCKDB_TYPE_UBIGINT:
		return ((const uint64_t *)data)[row];
	case DUCKDB_TYPE_HUGEINT:
		return hugeint_of((const duckdb_hugeint *)data + row);
	}
	return ((const int64_t *)data)[row];
}

struct sl_str sl_duckdb_cell_text(struct sl_duckdb_cell *c, idx_t row)
{
	if (!is_valid(c->validity, row))
		return SL_STR_NULL;
	switch ((int)c->type) {
	case DUCKDB_TYPE_BOOLEAN:
		return ((const uint8_t *)c->data)[row] ? SL_STR("true") : SL_STR("false");
	case DUCKDB_TYPE_FLOAT:
		return double_text(c->small, (double)((const float *)c->data)[row]);
	case DUCKDB_TYPE_DOUBLE:
		return double_text(c->small, ((const double *)c->data)[row]);
	case DUCKDB_TYPE_TIMESTAMP:
	case DUCKDB_TYPE_TIMESTAMP_TZ:
		return (struct sl_str){c->small,
				       sl_time_text(((const int64_t *)c->data)[row], c->small)};
	case DUCKDB_TYPE_DATE:
		return (struct sl_str){c->small,
				       sl_date_text(((const int32_t *)c->data)[row], c->small)};
	case DUCKDB_TYPE_VARCHAR:
		return string_of((const duckdb_string_t *)c->data + row);
	case DUCKDB_TYPE_LIST:
		return list_text(c, row);
	case DUCKDB_TYPE_DECIMAL:
		return wide_text(c->small, integer_of(c->storage, c->data, row), c->scale);
	}
	return wide_text(c->small, integer_of(c->type, c->data, row), 0);
}
