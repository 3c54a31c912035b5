/*
 * The sql source's statements: see sql_ask.h. The comparison with the row before is spelled out,
 * because engines differ in how they compare rows, and because a key that is NULL must be seen
 * (and refused), not skipped.
 */
#include "tasks/collect/sql_ask.h"

#include "base/clock.h"
#include "base/num.h"

#define PARAMS_MAX 64

/* A statement under way. */
struct ask {
	struct sl_buf sql;
	struct sl_arena *arena;
	struct sl_sql_ask out;
};

static struct ask begin(struct sl_arena *arena)
{
	struct ask a = {.arena = arena};

	a.out.params = sl_arena_zalloc(arena, PARAMS_MAX, sizeof(*a.out.params));
	return a;
}

static struct sl_sql_ask end(struct ask *a)
{
	a->out.sql = sl_arena_strdup(a->arena, sl_buf_z(&a->sql));
	sl_buf_release(&a->sql);
	return a->out;
}

/* "name op $n" */
static void compare(struct ask *a, const char *name, const char *op, const char *value)
{
	SL_ASSERT(a->out.n_params < PARAMS_MAX);
	a->out.params[a->out.n_params++] = value;
	sl_sql_ident(&a->sql, name);
	sl_buf_addf(&a->sql, " %s $%zu", op, a->out.n_params);
}

static void from_query(struct ask *a, const struct sl_sql_params *p)
{
	sl_buf_addf(&a->sql, " from (%s\n) as q", p->body);
}

static void order(struct ask *a, const struct sl_sql_params *p, size_t limit)
{
	const char *before = " order by ";

	if (p->watermark) {
		sl_buf_adds(&a->sql, before);
		sl_sql_ident(&a->sql, p->watermark);
		before = ", ";
	}
	for (size_t i = 0; i < p->key.n; i++, before = ", ") {
		sl_buf_adds(&a->sql, before);
		sl_sql_ident(&a->sql, p->key.v[i]);
	}
	if (limit)
		sl_buf_addf(&a->sql, " limit %zu", limit);
}

/* Behind the keys of a row, or a key that is NULL: (K1 is null or K1 > a or (K1 = a and (…))) */
static void behind_keys(struct ask *a, const struct sl_sql_params *p, const char *const *keys)
{
	for (size_t i = 0; i < p->key.n; i++) {
		sl_buf_adds(&a->sql, i ? " and (" : "(");
		sl_sql_ident(&a->sql, p->key.v[i]);
		sl_buf_adds(&a->sql, " is null or ");
		compare(a, p->key.v[i], ">", keys[i]);
		if (i + 1 == p->key.n)
			break;
		sl_buf_adds(&a->sql, " or (");
		compare(a, p->key.v[i], "=", keys[i]);
	}
	for (size_t i = 0; i < p->key.n; i++)
		sl_buf_adds(&a->sql, i ? "))" : ")");
}

/* The first comparison alone would do; the second one lets an index on the watermark be used. */
static void behind_row(struct ask *a, const struct sl_sql_params *p, const char *const *values)
{
	compare(a, p->watermark, ">=", values[0]);
	sl_buf_adds(&a->sql, " and (");
	compare(a, p->watermark, ">", values[0]);
	sl_buf_adds(&a->sql, " or ");
	behind_keys(a, p, values + 1);
	sl_buf_adds(&a->sql, ") and ");
}

/* A date's text is a time's begin. */
static bool read_time(const char *text, sl_time *ret)
{
	const struct sl_str s = sl_str_of(text);
	int32_t days;

	if (sl_date_parse(s, &days)) {
		*ret = days * SL_DAY;
		return true;
	}
	return sl_time_parse(s, NULL, ret) == SL_TIME_OK;
}

/* from - lag as text. */
static bool step_back(const struct sl_sql_params *p, const char *from, struct sl_arena *arena,
		      const char **ret, struct sl_err *err)
{
	char text[32];
	int64_t value;

	*ret = from;
	if (p->back.value == 0)
		return true;
	if (p->back.is_time ? !read_time(from, &value)
			    : !sl_num_i64(sl_str_of(from), INT64_MIN, INT64_MAX, &value)) {
		sl_err_set(err, SL_ERR_CONFIG,
			   "lag \"%s\" cannot be taken from the watermark \"%s\"", p->lag, from);
		return sl_err_hint(err, "a time's lag is a duration, an integer's lag a number");
	}
	value = sl_lag_from(&p->back, value);
	if (p->back.is_time)
		sl_time_text(value, text);
	else
		snprintf(text, sizeof(text), "%" PRId64, value);
	*ret = sl_arena_strdup(arena, text);
	return true;
}

struct sl_sql_ask sl_sql_ask_end(const struct sl_sql_params *p, const char *from,
				 struct sl_arena *arena)
{
	struct ask a = begin(arena);

	sl_buf_adds(&a.sql, "select max(");
	sl_sql_ident(&a.sql, p->watermark);
	sl_buf_adds(&a.sql, ") as watermark");
	from_query(&a, p);
	if (from) {
		sl_buf_adds(&a.sql, " where ");
		compare(&a, p->watermark, ">", from);
	}
	return end(&a);
}

bool sl_sql_ask_rows(const struct sl_sql_params *p, const char *from, const char *to,
		     const char *at, size_t limit, struct sl_arena *arena, struct sl_sql_ask *ret,
		     struct sl_err *err)
{
	struct ask a = begin(arena);
	const char **values = NULL;
	const char *begins = from;

	if ((at && !sl_rows_split(at, 1 + p->key.n, arena, &values, err)) ||
	    (from && !step_back(p, from, arena, &begins, err)))
		return false;
	sl_buf_adds(&a.sql, "select *");
	from_query(&a, p);
	sl_buf_adds(&a.sql, " where ");
	if (at) {
		behind_row(&a, p, values);
	} else if (from) {
		compare(&a, p->watermark, ">", begins);
		sl_buf_adds(&a.sql, " and ");
	}
	compare(&a, p->watermark, "<=", to);
	order(&a, p, limit);
	*ret = end(&a);
	return true;
}

struct sl_sql_ask sl_sql_ask_whole(const struct sl_sql_params *p, size_t limit,
				   struct sl_arena *arena)
{
	struct ask a = begin(arena);

	sl_buf_adds(&a.sql, "select *");
	from_query(&a, p);
	order(&a, p, limit);
	return end(&a);
}

const char *sl_sql_asks(const struct sl_sql_params *p, struct sl_arena *arena)
{
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;

	sl_buf_addf(&b, "%s\n%s\n%s\n", p->body, p->watermark, p->lag ? p->lag : "");
	for (size_t i = 0; i < p->key.n; i++)
		sl_buf_addf(&b, "%s\n", p->key.v[i]);
	for (size_t i = 0; i < p->json.n; i++)
		sl_buf_addf(&b, "json %s\n", p->json.v[i]);
	return sl_arena_strdup(arena, sl_buf_z(&b));
}
