/*
 * Numbers from text: the whole slice, base 10, no locale, range in the call. Every parser returns
 * false on anything else; the caller words the error since it knows the field.
 */
#ifndef SL_BASE_NUM_H
#define SL_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"

/* [+-]digits, min ≤ value ≤ max. */
SL_NODISCARD bool sl_num_i64(struct sl_str s, int64_t min, int64_t max, int64_t *ret);
SL_NODISCARD bool sl_num_u64(struct sl_str s, uint64_t max, uint64_t *ret);

/* 0 to 15, in small or capital letters; -1: no hexadecimal digit. */
static inline int sl_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* JSON number grammar plus a leading '+'; finite results only (1e999 is refused). */
SL_NODISCARD bool sl_num_f64(struct sl_str s, double *ret);

enum sl_dec_result { SL_DEC_OK, SL_DEC_SYNTAX, SL_DEC_RANGE, SL_DEC_SCALE };

/*
 * Exact decimal: [+-]digits[.digits][e[+-]digits] → value × 10^scale. precision ≤ 18 digits.
 * SL_DEC_SCALE: digits other than 0 behind the scale (nothing is rounded silently).
 */
enum sl_dec_result sl_num_decimal(struct sl_str s, unsigned precision, unsigned scale,
				  int64_t *ret);

/* 10^n for n ≤ 18. */
int64_t sl_num_pow10(unsigned n);

/* value ÷ 10^scale as text, e.g. (-5, 2) → "-0.05"; at most 24 bytes with the NUL; returns length.
 */
size_t sl_num_decimal_text(int64_t value, unsigned scale, char out[24]);

/* Shortest text that reads back as the same double, JSON form; NaN and infinity are "null".
 * At most 32 bytes with the NUL; returns length. */
size_t sl_num_f64_text(double value, char out[32]);

/* One blank may stand before the unit. "64KiB", "1 MiB", "10MB", "512" → bytes. */
SL_NODISCARD bool sl_num_size(struct sl_str s, uint64_t *ret);

/* "250us", "250ms", "30s", "5m", "2h", "1d" → µs. */
SL_NODISCARD bool sl_num_duration(struct sl_str s, int64_t *ret);

#endif
