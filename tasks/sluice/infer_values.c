/* What the values of one column have in common: see infer_values.h. */
#include "tasks/sluice/infer_values.h"

#include <xxhash.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

#define MOST_DISTINCT ((size_t)1 << 20) /* values of one column that are compared */
#define MOST_SCALE 4			/* more digits behind the point are no amount */

void sl_values_init(struct sl_values *v)
{
	*v = (struct sl_values){.boolean = true,
				.integer = true,
				.decimal = true,
				.real = true,
				.date = true,
				.time = true,
				.cap_seen = 1024};
	v->seen = sl_xcalloc(v->cap_seen, sizeof(*v->seen));
}

static bool note_distinct(struct sl_values *v, struct sl_str s)
{
	uint64_t hash = XXH3_64bits(s.p, s.n) | 1;

	if (2 * (v->n_seen + 1) > v->cap_seen) {
		const size_t cap = 2 * v->cap_seen;
		uint64_t *wider = sl_xcalloc(cap, sizeof(*wider));

		for (size_t i = 0; i < v->cap_seen; i++) {
			size_t at = v->seen[i] & (cap - 1);

			while (v->seen[i] && wider[at])
				at = (at + 1) & (cap - 1);
			if (v->seen[i])
				wider[at] = v->seen[i];
		}
		free(v->seen);
		v->seen = wider;
		v->cap_seen = cap;
	}
	size_t at = hash & (v->cap_seen - 1);
	for (; v->seen[at]; at = (at + 1) & (v->cap_seen - 1))
		if (v->seen[at] == hash)
			return false;
	v->seen[at] = hash;
	return ++v->n_seen < MOST_DISTINCT;
}

/* "-12.50": digits before and behind the point. False: no plain number, or one that would not come
 * out as it went in. */
static bool plain_number(struct sl_str s, unsigned *ret_whole, unsigned *ret_scale)
{
	size_t i = s.n > 0 && s.p[0] == '-', begin = i, point;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	*ret_whole = (unsigned)(i - begin);
	if (*ret_whole == 0 || (*ret_whole > 1 && s.p[begin] == '0'))
		return false;
	point = i;
	if (i < s.n && s.p[i] == '.')
		for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
			i++;
	*ret_scale = i > point ? (unsigned)(i - point - 1) : 0;
	return i == s.n && (i == point || *ret_scale > 0);
}

static void note_number(struct sl_values *v, struct sl_str s)
{
	unsigned whole, scale;
	int64_t i;
	double f;

	if (!plain_number(s, &whole, &scale)) {
		v->integer = v->decimal = false;
		/* An exponent makes a number only where there is a point: "1E5" is often a code. */
		v->real &= sl_num_f64(s, &f) && sl_str_find(s, '.') > 0 && s.p[0] != '+';
		return;
	}
	v->integer &= scale == 0 && sl_num_i64(s, INT64_MIN, INT64_MAX, &i);
	v->digits = whole > v->digits ? whole : v->digits;
	v->scale = scale > v->scale ? scale : v->scale;
	v->decimal &= whole + scale <= 18;
}

static void note_time(struct sl_values *v, struct sl_str s)
{
	const struct sl_zone *utc = NULL;
	struct sl_err none = SL_ERR_INIT;
	sl_time t;
	int32_t days;

	v->date &= sl_date_parse(s, &days);
	if (!v->time || sl_time_parse(s, NULL, &t) == SL_TIME_OK)
		return;
	v->naive = true;
	v->time = sl_zone_get("UTC", &utc, &none) && sl_time_parse(s, utc, &t) == SL_TIME_OK;
}

void sl_values_note(struct sl_values *v, struct sl_str s)
{
	if (s.n == 0)
		return;
	v->values++;
	v->boolean &= sl_str_eqz(s, "true") || sl_str_eqz(s, "false");
	if (v->integer || v->decimal || v->real)
		note_number(v, s);
	if (v->date || v->time)
		note_time(v, s);
	sl_written_note(&v->written, s);
	if (v->seen && !note_distinct(v, s)) {
		free(v->seen);
		v->seen = NULL;
	}
}

static const char *type_of(const struct sl_values *v)
{
	/* Digits that somebody wrote as text are a code, unless others wrote numbers. */
	const bool text = v->texts && !v->numbers && (v->integer || v->decimal || v->real);

	if (v->lists && !v->texts && !v->numbers && !v->others)
		return "list<text>";
	if (v->values == 0 || v->lists || v->others || text)
		return "text";
	if (v->boolean)
		return "bool";
	if (v->integer)
		return "int64";
	if (v->decimal && v->scale <= MOST_SCALE)
		return "decimal";
	if (v->real)
		return "float64";
	if (v->date)
		return "date";
	return v->time ? "timestamp" : "text";
}

bool sl_values_type(const struct sl_values *v, char ret_type[32])
{
	const char *type = type_of(v);

	if (strcmp(type, "decimal") == 0)
		snprintf(ret_type, 32, "decimal(%u,%u)", v->digits + v->scale <= 12 ? 12U : 18U,
			 v->scale);
	else
		snprintf(ret_type, 32, "%s", type);
	return v->naive && strcmp(type, "timestamp") == 0;
}

void sl_values_release(struct sl_values *v)
{
	free(v->seen);
}
