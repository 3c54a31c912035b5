/*
 * Rows in canonical text into BSON, and keys back. NULL is left out, and a nested document without
 * any value with it. Decimals become Decimal128 with their scale, dates and timestamps BSON dates
 * (milliseconds: what is finer is cut), lists arrays. Source: bsonspec.org 1.1; "BSON Decimal128"
 * of the MongoDB specifications.
 */
#include "engines/mongo_db.h"

#include <jansson.h>
#include <math.h>

#include "base/clock.h"
#include "base/num.h"

#define DECIMAL_DIGITS 34
#define DECIMAL_BIAS 6176
#define DAY_MS INT64_C(86400000)

static bool fail(struct sl_err *err, const char *key, struct sl_str text, const char *why)
{
	return sl_err_set(err, SL_ERR_DATA, "field \"%s\": \"%.60s\" %s", key,
			  text.n < 60 ? text.p : "…", why);
}

/* --- values --- */

static int64_t floor_ms(sl_time us)
{
	return us / 1000 - (us % 1000 < 0);
}

/* Coefficient and exponent side by side, as long as the digits fit 64 bits. */
static bool small_decimal(struct sl_str s, bson_decimal128_t *ret)
{
	const bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t digits = 0, scale = 0;
	bool point = false;

	if (s.n > 20)
		return false;
	for (size_t i = negative; i < s.n; i++) {
		if (s.p[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s.p[i] < '0' || s.p[i] > '9' || digits > UINT64_MAX / 10 - 1)
			return false;
		digits = digits * 10 + (uint64_t)(s.p[i] - '0');
		scale += point;
	}
	ret->low = digits;
	ret->high = (DECIMAL_BIAS - scale) << 49 | (uint64_t)negative << 63;
	return s.n > negative;
}

/* The library would round what has more digits. */
static size_t count_digits(struct sl_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] >= '0' && s.p[i] <= '9' && (n > 0 || s.p[i] != '0');
	return n;
}

static bool append_decimal(bson_t *b, const char *key, struct sl_str s, struct sl_err *err)
{
	bson_decimal128_t value;

	if (!small_decimal(s, &value) &&
	    (count_digits(s) > DECIMAL_DIGITS ||
	     !bson_decimal128_from_string_w_len(s.p, (int)s.n, &value)))
		return fail(err, key, s, "has more digits than a Decimal128");
	return bson_append_decimal128(b, key, -1, &value);
}

static bool append_double(bson_t *b, const char *key, struct sl_str s, struct sl_err *err)
{
	const bool negative = s.n > 0 && s.p[0] == '-';
	double value;

	if (!sl_num_f64(s, &value)) { /* a model's: the contract knows neither */
		if (s.n < 3 || (!strchr("NnIi", s.p[negative])))
			return fail(err, key, s, "is no number");
		value = strchr("Nn", s.p[negative]) ? (double)NAN : (double)INFINITY;
		value = negative ? -value : value;
	}
	return bson_append_double(b, key, -1, value);
}

static void append_item(bson_t *list, const char *key, const json_t *item)
{
	if (json_is_string(item))
		bson_append_utf8(list, key, -1, json_string_value(item),
				 (int)json_string_length(item));
	else if (json_is_integer(item))
		bson_append_int64(list, key, -1, json_integer_value(item));
	else if (json_is_real(item))
		bson_append_double(list, key, -1, json_real_value(item));
	else if (json_is_boolean(item))
		bson_append_bool(list, key, -1, json_is_true(item));
	else
		bson_append_null(list, key, -1);
}

static bool append_list(bson_t *b, const char *key, struct sl_str s, struct sl_err *err)
{
	json_t *items = json_loadb(s.p, s.n, 0, NULL);
	char number[24];
	bson_t list;
	size_t i;
	json_t *item;

	if (!json_is_array(items)) {
		json_decref(items);
		return fail(err, key, s, "is no list");
	}
	bson_append_array_begin(b, key, -1, &list);
	json_array_foreach(items, i, item)
	{
		snprintf(number, sizeof(number), "%zu", i);
		append_item(&list, number, item);
	}
	bson_append_array_end(b, &list);
	json_decref(items);
	return true;
}

bool sl_mongo_append(bson_t *b, const char *key, enum sl_kind kind, struct sl_str s,
		     struct sl_err *err)
{
	int64_t i64;
	int32_t days;

	switch (kind) {
	case SL_BOOL:
		return bson_append_bool(b, key, -1, sl_str_eqz(s, "true"));
	case SL_INT64:
		return sl_num_i64(s, INT64_MIN, INT64_MAX, &i64)
			       ? bson_append_int64(b, key, -1, i64)
			       : fail(err, key, s, "is no 64-bit number");
	case SL_FLOAT64:
		return append_double(b, key, s, err);
	case SL_DECIMAL:
		return append_decimal(b, key, s, err);
	case SL_TEXT:
		return s.n > INT32_MAX / 2 ? fail(err, key, SL_STR(""), "is too long")
					   : bson_append_utf8(b, key, -1, s.p, (int)s.n);
	case SL_DATE:
		return sl_date_parse(s, &days)
			       ? bson_append_date_time(b, key, -1, days * DAY_MS)
			       : fail(err, key, s, "is no date of the years 1 to 9999");
	case SL_TIMESTAMP:
		return sl_time_parse(s, NULL, &i64) == SL_TIME_OK
			       ? bson_append_date_time(b, key, -1, floor_ms(i64))
			       : fail(err, key, s, "is no time of the years 1 to 9999");
	case SL_TEXT_LIST:
		return append_list(b, key, s, err);
	}
	return false;
}

/* --- documents --- */

bool sl_mongo_append_id(bson_t *b, const struct sl_doc_layout *l, const struct sl_str *cells,
			struct sl_err *err)
{
	bson_t id;
	bool ok = true;

	if (l->n_key == 1)
		return sl_mongo_append(b, "_id", l->key[0].kind, cells[l->key[0].cell], err);
	bson_append_document_begin(b, "_id", 3, &id);
	for (size_t i = 0; i < l->n_key && ok; i++)
		ok = sl_mongo_append(&id, l->key[i].name, l->key[i].kind, cells[l->key[i].cell],
				     err);
	bson_append_document_end(b, &id);
	return ok;
}

bool sl_mongo_append_fields(bson_t *b, const struct sl_doc_layout *l, const struct sl_str *cells,
			    struct sl_err *err)
{
	bson_t nested[SL_DOC_DEPTH];
	bson_t *at[SL_DOC_DEPTH + 1] = {b};
	size_t depth = 0;
	bool ok = true, any;

	for (size_t i = 0; i < l->n_steps;) {
		const struct sl_doc_step *s = &l->steps[i];

		if (s->what == SL_DOC_OPEN) {
			const size_t behind = sl_doc_nested_end(l, i, cells, &any);
			if (!any || !ok) {
				i = behind;
				continue;
			}
			bson_append_document_begin(at[depth], s->name, -1, &nested[depth]);
			at[depth + 1] = &nested[depth];
			depth++;
		} else if (s->what == SL_DOC_CLOSE) {
			depth--;
			bson_append_document_end(at[depth], &nested[depth]);
		} else if (ok && cells[s->cell].p) {
			ok = sl_mongo_append(at[depth], s->name, s->kind, cells[s->cell], err);
		}
		i++;
	}
	return ok;
}

/* --- keys back --- */

static bool add_time(int64_t ms, enum sl_kind kind, struct sl_buf *out)
{
	char text[32];

	if (kind == SL_DATE) {
		if (ms % DAY_MS != 0 || ms / DAY_MS != (int32_t)(ms / DAY_MS))
			return false;
		sl_date_text((int32_t)(ms / DAY_MS), text);
	} else {
		sl_time_text(ms * 1000, text);
	}
	sl_buf_adds(out, text);
	return true;
}

bool sl_mongo_key_text(const bson_iter_t *v, enum sl_kind kind, struct sl_buf *out)
{
	uint32_t n = 0;
	const char *text;

	switch (kind) {
	case SL_TEXT:
		if (!BSON_ITER_HOLDS_UTF8(v))
			return false;
		text = bson_iter_utf8(v, &n);
		sl_buf_add(out, text, n);
		return true;
	case SL_INT64:
		if (!BSON_ITER_HOLDS_INT64(v))
			return false;
		sl_buf_addf(out, "%" PRId64, bson_iter_int64(v));
		return true;
	case SL_BOOL:
		if (!BSON_ITER_HOLDS_BOOL(v))
			return false;
		sl_buf_adds(out, bson_iter_bool(v) ? "true" : "false");
		return true;
	case SL_DATE:
	case SL_TIMESTAMP:
		return BSON_ITER_HOLDS_DATE_TIME(v) && add_time(bson_iter_date_time(v), kind, out);
	case SL_FLOAT64:
	case SL_DECIMAL:
	case SL_TEXT_LIST:
		break;
	}
	return false;
}
