/* Messages as lines: see message.h. */
#include "tasks/collect/message.h"

#include <jansson.h>

#define LEVELS 3

/* The text that a JSON string holds, appended to out. False: it is no such string. */
static bool decode_string(struct sl_str text, struct sl_buf *out)
{
	json_t *value = text.n && text.p[0] == '"'
				? json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)
				: NULL;

	if (!value)
		return false;
	sl_buf_clear(out);
	sl_buf_add(out, json_string_value(value), json_string_length(value));
	json_decref(value);
	return true;
}

static bool is_document(struct sl_str text)
{
	return text.n && strchr("\"{[", text.p[0]) && text.p[0];
}

void sl_message_line(struct sl_buf *out, struct sl_str message)
{
	sl_cleanup(sl_buf_release) struct sl_buf a = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	struct sl_buf *to = &a, *other = &b;
	struct sl_str text = sl_str_trim(message);

	for (int i = 0; i < LEVELS && decode_string(text, to); i++) {
		const struct sl_str inner = sl_str_trim(sl_buf_str(to));
		struct sl_buf *spare = other;

		if (!is_document(inner)) /* a plain text is the message itself */
			break;
		text = inner;
		other = to;
		to = spare;
	}
	const size_t from = out->n;

	sl_buf_addstr(out, text.n ? text : SL_STR("null"));
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] == '\n' || out->p[i] == '\r')
			out->p[i] = ' ';
	sl_buf_addc(out, '\n');
}
