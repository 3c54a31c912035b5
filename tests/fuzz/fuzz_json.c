/*
 * JSON and JSON lines: pieces give the records of the whole, every record becomes one row, and what
 * is an object to jansson (RFC 8259) is read, with the same text in it; nothing else is. The rest
 * and the columns' keys make up the object.
 */
#include <jansson.h>

#include "data/json_scan.h"
#include "fuzz_codec.h"

static struct sl_contract_col cols[] = {{.name = "a", .type_text = "text"},
					{.name = "b", .type_text = "list<text>"},
					{.name = "c", .type_text = "decimal(18,2)"},
					{.name = "r", .type_text = "text", .from = "*"}};
static const struct sl_contract contract = {cols, SL_ARRAY_LEN(cols), SL_ARRAY_LEN(cols)};
static const struct sl_codec *codecs[2];
static void *decoders[2];
static struct sl_schema schema;
static struct sl_batch batch;

static void prepare(void)
{
	struct sl_diags diags = SL_DIAGS_INIT;
	struct sl_err err = SL_ERR_INIT;

	for (size_t i = 0; i < SL_ARRAY_LEN(cols); i++) {
		FUZZ_MUST(sl_contract_prepare(&cols[i], &diags));
		sl_schema_add(&schema, cols[i].name, cols[i].type);
	}
	sl_batch_init(&batch, &schema, FUZZ_ROWS);
	for (size_t i = 0; i < 2; i++) {
		codecs[i] = sl_codec_find(i ? "jsonl" : "json");
		if (!codecs[i]->open("", &contract, SL_STR_NULL, &decoders[i], &err))
			fuzz_fail(err.msg, 0, "decoder");
	}
}

static bool is_object(struct sl_str s)
{
	return s.n >= 2 && s.p[0] == '{' && s.p[s.n - 1] == '}';
}

/* jansson refuses these, RFC 8259 does not; and it looks no deeper into what comes behind. */
static bool is_limit_of_jansson(const json_error_t *e, struct sl_str value)
{
	const enum json_error_code code = json_error_code(e);

	return code == json_error_numeric_overflow || code == json_error_null_character ||
	       code == json_error_null_byte_in_key || code == json_error_stack_overflow ||
	       memmem(value.p, value.n, "\\u", 2);
}

static bool refused_as_syntax(void)
{
	for (size_t i = 0; i < batch.n_rejects; i++)
		if (strcmp(batch.rejects[i].rule, "syntax") == 0 &&
		    !strstr(batch.rejects[i].reason, "levels deep"))
			return true;
	return false;
}

/* Column r holds the keys of o that no column has, and no others. */
static void compare_rest(const json_t *o)
{
	json_t *own = json_copy((json_t *)(uintptr_t)o);
	json_t *rest = json_object();

	for (size_t i = 0; i < 3; i++)
		json_object_del(own, cols[i].name);
	if (batch.cols[3].valid[0]) {
		const struct sl_str text = batch.cols[3].u.str[0];

		json_decref(rest);
		rest = json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL);
	}
	FUZZ_MUST(rest && json_equal(own, rest));
	json_decref(own);
	json_decref(rest);
}

/* The only row is that of value. */
static void compare(struct sl_str value)
{
	json_error_t e;
	json_t *o = json_loadb(value.p, value.n, JSON_ALLOW_NUL, &e);
	const json_t *a = json_object_get(o, "a");

	if (!o)
		FUZZ_MUST(batch.state[0] != SL_ROW_KEPT || is_limit_of_jansson(&e, value));
	else
		FUZZ_MUST(!refused_as_syntax());
	if (batch.state[0] == SL_ROW_KEPT && json_is_string(a)) {
		const struct sl_str text = {json_string_value(a), json_string_length(a)};

		FUZZ_MUST(batch.cols[0].valid[0]);
		FUZZ_MUST(sl_str_eq(batch.cols[0].u.str[0], text));
	}
	if (batch.state[0] == SL_ROW_KEPT && o)
		compare_rest(o);
	json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_str in = fuzz_input(data, size);
	struct sl_err err = SL_ERR_INIT;

	if (!decoders[0])
		prepare();
	const unsigned choice = fuzz_byte(&in), lines = choice % 2;
	const size_t records = fuzz_same_cuts(codecs[lines], "", in, 1 + choice / 2 % 32);
	char *part = fuzz_padded(in, '\0');
	const struct sl_str bytes = {part, in.n}, value = sl_json_value_of(bytes, NULL);

	sl_batch_reset(&batch);
	FUZZ_MUST(codecs[lines]->decode(decoders[lines], bytes, false, &batch, &err));
	FUZZ_MUST(batch.rows == records);
	/* jansson loses a NUL behind a number and takes the text */
	if (batch.rows == 1 && is_object(value) && !memchr(value.p, 0, value.n))
		compare(value);
	free(part);
	return 0;
}
