/*
 * Rows as JSON lines: see json_row.h.
 */
#include "tasks/collect/json_row.h"

/* NaN and Infinity are no JSON: only what begins as a number may stand without quotes. */
static bool is_number(struct sl_str s)
{
	const size_t at = s.n && s.p[0] == '-';

	return s.n > at && s.p[at] >= '0' && s.p[at] <= '9';
}

/* A line end inside a JSON text is a blank between two values: in a string it would be escaped. */
static void add_json_text(struct sl_buf *out, struct sl_str s)
{
	for (size_t i = 0; i < s.n; i++)
		sl_buf_addc(out, s.p[i] == '\n' || s.p[i] == '\r' ? ' ' : s.p[i]);
}

static void add_value(struct sl_buf *out, enum sl_kind kind, struct sl_str s)
{
	bool plain = false;

	switch (kind) {
	case SL_BOOL:
		plain = true;
		break;
	case SL_INT64:
	case SL_FLOAT64:
	case SL_DECIMAL:
		plain = is_number(s);
		break;
	case SL_TEXT_LIST:
		plain = sl_str_starts(s, "[");
		break;
	case SL_TEXT:
	case SL_DATE:
	case SL_TIMESTAMP:
		break;
	}
	if (plain)
		sl_buf_addstr(out, s);
	else
		sl_buf_add_json(out, s);
}

void sl_json_row(struct sl_buf *out, const struct sl_db_col *cols, size_t n_cols,
		 const struct sl_str *cells, const bool *json)
{
	for (size_t i = 0; i < n_cols; i++) {
		sl_buf_addc(out, i ? ',' : '{');
		sl_buf_add_json(out, sl_str_of(cols[i].name));
		sl_buf_addc(out, ':');
		if (!cells[i].p)
			sl_buf_adds(out, "null");
		else if (json && json[i])
			add_json_text(out, cells[i]);
		else
			add_value(out, cols[i].kind, cells[i]);
	}
	sl_buf_adds(out, "}\n");
}
