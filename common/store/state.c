/*
 * Makes the tables: the state tables in schema "sluice", and the pipeline's own. A column list is
 * written once and serves CREATE TABLE on every engine, and copying. Two stores that start at once
 * both succeed, because only one at a time may make tables.
 */
#include <stdarg.h>

#include "base/buf.h"
#include "base/num.h"
#include "store/sink_private.h"

/* Raised when a table comes (it is made where it is missing) or changes (then make_state takes a
 * step more). */
#define STATE_FORMAT 2

#define TEXT {SL_TEXT, 0, 0}
#define INT {SL_INT64, 0, 0}
#define REAL {SL_FLOAT64, 0, 0}
#define TIME {SL_TIMESTAMP, 0, 0}

static const struct sl_column format_cols[] = {{"version", INT}};

static const struct sl_column pipeline_cols[] = {
	{"pipeline", TEXT}, {"rev", TEXT},    /* rules in force */
	{"era", INT},			      /* random, drawn anew when rev changes */
	{"shape", TEXT},    {"changes", INT}, /* last change number given out */
	{"target", TEXT},
};

static const struct sl_column applied_cols[] = {
	{"pipeline", TEXT}, {"source", TEXT}, {"source_index", INT}, {"name", TEXT},
	{"edition", INT},   {"place", INT},   {"rev", TEXT},	     {"n_in", INT},
	{"ok", INT},	    {"bad", INT},     {"dup", INT},	     {"filtered", INT},
};

static const struct sl_column reject_cols[] = {
	{"pipeline", TEXT},   {"source", TEXT},	    {"name", TEXT},  {"entry", INT},
	{"edition", INT},     {"rev", TEXT},	    {"chunk", TEXT}, {"part", INT},
	{"byte_offset", INT}, {"byte_length", INT}, {"field", TEXT}, {"rule", TEXT},
	{"reason", TEXT},     {"excerpt", TEXT},
};

static const struct sl_column entry_cols[] = {
	{"pipeline", TEXT}, {"source", TEXT},	{"entry", INT},	   {"run", TEXT},
	{"rev", TEXT},	    {"state", TEXT},	{"n_in", INT},	   {"ok", INT},
	{"bad", INT},	    {"dup", INT},	{"filtered", INT}, {"inserted", INT},
	{"updated", INT},   {"unchanged", INT}, {"stale", INT},	   {"superseded", INT},
	{"written", INT},
};

static const struct sl_column origin_cols[] = {
	{"pipeline", TEXT}, {"source", TEXT}, {"entry", INT}, {"digest", TEXT}};

static const struct sl_column stage_run_cols[] = {
	{"id", TEXT},	      {"pipeline", TEXT},  {"stage", TEXT},    {"source", TEXT},
	{"run", TEXT},	      {"partition", INT},  {"started", TIME},  {"finished", TIME},
	{"seconds", REAL},    {"peak_kib", INT},   {"exit", INT},      {"kind", TEXT},
	{"error", TEXT},      {"host", TEXT},	   {"dag_id", TEXT},   {"task_id", TEXT},
	{"dag_run_id", TEXT}, {"try_number", INT}, {"map_index", INT}, {"entries", INT},
	{"n_in", INT},	      {"kept", INT},	   {"dup", INT},       {"filtered", INT},
	{"rejected", INT},    {"inserted", INT},   {"updated", INT},   {"unchanged", INT},
	{"stale", INT},	      {"superseded", INT}, {"written", INT},   {"pending", INT},
};

#define TABLE(cols) cols, SL_ARRAY_LEN(cols)

const struct sl_state_table sl_state_applied = {"sluice.applied", TABLE(applied_cols), true,
						"pipeline, input", NULL};
const struct sl_state_table sl_state_reject = {"sluice.reject", TABLE(reject_cols), true, NULL,
					       "pipeline, input"};

static const struct sl_state_table other_tables[] = {
	{"sluice.format", TABLE(format_cols), false, NULL, NULL},
	{"sluice.pipeline", TABLE(pipeline_cols), false, "pipeline", NULL},
	{"sluice.entry", TABLE(entry_cols), false, "pipeline, source, entry", NULL},
	{"sluice.origin", TABLE(origin_cols), false, "pipeline, source", NULL},
	{"sluice.stage_run", TABLE(stage_run_cols), false, "pipeline, run, id", NULL},
};

static void add_column(const struct sl_sink *s, struct sl_buf *sql, const struct sl_column *c)
{
	char type[32];

	s->eng->type_name(c->type, type);
	sl_sql_ident(sql, c->name);
	sl_buf_addf(sql, " %s", type);
}

static void add_state_table(const struct sl_sink *s, struct sl_buf *sql,
			    const struct sl_state_table *t)
{
	sl_buf_addf(sql, "create table if not exists %s (", t->name);
	for (size_t i = 0; i < t->n; i++) {
		sl_buf_adds(sql, i ? ", " : "");
		add_column(s, sql, &t->cols[i]);
	}
	sl_buf_addf(sql, "%s);\n", t->copied ? ", input bigint, seq bigint" : "");
	if (!s->eng->unique_keys)
		return;
	const char *name = strchr(t->name, '.') + 1;
	if (t->unique)
		sl_buf_addf(sql, "create unique index if not exists %s_key on %s (%s);\n", name,
			    t->name, t->unique);
	if (t->index)
		sl_buf_addf(sql, "create index if not exists %s_input on %s (%s);\n", name, t->name,
			    t->index);
}

static bool make_state(struct sl_sink *s, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	sl_buf_adds(&sql, "create schema if not exists sluice;\n");
	for (size_t i = 0; i < SL_ARRAY_LEN(other_tables); i++)
		add_state_table(s, &sql, &other_tables[i]);
	add_state_table(s, &sql, &sl_state_applied);
	add_state_table(s, &sql, &sl_state_reject);
	sl_buf_addf(&sql, "delete from sluice.format;\ninsert into sluice.format values (%d);\n",
		    STATE_FORMAT);
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

/* Called by state_format: is there a state at all? */
static const char has_state_sql[] = "select 1 from information_schema.tables "
				    "where table_schema = 'sluice' and table_name = 'format'";

bool sl_sink_format(struct sl_sink *s, int64_t *ret, struct sl_err *err)
{
	struct sl_str cell;
	bool found;

	*ret = 0;
	if (!sl_sink_row(s, has_state_sql, NULL, 0, &s->arena, &cell, 1, &found, err))
		return false;
	if (!found)
		return true;
	if (!sl_sink_row(s, "select version from sluice.format", NULL, 0, &s->arena, &cell, 1,
			 &found, err))
		return false;
	if (!found || !sl_num_i64(cell, 1, INT64_MAX, ret))
		return sl_err_set(err, SL_ERR_CONFIG, "table sluice.format is damaged");
	return *ret <= STATE_FORMAT ||
	       sl_err_set(err, SL_ERR_CONFIG,
			  "the state tables were made by a newer program (format %" PRId64
			  ", this one knows %d)",
			  *ret, STATE_FORMAT);
}

/* --- the target --- */

static const struct sl_column hidden_cols[] = {
	{"_sl_input", INT}, {"_sl_seq", INT}, {"_sl_change", INT}};

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
		add_column(s, sql, c);
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

static bool make_target(struct sl_sink *s, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	add_target(s, s->table, &sql);
	add_target_index(s, s->table, &sql);
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

/* What information_schema.columns calls a type, on one engine or the other. */
static const char *const type_words[][2] = {
	[SL_BOOL] = {"boolean", "boolean"},
	[SL_INT64] = {"bigint", "bigint"},
	[SL_FLOAT64] = {"double precision", "double"},
	[SL_DECIMAL] = {"numeric", "decimal"},
	[SL_TEXT] = {"text", "varchar"},
	[SL_DATE] = {"date", "date"},
	[SL_TIMESTAMP] = {"timestamp with time zone", "timestamp with time zone"},
	[SL_TEXT_LIST] = {"array", "varchar[]"},
};

static bool is_type(struct sl_type t, const struct sl_str *cells)
{
	char precision[8], scale[8];
	bool word = sl_str_eqz(cells[1], type_words[t.kind][0]) ||
		    sl_str_eqz(cells[1], type_words[t.kind][1]);

	snprintf(precision, sizeof(precision), "%u", t.precision);
	snprintf(scale, sizeof(scale), "%u", t.scale);
	return word && (t.kind != SL_DECIMAL ||
			(sl_str_eqz(cells[2], precision) && sl_str_eqz(cells[3], scale)));
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
	return is_type(want->type, cells) ||
	       fail_column(check->s, err, "column \"%s\" is " SL_STR_FMT ", the contract says %s",
			   want->name, SL_STR_ARG(cells[1]), type);
}

/* Called by check_target: the target's columns in order. "decimal(12,2)" is cut to its word. */
static const char columns_sql[] =
	"select column_name, case when lower(data_type) like 'decimal%' then 'decimal' "
	"else lower(data_type) end, numeric_precision, numeric_scale "
	"from information_schema.columns "
	"where table_schema = coalesce($1, current_schema()) and table_name = $2 "
	"order by ordinal_position";

bool sl_sink_fits(struct sl_sink *s, bool *ret_exists, struct sl_err *err)
{
	const char *params[] = {s->p->store.schema, s->p->store.name};
	struct check check = {s, 0};
	const struct sl_column *missing;

	if (!s->eng->query(s->db, columns_sql, params, 2, NULL, check_column, &check, err))
		return false;
	*ret_exists = check.n > 0;
	missing = *ret_exists ? target_column(s, check.n) : NULL;
	return !missing || fail_column(s, err, "it has no column \"%s\"", missing->name);
}

static bool make_missing(struct sl_sink *s, struct sl_err *err)
{
	int64_t format;
	bool exists;

	/* Looked at again: another store may have made them while this one waited. */
	return s->eng->lock(s->db, NULL, err) && sl_sink_format(s, &format, err) &&
	       (format == STATE_FORMAT || make_state(s, err)) && sl_sink_fits(s, &exists, err) &&
	       (exists || make_target(s, err)) && s->eng->commit(s->db, err);
}

bool sl_sink_upgrade(struct sl_sink *s, struct sl_err *err)
{
	int64_t format;

	if (!sl_sink_format(s, &format, err))
		return false;
	if (format == STATE_FORMAT)
		return true;
	if (s->eng->begin(s->db, err) && s->eng->lock(s->db, NULL, err) && make_state(s, err) &&
	    s->eng->commit(s->db, err))
		return true;
	s->eng->rollback(s->db);
	return false;
}

bool sl_sink_make(struct sl_sink *s, struct sl_err *err)
{
	int64_t format;
	bool exists;

	if (!sl_sink_format(s, &format, err) || !sl_sink_fits(s, &exists, err))
		return false;
	if (format == STATE_FORMAT && exists)
		return true;
	if (s->eng->begin(s->db, err) && make_missing(s, err))
		return true;
	s->eng->rollback(s->db);
	return false;
}
