/*
 * Documents as files: DIR/<collection>.jsonl, one document a line by key, in relaxed Extended JSON,
 * so that what reads MongoDB's exports reads these. Every publish writes the file anew and renames
 * it; publishers take turns, because each holds DIR's lock from before it looks at the table.
 * Source: "MongoDB Extended JSON (v2)".
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/documents.h"

#define BLOCK ((size_t)1 << 20)

struct sl_docs {
	char *dir, *final;
	int lock;
	struct sl_tmpfile file;
	struct sl_buf out;
	const struct sl_doc_layout *layout;
	uint64_t written;
	struct sl_doc_counts counts;
};

extern const struct sl_docs_engine sl_docs_file;

static void file_close(struct sl_docs *d)
{
	if (!d)
		return;
	sl_tmpfile_close(&d->file);
	sl_buf_release(&d->out);
	if (d->lock >= 0)
		close(d->lock);
	free(d->dir);
	free(d->final);
	free(d);
}

static bool file_open(const struct sl_docs_conf *conf, struct sl_docs **ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *lock = sl_xasprintf("%s/.lock", conf->dir);
	struct sl_docs *d = sl_xcalloc(1, sizeof(*d));

	d->lock = -1;
	d->dir = sl_xstrdup(conf->dir);
	d->file = (struct sl_tmpfile)SL_TMPFILE_INIT;
	d->counts.first = (struct sl_err)SL_ERR_INIT;
	if (sl_dir_make(d->dir, err) && sl_lock_file(lock, conf->wait_us, false, &d->lock, err)) {
		*ret = d;
		return true;
	}
	file_close(d);
	return false;
}

static bool file_begin(struct sl_docs *d, const char *collection, const char *owner,
		       struct sl_doc_mark *ret, struct sl_err *err)
{
	(void)owner;
	*ret = (struct sl_doc_mark){0, 0, true};
	d->final = sl_xasprintf("%s/%s.jsonl", d->dir, collection);
	return sl_tmpfile_open(&d->file, d->dir, err);
}

static bool file_layout(struct sl_docs *d, const struct sl_doc_layout *layout,
			const struct sl_doc_index *indexes, size_t n_indexes, struct sl_err *err)
{
	(void)indexes;
	(void)n_indexes;
	(void)err;
	d->layout = layout;
	return true;
}

/* --- a line --- */

/* Milliseconds, as BSON has them; before 1970 the relaxed form has no text. */
static void add_time(struct sl_buf *out, sl_time us)
{
	const int64_t ms = us / 1000 - (us % 1000 < 0);
	char text[32];

	if (ms < 0) {
		sl_buf_addf(out, "{\"$date\":{\"$numberLong\":\"%" PRId64 "\"}}", ms);
		return;
	}
	sl_time_text(ms / 1000 * SL_SECOND, text);
	text[strlen(text) - 1] = '\0'; /* Z */
	sl_buf_addf(out, "{\"$date\":\"%s", text);
	if (ms % 1000)
		sl_buf_addf(out, ".%03d", (int)(ms % 1000));
	sl_buf_adds(out, "Z\"}");
}

static void add_double(struct sl_buf *out, struct sl_str s)
{
	const bool negative = sl_str_starts(s, "-");
	double value;

	if (sl_num_f64(s, &value))
		sl_buf_addstr(out, s);
	else
		sl_buf_addf(out, "{\"$numberDouble\":\"%s\"}",
			    s.n > negative && strchr("Nn", s.p[negative]) ? "NaN"
			    : negative					  ? "-Infinity"
									  : "Infinity");
}

static bool add_value(struct sl_buf *out, const char *name, enum sl_kind kind, struct sl_str s,
		      struct sl_err *err)
{
	sl_time t;
	int32_t days;

	switch (kind) {
	case SL_TEXT:
		sl_buf_add_json(out, s);
		return true;
	case SL_BOOL:
	case SL_INT64:
	case SL_TEXT_LIST:
		sl_buf_addstr(out, s);
		return true;
	case SL_FLOAT64:
		add_double(out, s);
		return true;
	case SL_DECIMAL:
		sl_buf_adds(out, "{\"$numberDecimal\":");
		sl_buf_add_json(out, s);
		sl_buf_addc(out, '}');
		return true;
	case SL_DATE:
		if (!sl_date_parse(s, &days))
			break;
		add_time(out, days * SL_DAY);
		return true;
	case SL_TIMESTAMP:
		if (sl_time_parse(s, NULL, &t) != SL_TIME_OK)
			break;
		add_time(out, t);
		return true;
	}
	return sl_err_set(err, SL_ERR_DATA,
			  "field \"%s\": \"" SL_STR_FMT "\" is no day of the years 1 to 9999", name,
			  SL_STR_ARG(s));
}

static void add_name(struct sl_buf *out, const char *name, bool *first)
{
	if (!*first)
		sl_buf_addc(out, ',');
	*first = false;
	sl_buf_add_json(out, sl_str_of(name));
	sl_buf_addc(out, ':');
}

static bool add_id(struct sl_buf *out, const struct sl_doc_layout *l, const struct sl_str *cells,
		   struct sl_err *err)
{
	bool first = true, ok = true;

	sl_buf_adds(out, "{\"_id\":");
	if (l->n_key == 1)
		return add_value(out, l->key[0].name, l->key[0].kind, cells[l->key[0].cell], err);
	sl_buf_addc(out, '{');
	for (size_t i = 0; i < l->n_key && ok; i++) {
		add_name(out, l->key[i].name, &first);
		ok = add_value(out, l->key[i].name, l->key[i].kind, cells[l->key[i].cell], err);
	}
	sl_buf_addc(out, '}');
	return ok;
}

static bool add_line(struct sl_buf *out, const struct sl_doc_layout *l, const struct sl_str *cells,
		     struct sl_err *err)
{
	bool first = false, ok = add_id(out, l, cells, err), any;

	for (size_t i = 0; i < l->n_steps && ok; i++) {
		const struct sl_doc_step *s = &l->steps[i];

		if (s->what == SL_DOC_CLOSE) {
			sl_buf_addc(out, '}');
			first = false;
		} else if (s->what == SL_DOC_OPEN) {
			const size_t behind = sl_doc_nested_end(l, i, cells, &any);

			if (!any) {
				i = behind - 1;
				continue;
			}
			add_name(out, s->name, &first);
			sl_buf_addc(out, '{');
			first = true;
		} else if (cells[s->cell].p) {
			add_name(out, s->name, &first);
			ok = add_value(out, s->name, s->kind, cells[s->cell], err);
		}
	}
	sl_buf_adds(out, "}\n");
	return ok;
}

static bool file_flush(struct sl_docs *d, struct sl_err *err)
{
	const bool ok = sl_cancel_check(err) &&
			sl_fd_write_all(d->file.fd, d->out.p, d->out.n, d->final, err);

	sl_buf_clear(&d->out);
	return ok;
}

static bool file_write(struct sl_docs *d, const struct sl_doc *doc, struct sl_err *err)
{
	const size_t before = d->out.n;
	struct sl_err why = SL_ERR_INIT;

	if (doc->gone)
		return true;
	if (!add_line(&d->out, d->layout, doc->cells, &why)) {
		d->out.n = before;
		if (d->counts.rejected++ == 0)
			d->counts.first = why;
		return true;
	}
	d->written++;
	return d->out.n < BLOCK || file_flush(d, err);
}

/* --- the end --- */

static void put_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* What stands there already is left alone, so that nobody sees a new file without news. */
static bool is_same(const struct sl_docs *d)
{
	sl_cleanup(put_fd) int old = open(d->final, O_RDONLY | O_CLOEXEC);
	sl_cleanup(put_fd) int fresh = open(d->file.path, O_RDONLY | O_CLOEXEC);
	sl_cleanup(sl_freep) char *a = sl_xmalloc(2 * BLOCK);
	ssize_t n;

	if (old < 0 || fresh < 0)
		return false;
	do {
		n = read(old, a, BLOCK);
		if (n < 0 || n != read(fresh, a + BLOCK, BLOCK) ||
		    memcmp(a, a + BLOCK, (size_t)n) != 0)
			return false;
	} while (n > 0);
	return true;
}

static bool file_finish(struct sl_docs *d, bool *ret_newest, struct sl_err *err)
{
	const bool there = sl_file_exists(d->final);

	*ret_newest = true;
	if (!file_flush(d, err))
		return false;
	if (there && is_same(d)) {
		sl_tmpfile_close(&d->file);
		return true;
	}
	SL_FAULT("publish.before_rename", err);
	if (!sl_tmpfile_rename(&d->file, d->final, err))
		return false;
	*(there ? &d->counts.updated : &d->counts.inserted) = d->written;
	return true;
}

static const struct sl_doc_counts *file_counts(const struct sl_docs *d)
{
	return &d->counts;
}

const struct sl_docs_engine sl_docs_file = {
	.name = "file",
	.whole = true,
	.open = file_open,
	.close = file_close,
	.begin = file_begin,
	.layout = file_layout,
	.write = file_write,
	.flush = file_flush,
	.finish = file_finish,
	.counts = file_counts,
};
