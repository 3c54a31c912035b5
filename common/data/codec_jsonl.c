/*
 * JSON lines: one object a line. A line that is not JSON is one reject, whatever it holds.
 */
#include "data/codec.h"
#include "data/json_decode.h"
#include "data/json_scan.h"

static const struct sl_field fields[] = {SL_F_END};

static bool open_decoder(const void *params, const struct sl_contract *contract,
			 struct sl_str header, void **ret_decoder, struct sl_err *err)
{
	(void)params;
	(void)header;
	return sl_json_decoder_open(true, contract, ret_decoder, err);
}

const struct sl_codec sl_codec_jsonl = {
	.name = "jsonl",
	.summary = "one JSON object a line",
	.version = 2,
	.params = fields,
	.params_size = 1,
	.cut = sl_jsonl_cut,
	.open = open_decoder,
	.decode = sl_json_decode,
	.close = sl_json_decoder_close,
};
