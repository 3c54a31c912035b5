/*
 * The contract at work: raw values of a record become typed values of a batch or reject their row
 * (store, called by the codecs), and kept rows are held against required, min, max and enum after
 * the rules (check). Nothing is guessed, rounded or trimmed: what does not fit is a reject.
 */
#include "data/contract.h"

#include "base/buf.h"
#include "base/num.h"

static const char *const ambiguous_choices[] = {"reject", "earlier", "later", NULL};

#define CHOICES_SHOWN 80 /* bytes of what an enum allows, in a reason */

#define F(flags) ((flags) | SL_F_IDENTITY)
const struct sl_field sl_contract_fields[] = {
	SL_F_TEXT_AS(struct sl_contract_col, "type", type_text, F(SL_F_REQUIRED), NULL,
		     "bool, int64, float64, decimal(p,s) of up to 18 digits, text, date, "
		     "timestamp or list<text>"),
	SL_F_TEXT(struct sl_contract_col, from, F(0), NULL,
		  "name in the record, by default the column's; a.b reaches into a nested object, "
		  "\"*\" is all of a JSON record that no other column reads"),
	SL_F_BOOL(struct sl_contract_col, required, F(0), "false",
		  "a row without a value is rejected"),
	SL_F_TEXT(struct sl_contract_col, min, F(0), NULL, "smallest value allowed"),
	SL_F_TEXT(struct sl_contract_col, max, F(0), NULL, "greatest value allowed"),
	SL_F_TEXTS_AS(struct sl_contract_col, "enum", choices, F(0), "the only texts allowed"),
	SL_F_TEXT_AS(struct sl_contract_col, "zone", zone_name, F(0), NULL,
		     "time zone of timestamps without an offset, such as Europe/Paris"),
	SL_F_ENUM(struct sl_contract_col, ambiguous, F(0), "reject", ambiguous_choices,
		  "what becomes of a local time that the clock change makes happen twice"),
	SL_F_END,
};
#undef F

/* --- prepare --- */

static bool prepare_type(struct sl_contract_col *c, struct sl_diags *diags)
{
	if (!c->type_text) {
		sl_diag_add(diags, SL_E1004, c->at, "column \"%s\" has no type", c->name);
		return false;
	}
	if (sl_type_parse(sl_str_of(c->type_text), &c->type))
		return true;
	sl_diag_add(diags, SL_E1005, c->at,
		    "\"%s\" is no column type (one of bool, int64, float64, "
		    "decimal(p,s) of up to 18 digits, text, date, timestamp, list<text>)",
		    c->type_text);
	return false;
}

static bool prepare_zone(struct sl_contract_col *c, struct sl_diags *diags)
{
	if (!c->zone_name) {
		if (c->ambiguous == SL_AMBIGUOUS_REJECT)
			return true;
		sl_diag_add(diags, SL_E1011, c->at,
			    "column \"%s\" has \"ambiguous\" without a \"zone\"", c->name);
		return false;
	}
	if (c->type.kind != SL_TIMESTAMP) {
		sl_diag_add(diags, SL_E1011, c->at,
			    "\"zone\" is for timestamps, column \"%s\" is %s", c->name,
			    c->type_text);
		return false;
	}
	struct sl_err err = SL_ERR_INIT;
	if (sl_zone_get(c->zone_name, &c->zone, &err))
		return true;
	sl_diag_add(diags, SL_E1008, c->at, "%s", err.msg);
	return false;
}

static bool parse_limit(const struct sl_contract_col *c, const char *text, int64_t *i, double *f)
{
	struct sl_str s = sl_str_of(text);
	int32_t days;
	switch (c->type.kind) {
	case SL_INT64:
		return sl_num_i64(s, INT64_MIN, INT64_MAX, i);
	case SL_FLOAT64:
		return sl_num_f64(s, f);
	case SL_DECIMAL:
		return sl_num_decimal(s, c->type.precision, c->type.scale, i) == SL_DEC_OK;
	case SL_DATE:
		if (!sl_date_parse(s, &days))
			return false;
		*i = days;
		return true;
	case SL_TIMESTAMP:
		return sl_time_parse(s, c->zone, i) == SL_TIME_OK;
	case SL_BOOL:
	case SL_TEXT:
	case SL_TEXT_LIST:
		return false;
	}
	SL_BUG("unknown column type %d", (int)c->type.kind);
}

static bool prepare_limit(struct sl_contract_col *c, const char *key, const char *text, bool *has,
			  int64_t *i, double *f, struct sl_diags *diags)
{
	*has = text != NULL;
	if (!text || parse_limit(c, text, i, f))
		return true;
	enum sl_kind k = c->type.kind;
	if (k == SL_BOOL || k == SL_TEXT || k == SL_TEXT_LIST)
		sl_diag_add(diags, SL_E1011, c->at,
			    "\"%s\" is for numbers and times, column \"%s\" is %s", key, c->name,
			    c->type_text);
	else
		sl_diag_add(diags, SL_E1005, c->at,
			    "\"%s\" of column \"%s\" is \"%s\", which is no %s", key, c->name, text,
			    c->type_text);
	return false;
}

static bool prepare_choices(const struct sl_contract_col *c, struct sl_diags *diags)
{
	if (c->choices.n == 0 || c->type.kind == SL_TEXT || c->type.kind == SL_TEXT_LIST)
		return true;
	sl_diag_add(diags, SL_E1011, c->at,
		    "\"enum\" is for text and list<text>, column \"%s\" is %s", c->name,
		    c->type_text);
	return false;
}

static bool prepare_order(const struct sl_contract_col *c, struct sl_diags *diags)
{
	bool wrong = c->type.kind == SL_FLOAT64 ? c->min_f > c->max_f : c->min_i > c->max_i;
	if (!c->has_min || !c->has_max || !wrong)
		return true;
	sl_diag_add(diags, SL_E1011, c->at, "\"min\" of column \"%s\" is greater than its \"max\"",
		    c->name);
	return false;
}

bool sl_contract_prepare(struct sl_contract_col *c, struct sl_diags *diags)
{
	if (!c->from)
		c->from = c->name;
	if (!prepare_type(c, diags))
		return false;
	bool ok = prepare_zone(c, diags);
	ok &= prepare_limit(c, "min", c->min, &c->has_min, &c->min_i, &c->min_f, diags);
	ok &= prepare_limit(c, "max", c->max, &c->has_max, &c->max_i, &c->max_f, diags);
	ok &= prepare_choices(c, diags);
	return ok && prepare_order(c, diags);
}

/* --- store --- */

/* What store works on: one value on its way into one place. */
struct put {
	const struct sl_contract_col *c;
	struct sl_batch *b;
	size_t row;
	struct sl_vec *v;
	const struct sl_raw *raw;
};

static bool within(struct sl_str part, const char *p)
{
	return part.p && (uintptr_t)p - (uintptr_t)part.p < part.n;
}

/* " at byte N of the record" of a byte in s; nothing when s lies in no record. */
static void reject_byte(const struct put *t, struct sl_str s, size_t bad, const char *rule,
			const char *what)
{
	if (!within(t->b->bytes, s.p)) {
		sl_batch_reject(t->b, t->row, t->c->name, rule, "%s", what);
		return;
	}
	size_t at = (size_t)(s.p - t->b->bytes.p) - t->b->pos[t->row].offset + bad;
	sl_batch_reject(t->b, t->row, t->c->name, rule, "%s: byte %zu of the record", what, at);
}

static bool text_ok(const struct put *t, struct sl_str s)
{
	if (t->b->clean && within(t->b->bytes, s.p))
		return true;
	const struct sl_str src = t->raw->src.p ? t->raw->src : s;
	size_t bad;
	if (!sl_utf8_valid(s, &bad)) {
		if (src.p != s.p)
			(void)!sl_utf8_valid(src, &bad);
		reject_byte(t, src, bad, "UTF-8", "the text is not UTF-8");
		return false;
	}
	const char *nul = s.n ? memchr(s.p, 0, s.n) : NULL;
	if (!nul)
		return true;
	/* In a copy the NUL came from an escape; only its text's place is known. */
	const char *raw_nul = src.n ? memchr(src.p, 0, src.n) : NULL;
	reject_byte(t, src, raw_nul ? (size_t)(raw_nul - src.p) : 0, "NUL", "the text holds a NUL");
	return false;
}

static bool reject_type(const struct put *t, const char *wanted)
{
	static const char *const found[] = {
		[SL_RAW_NULL] = "nothing",    [SL_RAW_TEXT] = "a text",
		[SL_RAW_NUMBER] = "a number", [SL_RAW_BOOL] = "a bool",
		[SL_RAW_LIST] = "a list",     [SL_RAW_OTHER] = "an object or list",
	};
	sl_batch_reject(t->b, t->row, t->c->name, "type", "%s is not %s", found[t->raw->kind],
			wanted);
	return false;
}

static bool is_scalar(const struct sl_raw *raw, bool number_too)
{
	return raw->kind == SL_RAW_TEXT || (number_too && raw->kind == SL_RAW_NUMBER);
}

static bool put_text(const struct put *t)
{
	if (!text_ok(t, t->raw->text))
		return false;
	t->v->u.str[t->row] = t->raw->text;
	return true;
}

static bool put_bool(const struct put *t)
{
	struct sl_str s = t->raw->text;
	bool usable = is_scalar(t->raw, true) || t->raw->kind == SL_RAW_BOOL;
	bool yes = sl_str_eqz(s, "true") || sl_str_eqz(s, "1");
	if (!usable || (!yes && !sl_str_eqz(s, "false") && !sl_str_eqz(s, "0")))
		return reject_type(t, "a bool (true, false, 1, 0)");
	t->v->u.b[t->row] = yes;
	return true;
}

static bool only_digits(struct sl_str s)
{
	size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
	for (; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static bool put_int64(const struct put *t)
{
	if (!is_scalar(t->raw, true))
		return reject_type(t, "an int64");
	if (sl_num_i64(t->raw->text, INT64_MIN, INT64_MAX, &t->v->u.i64[t->row]))
		return true;
	if (!only_digits(t->raw->text) || t->raw->text.n < 2)
		return reject_type(t, "an int64 (an optional sign and digits only)");
	sl_batch_reject(t->b, t->row, t->c->name, "type", "the number does not fit in an int64");
	return false;
}

static bool put_decimal(const struct put *t)
{
	struct sl_type type = t->v->type;
	if (!is_scalar(t->raw, true))
		return reject_type(t, "a decimal");
	switch (sl_num_decimal(t->raw->text, type.precision, type.scale, &t->v->u.i64[t->row])) {
	case SL_DEC_OK:
		return true;
	case SL_DEC_SYNTAX:
		return reject_type(t, "a decimal");
	case SL_DEC_RANGE:
		sl_batch_reject(t->b, t->row, t->c->name, "type",
				"the number has more than the %u digits of decimal(%u,%u)",
				type.precision, type.precision, type.scale);
		return false;
	case SL_DEC_SCALE:
		sl_batch_reject(t->b, t->row, t->c->name, "type",
				"the number has more than %u decimal places", type.scale);
		return false;
	}
	SL_BUG("unknown result of a decimal");
}

static bool put_float64(const struct put *t)
{
	if (is_scalar(t->raw, true) && sl_num_f64(t->raw->text, &t->v->u.f64[t->row]))
		return true;
	return reject_type(t, "a finite number");
}

static bool put_date(const struct put *t)
{
	int32_t days;
	if (!is_scalar(t->raw, false) || !sl_date_parse(t->raw->text, &days))
		return reject_type(t, "a date (YYYY-MM-DD)");
	t->v->u.i64[t->row] = days;
	return true;
}

/* The text is a local time that happened twice: read it as UTC to get its civil parts, then choose.
 */
static bool resolve_ambiguous(const struct put *t, sl_time *ret)
{
	const struct sl_zone *utc;
	struct sl_err err = SL_ERR_INIT;
	sl_time as_utc, later;
	struct sl_civil civil;
	if (t->c->ambiguous == SL_AMBIGUOUS_REJECT || !sl_zone_get("UTC", &utc, &err) ||
	    sl_time_parse(t->raw->text, utc, &as_utc) != SL_TIME_OK)
		return false;
	sl_civil_from_time(as_utc, &civil);
	if (sl_zone_to_utc(t->c->zone, &civil, ret, &later) != SL_LOCAL_AMBIGUOUS)
		return false;
	if (t->c->ambiguous == SL_AMBIGUOUS_LATER)
		*ret = later;
	return true;
}

static bool put_timestamp(const struct put *t)
{
	if (!is_scalar(t->raw, false))
		return reject_type(t, "a timestamp");
	sl_time *out = &t->v->u.i64[t->row];
	enum sl_time_result r = sl_time_parse(t->raw->text, t->c->zone, out);
	if (r == SL_TIME_OK || (r == SL_TIME_AMBIGUOUS && resolve_ambiguous(t, out)))
		return true;
	sl_batch_reject(t->b, t->row, t->c->name, "type", "not a timestamp: %s",
			sl_time_result_text(r));
	return false;
}

static bool put_list(const struct put *t)
{
	struct sl_list *out = &t->v->u.list[t->row];
	if (t->raw->kind == SL_RAW_TEXT && t->raw->text.n == 0) {
		*out = (struct sl_list){NULL, 0};
		return true;
	}
	if (t->raw->kind != SL_RAW_LIST)
		return reject_type(t, "a list of texts");
	for (size_t i = 0; i < t->raw->list.n; i++)
		if (!text_ok(t, t->raw->list.v[i]))
			return false;
	*out = t->raw->list;
	return true;
}

static bool put_value(const struct put *t)
{
	switch (t->v->type.kind) {
	case SL_BOOL:
		return put_bool(t);
	case SL_INT64:
		return put_int64(t);
	case SL_FLOAT64:
		return put_float64(t);
	case SL_DECIMAL:
		return put_decimal(t);
	case SL_TEXT:
		return put_text(t);
	case SL_DATE:
		return put_date(t);
	case SL_TIMESTAMP:
		return put_timestamp(t);
	case SL_TEXT_LIST:
		return put_list(t);
	}
	SL_BUG("unknown column type %d", (int)t->v->type.kind);
}

void sl_contract_store(const struct sl_contract_col *c, struct sl_batch *b, size_t row, size_t col,
		       const struct sl_raw *raw)
{
	struct sl_vec *v = &b->cols[col];
	if (c->computed || raw->kind == SL_RAW_NULL)
		return;
	if (raw->kind == SL_RAW_TEXT && raw->text.n == 0 && v->type.kind != SL_TEXT &&
	    v->type.kind != SL_TEXT_LIST)
		return;
	const struct put t = {c, b, row, v, raw};
	v->valid[row] = put_value(&t);
}

/* --- check --- */

static bool is_choice(const struct sl_texts *choices, struct sl_str s)
{
	/* Most choices differ in their first byte, which an empty text has not (it is NUL there).
	 */
	const char first = s.n ? s.p[0] : '\0';

	for (size_t i = 0; i < choices->n; i++)
		if (choices->v[i][0] == first && sl_str_eqz(s, choices->v[i]))
			return true;
	return false;
}

static bool choices_ok(const struct sl_contract_col *c, const struct sl_vec *v, size_t row)
{
	if (v->type.kind == SL_TEXT)
		return is_choice(&c->choices, v->u.str[row]);
	struct sl_list list = v->u.list[row];
	for (size_t i = 0; i < list.n; i++)
		if (!is_choice(&c->choices, list.v[i]))
			return false;
	return true;
}

static bool below_min(const struct sl_contract_col *c, const struct sl_vec *v, size_t row)
{
	if (!c->has_min)
		return false;
	return v->type.kind == SL_FLOAT64 ? v->u.f64[row] < c->min_f : v->u.i64[row] < c->min_i;
}

static bool above_max(const struct sl_contract_col *c, const struct sl_vec *v, size_t row)
{
	if (!c->has_max)
		return false;
	return v->type.kind == SL_FLOAT64 ? v->u.f64[row] > c->max_f : v->u.i64[row] > c->max_i;
}

int sl_contract_side(const struct sl_contract_col *c, const struct sl_vec *v, size_t row)
{
	if (below_min(c, v, row))
		return -1;
	return above_max(c, v, row);
}

/* "not one of FR, BE, CH": what is allowed stands in the pipeline file, so it may be shown. */
static void reject_choice(const struct sl_contract_col *c, struct sl_batch *b, size_t row)
{
	sl_cleanup(sl_buf_release) struct sl_buf all = SL_BUF_INIT;

	for (size_t i = 0; i < c->choices.n && all.n <= CHOICES_SHOWN; i++)
		sl_buf_addf(&all, "%s%s", i ? ", " : "", c->choices.v[i]);
	if (all.n <= CHOICES_SHOWN)
		sl_batch_reject(b, row, c->name, "enum", "not one of %s", sl_buf_z(&all));
	else
		sl_batch_reject(b, row, c->name, "enum", "not one of the %zu texts allowed",
				c->choices.n);
}

static void check_value(const struct sl_contract_col *c, struct sl_batch *b, const struct sl_vec *v,
			size_t row)
{
	if (!v->valid[row]) {
		if (c->required)
			sl_batch_reject(b, row, c->name, "required", "no value");
		return;
	}
	int side = sl_contract_side(c, v, row);
	if (side < 0)
		sl_batch_reject(b, row, c->name, "min", "less than %s", c->min);
	else if (side > 0)
		sl_batch_reject(b, row, c->name, "max", "greater than %s", c->max);
	else if (c->choices.n > 0 && !choices_ok(c, v, row))
		reject_choice(c, b, row);
}

void sl_contract_check(const struct sl_contract *c, struct sl_batch *b)
{
	for (size_t i = 0; i < c->n_stored; i++) {
		const struct sl_contract_col *col = &c->cols[i];
		if (!col->required && !col->has_min && !col->has_max && col->choices.n == 0)
			continue;
		for (size_t row = 0; row < b->rows; row++)
			if (b->state[row] == SL_ROW_KEPT)
				check_value(col, b, &b->cols[i], row);
	}
}
