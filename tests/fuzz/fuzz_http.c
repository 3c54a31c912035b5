/*
 * Times in HTTP headers: a date is the same when it is written again in the form that servers must
 * send, and Retry-After says nothing or a time that is not negative.
 */
#include "fuzz.h"
#include "net/http_retry.h"

#define NOW (INT64_C(1764110000) * SL_SECOND)

static void date_is_stable(sl_time t)
{
	static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct sl_civil c;
	char text[64];
	sl_time again;

	sl_civil_from_time(t, &c);
	FUZZ_MUST(c.micro == 0);
	const int64_t day = sl_days_from_civil(c.year, c.month, c.day);
	snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[(day % 7 + 7) % 7],
		 c.day, months[c.month - 1], c.year, c.hour, c.minute, c.second);
	FUZZ_MUST(sl_http_date(sl_str_of(text), NOW, &again) && again == t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_str in = fuzz_input(data, size);
	const struct sl_str value = fuzz_part(&in);
	sl_time t;

	if (sl_http_date(value, NOW, &t))
		date_is_stable(t);
	FUZZ_MUST(sl_retry_after(value, in, NOW) >= -1);
	return 0;
}
