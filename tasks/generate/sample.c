/* Drawing: from (seed, entity, version, draw) to text. Nothing here remembers anything. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "tasks/generate/profile.h"

/* Source: Steele, Lea, Flood: "Fast splittable pseudorandom number generators", mix64variant13. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

uint64_t dice(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t golden = UINT64_C(0x9E3779B97F4A7C15);

	return mix(mix(mix(mix(seed + golden) + a + golden) + b + golden) + c + golden);
}

__extension__ typedef unsigned __int128 wide;

uint64_t dice_below(uint64_t n, uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
	return (uint64_t)(((wide)dice(seed, a, b, c) * n) >> 64);
}

void sample_init(struct sample *s, const struct profile *p, uint64_t seed)
{
	*s = (struct sample){
		.p = p, .seed = seed, .values = sl_xcalloc(p->n_draws + 1, sizeof(*s->values))};
}

void sample_release(struct sample *s)
{
	sl_arena_release(&s->arena);
	free(s->values);
	s->values = NULL;
}

/* --- one draw --- */

/* One throw of one draw. */
struct thrown {
	struct sample *s;
	const struct draw *d;
	uint64_t index;	  /* of the draw */
	unsigned version; /* 0 where all versions share the value */
};

static uint64_t below(const struct thrown *t, uint64_t n, uint64_t salt)
{
	return dice_below(n, t->s->seed, t->s->entity, (uint64_t)t->version << 32 | t->index, salt);
}

static struct sl_str keep(struct sample *s, const char *text, size_t n)
{
	return sl_arena_str(&s->arena, (struct sl_str){text, n});
}

static struct sl_str number(struct sample *s, int64_t value, unsigned scale)
{
	char text[24];

	return keep(s, text, sl_num_decimal_text(value, scale, text));
}

static struct sl_str moment(struct sample *s, sl_time t)
{
	char text[32];

	return keep(s, text, sl_time_text(t, text));
}

static struct sl_str day(struct sample *s, sl_time t)
{
	char text[16];

	return keep(s, text, sl_date_text((int32_t)(t / SL_DAY), text));
}

/* A day later for each version, at another moment of the first hour or so. */
static sl_time version_time(const struct thrown *t)
{
	const struct sample *s = t->s;
	const int64_t jitter = (int64_t)dice_below(3600, s->seed, s->entity, s->version, 77);

	return t->d->base + (int64_t)s->version * SL_DAY +
	       ((int64_t)(s->entity % 79200) + jitter) * SL_SECOND;
}

static size_t weighted(const struct thrown *t)
{
	const uint64_t at = below(t, t->d->upto[t->d->n - 1], 1);
	size_t i = 0;

	while (t->d->upto[i] <= at)
		i++;
	return i;
}

static struct sl_str ranged(const struct thrown *t)
{
	const size_t i = weighted(t);
	const int64_t from = t->d->from[i];
	const uint64_t width = (uint64_t)t->d->to[i] - (uint64_t)from + 1;
	/* A width of 0 is 2^64. */
	const uint64_t more = width ? below(t, width, 2) : dice(t->s->seed, t->s->entity, 3, 3);

	return number(t->s, (int64_t)((uint64_t)from + more), t->d->scale);
}

static void add_word(const struct thrown *t, uint64_t salt, struct sl_buf *out)
{
	static const char *const syllables[] = {
		"ba",  "chê", "do", "el", "fa",	 "gué",	 "li",	"ma",  "no",   "ra", "sol", "tou",
		"val", "ven", "ça", "œu", "pré", "mont", "bre", "lac", "rive", "ny", "zur", "ter",
	};
	const uint64_t n = 2 + below(t, 2, salt);

	for (uint64_t i = 0; i < n; i++)
		sl_buf_adds(out, syllables[below(t, SL_ARRAY_LEN(syllables), salt * 8 + i + 1)]);
}

static struct sl_str words(const struct thrown *t)
{
	/* What breaks a careless reader of CSV, JSON or SQL. */
	static const char *const traps[] = {
		", ", "\"", "'", "\\", "; ", "\n", "\t", " é ", "€", "😀", "%", "{", "null",
	};
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	const uint64_t n = 1 + below(t, 3, 1);

	for (uint64_t i = 0; i < n; i++) {
		sl_buf_adds(&out, i ? " " : "");
		add_word(t, 10 + i, &out);
	}
	if (below(t, 25, 2) == 0) {
		sl_buf_adds(&out, traps[below(t, SL_ARRAY_LEN(traps), 3)]);
		add_word(t, 20, &out);
	}
	return keep(t->s, sl_buf_z(&out), out.n);
}

static struct sl_str list(const struct thrown *t)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT, word = SL_BUF_INIT;
	const uint64_t n = below(t, 5, 1);

	sl_buf_addc(&out, '[');
	for (uint64_t i = 0; i < n; i++) {
		sl_buf_adds(&out, i ? "," : "");
		sl_buf_clear(&word);
		add_word(t, 10 + i, &word);
		sl_buf_add_json(&out, sl_buf_str(&word));
	}
	sl_buf_addc(&out, ']');
	return keep(t->s, sl_buf_z(&out), out.n);
}

static struct sl_str draw(const struct thrown *t)
{
	static const sl_time year = INT64_C(1735689600) * SL_SECOND; /* 2025-01-01 */
	const struct draw *d = t->d;
	struct sample *s = t->s;

	if (d->missing && below(t, 10000, 0) < d->missing)
		return SL_STR_NULL;
	switch (d->kind) {
	case DRAW_ID:
		return number(s, d->base + (int64_t)s->entity, 0);
	case DRAW_VERSION:
		return number(s, d->base + s->version, 0);
	case DRAW_TIME:
		return moment(s, version_time(t));
	case DRAW_DAY:
		return day(s, d->base + (int64_t)s->version * SL_DAY);
	case DRAW_CHOICE:
		return sl_str_of(d->texts[weighted(t)]);
	case DRAW_NUMBER:
		return ranged(t);
	case DRAW_WORDS:
		return words(t);
	case DRAW_BOOL:
		return below(t, 2, 1) ? SL_STR("true") : SL_STR("false");
	case DRAW_DATE:
		return day(s, year + (int64_t)below(t, 365, 1) * SL_DAY);
	case DRAW_MOMENT:
		return moment(s, year + (int64_t)below(t, 365 * 86400, 1) * SL_SECOND);
	case DRAW_LIST:
		return list(t);
	}
	SL_BUG("unknown kind of draw %d", (int)d->kind);
}

void sample_draw(struct sample *s, uint64_t entity, unsigned version)
{
	sl_arena_reset(&s->arena);
	s->entity = entity;
	s->version = version;
	for (size_t i = 0; i < s->p->n_draws; i++) {
		const struct draw *d = &s->p->draws[i];
		const struct thrown t = {s, d, i, d->each ? version : 0};

		s->values[i] = draw(&t);
	}
}

/* --- templates --- */

/* Groups of three digits behind a narrow no-break space, a comma, and no ",00". */
static void add_french(struct sl_buf *out, struct sl_str value)
{
	const ptrdiff_t point = sl_str_find(value, '.');
	const size_t whole = point < 0 ? value.n : (size_t)point;
	size_t end = value.n;

	for (size_t i = 0; i < whole; i++) {
		if (i > 0 && value.p[i - 1] != '-' && (whole - i) % 3 == 0)
			sl_buf_adds(out, "\u202f");
		sl_buf_addc(out, value.p[i]);
	}
	while (end > whole && (value.p[end - 1] == '0' || value.p[end - 1] == '.'))
		end--;
	if (end <= whole)
		return;
	sl_buf_addc(out, ',');
	sl_buf_add(out, value.p + whole + 1, end - whole - 1);
}

bool sample_text(const struct sample *s, const struct template *t, struct sl_buf *out)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].draw >= 0 && !s->values[t->v[i].draw].p)
			return false;
	for (size_t i = 0; i < t->n; i++) {
		const struct piece *piece = &t->v[i];

		sl_buf_addstr(out, piece->literal);
		if (piece->draw >= 0 && piece->form == PIECE_FRENCH)
			add_french(out, s->values[piece->draw]);
		else if (piece->draw >= 0 && piece->form == PIECE_PLAIN)
			sl_buf_addstr(out, s->values[piece->draw]);
	}
	return true;
}
