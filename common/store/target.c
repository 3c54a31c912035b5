/*
 * The pipeline's own table, made from the contract. How an existing one is compared with it:
 * store/fit.c.
 */
#include "base/buf.h"
#include "store/sink_private.h"

static const struct sl_column hidden_cols[] = {{"_sl_input", {SL_INT64, 0, 0}},
					       {"_sl_seq", {SL_INT64, 0, 0}},
					       {"_sl_change", {SL_INT64, 0, 0}}};

static size_t n_hidden(const struct sl_sink *s)
{
	return s->latest ? 3 : 2;
}

const struct sl_column *sl_sink_target_column(const struct sl_sink *s, size_t i)
{
	if (i < s->contract.n)
		return &s->contract.cols[i];
	return i < s->contract.n + n_hidden(s) ? &hidden_cols[i - s->contract.n] : NULL;
}

/* latest: its key, so that a copy reports a second row. append: what replacing an input looks for.
 */
static void add_target_index(const struct sl_sink *s, const char *table, struct sl_buf *sql)
{
	const struct sl_store *store = &s->p->store;

	if (!s->eng->indexed)
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
	for (size_t i = 0; (c = sl_sink_target_column(s, i)); i++) {
		sl_buf_adds(sql, i ? ", " : "");
		sl_sink_add_column(s, sql, c);
		if (i >= s->contract.n)
			sl_buf_adds(sql, " not null");
	}
	sl_buf_addf(sql, ")%s;\n", s->latest ? s->eng->roomy : "");
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

/* Where the key repeats, the index cannot be made. */
static bool is_duplicate(struct sl_sink *s, const struct sl_err *err)
{
	struct sl_row_fault fault;

	return err->kind == SL_ERR_DATA && s->eng->row_fault && s->eng->row_fault(s->db, &fault) &&
	       strcmp(fault.sqlstate, "23505") == 0;
}

bool sl_sink_need_index(struct sl_sink *s, bool *ret_duplicate, struct sl_err *err)
{
	const struct sl_store *store = &s->p->store;
	const char *column = s->latest ? store->key.v[0] : "_sl_input";

	*ret_duplicate = false;
	if (s->indexed || !s->eng->indexed)
		return true;
	if (!s->eng->indexed(s->db, store->schema, store->name, column, s->latest, &s->indexed,
			     err))
		return false;
	if (s->indexed || sl_sink_make_index(s, s->table, err))
		return true;
	*ret_duplicate = is_duplicate(s, err);
	return false;
}

static bool complete(struct sl_sink *s, struct sl_err *err)
{
	bool duplicate;

	return s->eng->lock(s->db, s->p->name, err) && sl_sink_need_index(s, &duplicate, err) &&
	       s->eng->commit(s->db, err);
}

bool sl_sink_complete(struct sl_sink *s, struct sl_err *err)
{
	if (!s->made || !s->eng->indexed || (s->eng->begin(s->db, err) && complete(s, err)))
		return true;
	s->eng->rollback(s->db);
	return false;
}

void sl_sink_add_target(const struct sl_sink *s, struct sl_buf *sql)
{
	add_target(s, s->table, sql);
	add_target_index(s, s->table, sql);
}
