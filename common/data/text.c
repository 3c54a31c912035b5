/*
 * Canonical text: bool true/false, decimals with their scale, doubles as the shortest text that
 * reads back, dates and times in RFC 3339, lists as JSON arrays.
 */
#include "data/text.h"

#include "base/clock.h"
#include "base/num.h"

static void add_list(const struct sl_list *list, struct sl_buf *out)
{
	sl_buf_addc(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		sl_buf_adds(out, i ? "," : "");
		sl_buf_add_json(out, list->v[i]);
	}
	sl_buf_addc(out, ']');
}

static void add_number(const struct sl_vec *v, size_t row, struct sl_buf *out)
{
	char text[32];

	switch (v->type.kind) {
	case SL_FLOAT64:
		sl_num_f64_text(v->u.f64[row], text);
		break;
	case SL_DECIMAL:
		sl_num_decimal_text(v->u.i64[row], v->type.scale, text);
		break;
	case SL_DATE:
		sl_date_text((int32_t)v->u.i64[row], text);
		break;
	case SL_TIMESTAMP:
		sl_time_text(v->u.i64[row], text);
		break;
	case SL_BOOL:
	case SL_INT64:
	case SL_TEXT:
	case SL_TEXT_LIST:
		snprintf(text, sizeof(text), "%" PRId64, v->u.i64[row]);
		break;
	}
	sl_buf_adds(out, text);
}

struct sl_str sl_vec_text(const struct sl_vec *v, size_t row, struct sl_buf *scratch)
{
	if (!v->valid[row])
		return SL_STR_NULL;
	if (v->type.kind == SL_BOOL)
		return v->u.b[row] ? SL_STR("true") : SL_STR("false");
	if (v->type.kind == SL_TEXT)
		return (struct sl_str){v->u.str[row].n ? v->u.str[row].p : "", v->u.str[row].n};
	sl_buf_clear(scratch);
	if (v->type.kind == SL_TEXT_LIST)
		add_list(&v->u.list[row], scratch);
	else
		add_number(v, row, scratch);
	return sl_buf_str(scratch);
}
