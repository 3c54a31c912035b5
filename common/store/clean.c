/*
 * Clean part files: written once under their final name, read by store. The checksum at the end
 * tells a damaged file from a good one; a damaged one is removed, since it can be made again from
 * bronze. That is why none of them is synced: what a power cut leaves of one is found out. LZ4 packs
 * them, since they are read once and then removed: it takes half of zstd's time at its fastest.
 */
#include "store/clean.h"

#include <inttypes.h>
#include <jansson.h>
#include <lz4.h>
#include <xxhash.h>

#include "base/fault.h"
#include "base/mem.h"
#include "store/clean_cols.h"

#define MAGIC "SLCP3\n"
#define SUM_BYTES 8
#define RAW_MAX ((uint64_t)1 << 30) /* texts may be copied into many columns */
#define FILE_MAX ((size_t)1 << 30)
#define EXCERPT_MAX 200

static char *clean_name(const struct sl_clean_id *id)
{
	return sl_xasprintf("clean/%s/%s-%" PRIu32, id->rev, id->chunk, id->part);
}

struct names {
	char **v;
	size_t n;
};

static struct names name_all(const struct sl_clean_id *ids, size_t n)
{
	struct names names = {sl_xcalloc(n + 1, sizeof(char *)), n};

	for (size_t i = 0; i < n; i++)
		names.v[i] = clean_name(&ids[i]);
	return names;
}

static void release_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

bool sl_clean_exist(const struct sl_home *h, const struct sl_clean_id *ids, size_t n, bool *there,
		    struct sl_err *err)
{
	sl_cleanup(release_names) struct names names = name_all(ids, n);

	return sl_depot_exist(h->shared, (const char *const *)names.v, n, there, err);
}

bool sl_clean_remove(const struct sl_home *h, const struct sl_clean_id *ids, size_t n,
		     struct sl_err *err)
{
	sl_cleanup(release_names) struct names names = name_all(ids, n);

	return sl_depot_remove(h->shared, (const char *const *)names.v, n, err);
}

/* --- writing ------------------------------------------------------------------------------------
 */

/* One byte of a record as an excerpt shows it; returns how many bytes it went on for. */
static size_t mask_one(struct sl_str s, struct sl_buf *out)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = 1;

	if (c >= '0' && c <= '9') {
		sl_buf_addc(out, '9');
	} else if (c >= 'A' && c <= 'Z') {
		sl_buf_addc(out, 'A');
	} else if (c >= 'a' && c <= 'z') {
		sl_buf_addc(out, 'a');
	} else if (c < 0x20 || c == 0x7f) {
		sl_buf_addf(out, "\\x%02x", c);
	} else if (c < 0x80) {
		sl_buf_addc(out, (char)c);
	} else {
		/* Letters of other alphabets, blanks, signs, bytes that are no text: all the same.
		 */
		n = sl_utf8_len(s.p, s.n);
		sl_buf_adds(out, n ? "a" : "?");
	}
	return n ? n : 1;
}

void sl_clean_add_excerpt(struct sl_str record, struct sl_buf *out)
{
	size_t start = out->n;

	for (size_t i = 0; i < record.n;) {
		if (out->n - start > EXCERPT_MAX - sizeof("\\x00…")) {
			sl_buf_adds(out, "…");
			return;
		}
		i += mask_one(sl_str_sub(record, i, record.n - i), out);
	}
}

static void pack_reject(uint64_t offset, uint64_t length, const struct sl_reject *r,
			struct sl_str record, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf excerpt = SL_BUF_INIT;

	sl_clean_add_excerpt(record, &excerpt);
	sl_put_u64(out, offset);
	sl_put_u64(out, length);
	sl_put_text(out, sl_str_of(r->field));
	sl_put_text(out, sl_str_of(r->rule));
	sl_put_text(out, sl_str_of(r->reason));
	sl_put_text(out, sl_buf_str(&excerpt));
}

static void pack_rejects(const struct sl_batch *b, struct sl_str part_bytes, uint64_t input_offset,
			 struct sl_buf *out)
{
	for (size_t i = 0; i < b->n_rejects; i++) {
		const struct sl_reject *r = &b->rejects[i];
		const struct sl_pos *pos = &b->pos[r->row];

		pack_reject(input_offset + pos->offset, pos->length, r,
			    sl_str_sub(part_bytes, pos->offset, pos->length), out);
	}
}

/* Kept from part to part, so that a steady flow neither allocates nor touches fresh pages. */
struct sl_clean_writer {
	struct sl_buf cols, rejects, frames, file;
};

struct sl_clean_writer *sl_clean_writer_new(void)
{
	return sl_xcalloc(1, sizeof(struct sl_clean_writer));
}

void sl_clean_writer_free(struct sl_clean_writer *w)
{
	if (!w)
		return;
	sl_buf_release(&w->cols);
	sl_buf_release(&w->rejects);
	sl_buf_release(&w->frames);
	sl_buf_release(&w->file);
	free(w);
}

/* Appends raw, compressed, to the frames; returns the frame's length. */
static size_t add_frame(struct sl_clean_writer *w, const struct sl_buf *raw)
{
	const int room = raw->n <= RAW_MAX ? LZ4_compressBound((int)raw->n) : 0;
	int n;

	if (room == 0)
		SL_BUG("a part of %zu bytes is larger than one can become", raw->n);
	n = LZ4_compress_default(sl_buf_z(raw), sl_buf_room(&w->frames, (size_t)room), (int)raw->n,
				 room);
	sl_buf_grew(&w->frames, (size_t)n);
	return (size_t)n;
}

/* What the header line says. */
struct header {
	struct sl_counts counts;
	uint64_t rows, rejects;
	uint64_t cols_raw, cols_packed; /* bytes */
	uint64_t rejects_raw, rejects_packed;
};

static void add_header(const struct header *h, const struct sl_schema *schema, size_t n_stored,
		       struct sl_buf *out)
{
	const struct sl_counts *n = &h->counts;

	sl_buf_addf(out,
		    "{\"n_in\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"dup\":%" PRIu64
		    ",\"filtered\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"rejects\":%" PRIu64,
		    n->n_in, n->ok, n->bad, n->dup, n->filtered, h->rows, h->rejects);
	sl_buf_addf(out,
		    ",\"cols_raw\":%" PRIu64 ",\"cols_packed\":%" PRIu64 ",\"rejects_raw\":%" PRIu64
		    ",\"rejects_packed\":%" PRIu64 ",\"columns\":[",
		    h->cols_raw, h->cols_packed, h->rejects_raw, h->rejects_packed);
	for (size_t i = 0; i < n_stored; i++) {
		char type[32];

		sl_type_text(schema->cols[i].type, type);
		sl_buf_adds(out, i ? ",[" : "[");
		sl_buf_add_json(out, sl_str_of(schema->cols[i].name));
		sl_buf_addf(out, ",\"%s\"]", type);
	}
	sl_buf_adds(out, "]}\n");
}

static bool link_part(const struct sl_home *h, const struct sl_clean_id *id, struct sl_buf *file,
		      struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = clean_name(id);

	sl_put_u64(file, XXH3_64bits(file->p, file->n));
	SL_FAULT("clean.before_link", err);
	return sl_depot_put(h->shared, name, sl_buf_str(file), SL_CACHE, NULL, err);
}

/* From w's cols and rejects. */
static bool write_part(struct sl_clean_writer *w, const struct sl_home *h,
		       const struct sl_clean_id *id, struct header *head,
		       const struct sl_schema *schema, size_t n_stored, struct sl_err *err)
{
	sl_buf_clear(&w->frames);
	sl_buf_clear(&w->file);
	head->cols_raw = w->cols.n;
	head->cols_packed = add_frame(w, &w->cols);
	head->rejects_raw = w->rejects.n;
	head->rejects_packed = add_frame(w, &w->rejects);
	sl_buf_adds(&w->file, MAGIC);
	add_header(head, schema, n_stored, &w->file);
	sl_buf_addstr(&w->file, sl_buf_str(&w->frames));
	return link_part(h, id, &w->file, err);
}

bool sl_clean_write(struct sl_clean_writer *w, const struct sl_home *h,
		    const struct sl_clean_id *id, const struct sl_batch *b, size_t n_stored,
		    struct sl_str part_bytes, uint64_t input_offset, const struct sl_counts *counts,
		    struct sl_err *err)
{
	struct header head = {.counts = *counts, .rows = counts->ok, .rejects = b->n_rejects};

	SL_ASSERT(counts->n_in == counts->ok + counts->bad + counts->dup + counts->filtered);
	sl_buf_clear(&w->cols);
	sl_buf_clear(&w->rejects);
	sl_clean_pack(b, n_stored, &w->cols);
	pack_rejects(b, part_bytes, input_offset, &w->rejects);
	return write_part(w, h, id, &head, b->schema, n_stored, err);
}

bool sl_clean_write_oversize(struct sl_clean_writer *w, const struct sl_home *h,
			     const struct sl_clean_id *id, uint64_t input_offset, uint64_t length,
			     struct sl_err *err)
{
	static const struct sl_reject reject = {
		.field = "",
		.rule = "size",
		.reason = "the record is larger than a part (1 MiB)",
	};
	static const struct sl_schema none = SL_SCHEMA_INIT;
	struct header head = {.counts = {.n_in = 1, .bad = 1}, .rejects = 1};

	sl_buf_clear(&w->cols);
	sl_buf_clear(&w->rejects);
	pack_reject(input_offset, length, &reject, SL_STR_NULL, &w->rejects);
	return write_part(w, h, id, &head, &none, 0, err);
}

/* --- reading ------------------------------------------------------------------------------------
 */

struct sl_clean_reader {
	char *where; /* for messages */
	struct sl_buf file;
	struct header head;
	json_t *columns; /* [[name, type], …] */
	json_t *json;
	struct sl_str cols_frame, rejects_frame; /* in file */
	struct sl_buf cols, reject_bytes;	 /* decompressed at first use */
	struct sl_clean_reject *rejects;
};

void sl_clean_close(struct sl_clean_reader *r)
{
	if (!r)
		return;
	free(r->where);
	free(r->rejects);
	json_decref(r->json);
	sl_buf_release(&r->file);
	sl_buf_release(&r->cols);
	sl_buf_release(&r->reject_bytes);
	free(r);
}

static bool get_u64(const json_t *o, const char *key, uint64_t *ret)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

static bool read_header(struct sl_clean_reader *r, struct sl_str line)
{
	struct header *h = &r->head;
	struct sl_counts *n = &h->counts;
	const json_t *o;

	o = r->json = json_loadb(line.p, line.n, 0, NULL);
	r->columns = json_object_get(o, "columns");
	return json_is_array(r->columns) && get_u64(o, "n_in", &n->n_in) &&
	       get_u64(o, "ok", &n->ok) && get_u64(o, "bad", &n->bad) &&
	       get_u64(o, "dup", &n->dup) && get_u64(o, "filtered", &n->filtered) &&
	       get_u64(o, "rows", &h->rows) && get_u64(o, "rejects", &h->rejects) &&
	       get_u64(o, "cols_raw", &h->cols_raw) && get_u64(o, "cols_packed", &h->cols_packed) &&
	       get_u64(o, "rejects_raw", &h->rejects_raw) &&
	       get_u64(o, "rejects_packed", &h->rejects_packed) && h->cols_raw <= RAW_MAX &&
	       h->rejects_raw <= RAW_MAX;
}

/* True when the file is whole and its frames are where the header says. */
static bool check_file(struct sl_clean_reader *r)
{
	struct sl_str rest = sl_buf_str(&r->file), line, sum_bytes;
	uint64_t sum;

	if (!sl_str_starts(rest, MAGIC) || rest.n < sizeof(MAGIC) - 1 + SUM_BYTES)
		return false;
	sum_bytes = sl_str_sub(rest, rest.n - SUM_BYTES, SUM_BYTES);
	rest.n -= SUM_BYTES;
	if (!sl_take_u64(&sum_bytes, &sum) || sum != XXH3_64bits(rest.p, rest.n))
		return false;
	rest = sl_str_sub(rest, sizeof(MAGIC) - 1, rest.n);
	return sl_str_next(&rest, '\n', &line) && read_header(r, line) &&
	       sl_take(&rest, r->head.cols_packed, &r->cols_frame) &&
	       sl_take(&rest, r->head.rejects_packed, &r->rejects_frame) && rest.n == 0;
}

/* Whoever asked makes a damaged one again, and could not while it lies there. */
static bool drop_damaged(struct sl_clean_reader *r, const struct sl_home *h, const char *name,
			 struct sl_err *err)
{
	const char *const names[] = {name};

	sl_clean_close(r);
	return sl_depot_remove(h->shared, names, 1, err);
}

bool sl_clean_open(const struct sl_home *h, const struct sl_clean_id *id,
		   struct sl_clean_reader **ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = clean_name(id);
	struct sl_clean_reader *r = sl_xcalloc(1, sizeof(*r));
	struct sl_err why = SL_ERR_INIT;

	*ret = NULL;
	r->where = sl_depot_where(h->shared, name);
	if (!sl_depot_get(h->shared, name, FILE_MAX, &r->file, &why)) {
		sl_clean_close(r);
		if (why.kind == SL_ERR_NO_INPUT)
			return true;
		*err = why;
		return false;
	}
	if (!check_file(r))
		return drop_damaged(r, h, name, err);
	*ret = r;
	return true;
}

const struct sl_counts *sl_clean_counts(const struct sl_clean_reader *r)
{
	return &r->head.counts;
}

static bool damaged(const struct sl_clean_reader *r, const char *what, struct sl_err *err)
{
	sl_err_set(err, SL_ERR_IO, "cannot read clean part \"%s\": %s", r->where, what);
	return sl_err_hint(err, "remove the file: it is made again from bronze");
}

static bool open_frame(const struct sl_clean_reader *r, struct sl_str frame, uint64_t raw,
		       struct sl_buf *out, struct sl_err *err)
{
	int n;

	sl_buf_clear(out);
	n = LZ4_decompress_safe(frame.p, sl_buf_room(out, (size_t)raw + 1), (int)frame.n, (int)raw);
	if (n < 0 || (uint64_t)n != raw)
		return damaged(r, "a frame does not decompress", err);
	sl_buf_grew(out, (size_t)n);
	return true;
}

static bool same_columns(const struct sl_clean_reader *r, const struct sl_schema *s)
{
	if (json_array_size(r->columns) != s->n)
		return false;
	for (size_t i = 0; i < s->n; i++) {
		const json_t *pair = json_array_get(r->columns, i);
		const char *name = json_string_value(json_array_get(pair, 0));
		const char *type = json_string_value(json_array_get(pair, 1));
		char wanted[32];

		sl_type_text(s->cols[i].type, wanted);
		if (!name || !type || strcmp(name, s->cols[i].name) != 0 ||
		    strcmp(type, wanted) != 0)
			return false;
	}
	return true;
}

bool sl_clean_rows(struct sl_clean_reader *r, struct sl_batch *b, struct sl_err *err)
{
	if (r->head.rows == 0)
		return true;
	if (!same_columns(r, b->schema))
		return damaged(r, "its columns are not the contract's", err);
	if (!open_frame(r, r->cols_frame, r->head.cols_raw, &r->cols, err))
		return false;
	if (!sl_clean_unpack(sl_buf_str(&r->cols), r->head.rows, b))
		return damaged(r, "its columns are cut short", err);
	return true;
}

static bool unpack_reject(struct sl_str *raw, struct sl_clean_reject *ret)
{
	return sl_take_u64(raw, &ret->offset) && sl_take_u64(raw, &ret->length) &&
	       sl_take_text(raw, &ret->field) && sl_take_text(raw, &ret->rule) &&
	       sl_take_text(raw, &ret->reason) && sl_take_text(raw, &ret->excerpt);
}

bool sl_clean_rejects(struct sl_clean_reader *r, struct sl_clean_reject **ret, size_t *ret_n,
		      struct sl_err *err)
{
	struct sl_str raw;

	if (r->head.rejects > SL_PART_ROWS)
		return damaged(r, "more rejects than a part has records", err);
	if (!open_frame(r, r->rejects_frame, r->head.rejects_raw, &r->reject_bytes, err))
		return false;
	raw = sl_buf_str(&r->reject_bytes);
	free(r->rejects);
	r->rejects = sl_xcalloc(r->head.rejects + 1, sizeof(*r->rejects));
	for (size_t i = 0; i < r->head.rejects; i++)
		if (!unpack_reject(&raw, &r->rejects[i]))
			return damaged(r, "its rejects are cut short", err);
	*ret = r->rejects;
	*ret_n = r->head.rejects;
	return true;
}
