/*
 * The decoder shared by the JSON codecs, which differ only in where their records end.
 */
#ifndef SL_DATA_JSON_DECODE_H
#define SL_DATA_JSON_DECODE_H

#include "data/codec.h"

/* lines: records are lines, not elements. SL_ERR_CONFIG when the module is missing. *ret_decoder is
 * owned. */
bool sl_json_decoder_open(bool lines, const struct sl_contract *contract, void **ret_decoder,
			  struct sl_err *err);
bool sl_json_decode(void *decoder, struct sl_str bytes, bool last, struct sl_batch *b,
		    struct sl_err *err);
void sl_json_decoder_close(void *decoder); /* NULL is fine */

#endif
