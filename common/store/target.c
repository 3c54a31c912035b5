/*
 * The pipeline's own table: made from the contract, and compared with it before anything is stored.
 */
#include <stdarg.h>

#include "base/buf.h"
#include "store/sink_private.h"

static const struct sl_column hidden_cols[] = {{"_sl_input", {SL_INT64, 0, 0}},
					       {"_sl_seq", {SL_INT64, 0, 0}},
					       {"_sl_change", {SL_INT64, 0, 0}}};

static size_t n_hidden(const struct sl_sink *s)
{
	return s->latest ? 3 : 2;
}

static const struct sl_column *target_column(const struct sl_sink *s, size_t i)
{
	if (i < s->stored.n)
		return &s->stored.cols[i];
	return i < s->stored.n + n_hidden(s) ? &hidden_cols[i - s->stored.n] : NULL;
}

/* latest: its key, so that a copy reports a second row. append: what replacing an input looks for.
 */
static void add_target_index(const struct sl_sink *s, const char *table, struct sl_buf *sql)
{
	const struct sl_store *store = &s->p->store;

	if (!s->eng->unique_keys)
		return;
	sl_buf_adds(sql, s->latest ? "create unique index on " : "create index on ");
	sl_buf_adds(sql, table);
	sl_buf_adds(sql, " (");
	for (size_t i = 0; s->latest && i < store->key.n; i++) {
		sl_buf_adds(sql, i ? ", " : "");
		sl_sql_ident(sql, store->key.v[i]);
	}
	sl_buf_adds(sql, s->latest ? ");\n" : "_sl_input);\n");
}

static void add_target(const struct sl_sink *s, const char *table, struct sl_buf *sql)
{
	const struct sl_column *c;

	if (s->p->store.schema) {
		sl_buf_adds(sql, "create schema if not exists ");
		sl_sql_ident(sql, s->p->store.schema);
		sl_buf_adds(sql, ";\n");
	}
	sl_buf_addf(sql, "create table %s (", table);
	for (size_t i = 0; (c = target_column(s, i)); i++) {
		sl_buf_adds(sql, i ? ", " : "");
		sl_sink_add_column(s, sql, c);
		if (i >= s->stored.n)
			sl_buf_adds(sql, " not null");
	}
	sl_buf_adds(sql, ");\n");
}

bool sl_sink_make_table(struct sl_sink *s, const char *table, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	add_target(s, table, &sql);
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

bool sl_sink_make_index(struct sl_sink *s, const char *table, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	add_target_index(s, table, &sql);
	return sql.n == 0 || s->eng->script(s->db, sl_buf_z(&sql), err);
}

bool sl_sink_make_target(struct sl_sink *s, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	add_target(s, s->table, &sql);
	add_target_index(s, s->table, &sql);
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

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

static bool is_type(struct sl_type t, struct sl_str held)
{
	char digits[16] = "", want[64];

	if (t.kind == SL_DECIMAL)
		snprintf(digits, sizeof(digits), "(%u,%u)", t.precision, t.scale);
	for (size_t i = 0; i < 2; i++) {
		snprintf(want, sizeof(want), "%s%s", type_words[t.kind][i], digits);
		if (sl_str_eqz(held, want))
			return true;
	}
	return false;
}

struct check {
	struct sl_sink *s;
	size_t n; /* columns seen */
};

static bool fail_column(const struct sl_sink *s, struct sl_err *err, const char *fmt, ...)
	SL_PRINTF(3, 4);

static bool fail_column(const struct sl_sink *s, struct sl_err *err, const char *fmt, ...)
{
	sl_cleanup(sl_buf_release) struct sl_buf what = SL_BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	sl_buf_vaddf(&what, fmt, ap);
	va_end(ap);
	sl_err_set(err, SL_ERR_CONFIG, "table \"%s\" does not fit the contract: %s",
		   s->p->store.table, sl_buf_z(&what));
	return sl_err_hint(err, "sluice rebuild %s, or store into another table", s->p->name);
}

static bool check_column(void *ctx, const struct sl_db_col *cols, size_t n_cols,
			 const struct sl_str *cells, struct sl_err *err)
{
	struct check *check = ctx;
	const struct sl_column *want = target_column(check->s, check->n++);
	char type[32];

	(void)cols;
	(void)n_cols;
	if (!want)
		return fail_column(check->s, err, "it has a column \"" SL_STR_FMT "\" more",
				   SL_STR_ARG(cells[0]));
	if (!sl_str_eqz(cells[0], want->name))
		return fail_column(check->s, err,
				   "column %zu is \"" SL_STR_FMT "\", the contract says \"%s\"",
				   check->n, SL_STR_ARG(cells[0]), want->name);
	sl_type_text(want->type, type);
	return is_type(want->type, cells[1]) ||
	       fail_column(check->s, err, "column \"%s\" is " SL_STR_FMT ", the contract says %s",
			   want->name, SL_STR_ARG(cells[1]), type);
}

bool sl_sink_fits(struct sl_sink *s, bool *ret_exists, struct sl_err *err)
{
	struct check check = {s, 0};
	const struct sl_column *missing;

	if (!s->eng->columns(s->db, s->p->store.schema, s->p->store.name, check_column, &check,
			     err))
		return false;
	*ret_exists = check.n > 0;
	missing = *ret_exists ? target_column(s, check.n) : NULL;
	return !missing || fail_column(s, err, "it has no column \"%s\"", missing->name);
}
