/*
 * Rows of a cursor's range, cut into steps by their bytes: what the sources of databases share. A
 * step ends when the row behind it comes, so that the last one is known as such and no step is
 * empty. Memory stays at a buffer of lines.
 *
 *	per row: sl_rows_next, a line appended to r.lines, sl_rows_put with its continuation
 *	at the end: sl_rows_end
 */
#ifndef SL_COLLECT_ROWS_H
#define SL_COLLECT_ROWS_H

#include "tasks/collect/collect.h"

#include "base/buf.h"

struct sl_rows {
	struct sl_collect *c;
	struct sl_steps *steps; /* NULL: one input without steps, begun by the source */
	uint64_t step;		/* bytes after which a step is full */
	struct sl_buf lines;	/* not handed over yet */
	struct sl_buf last;	/* continuation behind the newest row */
	bool open;		/* a step is */
	uint64_t bytes;		/* of the open step, but for lines */
	bool moved;		/* another attempt's step stands: read on at steps->at */
};

/* Room for the next row. SL_ERR_CANCELLED with moved: stop reading, begin again at steps->at. */
SL_NODISCARD bool sl_rows_next(struct sl_rows *r, struct sl_err *err);
/* The row's line is in lines; texts: what r stands behind now, a list of n texts. */
SL_NODISCARD bool sl_rows_put(struct sl_rows *r, const struct sl_str *texts, size_t n,
			      struct sl_err *err);
/* No row follows: the range is over. */
SL_NODISCARD bool sl_rows_end(struct sl_rows *r, struct sl_err *err);
/* Forgets a reading that broke off. */
void sl_rows_reset(struct sl_rows *r);
void sl_rows_release(struct sl_rows *r);

/* What a source of a database does differently; ctx is its own. */
struct sl_rows_source {
	bool (*open)(void *ctx, struct sl_err *err);  /* the connection */
	bool (*whole)(void *ctx, struct sl_err *err); /* everything, as the one input SL_WHOLE */
	bool (*range)(void *ctx, struct sl_err *err); /* what is left of the range, in steps */
};
/* One collection: everything with input: whole (r->steps is NULL), else a cursor's ranges. asks: as
 * sl_steps_begin takes it. */
SL_NODISCARD bool sl_rows_collect(struct sl_rows *r, const struct sl_rows_source *source, void *ctx,
				  const char *asks, struct sl_err *err);

/* The n texts of a continuation. SL_ERR_DATA when it is none. */
SL_NODISCARD bool sl_rows_split(const char *at, size_t n, struct sl_arena *arena, const char ***ret,
				struct sl_err *err);

/* How far behind a range late rows are looked for: a duration, or a number of an integer's units.
 */
struct sl_lag {
	bool is_time;
	int64_t value; /* µs, or units; 0: none */
};
/* text: NULL for none. False when it is neither. */
SL_NODISCARD bool sl_lag_parse(const char *text, struct sl_lag *ret);
/* value - lag, never below the least. */
int64_t sl_lag_from(const struct sl_lag *lag, int64_t value);

#endif
