/*
 * Diagnostics: collected while a file is read, printed together at the end. Items own copies of
 * their file's name and text, because the tree and its arena are gone when they are printed.
 */
#include "data/diag.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#define LINE_MAX_SHOWN 400 /* bytes; a longer source line is not shown */

struct sl_diag_item {
	enum sl_diag_code code;
	char *file, *origin; /* may be NULL */
	unsigned line, col;
	size_t order; /* of arrival, so that sorting is stable */
	char *text;
};

static const struct {
	const char *name, *meaning, *cure;
} codes[] = {
#define X(code, meaning, cure) {#code, meaning, cure},
	SL_DIAG_CODES(X)
#undef X
};

static char *copy(const char *z)
{
	return z ? sl_xstrdup(z) : NULL;
}

void sl_diag_add(struct sl_diags *d, enum sl_diag_code code, struct sl_place at, const char *fmt,
		 ...)
{
	d->total++;
	if (d->n == SL_DIAG_MAX)
		return;
	sl_cleanup(sl_buf_release) struct sl_buf raw = SL_BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	sl_buf_vaddf(&raw, fmt, ap);
	va_end(ap);
	/* A user's value may hold line ends or escapes: the message stays one harmless line. */
	struct sl_buf text = SL_BUF_INIT;
	sl_buf_add_escaped(&text, sl_buf_str(&raw), 800);
	d->v = sl_xrealloc(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n] = (struct sl_diag_item){
		.code = code,
		.file = copy(at.file),
		.origin = copy(at.origin),
		.line = at.line,
		.col = at.col,
		.order = d->n,
		.text = sl_buf_detach(&text),
	};
	d->n++;
}

/* What lies outside the file (line 0) comes last. */
static int compare(const void *pa, const void *pb)
{
	const struct sl_diag_item *a = pa, *b = pb;
	int by_file = strcmp(a->file ? a->file : "", b->file ? b->file : "");
	if (by_file != 0)
		return by_file;
	if (a->line != b->line)
		return a->line - 1u < b->line - 1u ? -1 : 1;
	if (a->col != b->col)
		return a->col < b->col ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static void sort_items(const struct sl_diags *d)
{
	if (d->n > 1)
		qsort(d->v, d->n, sizeof(*d->v), compare);
}

static void add_place(struct sl_buf *out, const struct sl_diag_item *it)
{
	if (it->file && (it->line > 0 || !it->origin))
		sl_buf_addf(out, "%s:", it->file);
	if (it->line > 0)
		sl_buf_addf(out, "%u:%u:", it->line, it->col);
	else if (it->origin)
		sl_buf_addf(out, "%s:", it->origin);
	if (out->n > 0 && out->p[out->n - 1] == ':')
		sl_buf_addc(out, ' ');
}

/* Line number `line` of text, without its end and a byte order mark; p NULL when there is none. */
static struct sl_str find_line(struct sl_str text, unsigned line)
{
	if (sl_str_starts(text, "\xEF\xBB\xBF"))
		text = sl_str_sub(text, 3, text.n);
	struct sl_str head = SL_STR_NULL;
	for (unsigned i = 0; i < line; i++)
		if (!sl_str_next(&text, '\n', &head))
			return SL_STR_NULL;
	if (sl_str_ends(head, "\r"))
		head.n--;
	return head;
}

/* The source line, and a caret below column col: tabs stay tabs, so that both lines agree. */
static void add_source_line(struct sl_buf *out, struct sl_str line, unsigned number, unsigned col)
{
	if (!line.p || line.n == 0 || line.n > LINE_MAX_SHOWN)
		return;
	size_t before = out->n;
	sl_buf_addf(out, "%5u | ", number);
	size_t margin = out->n - before;
	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i];
		bool control = ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
		sl_buf_addc(out, control ? '?' : c);
	}
	sl_buf_addf(out, "\n%*s", (int)margin, "| ");
	unsigned at = 1;
	for (size_t i = 0; i < line.n && at < col; i++) {
		if (((unsigned char)line.p[i] & 0xC0) == 0x80)
			continue; /* inside a letter */
		sl_buf_addc(out, line.p[i] == '\t' ? '\t' : ' ');
		at++;
	}
	sl_buf_adds(out, "^\n");
}

/* The file of one item after the other is nearly always the same: it is read once. */
struct shown {
	const char *file;
	struct sl_buf text;
};

static void load_file(struct shown *s, const char *file)
{
	if (s->file && strcmp(s->file, file) == 0)
		return;
	s->file = file;
	sl_buf_clear(&s->text);
	struct sl_err ignored = SL_ERR_INIT;
	if (!sl_file_read(file, (size_t)1 << 20, &s->text, &ignored))
		sl_buf_clear(&s->text); /* the message is still worth printing */
}

void sl_diags_print(const struct sl_diags *d, struct sl_buf *out)
{
	struct shown shown = {NULL, SL_BUF_INIT};
	sort_items(d);
	for (size_t i = 0; i < d->n; i++) {
		const struct sl_diag_item *it = &d->v[i];
		struct sl_buf head = SL_BUF_INIT;
		add_place(&head, it);
		sl_buf_addf(out, "%serror[%s]: %s\n", sl_buf_z(&head), codes[it->code].name,
			    it->text);
		sl_buf_release(&head);
		if (it->file && it->line > 0) {
			load_file(&shown, it->file);
			add_source_line(out, find_line(sl_buf_str(&shown.text), it->line), it->line,
					it->col);
		}
	}
	if (d->total > d->n)
		sl_buf_addf(out, "and %zu more errors\n", d->total - d->n);
	sl_buf_release(&shown.text);
}

bool sl_diags_ok(const struct sl_diags *d, struct sl_err *err)
{
	if (d->n == 0)
		return true;
	sort_items(d);
	sl_cleanup(sl_buf_release) struct sl_buf head = SL_BUF_INIT;
	add_place(&head, &d->v[0]);
	sl_err_set(err, SL_ERR_CONFIG, "%s%s [%s]", sl_buf_z(&head), d->v[0].text,
		   codes[d->v[0].code].name);
	if (d->total > 1)
		sl_err_hint(err, "%zu more: \"sluice validate\" shows all", d->total - 1);
	return false;
}

void sl_diags_release(struct sl_diags *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].file);
		free(d->v[i].origin);
		free(d->v[i].text);
	}
	free(d->v);
	*d = (struct sl_diags)SL_DIAGS_INIT;
}

bool sl_diag_explain(const char *code, const char **meaning, const char **cure)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(codes); i++) {
		if (strcmp(codes[i].name, code) != 0)
			continue;
		*meaning = codes[i].meaning;
		*cure = codes[i].cure;
		return true;
	}
	return false;
}

static void add_member(struct sl_buf *out, const char *name, const char *value)
{
	sl_buf_addf(out, "\"%s\":", name);
	sl_buf_add_json(out, sl_str_of(value));
}

void sl_diags_describe(struct sl_buf *out)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(codes); i++) {
		sl_buf_adds(out, i ? ",{" : "[{");
		add_member(out, "code", codes[i].name);
		sl_buf_addc(out, ',');
		add_member(out, "meaning", codes[i].meaning);
		sl_buf_addc(out, ',');
		add_member(out, "cure", codes[i].cure);
		sl_buf_addc(out, '}');
	}
	sl_buf_addc(out, ']');
}

void sl_suggest(struct sl_buf *out, const char *word, const char *const *names, size_t n)
{
	size_t best = strlen(word) < 5 ? 1 : 2;
	const char *nearest = NULL;
	for (size_t i = 0; i < n; i++) {
		size_t distance = sl_str_distance(word, names[i]);
		if (distance > best || (nearest && distance == best))
			continue;
		best = distance;
		nearest = names[i];
	}
	if (nearest)
		sl_buf_addf(out, " (did you mean \"%s\"?)", nearest);
}
