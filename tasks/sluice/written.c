/*
 * What people wrote: see written.h. The rules' own readers decide what fits.
 */
#include "tasks/sluice/written.h"

#include "tasks/normalize/amount.h"
#include "tasks/normalize/date_format.h"

static const char *const formats[] = {"%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y"};

#define DAY_FIRST 1U
#define MONTH_FIRST 2U
#define ALL_FORMATS ((1U << SL_ARRAY_LEN(formats)) - 1)

static unsigned count_digits(struct sl_str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] >= '0' && s.p[i] <= '9';
	return n;
}

static void note_number(struct sl_written *w, struct sl_str s)
{
	static const struct sl_amount_style french = {.locale = SL_AMOUNT_FR};
	const struct sl_type type = {.kind = SL_DECIMAL, .precision = 18, .scale = 6};
	const ptrdiff_t comma = sl_str_find(s, ',');
	const size_t whole = comma < 0 ? s.n : (size_t)comma;
	int64_t value;

	/* "0612" is a code. */
	if ((s.n > 1 && s.p[0] == '0' && comma != 1) || s.p[0] == '+' ||
	    sl_amount_read(s, &french, type, &value)) {
		w->no_number = true;
		return;
	}
	const unsigned digits = count_digits(sl_str_sub(s, 0, whole));
	const unsigned scale = count_digits(sl_str_sub(s, whole, s.n));

	w->comma |= comma >= 0 && (scale != 3 || digits > 3);
	w->digits = digits > w->digits ? digits : w->digits;
	w->scale = scale > w->scale ? scale : w->scale;
}

void sl_written_note(struct sl_written *w, struct sl_str s)
{
	if (!w->no_number)
		note_number(w, s);
	for (size_t i = 0; i < SL_ARRAY_LEN(formats) && w->no_date != ALL_FORMATS; i++) {
		struct sl_date_parts parts;
		const bool fits = sl_date_format_read(formats[i], s, &parts) &&
				  parts.civil.month >= 1 && parts.civil.month <= 12 &&
				  parts.civil.day >= 1 && parts.civil.day <= 31;

		w->no_date |= fits ? 0 : 1U << i;
	}
}

bool sl_written_unsure(const struct sl_written *w)
{
	return (w->no_date & (DAY_FIRST | MONTH_FIRST)) == 0;
}

bool sl_written_rule(const struct sl_written *w, const char *from, const char *into,
		     struct sl_arena *arena, const char **ret_rule, char ret_type[32])
{
	const unsigned most = w->digits + w->scale <= 12 ? 12 : 18;

	if (!w->no_number && w->comma && w->digits + w->scale <= 18) {
		snprintf(ret_type, 32, "decimal(%u,%u)", most, w->scale);
		*ret_rule = sl_arena_printf(arena, "number: {from: %s, into: %s, locale: fr}", from,
					    into);
		return true;
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(formats) && !sl_written_unsure(w); i++) {
		if (w->no_date & 1U << i)
			continue;
		snprintf(ret_type, 32, "date");
		*ret_rule = sl_arena_printf(arena, "date: {from: %s, into: %s, formats: \"%s\"}",
					    from, into, formats[i]);
		return true;
	}
	return false;
}
