/*
 * JSON: an array of objects, one object, or several of either in a row. Each object is a record.
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
	return sl_json_decoder_open(false, contract, ret_decoder, err);
}

const struct sl_codec sl_codec_json = {
	.name = "json",
	.summary = "objects in a JSON array, or in a row (RFC 8259)",
	.version = 2,
	.params = fields,
	.params_size = 1,
	.cut = sl_json_cut,
	.open = open_decoder,
	.decode = sl_json_decode,
	.close = sl_json_decoder_close,
};
