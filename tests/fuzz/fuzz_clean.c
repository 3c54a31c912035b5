/*
 * Columns of clean parts: bytes are refused, or give rows that pack and unpack to themselves.
 */
#include "fuzz.h"
#include "store/clean_cols.h"

#define ROWS 64

static struct sl_schema schema;
static struct sl_batch batches[2];

static void prepare(void)
{
	static const char *const types[] = {"bool",	     "int64", "float64",   "text",
					    "decimal(18,2)", "date",  "timestamp", "list<text>"};
	struct sl_type t;

	for (size_t i = 0; i < SL_ARRAY_LEN(types); i++) {
		FUZZ_MUST(sl_type_parse(sl_str_of(types[i]), &t));
		sl_schema_add(&schema, types[i], t);
	}
	for (size_t i = 0; i < 2; i++)
		sl_batch_init(&batches[i], &schema, ROWS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sl_cleanup(sl_buf_release) struct sl_buf once = SL_BUF_INIT, twice = SL_BUF_INIT;
	struct sl_str in = fuzz_input(data, size);
	const size_t rows = 1 + fuzz_byte(&in) % ROWS; /* none: no columns either */

	if (!schema.n)
		prepare();
	sl_batch_reset(&batches[0]);
	if (!sl_clean_unpack(in, rows, &batches[0]))
		return 0;
	sl_clean_pack(&batches[0], schema.n, &once);
	sl_batch_reset(&batches[1]);
	FUZZ_MUST(sl_clean_unpack(sl_buf_str(&once), rows, &batches[1]));
	FUZZ_MUST(batches[1].rows == rows);
	sl_clean_pack(&batches[1], schema.n, &twice);
	FUZZ_MUST(sl_str_eq(sl_buf_str(&once), sl_buf_str(&twice)));
	return 0;
}
