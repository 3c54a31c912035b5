/*
 * Progress by the monotonic clock: five times a second on a terminal, every ten seconds in a log.
 */
#include "run/progress.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#define LINE_EVERY (10 * SL_SECOND)
#define STATUS_FIRST SL_SECOND
#define STATUS_EVERY (SL_SECOND / 5)

struct sl_progress sl_progress_begin(const char *what)
{
	const int64_t now = sl_clock_monotonic();
	const bool terminal = sl_log_shows_status();

	return (struct sl_progress){
		.what = what,
		.begun = now,
		.next = now + (terminal ? STATUS_FIRST : LINE_EVERY),
		.terminal = terminal,
	};
}

static void show(const struct sl_progress *p, int64_t now, const char *values)
{
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;

	sl_buf_addf(&line, "%s %" PRId64 " s %s", p->what, (now - p->begun) / SL_SECOND, values);
	sl_log_status(sl_buf_z(&line));
}

void sl_progress(struct sl_progress *p, const char *pairs, ...)
{
	const int64_t now = sl_clock_monotonic();
	sl_cleanup(sl_buf_release) struct sl_buf values = SL_BUF_INIT;
	va_list ap;

	if (now < p->next)
		return;
	p->next = now + (p->terminal ? STATUS_EVERY : LINE_EVERY);
	va_start(ap, pairs);
	sl_buf_vaddf(&values, pairs, ap);
	va_end(ap);
	if (p->terminal)
		show(p, now, sl_buf_z(&values));
	else
		sl_log(SL_INFO, p->what, "seconds=%" PRId64 " %s", (now - p->begun) / SL_SECOND,
		       sl_buf_z(&values));
}

void sl_progress_end(struct sl_progress *p)
{
	sl_log_status(NULL);
	p->next = INT64_MAX;
}
