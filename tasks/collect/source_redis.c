/*
 * Source "redis": the messages of a list that others push, each list as often as there is something
 * in it. What the list holds is frozen as a batch in Redis, and goes away there only when the log
 * holds it: whoever dies in between finds the same batch, under the same name, and the log knows it
 * already. So every message is collected at least once, and in effect once.
 */
#include "base/cancel.h"
#include "base/clock.h"
#include "base/fault.h"
#include "store/queue.h"
#include "tasks/collect/collect.h"
#include "tasks/collect/message.h"

#define AT_ONCE 200		 /* most messages held in memory */
#define ENOUGH ((size_t)1 << 20) /* bytes of them that are */
#define WAIT (10 * SL_SECOND)
#define FROZEN "frozen" /* its fingerprint: a batch never changes */

struct params {
	const char *connection, *list;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct params, connection, SL_F_REQUIRED, NULL, "id of the connection (redis)"),
	SL_F_TEXT(struct params, list, SL_F_REQUIRED, NULL,
		  "list of messages, pushed right and taken left, JSON once or twice encoded"),
	SL_F_END,
};

/* One look at the list. */
struct reading {
	const struct params *p;
	struct sl_collect *c;
	const struct sl_queue_engine *engine;
	struct sl_queue *q;
	struct sl_arena arena;
	const char *batch; /* key of what is frozen */
	struct sl_buf lines;
};

static void close_reading(struct reading *r)
{
	if (r->q)
		r->engine->close(r->q);
	sl_buf_release(&r->lines);
	sl_arena_release(&r->arena);
}

static bool open_reading(struct reading *r, struct sl_err *err)
{
	const char *pipeline = sl_collect_run(r->c)->p->name;
	struct sl_conn conn;
	const struct sl_queue_conf conf = {.conn = &conn, .wait_us = WAIT};

	/* With the list: a batch's name in the log begins with it, and would be another one. */
	r->batch = sl_arena_printf(&r->arena, "sluice:batch:%s:%s:%s", pipeline,
				   sl_collect_source(r->c)->name, r->p->list);
	return sl_queue_get("redis", &r->engine, err) &&
	       sl_conn_get(r->p->connection, &r->arena, &conn, err) &&
	       r->engine->open(&conf, &r->q, err);
}

/* n messages of a list or batch, as lines. Twice as many at a time as long as they are small: a
 * reply is bounded by their number alone. */
static bool copy_messages(struct reading *r, const char *key, uint64_t n, struct sl_err *err)
{
	const struct sl_queue_item *items;
	size_t got = 1, most = 1;

	for (uint64_t at = 0; at < n && got > 0; at += got) {
		if (!sl_cancel_check(err) ||
		    !r->engine->read(r->q, key, at, most, &items, &got, err))
			return false;
		sl_buf_clear(&r->lines);
		for (size_t i = 0; i < got; i++)
			sl_message_line(&r->lines, items[i].body);
		if (!sl_collect_bytes(r->c, sl_buf_str(&r->lines), err))
			return false;
		most = r->lines.n > ENOUGH ? 1 : 2 * most < AT_ONCE ? 2 * most : AT_ONCE;
	}
	return true;
}

/* That nobody took the batch away while it was read. */
static bool still_there(struct reading *r, const char *id, uint64_t n, struct sl_err *err)
{
	char now[SL_BATCH_ID] = "";
	uint64_t n_now = 0;

	if (!r->engine->freeze(r->q, r->p->list, r->batch, now, &n_now, err))
		return false;
	return (n_now == n && strcmp(now, id) == 0) ||
	       sl_err_set(err, SL_ERR_AGAIN, "another collection took the batch of \"%s\" away",
			  r->p->list);
}

static bool read_batch(struct reading *r, const char *name, const char *id, uint64_t n,
		       struct sl_err *err)
{
	return sl_collect_begin(r->c, name, err) && copy_messages(r, r->batch, n, err) &&
	       still_there(r, id, n, err) && sl_collect_end(r->c, FROZEN, err);
}

static const char *name_of(struct reading *r, const char *id)
{
	return sl_arena_printf(&r->arena, "%s/%s", r->p->list, id);
}

/* A batch that the log holds already is only forgotten; then comes what was pushed since. */
static bool collect_batch(struct reading *r, struct sl_err *err)
{
	for (;;) {
		char id[SL_BATCH_ID] = "";
		uint64_t n = 0;

		if (!sl_cancel_check(err) ||
		    !r->engine->freeze(r->q, r->p->list, r->batch, id, &n, err))
			return false;
		if (n == 0)
			return true;
		SL_FAULT("redis.after_freeze", err);
		if (!sl_collect_holds(r->c, name_of(r, id)))
			return read_batch(r, name_of(r, id), id, n, err);
		if (!r->engine->forget(r->q, r->batch, id, err))
			return false;
	}
}

/* Nothing is taken: what is frozen, else what the list holds, is only read. */
static bool look(struct reading *r, struct sl_err *err)
{
	const struct sl_queue_item *items;
	const char *const keys[] = {r->batch, r->p->list};
	size_t n = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++) {
		if (!r->engine->read(r->q, keys[i], 0, 1, &items, &n, err))
			return false;
		if (n == 0 || sl_collect_known(r->c, r->p->list, NULL))
			continue;
		return sl_collect_begin(r->c, r->p->list, err) &&
		       copy_messages(r, keys[i], AT_ONCE, err) && sl_collect_end(r->c, NULL, err);
	}
	return true;
}

static bool collect(const void *params, struct sl_collect *c, struct sl_err *err)
{
	sl_cleanup(close_reading) struct reading r = {.p = params, .c = c};

	if (!open_reading(&r, err))
		return false;
	return sl_collect_only_looks(c) ? look(&r, err) : collect_batch(&r, err);
}

static bool linked(const void *params, struct sl_collect *c, struct sl_err *err)
{
	sl_cleanup(close_reading) struct reading r = {.p = params, .c = c};
	char id[SL_BATCH_ID] = "";
	uint64_t n = 0;

	SL_FAULT("redis.before_forget", err);
	if (!open_reading(&r, err) || !r.engine->freeze(r.q, r.p->list, r.batch, id, &n, err))
		return false;
	return n == 0 || !sl_collect_holds(c, name_of(&r, id)) ||
	       r.engine->forget(r.q, r.batch, id, err);
}

static bool check(void *params, const struct sl_node *map, const char *pipeline_dir,
		  struct sl_arena *arena, struct sl_diags *diags)
{
	const struct sl_node *input = sl_node_get(map, "input");

	(void)params;
	(void)pipeline_dir;
	(void)arena;
	if (!input || input->kind != SL_NODE_SCALAR || strcmp(input->text, "whole") != 0)
		return true;
	sl_diag_add(diags, SL_E1011, input->at,
		    "a list is emptied as it is read: each batch is an input of its own");
	return false;
}

const struct sl_source_kind sl_source_redis = {
	.name = "redis",
	.summary = "messages of a Redis list, removed there once they are in the log",
	.params = fields,
	.params_size = sizeof(struct params),
	.codec = "jsonl",
	.check = check,
	.collect = collect,
	.linked = linked,
};
