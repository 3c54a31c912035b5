/*
 * The packer: see pack.h. The codec's cutter says where records end; everything else here only
 * counts bytes. A chunk is closed when the next part comes, so that the newest part can still be
 * marked as the file's last.
 */
#include "tasks/collect/pack.h"

#include "base/mem.h"
#include "data/batch.h"

void sl_pack_begin(struct sl_pack *p, const char *source, const char *input, const char *settings)
{
	sl_pack_abandon(p);
	p->key = (struct sl_chunk_key){
		.source = source,
		.input = input,
		.codec = p->codec->name,
		.settings = settings,
	};
	p->header_open = p->codec->has_header && p->codec->has_header(p->params);
}

/* Forgets the chunk under way. */
static void drop_open(struct sl_pack *p)
{
	sl_bronze_abandon(p->w);
	p->w = NULL;
	p->cutter = (struct sl_cutter){0};
	sl_buf_clear(&p->header);
	sl_buf_clear(&p->part);
	p->has_header = p->oversize = false;
	p->whole = 0;
	p->records = 0;
}

void sl_pack_abandon(struct sl_pack *p)
{
	drop_open(p);
	p->key.id = NULL;
	p->at = p->behind = 0;
	p->chunks = NULL;
	p->n_chunks = p->cap_chunks = 0;
}

void sl_pack_release(struct sl_pack *p)
{
	sl_pack_abandon(p);
	sl_buf_release(&p->header);
	sl_buf_release(&p->part);
}

void sl_pack_add(struct sl_pack *p, const struct sl_chunk *c)
{
	if (c->n_parts)
		p->behind = c->parts[c->n_parts - 1].offset + c->parts[c->n_parts - 1].bytes;
	if (p->n_chunks == p->cap_chunks) {
		size_t cap = p->cap_chunks ? 2 * p->cap_chunks : 4;
		struct sl_log_chunk *v = sl_arena_zalloc(p->arena, cap, sizeof(*v));

		if (p->n_chunks)
			memcpy(v, p->chunks, p->n_chunks * sizeof(*v));
		p->chunks = v;
		p->cap_chunks = cap;
	}
	p->chunks[p->n_chunks++] = (struct sl_log_chunk){
		.id = sl_arena_strdup(p->arena, c->id),
		.bytes = c->bytes,
		.parts = (uint32_t)c->n_parts,
		.records = (uint32_t)c->records,
	};
}

static bool close_chunk(struct sl_pack *p, bool last, struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena scratch = SL_ARENA_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf frames = SL_BUF_INIT;
	struct sl_bronze_writer *w = p->w;
	struct sl_chunk chunk;
	bool is_new = false;

	if (!w)
		return true;
	p->w = NULL;
	if (p->kept)
		sl_buf_addstr(&frames, sl_bronze_held(w));
	if (!sl_bronze_finish(w, last, &scratch, &chunk, &is_new, err))
		return false;
	p->new_chunks += is_new;
	if (frames.n && is_new) /* what another attempt wrote under a step's name may differ */
		sl_kept_add(p->kept, &chunk, sl_buf_str(&frames));
	if (!p->key.id) /* of a step, the version that stands counts */
		sl_pack_add(p, &chunk);
	return true;
}

static bool begin_chunk(struct sl_pack *p, struct sl_err *err)
{
	p->key.header = p->has_header ? sl_buf_str(&p->header) : SL_STR_NULL;
	return sl_bronze_begin(p->home, &p->key, p->at, &p->w, err);
}

/* An open chunk that takes a part of so many bytes at p->at. */
static bool need_chunk(struct sl_pack *p, uint64_t bytes, struct sl_err *err)
{
	bool full = p->w && !sl_bronze_fits(p->w, bytes);

	if (full && p->key.id)
		return sl_err_set(err, SL_ERR_DATA,
				  "one step brings more than %" PRIu64 " MiB or %d parts",
				  SL_CHUNK_BYTES >> 20, SL_CHUNK_PARTS);
	if (full && !close_chunk(p, false, err))
		return false;
	if (!p->w && !begin_chunk(p, err))
		return false;
	sl_bronze_seek(p->w, p->at);
	return true;
}

/* The first n bytes of part are done with. */
static void drop_front(struct sl_pack *p, size_t n)
{
	memmove(p->part.p, p->part.p + n, p->part.n - n);
	p->part.n -= n;
	p->part.p[p->part.n] = '\0';
	p->at += n;
}

static bool put_whole(struct sl_pack *p, struct sl_err *err)
{
	if (p->whole == 0)
		return true;
	if (!need_chunk(p, p->whole, err) ||
	    !sl_bronze_part(p->w, (struct sl_str){p->part.p, p->whole}, p->records, err))
		return false;
	drop_front(p, p->whole);
	p->whole = 0;
	p->records = 0;
	return true;
}

/* All of part is a piece of an oversize record. */
static bool put_piece(struct sl_pack *p, bool end, struct sl_err *err)
{
	if (!p->oversize && !need_chunk(p, p->part.n, err))
		return false;
	p->oversize = !end;
	if (!sl_bronze_oversize(p->w, sl_buf_str(&p->part), end, err))
		return false;
	drop_front(p, p->part.n);
	return true;
}

/* A header row as it is compared: without byte order mark and line end. */
static struct sl_str header_text(const struct sl_buf *b)
{
	struct sl_str s = sl_buf_str(b);

	if (sl_str_starts(s, "\xEF\xBB\xBF"))
		s = sl_str_sub(s, 3, s.n);
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* All of part is the header record, or blank lines before it. */
static bool take_header(struct sl_pack *p, bool blank, struct sl_err *err)
{
	if (blank) {
		drop_front(p, p->part.n);
		return true;
	}
	p->header_open = false;
	if (p->has_header && !sl_str_eq(header_text(&p->header), header_text(&p->part))) {
		sl_err_set(err, SL_ERR_DATA, "the header row differs from that of the first file");
		return sl_err_hint(err,
				   "files of an input that is collected whole need one header");
	}
	if (!p->has_header)
		sl_buf_addstr(&p->header, sl_buf_str(&p->part));
	p->has_header = true;
	drop_front(p, p->part.n);
	return true;
}

/* The bytes of part behind the whole records, and those of a piece up to `end`, are one record (or
 * blanks). *copied: what of the piece is in part already. */
static bool end_record(struct sl_pack *p, const char *piece, size_t *copied, size_t end, bool blank,
		       struct sl_err *err)
{
	size_t total = p->part.n + (end - *copied);

	if (p->header_open || p->oversize || total - p->whole > SL_PART_BYTES) {
		size_t rest = p->whole > p->part.n ? p->whole - p->part.n : 0;

		sl_buf_add(&p->part, piece + *copied, rest);
		*copied += rest;
		if (!put_whole(p, err))
			return false;
		sl_buf_add(&p->part, piece + *copied, end - *copied);
		*copied = end;
		return p->header_open ? take_header(p, blank, err) : put_piece(p, true, err);
	}
	if (total > SL_PART_BYTES || p->records + !blank > SL_PART_ROWS) {
		size_t rest = p->whole > p->part.n ? p->whole - p->part.n : 0;

		sl_buf_add(&p->part, piece + *copied, rest);
		*copied += rest;
		if (!put_whole(p, err))
			return false;
		total = p->part.n + (end - *copied);
	}
	p->whole = total; /* may reach into the piece, which is copied when it must be */
	p->records += !blank;
	return true;
}

/* A record that goes on behind the piece is not kept beyond the size of a part. */
static bool stream_large(struct sl_pack *p, struct sl_err *err)
{
	if (p->header_open && p->part.n > SL_PART_BYTES)
		return sl_err_set(err, SL_ERR_DATA, "the header row is longer than %zu bytes",
				  SL_PART_BYTES);
	if (p->oversize)
		return p->part.n == 0 || put_piece(p, false, err);
	if (p->part.n - p->whole <= SL_PART_BYTES)
		return true;
	return put_whole(p, err) && put_piece(p, false, err);
}

bool sl_pack_bytes(struct sl_pack *p, struct sl_str bytes, struct sl_err *err)
{
	struct sl_cut_event ev;
	size_t from = 0, copied = 0;

	while (from < bytes.n &&
	       p->codec->cut(p->params, &p->cutter, bytes.p, from, bytes.n, &ev)) {
		if (!end_record(p, bytes.p, &copied, ev.end, ev.blank, err))
			return false;
		from = ev.end;
	}
	sl_buf_add(&p->part, bytes.p + copied, bytes.n - copied);
	return stream_large(p, err);
}

/* Would what is left be blank if its line ended here? Asked of a copy of the cutter. */
static bool rest_is_blank(const struct sl_pack *p)
{
	struct sl_cutter copy = p->cutter;
	struct sl_cut_event ev;
	struct sl_str rest = sl_str_sub(sl_buf_str(&p->part), p->whole, p->part.n);

	if (p->oversize)
		return false;
	if (p->codec->cut(p->params, &copy, "\n", 0, 1, &ev))
		return ev.blank;
	return sl_str_trim(rest).n == 0;
}

bool sl_pack_file_end(struct sl_pack *p, struct sl_err *err)
{
	size_t copied = 0;

	if ((p->part.n > p->whole || p->oversize) &&
	    !end_record(p, "", &copied, 0, rest_is_blank(p), err))
		return false;
	if (!put_whole(p, err))
		return false;
	if (p->w)
		sl_bronze_file_end(p->w);
	p->cutter = (struct sl_cutter){0};
	p->header_open = p->codec->has_header && p->codec->has_header(p->params);
	return true;
}

bool sl_pack_finish(struct sl_pack *p, struct sl_err *err)
{
	return close_chunk(p, true, err);
}

void sl_pack_step(struct sl_pack *p, const char *id)
{
	drop_open(p);
	p->header_open = p->codec->has_header && p->codec->has_header(p->params);
	p->key.id = id;
	p->at = p->behind;
}

bool sl_pack_step_end(struct sl_pack *p, const char *next, const char *end, bool partial,
		      bool optional, bool *ret_kept, struct sl_err *err)
{
	if (!sl_pack_file_end(p, err))
		return false;
	*ret_kept = !optional || (p->w && sl_bronze_records(p->w) > 0);
	if (!*ret_kept) {
		drop_open(p);
		return true;
	}
	return (p->w || begin_chunk(p, err)) && sl_bronze_step(p->w, next, end, partial, err) &&
	       close_chunk(p, false, err);
}
