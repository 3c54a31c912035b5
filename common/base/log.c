/*
 * Log lines: built in memory, then one write(2), so that lines of several processes on one pipe do
 * not mix (a pipe keeps writes up to PIPE_BUF = 4096 bytes whole).
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define LINE_MAX_BYTES 4000 /* with "…" and the end of a JSON object still below 4096 */

static struct {
	enum sl_level min;
	bool json;
	char who[128];
	bool status; /* the terminal shows a status line */
} setup = {.min = SL_INFO};

#define ERASE "\r\033[K" /* to the line's begin, then away with it */

static const char *level_name(enum sl_level level)
{
	switch (level) {
	case SL_DEBUG:
		return "DEBUG";
	case SL_INFO:
		return "INFO";
	case SL_WARNING:
		return "WARNING";
	case SL_ERROR:
		return "ERROR";
	}
	return "ERROR";
}

void sl_log_setup(enum sl_level min, bool json, const char *who)
{
	setup.min = min;
	setup.json = json;
	snprintf(setup.who, sizeof(setup.who), "%s", who ? who : "");
}

bool sl_log_enabled(enum sl_level level)
{
	return level >= setup.min;
}

static void build_text(struct sl_buf *line, enum sl_level level, const char *message,
		       struct sl_str pairs)
{
	struct sl_civil now;

	sl_civil_from_time(sl_clock_now(), &now);
	sl_buf_addf(line, "%s %02d:%02d:%02d.%03d ", level_name(level), now.hour, now.minute,
		    now.second, now.micro / 1000);
	if (setup.who[0]) {
		sl_buf_add_escaped(line, sl_str_of(setup.who), sizeof(setup.who));
		sl_buf_addc(line, ' ');
	}
	sl_buf_add_escaped(line, sl_str_of(message), LINE_MAX_BYTES / 2);
	if (pairs.n > 0) {
		sl_buf_addc(line, ' ');
		sl_buf_add_escaped(line, pairs, LINE_MAX_BYTES - line->n);
	}
}

/* Length of a "key=" at the start of s, 0 when there is none. */
static size_t key_length(struct sl_str s)
{
	size_t i = 0;

	while (i < s.n && ((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
			   s.p[i] == '_' || s.p[i] == '.'))
		i++;
	return i > 0 && i < s.n && s.p[i] == '=' ? i + 1 : 0;
}

/* Where the value at the start of s ends: before the next " key=", which a value in quotes may hold
 * unless a quote stands before it. */
static size_t value_length(struct sl_str s)
{
	const bool quoted = s.n > 0 && s.p[0] == '"';

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' && (!quoted || (i > 1 && s.p[i - 1] == '"')) &&
		    key_length(sl_str_sub(s, i + 1, s.n)) > 0)
			return i;
	return s.n;
}

/* value without the quotes around it. */
static struct sl_str unquoted(struct sl_str value)
{
	if (value.n < 2 || value.p[0] != '"' || value.p[value.n - 1] != '"')
		return value;
	return sl_str_sub(value, 1, value.n - 2);
}

/* Quotes inside a value in quotes become "'", so that its end can be seen. */
static void soften_quotes(struct sl_buf *pairs)
{
	struct sl_str rest = sl_buf_str(pairs);

	while (rest.n > 0) {
		const size_t key = key_length(rest);
		const size_t n = value_length(sl_str_sub(rest, key, rest.n));
		const struct sl_str inner = unquoted(sl_str_sub(rest, key, n));

		for (size_t i = 0; inner.n < n && i < inner.n; i++)
			if (inner.p[i] == '"')
				pairs->p[(size_t)(inner.p - pairs->p) + i] = '\'';
		rest = sl_str_sub(rest, key + n + 1, rest.n);
	}
}

static void add_pairs_json(struct sl_buf *line, struct sl_str pairs)
{
	while (pairs.n > 0) {
		size_t key = key_length(pairs),
		       value = value_length(sl_str_sub(pairs, key, pairs.n));
		struct sl_str name = key ? sl_str_sub(pairs, 0, key - 1) : SL_STR("text");

		sl_buf_addc(line, ',');
		sl_buf_add_json(line, name);
		sl_buf_addc(line, ':');
		sl_buf_add_json(line, unquoted(sl_str_sub(pairs, key, value)));
		pairs = sl_str_sub(pairs, key + value + 1, pairs.n);
	}
}

static void build_json(struct sl_buf *line, enum sl_level level, struct sl_str message,
		       struct sl_str pairs)
{
	char now[32];

	sl_time_text(sl_clock_now(), now);
	sl_buf_clear(line);
	sl_buf_addf(line, "{\"level\":\"%s\",\"time\":\"%s\",\"who\":", level_name(level), now);
	sl_buf_add_json(line, sl_str_of(setup.who));
	sl_buf_adds(line, ",\"message\":");
	sl_buf_add_json(line, message);
	add_pairs_json(line, pairs);
	sl_buf_addc(line, '}');
}

/* Escapes can make a text six times as long, so the texts are cut until the line fits. */
static void build_json_cut(struct sl_buf *line, enum sl_level level, const char *message,
			   struct sl_str pairs)
{
	size_t max = LINE_MAX_BYTES;

	do {
		build_json(line, level, sl_str_sub(sl_str_of(message), 0, max),
			   sl_str_sub(pairs, 0, max));
		max /= 2;
	} while (line->n > LINE_MAX_BYTES && max > 0);
}

/* A log that cannot be written must not end the work: the error is dropped. */
static void write_once(const struct sl_buf *line)
{
	while (write(STDERR_FILENO, line->p, line->n) < 0 && errno == EINTR)
		;
}

void sl_log(enum sl_level level, const char *message, const char *pairs, ...)
{
	sl_cleanup(sl_buf_release) struct sl_buf values = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;
	int saved = errno;

	if (!sl_log_enabled(level))
		return;
	if (pairs) {
		va_list ap;

		va_start(ap, pairs);
		sl_buf_vaddf(&values, pairs, ap);
		va_end(ap);
	}
	if (!setup.json)
		soften_quotes(&values);
	if (setup.json)
		build_json_cut(&line, level, message, sl_buf_str(&values));
	else
		build_text(&line, level, message, sl_buf_str(&values));
	sl_buf_addc(&line, '\n');
	sl_log_status(NULL);
	write_once(&line);
	errno = saved;
}

/* What a line may hold: the mark of a cut stands behind it, and the last column stays free, so that
 * the line never breaks. */
static size_t status_width(void)
{
	struct winsize size = {0};

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 3)
		return 78;
	return size.ws_col - 2U;
}

bool sl_log_shows_status(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) == 1 && term && term[0] && strcmp(term, "dumb") != 0;
}

void sl_log_status(const char *text)
{
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;

	if (!text && !setup.status)
		return;
	if (text && !sl_log_shows_status())
		return;
	sl_buf_adds(&line, ERASE);
	if (text)
		sl_buf_add_escaped(&line, sl_str_of(text), status_width());
	setup.status = text != NULL;
	write_once(&line);
}
