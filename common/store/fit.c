/*
 * The contract against an existing table, and what store.evolve says of the difference:
 *
 *	fail	SL_ERR_CONFIG, whatever the difference is
 *	add	columns that the table lacks are added, types become wider: the DDL of a fit
 *	ignore	the table stays; values of columns that it lacks are not stored
 *	reject	the table stays; rows with such values are rejects (store/switch_copy.c)
 *
 * Columns that the contract no longer has stay, and are NULL in every row that is written from then
 * on. What cannot be kept (another type, a key or a hidden column that is gone) is SL_ERR_CONFIG.
 */
#include <stdarg.h>

#include "base/num.h"
#include "store/sink_private.h"

/* What the engines' catalogues call a type, on one or the other. */
static const char *const type_words[][2] = {
	[SL_BOOL] = {"boolean", "boolean"},
	[SL_INT64] = {"bigint", "bigint"},
	[SL_FLOAT64] = {"double precision", "double"},
	[SL_DECIMAL] = {"numeric", "decimal"},
	[SL_TEXT] = {"text", "varchar"},
	[SL_DATE] = {"date", "date"},
	[SL_TIMESTAMP] = {"timestamp with time zone", "timestamp with time zone"},
	[SL_TEXT_LIST] = {"text[]", "varchar[]"},
};

static bool is_word(enum sl_kind kind, struct sl_str word)
{
	return sl_str_eqz(word, type_words[kind][0]) || sl_str_eqz(word, type_words[kind][1]);
}

/* "decimal(12,2)" of a catalogue; false: none. */
static bool read_decimal(struct sl_str held, struct sl_type *ret)
{
	struct sl_str rest = held, word, precision;
	uint64_t p, s;

	if (!sl_str_ends(held, ")") || !sl_str_next(&rest, '(', &word) ||
	    !is_word(SL_DECIMAL, word) || !sl_str_next(&rest, ',', &precision) ||
	    !sl_num_u64(precision, 1000, &p) ||
	    !sl_num_u64(sl_str_sub(rest, 0, rest.n - 1), 1000, &s))
		return false;
	*ret = (struct sl_type){SL_DECIMAL, (uint8_t)p, (uint8_t)s};
	return p <= UINT8_MAX && s <= p;
}

static bool is_type(struct sl_type want, struct sl_str held)
{
	struct sl_type t;

	if (want.kind != SL_DECIMAL)
		return is_word(want.kind, held);
	return read_decimal(held, &t) && t.precision == want.precision && t.scale == want.scale;
}

/* Every value that a column of type held has is one of type want, and looks the same as text on
 * every engine. */
static bool is_wider(struct sl_type want, struct sl_str held)
{
	struct sl_type t;
	const bool decimal = read_decimal(held, &t);

	if (want.kind == SL_DECIMAL)
		return decimal && want.scale >= t.scale &&
		       want.precision - want.scale >= t.precision - t.scale;
	return want.kind == SL_TEXT && (decimal || is_word(SL_INT64, held) ||
					is_word(SL_BOOL, held) || is_word(SL_DATE, held));
}

static bool fail(const struct sl_sink *s, struct sl_err *err, const char *fmt, ...) SL_PRINTF(3, 4);

static bool fail(const struct sl_sink *s, struct sl_err *err, const char *fmt, ...)
{
	sl_cleanup(sl_buf_release) struct sl_buf what = SL_BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	sl_buf_vaddf(&what, fmt, ap);
	va_end(ap);
	sl_err_set(err, SL_ERR_CONFIG, "table \"%s\" does not fit the contract: %s",
		   s->p->store.table, sl_buf_z(&what));
	return sl_err_hint(
		err,
		"sluice rebuild %s; for new or wider columns \"evolve: add\" in store does, too",
		s->p->name);
}

/* --- looking --- */

struct look {
	struct sl_sink *s;
	struct sl_fit *fit;
	size_t seen;
};

static void add_name(struct sl_sink *s, struct sl_texts *list, struct sl_str name)
{
	const char **v = sl_arena_zalloc(&s->arena, list->n + 1, sizeof(*v));

	if (list->n)
		memcpy(v, list->v, list->n * sizeof(*v));
	v[list->n] = sl_arena_str(&s->arena, name).p;
	list->v = v;
	list->n++;
}

static const struct sl_column *find_column(const struct sl_sink *s, struct sl_str name,
					   size_t *ret_i)
{
	const struct sl_column *c;

	for (*ret_i = 0; (c = sl_sink_target_column(s, *ret_i)); (*ret_i)++)
		if (sl_str_eqz(name, c->name))
			return c;
	return NULL;
}

static bool see_column(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		       const struct sl_str *cells, struct sl_err *err)
{
	struct look *look = ctx;
	struct sl_fit *fit = look->fit;
	const struct sl_column *want;
	char type[32];
	size_t i;

	(void)cols;
	(void)n_cols;
	fit->exists = true;
	want = find_column(look->s, cells[0], &i);
	fit->in_order = fit->in_order && i == look->seen++;
	if (!want) {
		add_name(look->s, &fit->lost, cells[0]);
		return true;
	}
	fit->has[i] = true;
	fit->widen[i] = !is_type(want->type, cells[1]) && is_wider(want->type, cells[1]);
	if (fit->widen[i] || is_type(want->type, cells[1]))
		return true;
	sl_type_text(want->type, type);
	return fail(look->s, err, "column \"%s\" is " SL_STR_FMT ", the contract says %s",
		    want->name, SL_STR_ARG(cells[1]), type);
}

bool sl_sink_look(struct sl_sink *s, struct sl_fit *ret, struct sl_err *err)
{
	const size_t n = s->contract.n + 4;
	struct look look = {.s = s, .fit = ret};

	*ret = (struct sl_fit){.in_order = true};
	ret->has = sl_arena_zalloc(&s->arena, n, sizeof(*ret->has));
	ret->widen = sl_arena_zalloc(&s->arena, n, sizeof(*ret->widen));
	return s->eng->columns(s->db, s->p->store.schema, s->p->store.name, see_column, &look, err);
}

/* The first column that the table lacks, has too narrow, or has more; NULL: none. */
bool sl_fit_is_exact(const struct sl_sink *s, const struct sl_fit *fit)
{
	const struct sl_column *c;

	for (size_t i = 0; (c = sl_sink_target_column(s, i)); i++)
		if (!fit->has[i] || fit->widen[i])
			return false;
	return fit->exists && !fit->lost.n;
}

/* --- judging --- */

static bool is_needed(const struct sl_sink *s, size_t i, const struct sl_column *c)
{
	const struct sl_store *store = &s->p->store;

	return i >= s->contract.n || (store->version && strcmp(store->version, c->name) == 0) ||
	       sl_latest_is_key(s, c->name);
}

static bool judge_column(const struct sl_sink *s, const struct sl_fit *fit, size_t i, bool changed,
			 struct sl_err *err)
{
	const struct sl_column *c = sl_sink_target_column(s, i);
	const int evolve = s->p->store.evolve;
	char type[32];

	/* With the rules that it was made by, the table lost it by other hands than ours. */
	if (!fit->has[i] && (evolve == SL_EVOLVE_FAIL || is_needed(s, i, c) ||
			     (evolve == SL_EVOLVE_ADD && !changed)))
		return fail(s, err, "it has no column \"%s\"", c->name);
	if (!fit->widen[i] || evolve == SL_EVOLVE_ADD)
		return true;
	sl_type_text(c->type, type);
	return fail(s, err, "column \"%s\" is narrower than %s, which the contract says", c->name,
		    type);
}

bool sl_fit_judge(const struct sl_sink *s, const struct sl_fit *fit, bool changed,
		  struct sl_err *err)
{
	if (!fit->exists)
		return true;
	for (size_t i = 0; sl_sink_target_column(s, i); i++)
		if (!judge_column(s, fit, i, changed, err))
			return false;
	return !fit->lost.n || s->p->store.evolve != SL_EVOLVE_FAIL ||
	       fail(s, err, "it has a column \"%s\" more", fit->lost.v[0]);
}

/* --- what follows --- */

void sl_fit_add_ddl(const struct sl_sink *s, const struct sl_fit *fit, struct sl_buf *sql)
{
	const struct sl_column *c;
	char type[32];

	if (!fit->exists) {
		sl_sink_add_target(s, sql);
		return;
	}
	for (size_t i = 0; s->p->store.evolve == SL_EVOLVE_ADD && i < s->contract.n; i++) {
		c = &s->contract.cols[i];
		if (!fit->has[i]) {
			sl_buf_addf(sql, "alter table %s add column if not exists ", s->table);
			sl_sink_add_column(s, sql, c);
			sl_buf_adds(sql, ";\n");
		}
		if (fit->widen[i]) {
			s->eng->type_name(c->type, type);
			sl_buf_addf(sql, "alter table %s alter column ", s->table);
			sl_sql_ident(sql, c->name);
			sl_buf_addf(sql, " type %s;\n", type);
		}
	}
}

/* Columns that are written: the contract's, but for those that the table lacks for good. */
void sl_fit_follow(struct sl_sink *s, const struct sl_fit *fit)
{
	struct sl_column *cols = sl_arena_zalloc(&s->arena, s->contract.n + 1, sizeof(*cols));
	const int evolve = s->p->store.evolve;
	size_t n = 0;

	s->by_name = fit->exists && (!sl_fit_is_exact(s, fit) || !fit->in_order);
	s->lost = fit->lost;
	s->lacking = (struct sl_texts){0};
	for (size_t i = 0; i < s->contract.n; i++) {
		if (fit->exists && !fit->has[i] && evolve != SL_EVOLVE_ADD) {
			add_name(s, &s->lacking, sl_str_of(s->contract.cols[i].name));
			s->lacks = sl_arena_printf(&s->arena, "%s%s%s", s->lacks ? s->lacks : "",
						   s->lacks ? ", " : "", s->contract.cols[i].name);
			continue;
		}
		s->column_of[n] = i;
		cols[n++] = s->contract.cols[i];
	}
	s->stored = (struct sl_schema){cols, n, n};
	s->out_cols = sl_arena_zalloc(&s->arena, n + 1, sizeof(*s->out_cols));
}

const struct sl_batch *sl_sink_out(struct sl_sink *s)
{
	if (!s->lacking.n)
		return &s->rows;
	s->out = s->rows;
	s->out.cols = s->out_cols;
	for (size_t i = 0; i < s->stored.n; i++)
		s->out_cols[i] = s->rows.cols[s->column_of[i]];
	return &s->out;
}
