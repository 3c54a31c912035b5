/*
 * From a page's bytes to UTF-8: which encoding, and what is no letter in it.
 */
#include <errno.h>
#include <iconv.h>

#include "data/encoding.h"
#include "engines/html.h"

#define META_BYTES 1024 /* how far a <meta> is looked for: HTML standard §13.2.3.2 */

/* Labels whose meaning is not what their name says, or whose name iconv does not know; the rest is
 * iconv's. Source: WHATWG Encoding Standard §4.2. */
static const struct {
	const char *label, *encoding;
} labels[] = {
	{"utf8", "UTF-8"},
	{"unicode-1-1-utf-8", "UTF-8"},
	{"iso-8859-1", "WINDOWS-1252"},
	{"iso8859-1", "WINDOWS-1252"},
	{"iso_8859-1", "WINDOWS-1252"},
	{"latin1", "WINDOWS-1252"},
	{"l1", "WINDOWS-1252"},
	{"ascii", "WINDOWS-1252"},
	{"us-ascii", "WINDOWS-1252"},
	{"cp1252", "WINDOWS-1252"},
	{"x-cp1252", "WINDOWS-1252"},
	{"iso-8859-9", "WINDOWS-1254"},
	{"latin5", "WINDOWS-1254"},
	{"gb2312", "GB18030"},
	{"gb_2312-80", "GB18030"},
	{"gbk", "GB18030"},
	{"x-gbk", "GB18030"},
	{"chinese", "GB18030"},
	{"shift_jis", "CP932"},
	{"shift-jis", "CP932"},
	{"sjis", "CP932"},
	{"x-sjis", "CP932"},
	{"euc-kr", "CP949"},
	{"ks_c_5601-1987", "CP949"},
	{"korean", "CP949"},
	{"big5", "BIG5-HKSCS"},
	{"tis-620", "CP874"},
	{"iso-8859-11", "CP874"},
	{"utf-16", "UTF-16LE"},
};

/* The label's encoding in name, or false when nobody knows it. */
static bool find_encoding(struct sl_str label, char name[64])
{
	label = sl_str_trim(label);
	if (label.n >= 2 && (label.p[0] == '"' || label.p[0] == '\''))
		label = sl_str_sub(label, 1, label.n - 2);
	if (label.n == 0 || label.n > 60)
		return false;
	for (size_t i = 0; i < label.n; i++) {
		const char c = label.p[i];

		if (c <= ' ' || c >= 0x7f || c == '/') /* "/" would ask iconv for more */
			return false;
		name[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	name[label.n] = '\0';
	for (size_t i = 0; i < SL_ARRAY_LEN(labels); i++)
		if (strcmp(labels[i].label, name) == 0)
			snprintf(name, 64, "%s", labels[i].encoding);
	iconv_t cd = iconv_open("UTF-8", name);
	if (cd == (iconv_t)-1)
		return false;
	iconv_close(cd);
	return true;
}

/* What stands behind "charset=" in s. */
static struct sl_str charset_in(struct sl_str s)
{
	static const char key[] = "charset";

	for (size_t i = 0; i + sizeof(key) <= s.n; i++) {
		size_t end, begin = i + sizeof(key) - 1;

		if (strncasecmp(s.p + i, key, sizeof(key) - 1) != 0)
			continue;
		while (begin < s.n && s.p[begin] == ' ')
			begin++;
		if (begin == s.n || s.p[begin] != '=')
			continue;
		for (begin++; begin < s.n && strchr(" \t\"'", s.p[begin]);)
			begin++;
		for (end = begin; end < s.n && !strchr(" \t\"';>/", s.p[end]);)
			end++;
		return sl_str_sub(s, begin, end - begin);
	}
	return SL_STR_NULL;
}

/* The first <meta> that names an encoding which somebody knows. */
static bool meta_encoding(struct sl_str bytes, char name[64])
{
	const struct sl_str head = sl_str_sub(bytes, 0, META_BYTES);

	for (size_t i = 0; i + 5 < head.n; i++) {
		if (strncasecmp(head.p + i, "<meta", 5) != 0)
			continue;
		const struct sl_str rest = sl_str_sub(head, i, head.n);
		const ptrdiff_t end = sl_str_find(rest, '>');
		const struct sl_str tag = sl_str_sub(rest, 0, end < 0 ? rest.n : (size_t)end);
		const struct sl_str label = charset_in(tag);

		if (label.p && find_encoding(label, name)) {
			/* Whoever could read the tag does not read UTF-16. */
			if (strncasecmp(name, "utf-16", 6) == 0)
				snprintf(name, 64, "UTF-8");
			return true;
		}
	}
	return false;
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

void html_to_utf8(struct sl_str bytes, struct sl_str charset, struct sl_buf *out)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf converted = SL_BUF_INIT;
	char name[64];

	if (sl_str_starts(bytes, "\xef\xbb\xbf")) {
		bytes = sl_str_sub(bytes, 3, bytes.n);
		snprintf(name, sizeof(name), "UTF-8");
	} else if (sl_str_starts(bytes, "\xff\xfe") || sl_str_starts(bytes, "\xfe\xff")) {
		snprintf(name, sizeof(name), "UTF-16%s", bytes.p[0] == '\xff' ? "LE" : "BE");
		bytes = sl_str_sub(bytes, 2, bytes.n);
	} else if (!(charset.p && find_encoding(charset, name)) && !meta_encoding(bytes, name)) {
		snprintf(name, sizeof(name), "UTF-8");
	}
	if (strcasecmp(name, "utf-8") == 0)
		add_without_nul(
			sl_utf8_valid(bytes, NULL) ? bytes : sl_utf8_repaired(bytes, &arena), out);
	else if (strcasecmp(name, "windows-1252") == 0)
		add_without_nul(sl_encoding_text(SL_ENCODING_WINDOWS_1252, bytes, &arena), out);
	else if (convert(bytes, name, &converted))
		add_without_nul(sl_buf_str(&converted), out);
}
