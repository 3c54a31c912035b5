/*
 * Messages of a queue and values of an API's answer: a message is one line, with the same value in
 * it when it is JSON; what is found in an answer lies inside it.
 */
#include <jansson.h>

#include "fuzz.h"
#include "tasks/collect/extjson.h"
#include "tasks/collect/json_find.h"
#include "tasks/collect/message.h"

static json_t *load(struct sl_str s)
{
	return json_loadb(s.p, s.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static void message(struct sl_str in)
{
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT, plain = SL_BUF_INIT;
	json_t *a = load(in);

	sl_message_line(&line, in);
	FUZZ_MUST(line.n > 1 && memchr(line.p, '\n', line.n) == line.p + line.n - 1);
	if (json_is_object(a) || json_is_array(a)) {
		json_t *b = load(sl_buf_str(&line));

		FUZZ_MUST(b && json_equal(a, b));
		json_decref(b);
		sl_extjson_plain(&plain, in);
		json_error_t e = {0};
		b = json_loadb(plain.p, plain.n, JSON_ALLOW_NUL, &e);
		FUZZ_MUST(b || json_error_code(&e) == json_error_numeric_overflow);
		json_decref(b);
	}
	json_decref(a);
}

static void find(struct sl_str in, const char *path)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	if (!sl_json_is_value(in))
		return;
	const struct sl_str v = sl_json_find(in, path);
	if (!v.p)
		return;
	FUZZ_MUST(v.p >= in.p && v.p + v.n <= in.p + in.n && v.n > 0);
	FUZZ_MUST(sl_json_is_value(v));
	FUZZ_MUST(sl_json_count(v) <= v.n);
	if (sl_json_text(v, &text))
		FUZZ_MUST(text.n > 0 && !memchr(text.p, 0, text.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {"", "a", "/a", "/a/0", "a.b", "/0/a", "/a~1b"};
	const struct sl_str in = fuzz_input(data, size);
	json_t *o = load(in);

	/* jansson loses a NUL behind a number and takes the text */
	if ((json_is_object(o) || json_is_array(o)) && !memchr(in.p, 0, in.n))
		FUZZ_MUST(sl_json_is_value(in) || size > 2 * SL_JSON_FIND_DEPTH);
	json_decref(o);
	message(in);
	for (size_t i = 0; i < SL_ARRAY_LEN(paths); i++)
		find(in, paths[i]);
	return 0;
}
