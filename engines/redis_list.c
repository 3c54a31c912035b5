/*
 * Lists of messages that others push and pop, the old way of queues. A list is emptied by renaming
 * it, which is one step for the server however long it is: what it held is then a batch that no
 * longer changes, and whoever pushes meanwhile begins a new list. A batch keeps its name until it is
 * forgotten, so that reading it again after a crash gives the same input.
 */
#include <sys/random.h>

#include "engines/redis_db.h"

#define ID_BYTES 16
#define TRIES 10

static bool draw_id(char id[SL_BATCH_ID], struct sl_err *err)
{
	unsigned char bytes[ID_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return sl_err_set(err, SL_ERR_BUG, "the system gives no random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

static char *id_key(struct sl_queue *q, const char *batch)
{
	return sl_arena_printf(&q->arena, "%s:id", batch);
}

/* One command of words; NULL ends them. *ret is owned. */
static bool ask(struct sl_queue *q, redisReply **ret, struct sl_err *err, const char *const *words)
{
	struct sl_command c = {.n = 0};

	for (size_t i = 0; words[i]; i++)
		sl_redis_word(&c, words[i]);
	return sl_redis_ask(q, &c, ret, err);
}
#define ASK(q, ret, err, ...) ask(q, ret, err, (const char *const[]){__VA_ARGS__, NULL})

static bool ask_length(struct sl_queue *q, const char *key, uint64_t *ret, struct sl_err *err)
{
	sl_cleanup(sl_redis_put) redisReply *r = NULL;

	if (!ASK(q, &r, err, "LLEN", key))
		return false;
	if (r->type == REDIS_REPLY_ERROR)
		return sl_redis_refused(q, r, err);
	*ret = r->type == REDIS_REPLY_INTEGER && r->integer > 0 ? (uint64_t)r->integer : 0;
	return true;
}

/* "" when there is none. */
static bool ask_id(struct sl_queue *q, const char *batch, char id[SL_BATCH_ID], struct sl_err *err)
{
	sl_cleanup(sl_redis_put) redisReply *r = NULL;

	if (!ASK(q, &r, err, "GET", id_key(q, batch)))
		return false;
	if (r->type == REDIS_REPLY_ERROR)
		return sl_redis_refused(q, r, err);
	id[0] = '\0';
	if (r->type == REDIS_REPLY_NIL)
		return true;
	if (r->type != REDIS_REPLY_STRING || r->len != SL_BATCH_ID - 1 ||
	    strspn(r->str, "0123456789abcdef") != SL_BATCH_ID - 1)
		return sl_err_set(err, SL_ERR_CONFIG, "%s: \"%s\" is none of ours", q->where,
				  id_key(q, batch));
	snprintf(id, SL_BATCH_ID, "%s", r->str);
	return true;
}

static bool draw_name(struct sl_queue *q, const char *batch, struct sl_err *err)
{
	sl_cleanup(sl_redis_put) redisReply *r = NULL;
	char drawn[SL_BATCH_ID];

	if (!draw_id(drawn, err) || !ASK(q, &r, err, "SET", id_key(q, batch), drawn, "NX"))
		return false;
	return r->type != REDIS_REPLY_ERROR || sl_redis_refused(q, r, err);
}

/* The batch's name: the one that it has, else a new one. Another attempt may forget the batch, and
 * with it the name, between two of our questions. */
static bool name_batch(struct sl_queue *q, const char *batch, char id[SL_BATCH_ID],
		       struct sl_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		if (!ask_id(q, batch, id, err))
			return false;
		if (id[0])
			return true;
		if (!draw_name(q, batch, err))
			return false;
	}
	return sl_err_set(err, SL_ERR_AGAIN, "%s: others take \"%s\" away all the time", q->where,
			  batch);
}

/* Anything but a list must stay where it is. */
static bool check_list(struct sl_queue *q, const char *list, bool *ret_there, struct sl_err *err)
{
	sl_cleanup(sl_redis_put) redisReply *r = NULL;

	if (!ASK(q, &r, err, "TYPE", list))
		return false;
	if (r->type == REDIS_REPLY_ERROR)
		return sl_redis_refused(q, r, err);
	*ret_there = strcmp(r->str, "none") != 0;
	return !*ret_there || strcmp(r->str, "list") == 0 ||
	       sl_err_set(err, SL_ERR_CONFIG, "%s: \"%s\" is a %s, not a list", q->where, list,
			  r->str);
}

/* *ret_again: another attempt was faster, so there is a batch now. */
static bool rename_list(struct sl_queue *q, const char *list, const char *batch, bool *ret_again,
			struct sl_err *err)
{
	sl_cleanup(sl_redis_put) redisReply *r = NULL;

	if (!ASK(q, &r, err, "RENAMENX", list, batch))
		return false;
	*ret_again = r->type == REDIS_REPLY_INTEGER; /* done, or done by another one */
	return r->type != REDIS_REPLY_ERROR || strncmp(r->str, "ERR no such key", 15) == 0 ||
	       sl_redis_refused(q, r, err);
}

bool sl_redis_freeze(struct sl_queue *q, const char *list, const char *batch, char id[SL_BATCH_ID],
		     uint64_t *ret_n, struct sl_err *err)
{
	bool there = false;

	*ret_n = 0;
	if (!check_list(q, list, &there, err) || !ask_length(q, batch, ret_n, err))
		return false;
	if (*ret_n == 0 && there) {
		bool again = false;

		/* Named first: a batch without a name could be told from no other one. */
		if (!name_batch(q, batch, id, err) || !rename_list(q, list, batch, &again, err))
			return false;
		if (again && !ask_length(q, batch, ret_n, err))
			return false;
	}
	return *ret_n == 0 || name_batch(q, batch, id, err);
}

bool sl_redis_read(struct sl_queue *q, const char *key, uint64_t from, size_t max,
		   const struct sl_queue_item **ret, size_t *ret_n, struct sl_err *err)
{
	redisReply *r = NULL;
	char first[24], last[24];

	snprintf(first, sizeof(first), "%" PRIu64, from);
	snprintf(last, sizeof(last), "%" PRIu64, from + max - 1);
	if (!ASK(q, &r, err, "LRANGE", key, first, last))
		return false;
	sl_redis_hold(q, r);
	if (r->type == REDIS_REPLY_ERROR)
		return sl_redis_refused(q, r, err);
	if (r->type != REDIS_REPLY_ARRAY)
		return sl_err_set(err, SL_ERR_PROTOCOL, "%s: strange answer to LRANGE", q->where);
	sl_redis_room(q, r->elements);
	for (size_t i = 0; i < r->elements; i++)
		q->items[i] =
			(struct sl_queue_item){.body = {r->element[i]->str, r->element[i]->len}};
	*ret = q->items;
	*ret_n = r->elements;
	return true;
}

/* Only when the batch is still the one of that name: another one may have begun meanwhile. */
bool sl_redis_forget(struct sl_queue *q, const char *batch, const char *id, struct sl_err *err)
{
	sl_cleanup(sl_redis_put) redisReply *watch = NULL, *multi = NULL, *del = NULL, *exec = NULL;
	char now[SL_BATCH_ID];

	if (!ASK(q, &watch, err, "WATCH", id_key(q, batch)) || !ask_id(q, batch, now, err))
		return false;
	if (strcmp(now, id) != 0)
		return true; /* the watch ends with the next EXEC, or with the connection */
	if (!ASK(q, &multi, err, "MULTI") ||
	    !ASK(q, &del, err, "UNLINK", batch, id_key(q, batch)) || !ASK(q, &exec, err, "EXEC"))
		return false;
	for (size_t i = 0; i < 4; i++) {
		const redisReply *r = (const redisReply *[]){watch, multi, del, exec}[i];

		if (r->type == REDIS_REPLY_ERROR)
			return sl_redis_refused(q, r, err);
	}
	return true;
}

bool sl_redis_send_message(struct sl_queue *q, const char *list, struct sl_str body,
			   struct sl_err *err)
{
	struct sl_command c = {.n = 0};

	sl_redis_word(&c, "RPUSH");
	sl_redis_word(&c, list);
	sl_redis_bytes(&c, body);
	return sl_redis_send(q, &c, err) && sl_redis_pace(q, err);
}
