/*
 * Numbers: what is one has the value that the C library reads (in locale C), and its text reads back
 * as the same number. Amounts as people write them: plain ones are decimals.
 */
#include <inttypes.h>
#include <stdlib.h>

static double (*const libc_strtod)(const char *, char **) = strtod; /* before it is banned */

#include "base/num.h"
#include "fuzz.h"
#include "tasks/normalize/amount.h"

static void as_double(struct sl_str s, const char *z)
{
	char text[32], *end;
	double v, again;

	if (!sl_num_f64(s, &v))
		return;
	const double want = libc_strtod(z, &end);
	FUZZ_MUST(end == z + s.n && memcmp(&v, &want, sizeof(v)) == 0);
	const size_t n = sl_num_f64_text(v, text);
	FUZZ_MUST(sl_num_f64((struct sl_str){text, n}, &again));
	FUZZ_MUST(memcmp(&v, &again, sizeof(v)) == 0);
}

static void as_integer(struct sl_str s, const char *z)
{
	int64_t v;
	uint64_t u;
	char *end;

	if (sl_num_i64(s, INT64_MIN, INT64_MAX, &v))
		FUZZ_MUST(strtoimax(z, &end, 10) == v && end == z + s.n);
	if (sl_num_u64(s, UINT64_MAX, &u))
		FUZZ_MUST(strtoumax(z, &end, 10) == u && end == z + s.n);
}

static void as_decimal(struct sl_str s, unsigned scale)
{
	int64_t v, again;
	char text[24];

	if (sl_num_decimal(s, 18, scale, &v) != SL_DEC_OK)
		return;
	const size_t n = sl_num_decimal_text(v, scale, text);
	FUZZ_MUST(sl_num_decimal((struct sl_str){text, n}, 18, scale, &again) == SL_DEC_OK);
	FUZZ_MUST(v == again);
}

static void as_amount(struct sl_str s, unsigned scale, unsigned choice)
{
	static const char *const words[] = {"€", "EUR", "m²"};
	const struct sl_amount_style style = {(int)(choice % 3), choice & 4, choice & 8, words, 3};
	const struct sl_type type = {SL_DECIMAL, 18, (uint8_t)scale};
	int64_t v, again;
	char text[24];

	if (!sl_utf8_valid(s, NULL) || sl_amount_read(s, &style, type, &v))
		return;
	const struct sl_amount_style plain = {SL_AMOUNT_PLAIN, false, false, NULL, 0};
	const size_t n = sl_num_decimal_text(v, scale, text);
	FUZZ_MUST(!sl_amount_read((struct sl_str){text, n}, &plain, type, &again) && v == again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_str in = fuzz_input(data, size);
	const unsigned choice = fuzz_byte(&in), scale = fuzz_byte(&in) % 19;
	uint64_t bytes;
	int64_t us;

	char *z = sl_xstrndup(in.p, in.n);
	as_double(in, z);
	as_integer(in, z);
	as_decimal(in, scale);
	as_amount(in, scale, choice);
	(void)!sl_num_size(in, &bytes);
	if (sl_num_duration(in, &us))
		FUZZ_MUST(us >= 0);
	free(z);
	return 0;
}
