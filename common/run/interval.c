/* The interval in texts: see interval.h. */
#include "run/interval.h"

#include "base/mem.h"

#define START "{interval_start:"
#define END "{interval_end:"

/* The next place in text, NULL: none; *ret_is_end tells which of the two. */
static const char *find(const char *text, bool *ret_is_end)
{
	const char *start = strstr(text, START), *end = strstr(text, END);

	*ret_is_end = end && (!start || end < start);
	return *ret_is_end ? end : start;
}

bool sl_interval_in(const char *text)
{
	bool ignored;

	return find(text, &ignored) != NULL;
}

/* Appends what stands at *at; *at moves behind it. */
static bool put(const char **at, const char *open, sl_time time, struct sl_buf *out,
		struct sl_err *err)
{
	const char *format = *at + strlen(open);
	const char *close = strchr(format, '}');

	if (!close)
		return sl_err_set(err, SL_ERR_CONFIG, "\"%s\" is not closed by \"}\"", *at);
	sl_cleanup(sl_freep) char *text = sl_xstrndup(format, (size_t)(close - format));
	*at = close + 1;
	return sl_time_format(time, text, out, err);
}

bool sl_interval_fill(const char *text, const sl_time *start, const sl_time *end,
		      struct sl_buf *out, struct sl_err *err)
{
	const char *at = text, *next;
	bool is_end;

	while ((next = find(at, &is_end)) != NULL) {
		sl_buf_add(out, at, (size_t)(next - at));
		if (!start || !end) {
			sl_err_set(err, SL_ERR_USAGE, "\"%s\" needs an interval", text);
			return sl_err_hint(err, "pass --interval-start and --interval-end");
		}
		if (!put(&next, is_end ? END : START, is_end ? *end : *start, out, err))
			return false;
		at = next;
	}
	sl_buf_adds(out, at);
	return true;
}
