/*
 * Private to the redis module: the open connection and how its answers become errors.
 */
#ifndef SL_ENGINES_REDIS_DB_H
#define SL_ENGINES_REDIS_DB_H

#include <hiredis/hiredis.h>

#include "base/mem.h"
#include "store/queue.h"

struct sl_queue {
	redisContext *c;
	const char *where; /* "redis://host:6379/1", for messages */
	char *consumer;	   /* "host-pid-random" */
	int64_t ttl_us;
	struct sl_arena arena;
	/* commands sent whose answers are to come; they are asked for before the next question */
	size_t pending, pending_bytes;
	char *pushed; /* stream that has been given its time to live */
	/* the stream being taken from */
	char *stream;
	bool claiming;	  /* what earlier consumers left is still to come */
	char cursor[48];  /* of XAUTOCLAIM */
	size_t claimed;	  /* bounds it */
	redisReply *held; /* what the items of the last take point into */
	struct sl_queue_item *items;
	size_t cap_items;
};

struct sl_command {
	const char *argv[12];
	size_t len[12];
	int n;
};

void sl_redis_word(struct sl_command *c, const char *word);
void sl_redis_bytes(struct sl_command *c, struct sl_str bytes);

/* The error of a broken connection, or of an answer that is one. Returns false. */
bool sl_redis_lost(struct sl_queue *q, struct sl_err *err);
bool sl_redis_refused(struct sl_queue *q, const redisReply *r, struct sl_err *err);

/* Sends without waiting; what comes back is only looked at for errors, by sl_redis_settle. */
SL_NODISCARD bool sl_redis_send(struct sl_queue *q, struct sl_command *c, struct sl_err *err);
SL_NODISCARD bool sl_redis_settle(struct sl_queue *q, struct sl_err *err);

/* Settles, asks, waits. *ret is owned; an answer that is an error is returned as an answer. */
SL_NODISCARD bool sl_redis_ask(struct sl_queue *q, struct sl_command *c, redisReply **ret,
			       struct sl_err *err);
/* As sl_redis_ask, but an error is an error and the answer is of no interest. */
SL_NODISCARD bool sl_redis_tell(struct sl_queue *q, struct sl_command *c, struct sl_err *err);
void sl_redis_put(redisReply **r);

/* TLS over the connected socket: the server's certificate and name are verified. */
SL_NODISCARD bool sl_redis_tls(struct sl_queue *q, const struct sl_conn *conn, struct sl_err *err);
/* True when the connection wants TLS: type rediss, or the extra "ssl". */
bool sl_redis_wants_tls(const struct sl_conn *conn);

/* Settles when much is on its way. */
SL_NODISCARD bool sl_redis_pace(struct sl_queue *q, struct sl_err *err);

/* What the items point into, until the next one; room for so many items. */
void sl_redis_hold(struct sl_queue *q, redisReply *r);
void sl_redis_room(struct sl_queue *q, size_t n);

bool sl_redis_push(struct sl_queue *q, const char *stream, struct sl_str body, struct sl_err *err);
bool sl_redis_flush(struct sl_queue *q, struct sl_err *err);
bool sl_redis_take(struct sl_queue *q, const char *stream, size_t max,
		   const struct sl_queue_item **ret, size_t *ret_n, struct sl_err *err);
bool sl_redis_done(struct sl_queue *q, const char *stream, const char *receipt, struct sl_err *err);
bool sl_redis_drop(struct sl_queue *q, const char *const *streams, size_t n, struct sl_err *err);
bool sl_redis_probe(struct sl_queue *q, const char *stream, struct sl_buf *found,
		    struct sl_err *err);

bool sl_redis_freeze(struct sl_queue *q, const char *list, const char *batch, char id[SL_BATCH_ID],
		     uint64_t *ret_n, struct sl_err *err);
bool sl_redis_read(struct sl_queue *q, const char *key, uint64_t from, size_t max,
		   const struct sl_queue_item **ret, size_t *ret_n, struct sl_err *err);
bool sl_redis_forget(struct sl_queue *q, const char *batch, const char *id, struct sl_err *err);
bool sl_redis_send_message(struct sl_queue *q, const char *list, struct sl_str body,
			   struct sl_err *err);

#endif
