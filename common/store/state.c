/*
 * The state tables in schema "sluice". A column list is written once and serves CREATE TABLE on
 * every engine, and copying. What an older program made is brought up to date by numbered steps, in
 * one transaction, forwards only; two stores that start at once both succeed, because only one at a
 * time may make tables. Table sluice.format holds the number of the last step.
 */
#include "base/buf.h"
#include "base/num.h"
#include "store/sink_private.h"

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

/* What each part of a stored input came to. */
static const struct sl_column part_cols[] = {
	{"pipeline", TEXT}, {"source", TEXT}, {"name", TEXT}, {"chunk", TEXT}, {"part", INT},
	{"n_in", INT},	    {"ok", INT},      {"bad", INT},   {"dup", INT},    {"filtered", INT},
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

/* What a collection holds of the table (store/published.h). word: of the publish that began last,
 * which the collection knows, too. */
static const struct sl_column published_cols[] = {
	{"pipeline", TEXT}, {"documents", TEXT}, {"target", TEXT}, {"n", INT},
	{"word", INT},	    {"finished", INT},	 {"spec", TEXT},   {"change", INT},
};

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

const struct sl_state_table sl_state_part = {"sluice.part", TABLE(part_cols), true,
					     "pipeline, input, chunk, part", NULL};

static const struct sl_state_table first_tables[] = {
	{"sluice.format", TABLE(format_cols), false, NULL, NULL},
	{"sluice.pipeline", TABLE(pipeline_cols), false, "pipeline", NULL},
	{"sluice.entry", TABLE(entry_cols), false, "pipeline, source, entry", NULL},
	{"sluice.stage_run", TABLE(stage_run_cols), false, "pipeline, run, id", NULL},
};

static const struct sl_state_table origin_table = {"sluice.origin", TABLE(origin_cols), false,
						   "pipeline, source", NULL};

static const struct sl_state_table published_table = {"sluice.published", TABLE(published_cols),
						      false, "pipeline, documents, target", NULL};

void sl_sink_add_column(const struct sl_sink *s, struct sl_buf *sql, const struct sl_column *c)
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
		sl_sink_add_column(s, sql, &t->cols[i]);
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

/* --- steps --- */

static void make_first(const struct sl_sink *s, struct sl_buf *sql)
{
	sl_buf_adds(sql, "create schema if not exists sluice;\n");
	for (size_t i = 0; i < SL_ARRAY_LEN(first_tables); i++)
		add_state_table(s, sql, &first_tables[i]);
	add_state_table(s, sql, &sl_state_applied);
	add_state_table(s, sql, &sl_state_reject);
}

static void make_origin(const struct sl_sink *s, struct sl_buf *sql)
{
	add_state_table(s, sql, &origin_table);
}

static void make_published(const struct sl_sink *s, struct sl_buf *sql)
{
	add_state_table(s, sql, &published_table);
}

static void make_part(const struct sl_sink *s, struct sl_buf *sql)
{
	add_state_table(s, sql, &sl_state_part);
}

/*
 * Step n leads from format n - 1 to n. A step is never taken away or changed, a new one comes last.
 * Statements must do no harm where their work is done already ("if not exists"): the column lists
 * above are those of the last step, so the first makes tables that a later one would only widen.
 */
static void (*const steps[])(const struct sl_sink *s, struct sl_buf *sql) = {
	make_first, make_origin, make_published, make_part};

#define STATE_FORMAT ((int64_t)SL_ARRAY_LEN(steps))

bool sl_sink_migrate(struct sl_sink *s, int64_t from, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf sql = SL_BUF_INIT;

	if (from == STATE_FORMAT)
		return true;
	for (int64_t i = from; i < STATE_FORMAT; i++)
		steps[i](s, &sql);
	sl_buf_addf(&sql,
		    "delete from sluice.format;\ninsert into sluice.format values (%" PRId64 ");\n",
		    STATE_FORMAT);
	return s->eng->script(s->db, sl_buf_z(&sql), err);
}

bool sl_state_exists(const struct sl_engine *eng, struct sl_db *db, bool *ret, struct sl_err *err)
{
	*ret = false;
	return eng->columns(db, "sluice", "format", sl_db_any, ret, err);
}

static bool fail_newer(int64_t format, struct sl_err *err)
{
	sl_err_set(err, SL_ERR_CONFIG,
		   "the state tables were made by a newer program (format %" PRId64
		   ", this one knows %" PRId64 ")",
		   format, STATE_FORMAT);
	return sl_err_hint(err, "use that version of Sluice here too; formats go forwards only");
}

bool sl_sink_format(struct sl_sink *s, int64_t *ret, struct sl_err *err)
{
	struct sl_str cell;
	bool found;

	*ret = 0;
	if (!sl_state_exists(s->eng, s->db, &found, err))
		return false;
	if (!found)
		return true;
	if (!sl_sink_row(s, "select version from sluice.format", NULL, 0, &s->arena, &cell, 1,
			 &found, err))
		return false;
	if (!found || !sl_num_i64(cell, 1, INT64_MAX, ret))
		return sl_err_set(err, SL_ERR_CONFIG, "table sluice.format is damaged");
	return *ret <= STATE_FORMAT || fail_newer(*ret, err);
}

bool sl_sink_is_current(int64_t format)
{
	return format == STATE_FORMAT;
}

static bool upgrade_in(struct sl_sink *s, struct sl_err *err)
{
	int64_t format;

	return s->eng->lock(s->db, NULL, err) && sl_sink_format(s, &format, err) &&
	       sl_sink_migrate(s, format, err) && s->eng->commit(s->db, err);
}

bool sl_sink_upgrade(struct sl_sink *s, struct sl_err *err)
{
	int64_t format;

	if (!sl_sink_format(s, &format, err))
		return false;
	if (sl_sink_is_current(format) || (s->eng->begin(s->db, err) && upgrade_in(s, err)))
		return true;
	s->eng->rollback(s->db);
	return false;
}

/* --- rows --- */

void sl_state_set_text(struct sl_batch *b, size_t row, size_t col, struct sl_str text)
{
	b->cols[col].valid[row] = text.p != NULL;
	b->cols[col].u.str[row] = text;
}

void sl_state_set_int(struct sl_batch *b, size_t row, size_t col, uint64_t value)
{
	b->cols[col].valid[row] = 1;
	b->cols[col].u.i64[row] = (int64_t)value;
}

static bool copy_into(struct sl_sink *s, struct sl_plan *plan, const char *table,
		      struct sl_batch *b, sl_state_fn fn, struct sl_err *err)
{
	bool duplicate;

	if (!s->eng->copy_begin(s->db, table, b->schema, 0, err))
		return false;
	if (fn(s, plan, b, err))
		return s->eng->copy_end(s->db, NULL, &duplicate, err);
	s->eng->copy_abort(s->db, NULL);
	return false;
}

bool sl_state_copy(struct sl_sink *s, struct sl_plan *plan, const struct sl_state_table *table,
		   sl_state_fn fn, struct sl_err *err)
{
	sl_cleanup(sl_schema_release) struct sl_schema schema = SL_SCHEMA_INIT;
	sl_cleanup(sl_batch_release) struct sl_batch b = {.rows = 0};

	for (size_t i = 0; i < table->n; i++)
		sl_schema_add(&schema, table->cols[i].name, table->cols[i].type);
	sl_batch_init(&b, &schema, SL_STATE_ROWS);
	return copy_into(s, plan, table->name, &b, fn, err);
}
