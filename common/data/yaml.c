/*
 * Strict YAML on libyaml's events. The events are turned into the tree with a stack of our own (no
 * recursion on input depth); whatever YAML allows but a pipeline file does not need is refused with
 * its place. libyaml counts columns in characters, as people and editors do.
 *
 * libyaml stops at the first syntax error; then there is no tree, because half a tree would only
 * give errors that are not there.
 */
#include "data/yaml.h"

#include <yaml.h>

#include "base/mem.h"

#define FILE_MAX ((size_t)1 << 20) /* bytes */
#define NODES_MAX 100000
#define DEPTH_MAX 64

/* One open mapping or list. Its children gather on the heap until it closes. */
struct frame {
	struct sl_node *node;
	struct sl_node **items, **keys;
	size_t n, cap;
	struct sl_node *key; /* waits for its value */
	bool flow;
};

struct reader {
	yaml_parser_t parser;
	struct sl_str bytes;
	struct sl_place base; /* file, or origin of a value from outside a file */
	bool outside;	      /* then every place is base */
	struct sl_arena *arena;
	struct sl_diags *diags;
	struct frame stack[DEPTH_MAX];
	size_t depth, nodes, documents;
	struct sl_node *root;
	const size_t *lines; /* offset of each line in bytes */
	size_t n_lines;
	size_t lines_checked; /* for tabs */
	bool stop;	      /* no tree */
};

static struct sl_place place_at(const struct reader *r, size_t line, size_t col)
{
	struct sl_place at = r->base;
	if (!r->outside) {
		at.line = (unsigned)line + 1;
		at.col = (unsigned)col + 1;
	}
	return at;
}

static struct sl_place place_of(const struct reader *r, yaml_mark_t mark)
{
	return place_at(r, mark.line, mark.column);
}

static void index_lines(struct reader *r)
{
	struct sl_str b = r->bytes;
	size_t n = 1, k = 1;
	for (size_t i = 0; i < b.n; i++)
		n += b.p[i] == '\n';
	size_t *lines = sl_arena_alloc(r->arena, n * sizeof(*lines));
	lines[0] = sl_str_starts(b, "\xEF\xBB\xBF") ? 3 : 0;
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '\n')
			lines[k++] = i + 1;
	r->lines = lines;
	r->n_lines = n;
}

/* Place of a byte: its line, and the letters before it in that line. */
static struct sl_place place_of_byte(const struct reader *r, size_t offset)
{
	size_t line = 0, col = 0;
	while (line + 1 < r->n_lines && r->lines[line + 1] <= offset)
		line++;
	for (size_t i = r->lines[line]; i < offset; i++)
		col += ((unsigned char)r->bytes.p[i] & 0xC0) != 0x80;
	return place_at(r, line, col);
}

/* U+0085, U+2028 and U+2029 end a line for libyaml, but neither for YAML 1.2 nor for editors. */
static size_t odd_line_end(struct sl_str b, size_t i)
{
	if (b.p[i] == '\r' && (i + 1 == b.n || b.p[i + 1] != '\n'))
		return 1;
	if (i + 1 < b.n && memcmp(b.p + i, "\xC2\x85", 2) == 0)
		return 2;
	if (i + 2 < b.n && memcmp(b.p + i, "\xE2\x80", 2) == 0 &&
	    ((unsigned char)b.p[i + 2] & 0xFE) == 0xA8)
		return 3;
	return 0;
}

/* What makes bytes no text that we read: told once, at the first place. */
static bool check_bytes(struct reader *r)
{
	struct sl_str b = r->bytes;
	size_t bad;
	if (!sl_utf8_valid(b, &bad)) {
		sl_diag_add(r->diags, SL_E1001, place_of_byte(r, bad),
			    "byte 0x%02X is not UTF-8: save the file as UTF-8",
			    (unsigned char)b.p[bad]);
		return false;
	}
	for (size_t i = 0; i < b.n; i++) {
		unsigned char c = (unsigned char)b.p[i];
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
			sl_diag_add(r->diags, SL_E1001, place_of_byte(r, i),
				    "control character 0x%02X: write it as an escape in "
				    "\"double quotes\"",
				    c);
			return false;
		}
		if (odd_line_end(b, i) > 0) {
			sl_diag_add(r->diags, SL_E1010, place_of_byte(r, i),
				    "a line may only end with a line feed (or CR and line feed)");
			return false;
		}
	}
	return true;
}

/* Offset in the line of a tab among its leading blanks, or -1. */
static ptrdiff_t indenting_tab(const struct reader *r, size_t line)
{
	if (line >= r->n_lines)
		return -1;
	size_t start = r->lines[line], i = start;
	while (i < r->bytes.n && r->bytes.p[i] == ' ')
		i++;
	return i < r->bytes.n && r->bytes.p[i] == '\t' ? (ptrdiff_t)(i - start) : -1;
}

static bool told_tab(struct reader *r, size_t line)
{
	ptrdiff_t col = indenting_tab(r, line);
	if (col < 0 || r->outside)
		return false;
	sl_diag_add(r->diags, SL_E1001, place_at(r, line, (size_t)col),
		    "a tab is used for indentation: YAML takes spaces only");
	return true;
}

/*
 * libyaml lets tabs pass inside {} and in a text's further lines. An event names the lines that it
 * begins; of a plain text all lines count, while in a quoted or block text they are content.
 */
static void check_tabs(struct reader *r, const yaml_event_t *ev)
{
	size_t first = ev->start_mark.line, last = first;
	if (ev->type == YAML_SCALAR_EVENT && ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    ev->data.scalar.length > 0)
		last = ev->end_mark.line;
	for (size_t line = first; line <= last; line++) {
		if (line < r->lines_checked)
			continue;
		r->lines_checked = line + 1;
		told_tab(r, line);
	}
}

/* libyaml's words, and ours where a pipeline's writer needs more. */
static const struct {
	const char *theirs, *ours;
} kinder[] = {
	{"mapping values are not allowed in this context",
	 "a \":\" is not expected here: indent the line as its neighbours, or quote the text"},
	{"could not find expected ':'", "a key without \":\""},
	{"did not find expected key", "the indentation fits none of the lines above"},
	{"did not find expected '-' indicator", "the indentation fits none of the lines above"},
	{"did not find expected ',' or '}'", "a \",\" or \"}\" is missing"},
	{"did not find expected ',' or ']'", "a \",\" or \"]\" is missing"},
	{"found unexpected end of stream", "the file ends inside a quoted text"},
	{"found character that cannot start any token",
	 "this character cannot begin a text: quote it"},
	{"did not find expected alphabetic or numeric character",
	 "\"*\" and \"&\" begin aliases and anchors, which are refused here: quote the text"},
	{"block sequence entries are not allowed in this context",
	 "a list cannot begin here: write it on lines of its own"},
};

static void tell_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *why = p->problem ? p->problem : "not YAML";
	yaml_mark_t mark = p->problem_mark;
	if (p->error == YAML_READER_ERROR)
		mark = p->mark;
	if (told_tab(r, mark.line))
		return;
	/* Where such a thing begins says more than where it was given up. */
	static const char *const from_begin[] = {"while scanning a simple key",
						 "while scanning an alias",
						 "while scanning an anchor"};
	for (size_t i = 0; p->context && i < SL_ARRAY_LEN(from_begin); i++)
		if (strcmp(p->context, from_begin[i]) == 0)
			mark = p->context_mark;
	for (size_t i = 0; i < SL_ARRAY_LEN(kinder); i++)
		if (strcmp(why, kinder[i].theirs) == 0)
			why = kinder[i].ours;
	if (p->context && p->context_mark.line != mark.line && !r->outside)
		sl_diag_add(r->diags, SL_E1001, place_of(r, mark), "%s (%s in line %zu)", why,
			    p->context, p->context_mark.line + 1);
	else
		sl_diag_add(r->diags, SL_E1001, place_of(r, mark), "%s", why);
}

static struct sl_node *new_node(struct reader *r, enum sl_node_kind kind, yaml_mark_t mark)
{
	struct sl_node *n = sl_arena_zalloc(r->arena, 1, sizeof(*n));
	n->kind = kind;
	n->at = n->owner = place_of(r, mark);
	n->text = "";
	if (++r->nodes > NODES_MAX && !r->stop) {
		sl_diag_add(r->diags, SL_E1009, n->at, "more than %d values", NODES_MAX);
		r->stop = true;
	}
	return n;
}

static void add_child(struct frame *f, struct sl_node *key, struct sl_node *item)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 8;
		f->items = sl_xrealloc(f->items, f->cap, sizeof(*f->items));
		f->keys = sl_xrealloc(f->keys, f->cap, sizeof(*f->keys));
	}
	f->items[f->n] = item;
	f->keys[f->n++] = key;
}

static void attach(struct reader *r, struct sl_node *n)
{
	if (r->depth == 0) {
		r->root = n;
		return;
	}
	struct frame *f = &r->stack[r->depth - 1];
	if (f->node->kind == SL_NODE_SEQ) {
		add_child(f, NULL, n);
	} else if (!f->key) {
		if (n->kind != SL_NODE_SCALAR) {
			sl_diag_add(r->diags, SL_E1010, n->at, "a key must be a plain text");
			n->bad = true;
		}
		f->key = n;
	} else {
		n->owner = f->key->at;
		if (!f->key->bad)
			add_child(f, f->key, n);
		f->key = NULL;
	}
}

static void refuse(struct reader *r, struct sl_node *n, const char *what)
{
	n->bad = true;
	sl_diag_add(r->diags, SL_E1010, n->at, "%s refused in a pipeline file: write it plainly",
		    what);
}

static void on_scalar(struct reader *r, const yaml_event_t *ev)
{
	struct sl_node *n = new_node(r, SL_NODE_SCALAR, ev->start_mark);
	struct sl_str text = {(const char *)ev->data.scalar.value, ev->data.scalar.length};
	n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	n->text = sl_arena_str(r->arena, text).p;
	if (ev->data.scalar.tag)
		refuse(r, n, "a tag (\"!\") is");
	else if (ev->data.scalar.anchor)
		refuse(r, n, "an anchor (\"&\") is");
	else if (memchr(n->text, '\0', text.n))
		refuse(r, n, "a NUL character is");
	attach(r, n);
}

static void on_alias(struct reader *r, const yaml_event_t *ev)
{
	struct sl_node *n = new_node(r, SL_NODE_SCALAR, ev->start_mark);
	refuse(r, n, "an alias (\"*\": quote the text if none was meant) is");
	attach(r, n);
}

static void on_open(struct reader *r, enum sl_node_kind kind, const yaml_event_t *ev,
		    const yaml_char_t *anchor, const yaml_char_t *tag, bool flow)
{
	struct sl_node *n = new_node(r, kind, ev->start_mark);
	if (r->depth == DEPTH_MAX) {
		sl_diag_add(r->diags, SL_E1009, n->at, "nested more than %d levels deep",
			    DEPTH_MAX);
		r->stop = true;
		return;
	}
	if (tag)
		refuse(r, n, "a tag (\"!\") is");
	else if (anchor)
		refuse(r, n, "an anchor (\"&\") is");
	attach(r, n);
	r->stack[r->depth++] = (struct frame){.node = n, .flow = flow};
}

/* {type: decimal(12,2)}: YAML sees the keys "type" and "2)". No key of ours ends so. */
static void join_parentheses(struct reader *r, struct frame *f)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->n; i++) {
		struct sl_node *before = kept > 0 ? f->items[kept - 1] : NULL;
		const struct sl_node *key = f->keys[i];
		bool open = before && before->kind == SL_NODE_SCALAR && !before->quoted &&
			    strchr(before->text, '(') && !strchr(before->text, ')');
		if (open && !key->quoted && sl_str_ends(sl_str_of(key->text), ")") &&
		    sl_node_is_null(f->items[i])) {
			before->text = sl_arena_printf(r->arena, "%s,%s", before->text, key->text);
			continue;
		}
		f->items[kept] = f->items[i];
		f->keys[kept++] = f->keys[i];
	}
	f->n = kept;
}

static int compare_keys(const void *pa, const void *pb)
{
	const struct sl_node *a = *(struct sl_node *const *)pa, *b = *(struct sl_node *const *)pb;
	int by_text = strcmp(a->text, b->text);
	if (by_text != 0)
		return by_text;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	return a->at.col < b->at.col ? -1 : a->at.col > b->at.col;
}

/* The first of equal keys stays. Sorting keeps a large mapping from taking quadratic time. */
static void drop_duplicates(struct reader *r, struct frame *f)
{
	if (f->n < 2)
		return;
	sl_cleanup(sl_freep) struct sl_node **sorted = sl_xcalloc(f->n, sizeof(*sorted));
	memcpy(sorted, f->keys, f->n * sizeof(*sorted));
	qsort(sorted, f->n, sizeof(*sorted), compare_keys);
	const struct sl_node *first = sorted[0];
	for (size_t i = 1; i < f->n; i++) {
		if (strcmp(first->text, sorted[i]->text) != 0) {
			first = sorted[i];
			continue;
		}
		sorted[i]->bad = true;
		sl_diag_add(r->diags, SL_E1002, sorted[i]->at,
			    "duplicate key \"%s\" (first in line %u)", sorted[i]->text,
			    first->at.line);
	}
	size_t kept = 0;
	for (size_t i = 0; i < f->n; i++) {
		if (f->keys[i]->bad)
			continue;
		f->items[kept] = f->items[i];
		f->keys[kept++] = f->keys[i];
	}
	f->n = kept;
}

static void release_frame(struct frame *f)
{
	free(f->items);
	free(f->keys);
	*f = (struct frame){0};
}

static void on_close(struct reader *r)
{
	struct frame *f = &r->stack[--r->depth];
	struct sl_node *n = f->node;
	if (n->kind == SL_NODE_MAP) {
		if (f->flow)
			join_parentheses(r, f);
		drop_duplicates(r, f);
	}
	size_t size = f->n * sizeof(*f->items);
	n->n = f->n;
	n->items = sl_arena_alloc(r->arena, size);
	n->keys = sl_arena_alloc(r->arena, size);
	if (size > 0) {
		memcpy(n->items, f->items, size);
		memcpy(n->keys, f->keys, size);
	}
	release_frame(f);
}

static void on_event(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++r->documents > 1) {
			sl_diag_add(r->diags, SL_E1010, place_of(r, ev->start_mark),
				    "a second document begins here: one file is one pipeline");
			r->stop = true;
		}
		break;
	case YAML_SCALAR_EVENT:
		on_scalar(r, ev);
		break;
	case YAML_ALIAS_EVENT:
		on_alias(r, ev);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_open(r, SL_NODE_SEQ, ev, ev->data.sequence_start.anchor,
			ev->data.sequence_start.tag,
			ev->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
		break;
	case YAML_MAPPING_START_EVENT:
		on_open(r, SL_NODE_MAP, ev, ev->data.mapping_start.anchor,
			ev->data.mapping_start.tag,
			ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_close(r);
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
}

static bool has_text(yaml_event_type_t type)
{
	return type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT ||
	       type == YAML_SEQUENCE_START_EVENT || type == YAML_SEQUENCE_END_EVENT ||
	       type == YAML_MAPPING_START_EVENT || type == YAML_MAPPING_END_EVENT;
}

static void read_events(struct reader *r)
{
	bool more = true;
	while (more && !r->stop) {
		yaml_event_t ev;
		if (!yaml_parser_parse(&r->parser, &ev)) {
			tell_syntax(r);
			r->stop = true;
			break;
		}
		if (has_text(ev.type))
			check_tabs(r, &ev);
		on_event(r, &ev);
		more = ev.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	while (r->depth > 0)
		release_frame(&r->stack[--r->depth]);
}

static struct sl_node *parse(struct reader *r)
{
	index_lines(r);
	if (!check_bytes(r))
		return NULL;
	if (!yaml_parser_initialize(&r->parser))
		SL_BUG("out of memory in libyaml");
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	size_t mark = r->lines[0]; /* a byte order mark is no text */
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->bytes.p + mark,
				     r->bytes.n - mark);
	read_events(r);
	yaml_parser_delete(&r->parser);
	return r->stop ? NULL : r->root;
}

struct sl_node *sl_yaml_parse(struct sl_str bytes, const char *name, struct sl_arena *arena,
			      struct sl_diags *diags)
{
	struct reader r = {.bytes = bytes, .arena = arena, .diags = diags};
	r.base.file = sl_arena_strdup(arena, name);
	if (bytes.n > FILE_MAX) {
		sl_diag_add(diags, SL_E1009, place_at(&r, 0, 0), "larger than 1 MiB");
		return NULL;
	}
	if (bytes.n == 0)
		r.bytes = SL_STR("");
	size_t before = diags->total;
	struct sl_node *root = parse(&r);
	if (!root && diags->total == before)
		sl_diag_add(diags, SL_E1001, place_at(&r, 0, 0), "the file is empty");
	return root;
}

struct sl_node *sl_yaml_value(const char *value, struct sl_place at, struct sl_arena *arena,
			      struct sl_diags *diags)
{
	struct reader r = {.base = at, .outside = true, .arena = arena, .diags = diags};
	r.bytes = sl_str_of(sl_arena_strdup(arena, value));
	if (value[0] != '\0' && strchr("[{\"'", value[0]))
		return parse(&r);
	index_lines(&r);
	if (!check_bytes(&r))
		return NULL;
	struct sl_node *n = new_node(&r, SL_NODE_SCALAR, (yaml_mark_t){0});
	n->text = r.bytes.p;
	return n;
}
