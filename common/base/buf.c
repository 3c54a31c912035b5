/*
 * Growing bytes. The NUL behind them is kept by every function here, so that a buffer can be handed
 * to calls that want a C string.
 */
#include "base/buf.h"

#include "base/err.h"
#include "base/mem.h"

#define FIRST_CAP 64

char *sl_buf_room(struct sl_buf *b, size_t n)
{
	size_t want, cap = b->cap;

	if (__builtin_add_overflow(b->n, n, &want) || __builtin_add_overflow(want, 1, &want))
		SL_BUG("buffer of %zu bytes cannot grow by %zu", b->n, n);
	if (want > cap) {
		cap = cap < FIRST_CAP ? FIRST_CAP : cap + cap / 2;
		if (cap < want)
			cap = want;
		b->p = sl_xrealloc(b->p, cap, 1);
		b->cap = cap;
		b->p[b->n] = '\0';
	}
	return b->p + b->n;
}

void sl_buf_grew(struct sl_buf *b, size_t n)
{
	SL_ASSERT(n < b->cap - b->n);
	b->n += n;
	b->p[b->n] = '\0';
}

void sl_buf_add(struct sl_buf *b, const void *p, size_t n)
{
	char *to = sl_buf_room(b, n);

	if (n)
		memcpy(to, p, n);
	sl_buf_grew(b, n);
}

void sl_buf_adds(struct sl_buf *b, const char *z)
{
	sl_buf_add(b, z, strlen(z));
}

void sl_buf_addstr(struct sl_buf *b, struct sl_str s)
{
	sl_buf_add(b, s.p, s.n);
}

void sl_buf_addc(struct sl_buf *b, char c)
{
	*sl_buf_room(b, 1) = c;
	sl_buf_grew(b, 1);
}

void sl_buf_addf(struct sl_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sl_buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void sl_buf_vaddf(struct sl_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	size_t room;
	int n;

	va_copy(again, ap);
	sl_buf_room(b, FIRST_CAP);
	room = b->cap - b->n;
	n = vsnprintf(b->p + b->n, room, fmt, ap);
	if (n >= 0 && (size_t)n >= room) {
		char *to = sl_buf_room(b, (size_t)n);

		n = vsnprintf(to, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	if (n < 0)
		SL_BUG("format \"%s\" cannot be written", fmt);
	sl_buf_grew(b, (size_t)n);
}

static bool is_plain_json(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void add_json_escape(struct sl_buf *b, char c)
{
	static const char letters[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
					  {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};

	for (size_t i = 0; i < SL_ARRAY_LEN(letters); i++) {
		if (letters[i][0] == c) {
			sl_buf_addc(b, '\\');
			sl_buf_addc(b, letters[i][1]);
			return;
		}
	}
	sl_buf_addf(b, "\\u%04x", (unsigned)(unsigned char)c);
}

void sl_buf_add_json(struct sl_buf *b, struct sl_str s)
{
	size_t i = 0;

	sl_buf_room(b, s.n + 2);
	sl_buf_addc(b, '"');
	while (i < s.n) {
		size_t start = i, len;

		while (i < s.n && is_plain_json((unsigned char)s.p[i]))
			i++;
		sl_buf_add(b, s.p + start, i - start);
		if (i == s.n)
			break;
		len = sl_utf8_len(s.p + i, s.n - i);
		if (len > 1)
			sl_buf_add(b, s.p + i, len);
		else if (len == 1)
			add_json_escape(b, s.p[i]);
		else
			sl_buf_adds(b, "\xef\xbf\xbd"); /* U+FFFD */
		i += len ? len : 1;
	}
	sl_buf_addc(b, '"');
}

/* C0, DEL, and the C1 controls that a terminal obeys too (U+0080 to U+009F). */
static bool is_control(const char *p, size_t len)
{
	unsigned char c = (unsigned char)p[0];

	if (len == 1)
		return c < 0x20 || c == 0x7f;
	return len == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0;
}

void sl_buf_add_escaped(struct sl_buf *b, struct sl_str s, size_t max)
{
	size_t end = b->n + max;

	for (size_t i = 0; i < s.n;) {
		size_t len = sl_utf8_len(s.p + i, s.n - i);
		bool escape = len == 0 || is_control(s.p + i, len);
		size_t bytes = len ? len : 1;

		if (b->n + (escape ? 4 * bytes : bytes) > end) {
			sl_buf_adds(b, "…");
			return;
		}
		for (size_t k = 0; escape && k < bytes; k++)
			sl_buf_addf(b, "\\x%02x", (unsigned)(unsigned char)s.p[i + k]);
		if (!escape)
			sl_buf_add(b, s.p + i, bytes);
		i += bytes;
	}
}

void sl_buf_add_base64(struct sl_buf *b, struct sl_str bytes)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		uint32_t v = (uint32_t)(unsigned char)bytes.p[i] << 16;
		v |= left > 1 ? (uint32_t)(unsigned char)bytes.p[i + 1] << 8 : 0;
		v |= left > 2 ? (uint32_t)(unsigned char)bytes.p[i + 2] : 0;
		sl_buf_addc(b, letters[v >> 18]);
		sl_buf_addc(b, letters[(v >> 12) & 63]);
		sl_buf_addc(b, left > 1 ? letters[(v >> 6) & 63] : '=');
		sl_buf_addc(b, left > 2 ? letters[v & 63] : '=');
	}
}

void sl_buf_clear(struct sl_buf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = '\0';
}

void sl_buf_release(struct sl_buf *b)
{
	free(b->p);
	*b = (struct sl_buf)SL_BUF_INIT;
}

char *sl_buf_detach(struct sl_buf *b)
{
	char *p = sl_buf_room(b, 0) - b->n;

	*b = (struct sl_buf)SL_BUF_INIT;
	return p;
}

const char *sl_buf_z(const struct sl_buf *b)
{
	return b->p ? b->p : "";
}

struct sl_str sl_buf_str(const struct sl_buf *b)
{
	return (struct sl_str){sl_buf_z(b), b->n};
}
