/* Opening an engine's module, and the two ways a name may stand in SQL. */
#include "store/engine.h"

#include "base/log.h"
#include "base/module.h"

bool sl_engine_get(const char *name, const struct sl_engine **ret, struct sl_err *err)
{
	const void *descriptor;

	if (!sl_module_open(name, &descriptor, err))
		return false;
	const struct sl_engine *engine = descriptor;
	if (strcmp(engine->name, name) != 0)
		return sl_err_set(err, SL_ERR_CONFIG, "module \"%s\" says it is \"%s\"", name,
				  engine->name);
	*ret = engine;
	return true;
}

static void add_quoted(struct sl_buf *out, struct sl_str text, char quote)
{
	sl_buf_addc(out, quote);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == quote)
			sl_buf_addc(out, quote);
		sl_buf_addc(out, text.p[i]);
	}
	sl_buf_addc(out, quote);
}

bool sl_db_any(void *ctx, const struct sl_db_col *cols, size_t n_cols, const struct sl_str *cells,
	       struct sl_err *err)
{
	bool *any = ctx;

	(void)cols, (void)n_cols, (void)cells, (void)err;
	*any = true;
	return true;
}

void sl_sql_ident(struct sl_buf *out, const char *name)
{
	struct sl_str rest = sl_str_of(name), half;

	for (bool first = true; sl_str_next(&rest, '.', &half); first = false) {
		if (!first)
			sl_buf_addc(out, '.');
		add_quoted(out, half, '"');
		if (!rest.p || !rest.n)
			break;
	}
}

void sl_sql_literal(struct sl_buf *out, const char *text)
{
	add_quoted(out, sl_str_of(text), '\'');
}

void sl_sql_trace(const char *engine, const char *sql)
{
	sl_log(SL_DEBUG, "sql", "engine=%s statement=\"%s\"", engine, sql);
}

void sl_sql_copy_columns(struct sl_buf *out, const struct sl_schema *schema, bool with_change)
{
	for (size_t i = 0; i < schema->n; i++) {
		sl_sql_ident(out, schema->cols[i].name);
		sl_buf_adds(out, ", ");
	}
	sl_buf_adds(out, with_change ? "_sl_input, _sl_seq, _sl_change" : "_sl_input, _sl_seq");
}
