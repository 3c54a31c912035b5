/*
 * Where the records of rows stand that the engine refused. A clean part keeps values, not places: its
 * bronze part is made into rows once more, which is what normalize did, and the kept ones counted.
 */
#include "base/mem.h"
#include "store/bronze.h"
#include "store/clean.h"
#include "tasks/normalize/rows.h"
#include "tasks/store/parts.h"

/* One part's records, made again. */
struct again {
	const struct sl_pipeline *p;
	const struct sl_source *source;
	struct sl_bronze_reader *chunk;
	void *decoder;
	struct sl_batch batch;
	struct sl_buf bytes;
};

static void again_release(struct again *a)
{
	if (a->decoder)
		a->source->codec->close(a->decoder);
	sl_bronze_close(a->chunk);
	sl_batch_release(&a->batch);
	sl_buf_release(&a->bytes);
}

static bool make_again(struct again *a, const struct sl_home *home, const char *id, uint32_t part,
		       struct sl_err *err)
{
	if (!sl_bronze_open(home, a->source->name, id, &a->chunk, err))
		return false;
	const struct sl_chunk *c = sl_bronze_chunk(a->chunk);
	return a->source->codec->open(a->source->codec_params, &a->p->contract, c->header,
				      &a->decoder, err) &&
	       sl_bronze_read(a->chunk, part, &a->bytes, err) &&
	       sl_rows_make(a->p, a->source, a->decoder,
			    (struct sl_str){a->bytes.p, c->parts[part].bytes}, c->parts[part].last,
			    &a->batch, err);
}

static void place_row(const struct again *a, uint32_t part, size_t row, struct sl_buf *excerpt,
		      struct sl_clean_reject *ret)
{
	const struct sl_pos pos = a->batch.pos[row];

	sl_buf_clear(excerpt);
	sl_clean_add_excerpt(
		sl_str_sub((struct sl_str){a->bytes.p, a->bytes.n}, pos.offset, pos.length),
		excerpt);
	ret->offset = sl_bronze_chunk(a->chunk)->parts[part].offset + pos.offset;
	ret->length = pos.length;
}

bool sl_parts_places(void *ctx, const struct sl_log_chunk *chunk, uint32_t part,
		     const uint32_t *rows, size_t n, struct sl_clean_reject *ret,
		     struct sl_err *err)
{
	struct sl_parts *parts = ctx;
	const struct sl_pipeline *p = parts->run->p;
	sl_cleanup(sl_buf_release) struct sl_buf excerpt = SL_BUF_INIT;
	sl_cleanup(again_release) struct again a = {
		.p = p, .source = sl_pipeline_source(p, parts->source), .bytes = SL_BUF_INIT};
	uint32_t kept = 0;
	size_t found = 0;

	sl_batch_init(&a.batch, &p->schema, SL_PART_ROWS);
	if (!make_again(&a, &parts->run->home, chunk->id, part, err))
		return false;
	for (size_t row = 0; row < a.batch.rows && found < n; row++) {
		if (a.batch.state[row] != SL_ROW_KEPT || kept++ != rows[found])
			continue;
		place_row(&a, part, row, &excerpt, &ret[found]);
		ret[found++].excerpt = sl_arena_str(&parts->texts, sl_buf_str(&excerpt));
	}
	return found == n || sl_err_set(err, SL_ERR_BUG,
					"part %.12s-%" PRIu32 " has other rows than its clean part",
					chunk->id, part);
}
