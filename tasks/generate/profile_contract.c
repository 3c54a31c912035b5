/*
 * A profile from the contract alone: each column that the record has is one draw within its limits,
 * and may be spoiled in each way that its type and limits forbid. The right answers are known only
 * where no rule changes what the contract read.
 */
#include <math.h>

#include "base/mem.h"
#include "base/num.h"
#include "tasks/generate/profile.h"

#define MISSING 500				/* of 10,000, where nothing requires a value */
#define SPOILS 4				/* a column has at most */
#define BEGIN (INT64_C(1767225600) * SL_SECOND) /* 2026-01-01 */
#define VERSIONS 8				/* days that the versions of an entity may take */

struct maker {
	const struct sl_pipeline *p;
	const struct profile_limits *limits;
	struct sl_arena *arena;
	struct profile *ret;
};

static bool is_key(const struct sl_pipeline *p, size_t col)
{
	for (size_t i = 0; i < p->store.key.n; i++)
		if (p->store.key_cols[i] == col)
			return true;
	return false;
}

static bool is_version(const struct sl_pipeline *p, size_t col)
{
	return p->store.mode == SL_MODE_LATEST && p->store.version_col == (ptrdiff_t)col;
}

/* --- draws --- */

static struct draw *add_draw(const struct maker *m, const char *name, enum draw_kind kind)
{
	struct draw *d = &m->ret->draws[m->ret->n_draws++];

	*d = (struct draw){.name = name, .kind = kind, .each = true};
	return d;
}

static void one_range(const struct maker *m, struct draw *d, int64_t from, int64_t to)
{
	d->n = 1;
	d->upto = sl_arena_zalloc(m->arena, 1, sizeof(*d->upto));
	d->from = sl_arena_zalloc(m->arena, 1, sizeof(*d->from));
	d->to = sl_arena_zalloc(m->arena, 1, sizeof(*d->to));
	d->upto[0] = 1;
	d->from[0] = from;
	d->to[0] = to < from ? from : to;
}

/* The range of a column of whole units: its limits, else `width` from the limit there is, or 0. */
static void limit_range(const struct maker *m, struct draw *d, const struct sl_contract_col *c,
			int64_t width)
{
	int64_t from = c->has_min ? c->min_i : 0, to;

	if (!c->has_min && c->has_max && c->max_i < from)
		from = __builtin_sub_overflow(c->max_i, width, &from) ? INT64_MIN : from;
	if (c->has_max)
		to = c->max_i;
	else if (__builtin_add_overflow(from, width, &to))
		to = INT64_MAX;
	one_range(m, d, from, to);
}

static void draw_decimal(const struct maker *m, struct draw *d, const struct sl_contract_col *c)
{
	const unsigned room = c->type.precision, scale = c->type.scale;
	const unsigned digits = room < scale + 4 ? room : scale + 4;

	d->scale = scale;
	limit_range(m, d, c, sl_num_pow10(digits) - 1);
}

/* Eighths: exact in binary, and short as text. */
static void draw_float(const struct maker *m, struct draw *d, const struct sl_contract_col *c)
{
	const double from = c->has_min ? ceil(c->min_f) : 0;
	const double to = c->has_max ? floor(c->max_f) : from + 1000;

	d->scale = 3;
	one_range(m, d, (int64_t)(fmax(from, -1e12) * 1000), (int64_t)(fmin(to, 1e12) * 1000));
}

static void draw_choice(const struct maker *m, struct draw *d, const struct sl_texts *choices)
{
	d->kind = DRAW_CHOICE;
	d->n = choices->n;
	d->texts = choices->v;
	d->upto = sl_arena_zalloc(m->arena, d->n, sizeof(*d->upto));
	for (size_t i = 0; i < d->n; i++)
		d->upto[i] = i + 1;
}

/* Any value of the column's type within its limits. */
static void draw_any(const struct maker *m, struct draw *d, const struct sl_contract_col *c)
{
	switch (c->type.kind) {
	case SL_BOOL:
		d->kind = DRAW_BOOL;
		break;
	case SL_INT64:
		d->kind = DRAW_NUMBER;
		limit_range(m, d, c, 9999);
		break;
	case SL_FLOAT64:
		d->kind = DRAW_NUMBER;
		draw_float(m, d, c);
		break;
	case SL_DECIMAL:
		d->kind = DRAW_NUMBER;
		draw_decimal(m, d, c);
		break;
	case SL_TEXT:
		d->kind = DRAW_WORDS;
		if (c->choices.n)
			draw_choice(m, d, &c->choices);
		break;
	case SL_DATE:
		d->kind = c->has_min || c->has_max ? DRAW_DAY : DRAW_DATE;
		d->base = (c->has_min ? c->min_i : c->max_i - VERSIONS) * SL_DAY;
		break;
	case SL_TIMESTAMP:
		d->kind = c->has_min || c->has_max ? DRAW_TIME : DRAW_MOMENT;
		d->base = c->has_min ? c->min_i : c->max_i - VERSIONS * SL_DAY;
		break;
	case SL_TEXT_LIST:
		d->kind = DRAW_LIST;
		d->missing = m->limits->lists && c->choices.n == 0 ? 0 : 10000;
		break;
	}
}

/* Differs for every entity; false: the column's type or limits have no room for so many. */
static bool draw_id(const struct maker *m, struct draw *d, const struct sl_contract_col *c)
{
	const int64_t unit = c->type.kind == SL_DECIMAL ? sl_num_pow10(c->type.scale) : 1;
	int64_t most = INT64_MAX;

	if ((c->type.kind != SL_INT64 && c->type.kind != SL_TEXT && c->type.kind != SL_DECIMAL) ||
	    c->choices.n)
		return false;
	if (c->type.kind == SL_DECIMAL)
		most = (sl_num_pow10(c->type.precision) - 1) / unit;
	d->base = c->has_min ? c->min_i / unit + (c->min_i % unit > 0) : 1;
	if (c->has_max && c->max_i / unit < most)
		most = c->max_i / unit;
	d->kind = DRAW_ID;
	return d->base <= most && m->limits->entities <= (uint64_t)most - (uint64_t)d->base + 1;
}

/* Grows with the version. */
static void draw_version(const struct maker *m, struct draw *d, const struct sl_contract_col *c)
{
	switch (c->type.kind) {
	case SL_TIMESTAMP:
		d->kind = DRAW_TIME;
		d->base = c->has_min ? c->min_i : BEGIN;
		if (c->has_max && d->base > c->max_i - VERSIONS * SL_DAY)
			d->base = c->max_i - VERSIONS * SL_DAY;
		break;
	case SL_DATE:
		d->kind = DRAW_DAY;
		d->base = c->has_min ? c->min_i * SL_DAY : BEGIN;
		break;
	case SL_INT64:
	case SL_DECIMAL:
	case SL_TEXT:
	case SL_FLOAT64:
		d->kind = DRAW_VERSION;
		d->base = c->has_min && c->type.kind == SL_INT64 ? c->min_i : 1;
		break;
	case SL_BOOL:
	case SL_TEXT_LIST:
		draw_any(m, d, c);
		m->ret->versioned = false;
		break;
	}
}

/* --- spoiling --- */

static void add_spoil(const struct maker *m, size_t field, const char *column, const char *text,
		      const char *rule)
{
	m->ret->spoils[m->ret->n_spoils++] = (struct spoil){field, text, column, rule};
}

static const char *const wrong_texts[] = {
	[SL_BOOL] = "maybe",	  [SL_INT64] = "12,5",	    [SL_FLOAT64] = "1.5.2",
	[SL_DECIMAL] = "12,50 €", [SL_DATE] = "2026-02-30", [SL_TIMESTAMP] = "yesterday",
};

static const char *beyond(const struct maker *m, const struct sl_contract_col *c, int64_t limit,
			  int64_t step)
{
	int64_t value;
	char text[24];

	if (__builtin_add_overflow(limit, step, &value))
		return NULL;
	if (c->type.kind == SL_DECIMAL &&
	    (value >= sl_num_pow10(c->type.precision) || -value >= sl_num_pow10(c->type.precision)))
		return NULL;
	sl_num_decimal_text(value, c->type.scale, text);
	return sl_arena_strdup(m->arena, text);
}

static void add_spoils(const struct maker *m, size_t field, const struct sl_contract_col *c)
{
	const bool whole = c->type.kind == SL_INT64 || c->type.kind == SL_DECIMAL;
	const char *text;

	if (c->required)
		add_spoil(m, field, c->name, NULL, "required");
	if (c->type.kind != SL_TEXT && c->type.kind != SL_TEXT_LIST)
		add_spoil(m, field, c->name, wrong_texts[c->type.kind], "type");
	if (c->type.kind == SL_TEXT && c->choices.n)
		add_spoil(m, field, c->name, "none of these", "enum");
	if (whole && c->has_min && (text = beyond(m, c, c->min_i, -1)))
		add_spoil(m, field, c->name, text, "min");
	if (whole && c->has_max && (text = beyond(m, c, c->max_i, 1)))
		add_spoil(m, field, c->name, text, "max");
}

/* --- columns --- */

static struct template text_of(const struct maker *m, ptrdiff_t draw, const char *before)
{
	struct template t = {sl_arena_zalloc(m->arena, 1, sizeof(*t.v)), 1};

	t.v[0] = (struct piece){sl_str_of(before), draw, PIECE_PLAIN};
	return t;
}

static bool is_bare(enum sl_kind kind)
{
	return kind == SL_BOOL || kind == SL_INT64 || kind == SL_FLOAT64 || kind == SL_DECIMAL ||
	       kind == SL_TEXT_LIST;
}

/* Another column that reads the same field of the record; or -1. */
static ptrdiff_t find_field(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->n_fields; i++)
		if (strcmp(p->fields[i].name, name) == 0)
			return (ptrdiff_t)i;
	return -1;
}

static void expect(const struct maker *m, size_t col, struct template t)
{
	if (col < m->p->contract.n_stored)
		m->ret->expected[m->ret->n_expected++] = (struct expectation){col, t, false};
}

/* How a column's values come about; *unique: an entity has its own. */
static struct draw *choose_draw(const struct maker *m, size_t col, bool *unique)
{
	const struct sl_contract_col *c = &m->p->contract.cols[col];
	struct draw *d = add_draw(m, c->name, DRAW_WORDS);

	if (is_version(m->p, col)) {
		draw_version(m, d, c);
		return d;
	}
	if (is_key(m->p, col)) {
		d->each = false;
		if (!*unique && draw_id(m, d, c)) {
			*unique = true;
			return d;
		}
	}
	if (!c->required)
		d->missing = MISSING;
	draw_any(m, d, c);
	return d;
}

static void add_column(const struct maker *m, size_t col, bool *unique)
{
	const struct sl_contract_col *c = &m->p->contract.cols[col];
	struct profile *ret = m->ret;
	const ptrdiff_t same = find_field(ret, c->from);

	if (same >= 0) {
		expect(m, col, ret->fields[same].items[0]);
		return;
	}

	const struct draw *d = choose_draw(m, col, unique);
	const bool named = d->kind == DRAW_ID && c->type.kind == SL_TEXT;
	struct template *t = sl_arena_zalloc(m->arena, 1, sizeof(*t));

	*t = text_of(m, (ptrdiff_t)ret->n_draws - 1, named ? "k" : "");
	ret->fields[ret->n_fields] = (struct record_field){
		.name = c->from, .items = t, .n = 1, .bare = is_bare(c->type.kind)};
	if (col < m->p->contract.n_stored)
		add_spoils(m, ret->n_fields, c);
	ret->n_fields++;
	expect(m, col, *t);
}

/* Nothing is made up for it. */
static bool is_rest(const struct sl_contract_col *c)
{
	return strcmp(c->from, SL_REST) == 0;
}

static bool is_nested(const struct sl_contract_col *c)
{
	return strchr(c->from, '.') != NULL;
}

static bool fail_nested(const struct sl_contract_col *c, struct sl_err *err)
{
	sl_err_set(err, SL_ERR_CONFIG, "column \"%s\" is required and lies in a nested object (%s)",
		   c->name, c->from);
	return sl_err_hint(err, "say in generate.yaml what its records look like");
}

bool profile_from_contract(const struct sl_pipeline *p, const struct profile_limits *limits,
			   struct sl_arena *arena, struct profile *ret, struct sl_err *err)
{
	const struct maker m = {p, limits, arena, ret};
	const size_t n = p->contract.n;
	bool unique = false;

	*ret = (struct profile){
		.draws = sl_arena_zalloc(arena, n + 1, sizeof(*ret->draws)),
		.fields = sl_arena_zalloc(arena, n + 1, sizeof(*ret->fields)),
		.expected = sl_arena_zalloc(arena, n + 1, sizeof(*ret->expected)),
		.spoils = sl_arena_zalloc(arena, n * SPOILS + 1, sizeof(*ret->spoils)),
		.keyed = p->store.mode == SL_MODE_LATEST,
		.versioned = p->store.version_col >= 0,
		.answers = p->n_rules == 0,
	};
	for (size_t i = 0; i < n; i++) {
		const struct sl_contract_col *c = &p->contract.cols[i];

		if (c->computed || is_rest(c))
			continue;
		if (!is_nested(c))
			add_column(&m, i, &unique);
		else if (c->required)
			return fail_nested(c, err);
	}
	if (!ret->keyed || unique)
		return true;
	sl_err_set(err, SL_ERR_CONFIG, "no column of the key can hold %" PRIu64 " different values",
		   limits->entities);
	return sl_err_hint(err, "one of them must be an int64, decimal or text without a list of "
				"choices, within limits that leave room");
}
