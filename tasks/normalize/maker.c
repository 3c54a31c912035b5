/*
 * The maker of clean parts: see maker.h. One batch and one buffer serve all parts, so memory stays
 * at one part whatever the size of the input.
 */
#include "tasks/normalize/maker.h"

#include "base/fault.h"
#include "base/mem.h"
#include "store/bronze.h"
#include "tasks/normalize/rows.h"

struct sl_maker {
	const struct sl_pipeline *p;
	const struct sl_home *home;
	bool dry_run;
	struct sl_batch batch;
	struct sl_clean_writer *writer;
	struct sl_buf bytes; /* raw bytes of the part at hand; the batch's texts point into it */
	/* the chunk at hand; id is "" when there is none */
	char id[SL_HASH_HEX];
	const struct sl_source *source;
	struct sl_buf input, header;	/* its input's name; its header record */
	struct sl_buf unread;		/* the header's columns that nothing reads */
	void *decoder;			/* NULL: the header is unusable */
	struct sl_bronze_reader *chunk; /* NULL: its parts came with tickets so far */
};

struct sl_maker *sl_maker_new(const struct sl_pipeline *p, const struct sl_home *home, bool dry_run)
{
	struct sl_maker *m = sl_xcalloc(1, sizeof(*m));

	m->p = p;
	m->home = home;
	m->dry_run = dry_run;
	m->writer = sl_clean_writer_new();
	sl_batch_init(&m->batch, &p->schema, SL_PART_ROWS);
	return m;
}

static void close_chunk(struct sl_maker *m)
{
	if (m->decoder)
		m->source->codec->close(m->decoder);
	sl_bronze_close(m->chunk);
	m->decoder = NULL;
	m->chunk = NULL;
	m->source = NULL;
	m->id[0] = '\0';
}

void sl_maker_free(struct sl_maker **mp)
{
	struct sl_maker *m = *mp;

	if (!m)
		return;
	close_chunk(m);
	sl_batch_release(&m->batch);
	sl_clean_writer_free(m->writer);
	sl_buf_release(&m->bytes);
	sl_buf_release(&m->input);
	sl_buf_release(&m->header);
	sl_buf_release(&m->unread);
	free(m);
	*mp = NULL;
}

/* Takes a chunk to hand: what its parts have in common. */
static bool begin_chunk(struct sl_maker *m, const struct sl_source *source, struct sl_str id,
			struct sl_str input, struct sl_str header, struct sl_err *err)
{
	close_chunk(m);
	sl_buf_clear(&m->input);
	sl_buf_clear(&m->header);
	sl_buf_addstr(&m->input, input);
	sl_buf_addstr(&m->header, header);
	m->source = source;
	if (source->codec->open(source->codec_params, &m->p->contract,
				header.p ? sl_buf_str(&m->header) : SL_STR_NULL, &m->decoder,
				err)) {
		snprintf(m->id, sizeof(m->id), SL_STR_FMT, SL_STR_ARG(id));
		sl_buf_clear(&m->unread);
		sl_rows_unread(m->p, source, header, &m->unread);
		return true;
	}
	m->decoder = NULL;
	close_chunk(m);
	return sl_err_prefix(err, "input \"%s\"", sl_buf_z(&m->input));
}

static bool open_chunk(struct sl_maker *m, const struct sl_source *source, const char *id,
		       struct sl_err *err)
{
	struct sl_bronze_reader *reader;

	if (m->chunk && strcmp(m->id, id) == 0)
		return true;
	if (!sl_bronze_open(m->home, source->name, id, &reader, err))
		return false;

	const struct sl_chunk *c = sl_bronze_chunk(reader);

	if (strcmp(m->id, id) != 0 &&
	    !begin_chunk(m, source, sl_str_of(id), sl_str_of(c->input), c->header, err)) {
		sl_bronze_close(reader);
		return false;
	}
	m->chunk = reader;
	return true;
}

static void count_rows(const struct sl_batch *b, struct sl_counts *ret)
{
	*ret = (struct sl_counts){
		.n_in = b->rows,
		.ok = sl_batch_count(b, SL_ROW_KEPT),
		.bad = sl_batch_count(b, SL_ROW_REJECTED),
		.dup = sl_batch_count(b, SL_ROW_DUP),
		.filtered = sl_batch_count(b, SL_ROW_FILTERED),
	};
}

/* The records of the part in m->bytes through everything, into m->batch. */
static bool make_rows(struct sl_maker *m, const struct sl_part *part, struct sl_err *err)
{
	return sl_rows_make(m->p, m->source, m->decoder, (struct sl_str){m->bytes.p, part->bytes},
			    part->last, &m->batch, err) ||
	       sl_err_prefix(err, "input \"%s\"", sl_buf_z(&m->input));
}

static void tell_first_reject(const struct sl_batch *b, struct sl_made *ret)
{
	const struct sl_reject *r = b->rejects;

	if (b->n_rejects)
		snprintf(ret->reject, sizeof(ret->reject), "%s: %s (%s)",
			 *r->field ? r->field : "record", r->reason, r->rule);
}

/* Columns that the header lacks are NULL, those that nothing reads stay in bronze: right for some
 * inputs and a slip in others. */
static void tell_columns(const struct sl_maker *m, struct sl_made *ret)
{
	sl_cleanup(sl_buf_release) struct sl_buf names = SL_BUF_INIT;

	ret->input = sl_buf_z(&m->input);
	if (m->source->codec->absent)
		m->source->codec->absent(m->decoder, &names);
	snprintf(ret->absent, sizeof(ret->absent), "%s", sl_buf_z(&names));
	snprintf(ret->unread, sizeof(ret->unread), "%s", sl_buf_z(&m->unread));
}

/* What m->bytes holds becomes a clean part. */
static bool make_part(struct sl_maker *m, const struct sl_clean_id *id, const struct sl_part *part,
		      struct sl_made *ret, struct sl_err *err)
{
	if (!make_rows(m, part, err))
		return false;
	count_rows(&m->batch, &ret->counts);
	tell_first_reject(&m->batch, ret);
	tell_columns(m, ret);
	ret->ragged = m->batch.ragged;
	ret->offset = part->offset;
	return m->dry_run ||
	       sl_clean_write(m->writer, m->home, id, &m->batch, m->p->contract.n_stored,
			      (struct sl_str){m->bytes.p, part->bytes}, part->offset, &ret->counts,
			      err);
}

static bool make_oversize(struct sl_maker *m, const struct sl_clean_id *id,
			  const struct sl_part *part, struct sl_made *ret, struct sl_err *err)
{
	ret->counts = (struct sl_counts){.n_in = 1, .bad = 1};
	snprintf(ret->reject, sizeof(ret->reject), "record: larger than a part (size)");
	return m->dry_run ||
	       sl_clean_write_oversize(m->writer, m->home, id, part->offset, part->bytes, err);
}

static bool make_from_bronze(struct sl_maker *m, const struct sl_source *source,
			     const struct sl_clean_id *id, struct sl_made *ret, struct sl_err *err)
{
	if (!open_chunk(m, source, id->chunk, err))
		return false;

	const struct sl_chunk *c = sl_bronze_chunk(m->chunk);

	if (id->part >= c->n_parts)
		return sl_err_set(err, SL_ERR_NO_INPUT, "chunk \"%s\" has no part %u", id->chunk,
				  id->part);

	const struct sl_part *part = &c->parts[id->part];

	if (part->oversize)
		return make_oversize(m, id, part, ret, err);
	sl_batch_reset(&m->batch);
	if (!sl_bronze_read(m->chunk, id->part, &m->bytes, err))
		return sl_err_prefix(err, "input \"%s\"", sl_buf_z(&m->input));
	return make_part(m, id, part, ret, err);
}

static bool make_from_ticket(struct sl_maker *m, const struct sl_source *source,
			     const struct sl_clean_id *id, const struct sl_ticket *t,
			     struct sl_made *ret, struct sl_err *err)
{
	const struct sl_part part = {.offset = t->offset, .bytes = t->bytes, .last = t->last};

	sl_batch_reset(&m->batch);
	return (strcmp(m->id, id->chunk) == 0 ||
		begin_chunk(m, source, t->chunk, t->input, t->header, err)) &&
	       sl_bronze_unpack(t->frames, t->bytes, &m->bytes, err) &&
	       make_part(m, id, &part, ret, err);
}

static bool adopt(struct sl_maker *m, const struct sl_clean_id *id, bool *found,
		  struct sl_made *ret, struct sl_err *err)
{
	struct sl_clean_reader *r;

	if (!sl_clean_open(m->home, id, &r, err))
		return false;
	*found = r != NULL;
	if (r)
		ret->counts = *sl_clean_counts(r);
	sl_clean_close(r);
	return true;
}

bool sl_maker_part(struct sl_maker *m, const struct sl_source *source, const char *chunk,
		   uint32_t part, const struct sl_ticket *ticket, struct sl_made *ret,
		   struct sl_err *err)
{
	const struct sl_clean_id id = {m->p->rev, chunk, part};
	bool found;

	*ret = (struct sl_made){.is_new = false};
	if (!adopt(m, &id, &found, ret, err))
		return false;
	if (found)
		return true;
	SL_FAULT("normalize.before_part", err);
	if (!(ticket ? make_from_ticket(m, source, &id, ticket, ret, err)
		     : make_from_bronze(m, source, &id, ret, err)))
		return false;
	ret->is_new = true;
	SL_FAULT("normalize.after_part", err);
	return true;
}
