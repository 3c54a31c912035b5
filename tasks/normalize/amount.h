/*
 * Amounts as people write them → exact integers and decimals: "1 234 567,89 €", "(12.50)", "300
 * m²". Used by the rules number and money. Nothing is guessed: thousands stand in groups of exactly
 * three, the decimal mark is the locale's, no digit is rounded away, and what is left over refuses
 * the text.
 */
#ifndef SL_NORMALIZE_AMOUNT_H
#define SL_NORMALIZE_AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "data/type.h"

/*
 * fr: blanks between thousands (U+0020, U+00A0, U+202F, U+2009, U+2007), decimal comma
 * en: comma between thousands, decimal point
 * plain: no mark between thousands, decimal point
 */
enum sl_amount_locale { SL_AMOUNT_FR, SL_AMOUNT_EN, SL_AMOUNT_PLAIN };
extern const char *const sl_amount_locales[]; /* names in this order, NULL-terminated */

struct sl_amount_style {
	int locale;		  /* enum sl_amount_locale */
	bool accounting;	  /* "(5)" and "5-" are negative */
	bool before;		  /* a word may also stand in front: "€5" */
	const char *const *words; /* units or currency signs, any one of them, once */
	size_t n_words;
};

/*
 * Reads the whole of text into a value of type t: SL_INT64, or SL_DECIMAL scaled by its scale. A
 * sign may be +, - or U+2212, once, with blanks behind. Returns NULL, or why not ("group of 2
 * digits …").
 */
const char *sl_amount_read(struct sl_str text, const struct sl_amount_style *style,
			   struct sl_type t, int64_t *ret);

#endif
