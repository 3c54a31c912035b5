/*
 * Formats of query results. Every cell comes as canonical text, so that the engines print alike.
 */
#include "run/output.h"

#include <ctype.h>
#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/help.h"

#define MEMORY_MAX ((size_t)4 << 20) /* bytes kept in memory before a file is used */
#define STREAM_BYTES ((size_t)64 << 10)
#define CELL_MAX ((size_t)80) /* bytes of a cell in a table */
#define NULL_LENGTH UINT32_MAX

static bool to_stdout(const struct sl_output *o)
{
	return !o->path || strcmp(o->path, "-") == 0;
}

/* Where the rows wait: beside the file that they become, so that a rename is enough. */
static char *spool_dir(const struct sl_output *o)
{
	const char *dir = getenv("TMPDIR");
	const char *slash = to_stdout(o) ? NULL : strrchr(o->path, '/');

	if (slash)
		return sl_xstrndup(o->path, (size_t)(slash - o->path) + 1);
	return sl_xstrdup(!to_stdout(o) ? "." : dir && dir[0] ? dir : "/tmp");
}

static bool write_spool(struct sl_output *o, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *dir = spool_dir(o);

	if (!o->spool.path && !sl_tmpfile_open(&o->spool, dir, err))
		return false;
	if (!sl_fd_write_all(o->spool.fd, sl_buf_z(&o->text), o->text.n,
			     to_stdout(o) ? "result" : o->path, err))
		return false;
	sl_buf_clear(&o->text);
	return true;
}

/* Nobody reads on: that ends the query as a limit does. */
static bool write_stream(struct sl_output *o, struct sl_err *err)
{
	if (!sl_stdout_until(sl_buf_str(&o->text), &o->capped, err))
		return false;
	sl_buf_clear(&o->text);
	return !o->capped || sl_err_set(err, SL_ERR_CANCELLED, "enough rows");
}

static bool spill(struct sl_output *o, struct sl_err *err)
{
	if (o->stream && to_stdout(o) && o->text.n >= STREAM_BYTES)
		return write_stream(o, err);
	return o->text.n < MEMORY_MAX || write_spool(o, err);
}

/* Letters of UTF-8 text: bytes that do not continue one. */
static size_t width_of(struct sl_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	return n;
}

static void add_csv(struct sl_buf *out, struct sl_str cell)
{
	bool quote = cell.p && cell.n == 0; /* "" is empty text, nothing at all is NULL */

	if (!cell.p)
		return;
	for (size_t i = 0; i < cell.n && !quote; i++)
		quote = memchr(",\"\r\n", cell.p[i], 4) != NULL;
	if (!quote) {
		sl_buf_addstr(out, cell);
		return;
	}
	sl_buf_addc(out, '"');
	for (size_t i = 0; i < cell.n; i++) {
		if (cell.p[i] == '"')
			sl_buf_addc(out, '"');
		sl_buf_addc(out, cell.p[i]);
	}
	sl_buf_addc(out, '"');
}

static bool is_json_number(struct sl_str s)
{
	const size_t sign = s.n && s.p[0] == '-';

	return s.n > sign && isdigit((unsigned char)s.p[sign]);
}

static void add_json(struct sl_buf *out, enum sl_kind kind, struct sl_str cell)
{
	bool plain = false;

	switch (kind) {
	case SL_BOOL:
	case SL_TEXT_LIST:
		plain = true;
		break;
	case SL_INT64:
	case SL_FLOAT64: /* NaN and Infinity are no JSON numbers: text */
	case SL_DECIMAL:
		plain = is_json_number(cell);
		break;
	case SL_TEXT:
	case SL_DATE:
	case SL_TIMESTAMP:
		break;
	}
	if (!cell.p)
		sl_buf_adds(out, "null");
	else if (plain)
		sl_buf_addstr(out, cell);
	else
		sl_buf_add_json(out, cell);
}

static void note_width(struct sl_output *o, size_t col, struct sl_str text)
{
	const size_t width = width_of(text);

	o->widths[col] = width > o->widths[col] ? width : o->widths[col];
}

/* Keeps a cell of a table: 4 bytes length, then its printable form. */
static void keep_cell(struct sl_output *o, size_t col, struct sl_buf *to, struct sl_str cell)
{
	const size_t at = to->n;
	uint32_t length = NULL_LENGTH;

	sl_buf_add(to, &length, sizeof(length));
	if (!cell.p)
		return;
	sl_buf_add_escaped(to, cell, CELL_MAX);
	length = (uint32_t)(to->n - at - sizeof(length));
	memcpy(to->p + at, &length, sizeof(length));
	note_width(o, col, sl_str_sub(sl_buf_str(to), at + sizeof(length), length));
}

static bool is_number(enum sl_kind kind)
{
	return kind == SL_INT64 || kind == SL_FLOAT64 || kind == SL_DECIMAL;
}

bool sl_output_cols(void *ctx, const struct sl_db_col *cols, size_t n_cols, struct sl_err *err)
{
	struct sl_output *o = ctx;

	(void)err;
	o->n_cols = n_cols;
	if (o->format == SL_OUTPUT_CSV) {
		for (size_t i = 0; i < n_cols; i++) {
			sl_buf_adds(&o->text, i ? "," : "");
			add_csv(&o->text, sl_str_of(cols[i].name));
		}
		sl_buf_adds(&o->text, "\r\n");
	}
	if (o->format != SL_OUTPUT_TABLE)
		return true;
	o->widths = sl_xcalloc(n_cols + 1, sizeof(*o->widths));
	o->right = sl_xcalloc(n_cols + 1, sizeof(*o->right));
	for (size_t i = 0; i < n_cols; i++) {
		o->right[i] = is_number(cols[i].kind);
		keep_cell(o, i, &o->head, sl_str_of(cols[i].name));
	}
	return true;
}

static void add_row(struct sl_output *o, const struct sl_db_col *cols, size_t n_cols,
		    const struct sl_str *cells)
{
	if (o->format == SL_OUTPUT_JSON)
		sl_buf_adds(&o->text, o->rows ? ",\n{" : "[\n{");
	if (o->format == SL_OUTPUT_JSONL)
		sl_buf_addc(&o->text, '{');
	for (size_t i = 0; i < n_cols; i++) {
		switch (o->format) {
		case SL_OUTPUT_TABLE:
			keep_cell(o, i, &o->cells, cells[i]);
			break;
		case SL_OUTPUT_CSV:
			sl_buf_adds(&o->text, i ? "," : "");
			add_csv(&o->text, cells[i]);
			break;
		case SL_OUTPUT_JSON:
		case SL_OUTPUT_JSONL:
			sl_buf_adds(&o->text, i ? "," : "");
			sl_buf_add_json(&o->text, sl_str_of(cols[i].name));
			sl_buf_addc(&o->text, ':');
			add_json(&o->text, cols[i].kind, cells[i]);
			break;
		}
	}
	if (o->format == SL_OUTPUT_CSV)
		sl_buf_adds(&o->text, "\r\n");
	if (o->format == SL_OUTPUT_JSON)
		sl_buf_addc(&o->text, '}');
	if (o->format == SL_OUTPUT_JSONL)
		sl_buf_adds(&o->text, "}\n");
	o->rows++;
}

bool sl_output_row(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		   const struct sl_str *cells, struct sl_err *err)
{
	struct sl_output *o = ctx;

	if (o->limit && o->rows >= o->limit) {
		o->capped = true;
		return sl_err_set(err, SL_ERR_CANCELLED, "enough rows");
	}
	add_row(o, cols, n_cols, cells);
	return spill(o, err);
}

static void add_padding(struct sl_buf *out, size_t n, char c)
{
	while (n-- > 0)
		sl_buf_addc(out, c);
}

/* One line of a table from kept cells; returns where the next line begins. */
static const char *add_line(struct sl_output *o, const char *p)
{
	for (size_t i = 0; i < o->n_cols; i++) {
		uint32_t length;
		struct sl_str cell = {p + sizeof(length), 0};

		memcpy(&length, p, sizeof(length));
		cell.n = length == NULL_LENGTH ? 0 : length;
		p += sizeof(length) + cell.n;

		const size_t pad = o->widths[i] - width_of(cell);

		sl_buf_adds(&o->text, i ? " | " : " ");
		if (o->right[i])
			add_padding(&o->text, pad, ' ');
		sl_buf_addstr(&o->text, cell);
		if (!o->right[i] && i + 1 < o->n_cols)
			add_padding(&o->text, pad, ' ');
	}
	sl_buf_addc(&o->text, '\n');
	return p;
}

static void lay_out_table(struct sl_output *o)
{
	const char *p = o->cells.p;

	if (o->n_cols)
		add_line(o, o->head.p);
	for (size_t i = 0; i < o->n_cols; i++) {
		sl_buf_adds(&o->text, i ? "+" : "");
		add_padding(&o->text, o->widths[i] + 2, '-');
	}
	sl_buf_adds(&o->text, o->n_cols ? "\n" : "");
	for (uint64_t i = 0; i < o->rows; i++)
		p = add_line(o, p);
	sl_buf_addf(&o->text, "(%" PRIu64 " %s%s)\n", o->rows, o->rows == 1 ? "row" : "rows",
		    o->capped ? ", there are more: raise --limit" : "");
}

static bool copy_spool(struct sl_output *o, struct sl_err *err)
{
	char bytes[1 << 16];
	bool gone = false;
	ssize_t n = 0;

	if (lseek(o->spool.fd, 0, SEEK_SET) < 0)
		return sl_err_errno(err, SL_ERR_IO, errno, "cannot read the result again");
	while (!gone && (n = read(o->spool.fd, bytes, sizeof(bytes))) > 0) {
		if (!sl_stdout_until((struct sl_str){bytes, (size_t)n}, &gone, err))
			return false;
	}
	return n >= 0 || sl_err_errno(err, SL_ERR_IO, errno, "cannot read the result again");
}

static bool write_stdout(struct sl_output *o, struct sl_err *err)
{
	if (o->spool.path && !copy_spool(o, err))
		return false;
	return sl_stdout(sl_buf_str(&o->text), err);
}

void sl_output_end(struct sl_output *o)
{
	if (o->format == SL_OUTPUT_TABLE)
		lay_out_table(o);
	if (o->format == SL_OUTPUT_JSON)
		sl_buf_adds(&o->text, o->rows ? "\n]\n" : "[]\n");
}

bool sl_output_finish(struct sl_output *o, struct sl_err *err)
{
	sl_output_end(o);
	if (to_stdout(o))
		return write_stdout(o, err);
	return write_spool(o, err) && sl_tmpfile_rename(&o->spool, o->path, err);
}

void sl_output_release(struct sl_output *o)
{
	sl_tmpfile_close(&o->spool);
	sl_buf_release(&o->text);
	sl_buf_release(&o->head);
	sl_buf_release(&o->cells);
	sl_freep(&o->widths);
	sl_freep(&o->right);
}
