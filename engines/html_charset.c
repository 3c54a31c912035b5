/*
 * From a page's bytes to UTF-8: which encoding, and what is no letter in it.
 */
#include <errno.h>
#include <iconv.h>

#include "data/encoding.h"
#include "engines/html.h"

#define META_BYTES 1024 /* how far a <meta> is looked for: HTML standard §13.2.3.2 */

static struct sl_str behind(struct sl_str s, size_t n)
{
	return sl_str_sub(s, n, s.n);
}

static struct sl_str skip(struct sl_str s, const char *chars)
{
	while (s.n > 0 && s.p[0] && strchr(chars, s.p[0]))
		s = behind(s, 1);
	return s;
}

/* s up to the first of chars, which *s then begins with. */
static struct sl_str take_until(struct sl_str *s, const char *chars)
{
	size_t n = 0;

	while (n < s->n && !(s->p[n] && strchr(chars, s->p[n])))
		n++;
	const struct sl_str taken = sl_str_sub(*s, 0, n);
	*s = behind(*s, n);
	return taken;
}

#define BLANKS " \t\n\f\r"

/* The next attribute of a tag, *s behind it; false: the tag ends. */
static bool take_attribute(struct sl_str *s, struct sl_str *name, struct sl_str *value)
{
	*s = skip(*s, BLANKS "/");
	*value = SL_STR("");
	if (s->n == 0 || s->p[0] == '>')
		return false;
	*name = take_until(s, BLANKS "/>=");
	*s = skip(*s, BLANKS);
	if (s->n == 0 || s->p[0] != '=') {
		if (name->n == 0)
			*s = behind(*s, 1);
		return true;
	}
	*s = skip(behind(*s, 1), BLANKS);
	if (s->n > 0 && (s->p[0] == '"' || s->p[0] == '\'')) {
		const char quote[] = {s->p[0], '\0'};

		*s = behind(*s, 1);
		*value = take_until(s, quote);
		*s = behind(*s, 1);
	} else {
		*value = take_until(s, BLANKS ">");
	}
	return true;
}

static bool is_word(struct sl_str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* What stands behind "charset=" in a content attribute. */
static struct sl_str charset_in(struct sl_str s)
{
	static const char key[] = "charset";

	for (; s.n >= sizeof(key); s = behind(s, 1)) {
		struct sl_str rest = behind(s, sizeof(key) - 1);

		if (strncasecmp(s.p, key, sizeof(key) - 1) != 0)
			continue;
		rest = skip(rest, BLANKS);
		if (rest.n == 0 || rest.p[0] != '=')
			continue;
		rest = skip(behind(rest, 1), BLANKS "\"'");
		return take_until(&rest, BLANKS "\"';");
	}
	return SL_STR_NULL;
}

/* The encoding that the attributes of a <meta> name; *s ends behind them. */
static bool read_meta(struct sl_str *s, char name[64])
{
	struct sl_str key, value, charset = SL_STR_NULL, content = SL_STR_NULL;
	bool is_type = false;

	while (take_attribute(s, &key, &value)) {
		if (is_word(key, "charset"))
			charset = value;
		else if (is_word(key, "content"))
			content = charset_in(value);
		else if (is_word(key, "http-equiv"))
			is_type = is_word(value, "content-type");
	}
	if (!charset.p && is_type)
		charset = content;
	if (!charset.p || !html_find_encoding(charset, name))
		return false;
	/* Whoever could read the tag does not read UTF-16. */
	if (strncasecmp(name, "utf-16", 6) == 0)
		snprintf(name, 64, "UTF-8");
	return true;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Behind the tag, comment or declaration that s begins with. */
static struct sl_str pass_markup(struct sl_str s)
{
	struct sl_str name, value;
	const char *end;

	if (sl_str_starts(s, "<!--")) {
		end = memmem(s.p + 2, s.n - 2, "-->", 3);
		return end ? behind(s, (size_t)(end + 3 - s.p)) : SL_STR_NULL;
	}
	if (s.n > 1 && strchr("!?", s.p[1]) && s.p[1]) {
		(void)take_until(&s, ">");
		return behind(s, 1);
	}
	const size_t at = s.n > 1 && s.p[1] == '/' ? 2 : 1;

	if (s.n <= at || !is_letter(s.p[at]))
		return behind(s, 1);
	(void)take_until(&s, BLANKS ">");
	while (take_attribute(&s, &name, &value))
		;
	return s;
}

/* "<?xml … encoding='…'": counts where no <meta> does. */
static bool xml_encoding(struct sl_str head, char name[64])
{
	struct sl_str s = head;

	if (!sl_str_starts(s, "<?xml"))
		return false;
	const struct sl_str line = take_until(&s, ">");
	const char *key = memmem(line.p, line.n, "encoding", 8);

	if (!key)
		return false;
	s = skip(behind(line, (size_t)(key + 8 - line.p)), BLANKS "=");
	if (s.n == 0 || (s.p[0] != '"' && s.p[0] != '\''))
		return false;
	const char quote[] = {s.p[0], '\0'};

	s = behind(s, 1);
	return html_find_encoding(take_until(&s, quote), name);
}

/* The first <meta> that names an encoding which somebody knows: HTML standard §13.2.3.2. */
static bool meta_encoding(struct sl_str bytes, char name[64])
{
	const struct sl_str head = sl_str_sub(bytes, 0, META_BYTES);

	for (struct sl_str s = head; s.n > 0;) {
		if (s.p[0] != '<') {
			(void)take_until(&s, "<");
			continue;
		}
		const bool is_meta = s.n > 5 && strncasecmp(s.p, "<meta", 5) == 0 && s.p[5] &&
				     strchr(BLANKS "/", s.p[5]);

		if (!is_meta) {
			s = pass_markup(s);
			continue;
		}
		s = behind(s, 5);
		if (read_meta(&s, name))
			return true;
	}
	return xml_encoding(head, name);
}

/* Nothing names an encoding. What has more letters of UTF-8 than bytes that are none in it is UTF-8
 * with a fault; else it is what browsers take there, windows-1252. */
static const char *guess(struct sl_str bytes)
{
	size_t letters = 0, faults = 0, bad = 0;

	for (; !sl_utf8_valid(bytes, &bad); bytes = behind(bytes, bad + 1), faults++)
		for (size_t i = 0; i < bad; i++)
			letters += (unsigned char)bytes.p[i] >= 0xc0;
	for (size_t i = 0; faults > 0 && i < bytes.n; i++)
		letters += (unsigned char)bytes.p[i] >= 0xc0;
	return letters >= faults ? "UTF-8" : "windows-1252";
}

/* Bytes that are no letter become U+FFFD, one each. */
static bool convert(struct sl_str bytes, const char *name, struct sl_buf *out)
{
	iconv_t cd = iconv_open("UTF-8", name);
	char *in = (char *)(uintptr_t)bytes.p;
	size_t left = bytes.n;

	if (cd == (iconv_t)-1)
		return false;
	while (left > 0) {
		char piece[4096], *to = piece;
		size_t room = sizeof(piece);
		const size_t done = iconv(cd, &in, &left, &to, &room);

		sl_buf_add(out, piece, sizeof(piece) - room);
		if (done != (size_t)-1 || errno == E2BIG)
			continue;
		sl_buf_adds(out, "\xef\xbf\xbd");
		in++;
		left--;
	}
	iconv_close(cd);
	return true;
}

static void add_without_nul(struct sl_str s, struct sl_buf *out)
{
	for (ptrdiff_t nul; (nul = sl_str_find(s, '\0')) >= 0;) {
		sl_buf_addstr(out, sl_str_sub(s, 0, (size_t)nul));
		sl_buf_adds(out, "\xef\xbf\xbd");
		s = sl_str_sub(s, (size_t)nul + 1, s.n);
	}
	sl_buf_addstr(out, s);
}

/* The number of the reference "&#…" at the begin of s, *ret_n its bytes; 0: there is none. */
static unsigned long reference(struct sl_str s, size_t *ret_n)
{
	const bool hex = s.n > 2 && (s.p[2] == 'x' || s.p[2] == 'X');
	unsigned long number = 0;
	size_t n = hex ? 3 : 2;

	for (; n < s.n && n < 12; n++) {
		const char c = s.p[n], small = (char)(c | 0x20);

		if (c >= '0' && c <= '9')
			number = number * (hex ? 16 : 10) + (unsigned long)(c - '0');
		else if (hex && small >= 'a' && small <= 'f')
			number = number * 16 + (unsigned long)(small - 'a') + 10;
		else
			break;
	}
	*ret_n = n + (n < s.n && s.p[n] == ';');
	return number;
}

/* "&#146;" is an apostrophe: numbers 128 to 159 mean windows-1252 (HTML standard §13.2.5.80), which
 * the parser does not know. */
static void mend_references(struct sl_buf *text)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	const char *end = sl_buf_room(text, 0); /* makes p, also of an empty text */
	char *to = text->p, *from = text->p;

	for (char *at; (at = memmem(from, (size_t)(end - from), "&#", 2));) {
		size_t n;
		const unsigned long number = reference((struct sl_str){at, (size_t)(end - at)}, &n);
		const char byte = (char)number;
		struct sl_str letter = {at, 2};

		if (number >= 0x80 && number <= 0x9f)
			letter = sl_encoding_text(SL_ENCODING_WINDOWS_1252,
						  (struct sl_str){&byte, 1}, &arena);
		else
			n = 2;
		memmove(to, from, (size_t)(at - from));
		to += at - from;
		memmove(to, letter.p, letter.n);
		to += letter.n;
		from = at + n;
	}
	memmove(to, from, (size_t)(end - from) + 1);
	text->n = (size_t)(to - text->p) + (size_t)(end - from);
}

static void add_utf8(struct sl_str bytes, const char *name, struct sl_buf *out)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf converted = SL_BUF_INIT;

	if (strcasecmp(name, "utf-8") == 0)
		add_without_nul(
			sl_utf8_valid(bytes, NULL) ? bytes : sl_utf8_repaired(bytes, &arena), out);
	else if (strcasecmp(name, "windows-1252") == 0)
		add_without_nul(sl_encoding_text(SL_ENCODING_WINDOWS_1252, bytes, &arena), out);
	else if (convert(bytes, name, &converted))
		add_without_nul(sl_buf_str(&converted), out);
}

void html_to_utf8(struct sl_str bytes, struct sl_str charset, struct sl_buf *out)
{
	char name[64];

	if (sl_str_starts(bytes, "\xef\xbb\xbf")) {
		bytes = sl_str_sub(bytes, 3, bytes.n);
		snprintf(name, sizeof(name), "UTF-8");
	} else if (sl_str_starts(bytes, "\xff\xfe") || sl_str_starts(bytes, "\xfe\xff")) {
		snprintf(name, sizeof(name), "UTF-16%s", bytes.p[0] == '\xff' ? "LE" : "BE");
		bytes = sl_str_sub(bytes, 2, bytes.n);
	} else if (!(charset.p && html_find_encoding(charset, name)) &&
		   !meta_encoding(bytes, name)) {
		snprintf(name, sizeof(name), "%s", guess(bytes));
	}
	add_utf8(bytes, name, out);
	mend_references(out);
}
