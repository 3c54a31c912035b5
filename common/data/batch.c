/*
 * Batches: arrays by column that are filled, reset and filled again. Reset wipes the rows that were
 * used, so that a fresh row is all NULL without further work and what is written from a batch
 * depends on its rows alone, never on the batch before.
 */
#include "data/batch.h"

#include <stdarg.h>

#include "base/err.h"
#include "base/mem.h"

static size_t value_width(enum sl_kind kind)
{
	switch (kind) {
	case SL_BOOL:
		return sizeof(uint8_t);
	case SL_INT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		return sizeof(int64_t);
	case SL_FLOAT64:
		return sizeof(double);
	case SL_TEXT:
		return sizeof(struct sl_str);
	case SL_TEXT_LIST:
		return sizeof(struct sl_list);
	}
	SL_BUG("unknown column type %d", (int)kind);
}

void sl_batch_init(struct sl_batch *b, const struct sl_schema *schema, size_t cap)
{
	*b = (struct sl_batch){.schema = schema, .cap = cap, .arena = SL_ARENA_INIT};
	b->cols = sl_xcalloc(schema->n, sizeof(*b->cols));
	for (size_t i = 0; i < schema->n; i++) {
		struct sl_vec *v = &b->cols[i];
		v->type = schema->cols[i].type;
		v->valid = sl_xcalloc(cap, 1);
		v->u.any = sl_xcalloc(cap, value_width(v->type.kind));
	}
	b->state = sl_xcalloc(cap, sizeof(*b->state));
	b->pos = sl_xcalloc(cap, sizeof(*b->pos));
}

void sl_batch_reset(struct sl_batch *b)
{
	for (size_t i = 0; b->rows > 0 && i < b->schema->n; i++) {
		struct sl_vec *v = &b->cols[i];
		memset(v->valid, 0, b->rows);
		memset(v->u.any, 0, b->rows * value_width(v->type.kind));
	}
	b->rows = 0;
	b->n_rejects = 0;
	b->bytes = SL_STR_NULL;
	b->clean = false;
	b->ragged = (struct sl_ragged){0};
	sl_arena_reset(&b->arena);
}

void sl_batch_release(struct sl_batch *b)
{
	for (size_t i = 0; b->cols && i < b->schema->n; i++) {
		free(b->cols[i].valid);
		free(b->cols[i].u.any);
	}
	free(b->cols);
	free(b->state);
	free(b->pos);
	free(b->rejects);
	sl_arena_release(&b->arena);
	*b = (struct sl_batch){.arena = SL_ARENA_INIT};
}

size_t sl_batch_add_row(struct sl_batch *b, struct sl_pos pos)
{
	if (b->rows == b->cap)
		SL_BUG("a batch of %zu rows is full", b->cap);
	b->state[b->rows] = SL_ROW_KEPT;
	b->pos[b->rows] = pos;
	return b->rows++;
}

void sl_batch_reject(struct sl_batch *b, size_t row, const char *field, const char *rule,
		     const char *fmt, ...)
{
	if (b->state[row] != SL_ROW_KEPT)
		return;
	if (b->n_rejects == b->cap_rejects) {
		b->cap_rejects = b->cap_rejects ? 2 * b->cap_rejects : 64;
		b->rejects = sl_xrealloc(b->rejects, b->cap_rejects, sizeof(*b->rejects));
	}
	char reason[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	b->state[row] = SL_ROW_REJECTED;
	b->rejects[b->n_rejects++] = (struct sl_reject){
		.row = (uint32_t)row,
		.field = field,
		.rule = rule,
		.reason = sl_arena_strdup(&b->arena, reason),
	};
}

size_t sl_batch_count(const struct sl_batch *b, enum sl_row_state state)
{
	size_t n = 0;
	for (size_t i = 0; i < b->rows; i++)
		n += b->state[i] == state;
	return n;
}
