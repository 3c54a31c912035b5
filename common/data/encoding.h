/*
 * How bytes stand for letters: everything inside is UTF-8, so other encodings are turned into it.
 * UTF-16 is turned while an input is collected (its records cannot be found otherwise); encodings
 * of one byte a letter stay as they are in bronze and are turned value by value.
 *
 * Source: Unicode 15 §3.9-3.10 (UTF-16, byte order mark); WHATWG Encoding Standard §9 (index of
 * windows-1252); ISO/IEC 8859-1 and -15.
 */
#ifndef SL_DATA_ENCODING_H
#define SL_DATA_ENCODING_H

#include "base/arena.h"
#include "base/buf.h"

enum sl_encoding {
	SL_ENCODING_AUTO, /* UTF-16 when its byte order mark comes first, else UTF-8 */
	SL_ENCODING_UTF8,
	SL_ENCODING_UTF16LE,
	SL_ENCODING_UTF16BE,
	SL_ENCODING_WINDOWS_1252,
	SL_ENCODING_ISO_8859_1,
	SL_ENCODING_ISO_8859_15,
};
extern const char *const sl_encoding_names[]; /* by enum, NULL-terminated */

static inline bool sl_encoding_is_bytewise(enum sl_encoding e)
{
	return e >= SL_ENCODING_WINDOWS_1252;
}

/*
 * UTF-16 into UTF-8 as a stream whose pieces may end anywhere. Zero-initialise, set encoding. Half
 * of a surrogate pair becomes its three bytes, an odd last byte becomes FF: both are not UTF-8, so
 * that their record is a reject and nothing else is.
 */
struct sl_recoder {
	enum sl_encoding encoding;
	bool decided;	      /* enough has been seen to know whether anything is to be done */
	bool utf16, big;      /* what was decided */
	unsigned char odd[2]; /* bytes that came without the rest of their unit */
	size_t n_odd;
	uint32_t high; /* a high surrogate that waits for its low one, 0: none */
};

/* bytes itself when there is nothing to do, else a view into out, which is cleared first. last: no
 * more will come. */
struct sl_str sl_recode(struct sl_recoder *r, struct sl_str bytes, bool last, struct sl_buf *out);

/* A text in an encoding of one byte a letter as UTF-8; pure ASCII comes back as it is. */
struct sl_str sl_encoding_text(enum sl_encoding e, struct sl_str s, struct sl_arena *arena);

/* Each maximal sequence that is not UTF-8 becomes U+FFFD (Unicode 15 §3.9, U+FFFD Substitution). */
struct sl_str sl_utf8_repaired(struct sl_str s, struct sl_arena *arena);

#endif
