/*
 * A codec knows one file format: where its records end (cut, used by collect: a scanner, no
 * parsing) and what is in them (decode, used by normalize). A codec is one file and one line in
 * codec_list.h.
 */
#ifndef SL_DATA_CODEC_H
#define SL_DATA_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "data/batch.h"
#include "data/contract.h"
#include "data/encoding.h"
#include "data/field.h"

/*
 * Cutting. The cutter is fed the input's bytes in pieces and says where records end. State lives in
 * the cutter (a few words), so a piece may end anywhere, also inside a quoted cell or a UTF-8
 * letter.
 */
struct sl_cutter {
	uint64_t w[8]; /* the codec's own state; zero at the input's begin */
};

struct sl_cut_event {
	size_t end; /* offset in the piece, one past the record's last byte and its separator;
		     * equals from when only this piece tells that the last one ended with a record
		     */
	bool blank; /* no record in these bytes (blank line, closing bracket): no count */
};

struct sl_codec {
	const char *name; /* "csv" */
	const char *summary;
	unsigned version; /* raised when the same bytes give other records: part of rev and chunk */
	const struct sl_field *params;
	size_t params_size;

	/* What the field table cannot tell of the settings; names the field that is wrong. May be
	 * NULL. SL_ERR_CONFIG. */
	bool (*check)(const void *params, const char **field, struct sl_err *err);

	/* True when the format has a header record that every part needs (CSV). collect then keeps
	 * the first record aside (frame 0) and gives it to decode. May be NULL: no header. */
	bool (*has_header)(const void *params);

	/* How the input's bytes stand for letters: collect turns UTF-16 into UTF-8 before it cuts,
	 * so that bronze, offsets and records are UTF-8. May be NULL: SL_ENCODING_AUTO. */
	enum sl_encoding (*encoding)(const void *params);

	/*
	 * Finds the next record end in p[from…n). Returns true and fills ev; false: the piece is
	 * used up inside a record. At the input's end the caller takes what is left as one record,
	 * unless a line end behind it would make it blank.
	 */
	bool (*cut)(const void *params, struct sl_cutter *c, const char *p, size_t from, size_t n,
		    struct sl_cut_event *ev);

	/* Makes a decoder of a contract. header: the CSV header record or SL_STR_NULL. Errors:
	 * SL_ERR_DATA (a column twice, header unusable), SL_ERR_CONFIG. */
	bool (*open)(const void *params, const struct sl_contract *contract, struct sl_str header,
		     void **ret_decoder, struct sl_err *err);

	/* The columns' names as the header has them, in arena. May be NULL: each record names its
	 * own. SL_ERR_DATA: the header is unusable. */
	bool (*names)(const void *params, struct sl_str header, struct sl_arena *arena,
		      struct sl_texts *ret, struct sl_err *err);

	/* Adds "a, b": columns read that the header lacks, so that all their values are NULL. May
	 * be NULL. */
	void (*absent)(const void *decoder, struct sl_buf *names);

	/*
	 * Decodes the records of one part into an empty batch: adds a row per record with its
	 * place, stores the contract's columns 0…n-1 (computed ones stay NULL), rejects what it
	 * cannot read (field "", rule "syntax"). bytes stay borrowed until the batch is reset; they
	 * are followed by 64 readable bytes. last: the part ends the input (a record cut off there
	 * is a reject whose reason is "input ends inside a record"). Errors only for what is no
	 * record's fault.
	 */
	bool (*decode)(void *decoder, struct sl_str bytes, bool last, struct sl_batch *b,
		       struct sl_err *err);
	void (*close)(void *decoder);
};

#define SL_DECODE_PADDING 64

/* The table; NULL when there is no such codec. */
const struct sl_codec *sl_codec_find(const char *name);
extern const struct sl_codec *const sl_codecs[]; /* NULL-terminated */

#endif
