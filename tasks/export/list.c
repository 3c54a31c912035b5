/*
 * Rows as messages in a Redis list, for programs that take them from there: one JSON object each, at
 * least once, in the rows' order. Whoever runs it again after a failure pushes again.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "run/output.h"
#include "store/queue.h"
#include "tasks/export/export.h"

#define WAIT (10 * SL_SECOND)

struct sending {
	struct sl_export *x;
	const char *list;
	bool twice; /* the JSON text is itself encoded as a JSON string */
	const struct sl_queue_engine *engine;
	struct sl_queue *q;
	struct sl_output row; /* renders one row at a time */
	struct sl_buf message;
};

static void release(struct sending *s)
{
	if (s->q)
		s->engine->close(s->q);
	sl_output_release(&s->row);
	sl_buf_release(&s->message);
}

static bool open_queue(struct sending *s, struct sl_err *err)
{
	struct sl_run *run = s->x->run;
	const struct sl_backend *b = &run->p->backend;
	struct sl_conn conn;
	const struct sl_queue_conf conf = {.conn = &conn, .wait_us = WAIT};

	if (!b->queue) {
		sl_err_set(err, SL_ERR_CONFIG, "backend \"%s\" has no queue", b->name);
		return sl_err_hint(err, "a list lies where its queue is: choose another --backend");
	}
	return sl_queue_get(b->queue, &s->engine, err) &&
	       sl_conn_get(b->queue_conn, &run->arena, &conn, err) &&
	       s->engine->open(&conf, &s->q, err);
}

static bool take_cols(void *ctx, const struct sl_db_col *cols, size_t n_cols, struct sl_err *err)
{
	struct sending *s = ctx;

	return sl_output_cols(&s->row, cols, n_cols, err);
}

static bool send_row(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		     const struct sl_str *cells, struct sl_err *err)
{
	struct sending *s = ctx;

	sl_buf_clear(&s->row.text);
	if (!sl_output_row(&s->row, cols, n_cols, cells, err))
		return false;

	struct sl_str message = sl_str_trim(sl_buf_str(&s->row.text));

	if (s->twice) {
		sl_buf_clear(&s->message);
		sl_buf_add_json(&s->message, message);
		message = sl_buf_str(&s->message);
	}
	if (s->row.rows % 1024 == 0)
		sl_progress(&s->x->progress, "rows=%" PRIu64, s->row.rows);
	return s->engine->send(s->q, s->list, message, err);
}

bool sl_export_list(struct sl_export *x, const char *list, bool twice, struct sl_err *err)
{
	sl_cleanup(release) struct sending s = {
		.x = x, .list = list, .twice = twice, .row = {.format = SL_OUTPUT_JSONL}};

	if (!open_queue(&s, err) ||
	    !x->engine->query(x->db, x->st.sql, x->st.values, x->st.n_values, take_cols, send_row,
			      &s, err) ||
	    !s.engine->flush(s.q, err))
		return false;
	x->rows = s.row.rows;
	return true;
}
