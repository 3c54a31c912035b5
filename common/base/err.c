/*
 * Error values and the end of a process that found its own defect. Texts are formatted aside first,
 * because callers pass err->msg itself as an argument.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"

struct kind_info {
	const char *name;
	const char *help;
	int code;
	bool retry;
};

static const struct kind_info kinds[] = {
#define X(kind, name, code, retry, help) {name, help, code, retry},
	SL_ERR_KINDS(X)
#undef X
};

static const char *result_line;

/* Cuts a text that did not fit before its last, broken UTF-8 sequence and keeps it on one line. */
static void tidy(char *z, bool was_cut)
{
	size_t n = strlen(z);

	if (was_cut) {
		while (n > 0 && ((unsigned char)z[n - 1] & 0xc0) == 0x80)
			n--;
		if (n > 0 && ((unsigned char)z[n - 1] & 0x80))
			n--;
		z[n] = '\0';
	}
	for (char *p = z; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

static void SL_PRINTF(3, 0) format(char *out, size_t size, const char *fmt, va_list ap)
{
	char text[sizeof((struct sl_err *)NULL)->msg];
	int n = vsnprintf(text, size < sizeof(text) ? size : sizeof(text), fmt, ap);

	if (n < 0)
		text[0] = '\0';
	tidy(text, n >= 0 && (size_t)n >= size);
	memcpy(out, text, strlen(text) + 1);
}

/* "a: b" into out; b is what is cut when both do not fit. */
static void join(char *out, size_t size, const char *a, const char *b)
{
	char text[2 * sizeof((struct sl_err *)NULL)->msg + 4];
	int n = snprintf(text, sizeof(text), "%s: %s", a, b);
	bool was_cut = n >= 0 && (size_t)n >= size;

	if (was_cut)
		text[size - 1] = '\0';
	tidy(text, was_cut);
	memcpy(out, text, strlen(text) + 1);
}

bool sl_err_set(struct sl_err *err, enum sl_err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	err->kind = kind;
	err->hint[0] = '\0';
	return false;
}

/* The system's text with a small first letter: "no such file or directory". */
static void errno_text(int errnum, char *out, size_t size)
{
	char text[128];
	const char *z = strerror_r(errnum, text, sizeof(text));

	snprintf(out, size, "%s", z);
	if (out[0] >= 'A' && out[0] <= 'Z' && out[1] >= 'a' && out[1] <= 'z')
		out[0] = (char)(out[0] - 'A' + 'a');
}

bool sl_err_errno(struct sl_err *err, enum sl_err_kind kind, int errnum, const char *fmt, ...)
{
	char what[sizeof(err->msg)], why[128];
	va_list ap;

	va_start(ap, fmt);
	format(what, sizeof(what), fmt, ap);
	va_end(ap);
	errno_text(errnum, why, sizeof(why));
	join(err->msg, sizeof(err->msg), what, why);
	err->kind = errnum == ENOSPC || errnum == EDQUOT || errnum == EIO ? SL_ERR_IO : kind;
	err->hint[0] = '\0';
	return false;
}

bool sl_err_prefix(struct sl_err *err, const char *fmt, ...)
{
	char context[sizeof(err->msg)];
	va_list ap;

	va_start(ap, fmt);
	format(context, sizeof(context), fmt, ap);
	va_end(ap);
	join(err->msg, sizeof(err->msg), context, err->msg);
	return false;
}

bool sl_err_hint(struct sl_err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return false;
}

void sl_err_clear(struct sl_err *err)
{
	err->kind = SL_ERR_NONE;
	err->msg[0] = '\0';
	err->hint[0] = '\0';
}

static const struct kind_info *info(enum sl_err_kind kind)
{
	SL_ASSERT((size_t)kind < SL_ARRAY_LEN(kinds));
	return &kinds[kind];
}

const char *sl_err_kind_name(enum sl_err_kind kind)
{
	return info(kind)->name;
}

const char *sl_err_kind_help(enum sl_err_kind kind)
{
	return info(kind)->help;
}

int sl_err_exit_code(enum sl_err_kind kind)
{
	return info(kind)->code;
}

bool sl_err_retryable(enum sl_err_kind kind)
{
	return info(kind)->retry;
}

void sl_bug_set_result(const char *line)
{
	result_line = line;
}

/* Nothing can be done about a failed write here: the process ends in any case. */
static void write_line(const char *z)
{
	ssize_t n = write(STDERR_FILENO, z, strlen(z));

	(void)n;
}

/* Allocates nothing, since out of memory ends here as well; so it does not go through sl_log. */
void sl_bug(const char *file, int line, const char *fmt, ...)
{
	char what[512], text[700];
	int64_t ms = sl_clock_now() % SL_DAY / 1000;
	va_list ap;

	va_start(ap, fmt);
	format(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(text, sizeof(text), "ERROR %02d:%02d:%02d.%03d defect: %s at=%s:%d\n",
		 (int)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60),
		 (int)(ms % 1000), what, file, line);
	write_line(text);
	if (result_line) {
		write_line(result_line);
		if (!strchr(result_line, '\n'))
			write_line("\n");
	}
	_exit(70);
}
