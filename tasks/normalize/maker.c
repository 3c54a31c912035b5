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
	/* the chunk at hand, or NULL */
	const struct sl_source *source;
	struct sl_bronze_reader *chunk;
	void *decoder;
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
	free(m);
	*mp = NULL;
}

static bool open_chunk(struct sl_maker *m, const struct sl_source *source, const char *id,
		       struct sl_err *err)
{
	const struct sl_chunk *c;

	if (m->chunk && strcmp(sl_bronze_chunk(m->chunk)->id, id) == 0)
		return true;
	close_chunk(m);
	if (!sl_bronze_open(m->home, source->name, id, &m->chunk, err)) {
		m->chunk = NULL;
		return false;
	}
	m->source = source;
	c = sl_bronze_chunk(m->chunk);
	if (source->codec->open(source->codec_params, &m->p->contract, c->header, &m->decoder, err))
		return true;
	sl_err_prefix(err, "input \"%s\"", c->input);
	m->decoder = NULL;
	close_chunk(m);
	return false;
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

/* The part's records through everything, into m->batch. */
static bool make_rows(struct sl_maker *m, const struct sl_part *part, uint32_t k,
		      struct sl_err *err)
{
	struct sl_batch *b = &m->batch;

	sl_batch_reset(b);
	if (sl_bronze_read(m->chunk, k, &m->bytes, err) &&
	    sl_rows_make(m->p, m->source, m->decoder, (struct sl_str){m->bytes.p, part->bytes},
			 part->last, b, err))
		return true;
	return sl_err_prefix(err, "input \"%s\"", sl_bronze_chunk(m->chunk)->input);
}

static void tell_first_reject(const struct sl_batch *b, struct sl_made *ret)
{
	const struct sl_reject *r = b->rejects;

	if (b->n_rejects)
		snprintf(ret->reject, sizeof(ret->reject), "%s: %s (%s)",
			 *r->field ? r->field : "record", r->reason, r->rule);
}

/* All values of such a column are NULL, which is right for some inputs and a slip in others. */
static void tell_absent(const struct sl_maker *m, struct sl_made *ret)
{
	sl_cleanup(sl_buf_release) struct sl_buf names = SL_BUF_INIT;

	ret->input = sl_bronze_chunk(m->chunk)->input;
	if (m->source->codec->absent)
		m->source->codec->absent(m->decoder, &names);
	snprintf(ret->absent, sizeof(ret->absent), "%s", sl_buf_z(&names));
}

static bool make_part(struct sl_maker *m, const struct sl_clean_id *id, struct sl_made *ret,
		      struct sl_err *err)
{
	const struct sl_chunk *c = sl_bronze_chunk(m->chunk);
	const struct sl_part *part = &c->parts[id->part];

	if (part->oversize) {
		ret->counts = (struct sl_counts){.n_in = 1, .bad = 1};
		snprintf(ret->reject, sizeof(ret->reject), "record: larger than a part (size)");
		return m->dry_run || sl_clean_write_oversize(m->writer, m->home, id, part->offset,
							     part->bytes, err);
	}
	if (!make_rows(m, part, id->part, err))
		return false;
	count_rows(&m->batch, &ret->counts);
	tell_first_reject(&m->batch, ret);
	tell_absent(m, ret);
	ret->ragged = m->batch.ragged;
	ret->offset = part->offset;
	return m->dry_run ||
	       sl_clean_write(m->writer, m->home, id, &m->batch, m->p->contract.n_stored,
			      (struct sl_str){m->bytes.p, part->bytes}, part->offset, &ret->counts,
			      err);
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
		   uint32_t part, struct sl_made *ret, struct sl_err *err)
{
	const struct sl_clean_id id = {m->p->rev, chunk, part};
	bool found;

	*ret = (struct sl_made){.is_new = false};
	if (!adopt(m, &id, &found, ret, err))
		return false;
	if (found)
		return true;
	SL_FAULT("normalize.before_part", err);
	if (!open_chunk(m, source, chunk, err))
		return false;
	if (part >= sl_bronze_chunk(m->chunk)->n_parts)
		return sl_err_set(err, SL_ERR_NO_INPUT, "chunk \"%s\" has no part %u", chunk, part);
	if (!make_part(m, &id, ret, err))
		return false;
	ret->is_new = true;
	SL_FAULT("normalize.after_part", err);
	return true;
}
