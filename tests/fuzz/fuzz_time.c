/*
 * Dates and timestamps: text, value and text again are one. By format: whatever fits has a month
 * that exists.
 */
#include "base/clock.h"
#include "fuzz.h"
#include "tasks/normalize/date_format.h"

static const struct sl_zone *zone;

static void timestamp(struct sl_str s, const struct sl_zone *z)
{
	char text[32];
	sl_time t, later, again;
	const enum sl_time_result r = sl_time_parse_both(s, z, &t, &later);

	if (r != SL_TIME_OK && r != SL_TIME_AMBIGUOUS)
		return;
	FUZZ_MUST(r == SL_TIME_OK ? t == later : t < later);
	const size_t n = sl_time_text(t, text);
	FUZZ_MUST(n < sizeof(text));
	FUZZ_MUST(sl_time_parse((struct sl_str){text, n}, NULL, &again) == SL_TIME_OK);
	FUZZ_MUST(again == t);
}

static void date(struct sl_str s)
{
	int32_t days, again;
	char text[16];

	if (!sl_date_parse(s, &days))
		return;
	FUZZ_MUST(sl_str_eq((struct sl_str){text, sl_date_text(days, text)}, s));
	FUZZ_MUST(sl_date_parse(s, &again) && days == again);
}

static void by_format(struct sl_str format, struct sl_str text)
{
	struct sl_date_parts parts;
	bool has_offset;
	char *z = sl_xstrndup(format.p, format.n);

	if (!sl_date_format_check(z, &has_offset) && sl_date_format_read(z, text, &parts)) {
		FUZZ_MUST(!parts.offset[0] || has_offset);
		FUZZ_MUST(memchr(parts.offset, 0, sizeof(parts.offset)));
		FUZZ_MUST(parts.civil.micro >= 0 && parts.civil.micro < SL_SECOND);
	}
	free(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_str in = fuzz_input(data, size);
	struct sl_err err = SL_ERR_INIT;

	if (!zone)
		FUZZ_MUST(sl_zone_get("Europe/Paris", &zone, &err));
	const struct sl_str first = fuzz_part(&in);
	timestamp(first, NULL);
	timestamp(first, zone);
	date(first);
	if (sl_utf8_valid(first, NULL) && sl_utf8_valid(in, NULL)) /* as every text of a batch */
		by_format(first, in);
	return 0;
}
