/*
 * Rule date: a text by a list of formats, or a count of seconds since 1970, as a date or a
 * timestamp. The first format that gives a real day and time wins. Local times need a zone; those
 * that the clock change skips are errors, those that happen twice too unless `ambiguous` chooses. A
 * count is exact: whole units, and for seconds up to six decimal places; declare min and max,
 * because a count in the wrong unit is a valid time somewhere else.
 */
#include "base/num.h"
#include "data/contract.h"
#include "tasks/normalize/columns.h"
#include "tasks/normalize/date_format.h"

enum unit { UNIT_NONE, UNIT_S, UNIT_MS, UNIT_US };
static const char *const unit_names[] = {"none", "s", "ms", "us", NULL};
static const char *const ambiguous_names[] = {"reject", "earlier", "later", NULL};

struct date {
	const char *from, *into, *zone_name, *min, *max;
	struct sl_texts formats;
	int unit, ambiguous, on_error;
	size_t from_col, into_col;
	const struct sl_zone *zone;    /* NULL: texts must state their offset */
	struct sl_contract_col limits; /* min and max in the type written */
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct date, from, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "text column to read, with unit also int64; NULL and blank text give NULL"),
	SL_F_TEXT(struct date, into, SL_F_REQUIRED | SL_F_IDENTITY, NULL,
		  "date or timestamp column to write; a new one is a timestamp"),
	SL_F_TEXTS(
		struct date, formats, SL_F_IDENTITY,
		"tried in order: %Y %m %d %H %M %S %f %z, and %B for a month's name in French or "
		"English"),
	SL_F_TEXT_AS(struct date, "zone", zone_name, SL_F_IDENTITY, NULL,
		     "time zone of texts without an offset, such as Europe/Paris"),
	SL_F_ENUM(struct date, ambiguous, SL_F_IDENTITY, "reject", ambiguous_names,
		  "what becomes of a local time that the clock change makes happen twice"),
	SL_F_ENUM(struct date, unit, SL_F_IDENTITY, "none", unit_names,
		  "instead of formats: the column counts these since 1970-01-01T00:00:00Z"),
	SL_F_TEXT(struct date, min, SL_F_IDENTITY, NULL,
		  "earliest value allowed, such as 2000-01-01"),
	SL_F_TEXT(struct date, max, SL_F_IDENTITY, NULL, "latest value allowed"),
	SL_F_ENUM(struct date, on_error, SL_F_IDENTITY, "reject", sl_on_errors,
		  "what a value that is no such date does: reject the row, or give null"),
	SL_F_END,
};

/* --- prepare --- */

static bool check_format(const struct date *d, size_t i, bool naive_ok, struct sl_rule_scope *s)
{
	const char *format = d->formats.v[i];
	bool has_offset = false;
	const char *why = sl_date_format_check(format, &has_offset);

	if (why) {
		sl_diag_add(s->diags, SL_E1013, d->formats.at[i], "date format \"%s\": %s", format,
			    why);
		return false;
	}
	if (naive_ok || has_offset)
		return true;
	sl_diag_add(s->diags, SL_E1004, d->formats.at[i],
		    "date format \"%s\" has no %%z, so rule \"date\" needs a \"zone\"", format);
	return false;
}

static bool check_formats(const struct date *d, struct sl_rule_scope *s)
{
	bool naive_ok = d->zone_name || s->schema->cols[d->into_col].type.kind == SL_DATE;
	bool ok = true;

	if ((d->formats.n > 0) == (d->unit != UNIT_NONE)) {
		sl_diag_add(s->diags, d->unit ? SL_E1011 : SL_E1004, s->at,
			    "rule \"date\" needs \"formats\" or a \"unit\", and not both");
		return false;
	}
	for (size_t i = 0; i < d->formats.n; i++)
		ok &= check_format(d, i, naive_ok, s);
	return ok;
}

/* Zone and limits, by the contract's own reader. A limit without offset is in UTC if no zone is
 * named. */
static bool prepare_limits(struct date *d, struct sl_rule_scope *s)
{
	const struct sl_type type = s->schema->cols[d->into_col].type;
	char *text = sl_arena_alloc(s->arena, 32);
	bool utc = !d->zone_name && type.kind == SL_TIMESTAMP && d->ambiguous == 0;

	sl_type_text(type, text);
	d->limits = (struct sl_contract_col){
		.name = d->into,
		.type_text = text,
		.zone_name = utc ? "UTC" : d->zone_name,
		.ambiguous = d->ambiguous,
		.min = d->min,
		.max = d->max,
		.at = s->at,
	};
	if (!sl_contract_prepare(&d->limits, s->diags))
		return false;
	d->zone = d->zone_name ? d->limits.zone : NULL;
	return true;
}

static bool prepare(void *params, struct sl_rule_scope *s)
{
	struct date *d = params;
	const unsigned from = d->unit ? SL_KINDS_TEXT | 1U << SL_INT64 : SL_KINDS_TEXT;
	const struct sl_type instant = {.kind = SL_TIMESTAMP};
	bool ok;

	if (!sl_column_pair(s, d->from, from, d->into, instant, 1U << SL_DATE | 1U << SL_TIMESTAMP,
			    &d->from_col, &d->into_col))
		return false;
	ok = check_formats(d, s);
	return prepare_limits(d, s) && ok;
}

/* --- text --- */

static enum sl_time_result instant_of(const struct date *d, const struct sl_date_parts *p,
				      int64_t *ret)
{
	sl_time later;
	enum sl_time_result r =
		sl_time_from_civil(&p->civil, sl_str_of(p->offset), d->zone, ret, &later);

	if (r != SL_TIME_AMBIGUOUS || d->ambiguous == SL_AMBIGUOUS_REJECT)
		return r;
	if (d->ambiguous == SL_AMBIGUOUS_LATER)
		*ret = later;
	return SL_TIME_OK;
}

static enum sl_time_result day_of(const struct sl_date_parts *p, int64_t *ret)
{
	if (!sl_civil_valid(&p->civil))
		return SL_TIME_RANGE;
	*ret = sl_days_from_civil(p->civil.year, p->civil.month, p->civil.day);
	return SL_TIME_OK;
}

/* NULL, or why there is no value. */
static const char *read_text(const struct date *d, struct sl_str text, int64_t *ret)
{
	enum sl_time_result result = SL_TIME_SYNTAX;

	for (size_t i = 0; i < d->formats.n; i++) {
		struct sl_date_parts parts;

		if (!sl_date_format_read(d->formats.v[i], text, &parts))
			continue;
		result = d->limits.type.kind == SL_DATE ? day_of(&parts, ret)
							: instant_of(d, &parts, ret);
		if (result == SL_TIME_OK)
			return NULL;
		if (result != SL_TIME_RANGE)
			break;
	}
	return result == SL_TIME_SYNTAX ? "fits none of the formats" : sl_time_result_text(result);
}

/* --- counts since 1970 --- */

static int64_t micros_per_unit(const struct date *d)
{
	return d->unit == UNIT_S ? SL_SECOND : d->unit == UNIT_MS ? 1000 : 1;
}

static const char *in_range(const struct date *d, int64_t micros, int64_t *ret)
{
	const int64_t first = sl_days_from_civil(1, 1, 1) * SL_DAY;
	const int64_t end = sl_days_from_civil(10000, 1, 1) * SL_DAY;

	if (micros < first || micros >= end)
		return "outside the years 1 to 9999";
	*ret = micros;
	if (d->limits.type.kind == SL_DATE)
		*ret = micros / SL_DAY - (micros % SL_DAY < 0);
	return NULL;
}

static const char *read_count(const struct date *d, int64_t count, int64_t *ret)
{
	int64_t micros;

	if (__builtin_mul_overflow(count, micros_per_unit(d), &micros))
		return "outside the years 1 to 9999";
	return in_range(d, micros, ret);
}

static const char *read_count_text(const struct date *d, struct sl_str text, int64_t *ret)
{
	int64_t value;

	if (sl_num_i64(text, INT64_MIN, INT64_MAX, &value))
		return read_count(d, value, ret);
	/* Seconds with a fraction; an exponent is no count that somebody wrote. */
	if (d->unit == UNIT_S && sl_str_find(text, '.') >= 0 && sl_str_find(text, 'e') < 0 &&
	    sl_str_find(text, 'E') < 0 && sl_num_decimal(text, 18, 6, &value) == SL_DEC_OK)
		return in_range(d, value, ret);
	return d->unit == UNIT_S ? "no count of seconds" : "no whole number";
}

/* --- rows --- */

static const char *read_value(const struct date *d, const struct sl_vec *in, size_t row,
			      struct sl_vec *out)
{
	int64_t *ret = &out->u.i64[row];
	const char *why;
	int side;

	if (in->type.kind == SL_INT64)
		why = read_count(d, in->u.i64[row], ret);
	else if (d->unit)
		why = read_count_text(d, sl_str_trim(in->u.str[row]), ret);
	else
		why = read_text(d, sl_str_trim(in->u.str[row]), ret);
	if (why)
		return why;
	out->valid[row] = 1;
	side = sl_contract_side(&d->limits, out, row);
	return side == 0 ? NULL : side < 0 ? "earlier than min" : "later than max";
}

static void read_row(const struct date *d, struct sl_batch *b, size_t row)
{
	const struct sl_vec *in = &b->cols[d->from_col];
	struct sl_vec *out = &b->cols[d->into_col];
	const char *why;

	sl_value_clear(out, row);
	if (!in->valid[row] || (in->type.kind == SL_TEXT && sl_str_trim(in->u.str[row]).n == 0))
		return;
	why = read_value(d, in, row, out);
	if (!why)
		return;
	sl_value_clear(out, row);
	if (d->on_error == SL_ON_ERROR_REJECT)
		sl_batch_reject(b, row, d->from, "date", "%s", why);
}

static bool apply(const void *params, struct sl_batch *b, struct sl_err *err)
{
	const struct date *d = params;

	(void)err;
	for (size_t row = 0; row < b->rows; row++)
		if (b->state[row] == SL_ROW_KEPT)
			read_row(d, b, row);
	return true;
}

const struct sl_rule sl_rule_date = {
	.name = "date",
	.summary = "A date or time as people write it, or a count since 1970, as an exact value.",
	.example = "- date: {from: seen_text, into: seen, formats: [\"%d/%m/%Y %H:%M\", \"%d %B "
		   "%Y\"], zone: Europe/Paris}\n"
		   "- date: {from: clicked_ms, into: clicked, unit: ms, min: 2000-01-01, max: "
		   "2100-01-01}",
	.version = 1,
	.params = fields,
	.params_size = sizeof(struct date),
	.prepare = prepare,
	.apply = apply,
};
