/*
 * Redis as a queue, through hiredis: connecting, and what an answer means. Nothing waits without
 * limit; a stop is answered at once, because the signal handler shuts the socket. A connection with
 * an error is never used again (its late answer would be taken for that of the next question).
 * Source: redis.io/docs, "Redis serialization protocol", "Streams", "ACL".
 */
#include "engines/redis_db.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/num.h"

#define SEND_COMMANDS ((size_t)256) /* on their way before their answers are asked for */
#define SEND_BYTES ((size_t)1 << 20)

/* --- what answers mean --- */

static const struct {
	const char *begin;
	enum sl_err_kind kind;
} refusals[] = {
	{"NOAUTH", SL_ERR_AUTH},
	{"WRONGPASS", SL_ERR_AUTH},
	{"NOPERM", SL_ERR_AUTH},
	{"ERR AUTH", SL_ERR_AUTH},
	{"ERR invalid password", SL_ERR_AUTH},
	{"ERR DB index", SL_ERR_CONFIG},
	{"ERR invalid DB index", SL_ERR_CONFIG},
	{"WRONGTYPE", SL_ERR_CONFIG},
	{"ERR unknown", SL_ERR_PROTOCOL},
};

bool sl_redis_refused(struct sl_queue *q, const redisReply *r, struct sl_err *err)
{
	enum sl_err_kind kind = SL_ERR_UNAVAILABLE; /* OOM, LOADING, READONLY, MISCONF … */

	for (size_t i = 0; i < SL_ARRAY_LEN(refusals); i++)
		if (strncmp(r->str, refusals[i].begin, strlen(refusals[i].begin)) == 0)
			kind = refusals[i].kind;
	return sl_err_set(err, kind, "%s: %.*s", q->where, (int)r->len, r->str);
}

bool sl_redis_lost(struct sl_queue *q, struct sl_err *err)
{
	const char *text = q->c->errstr[0] ? q->c->errstr : "no answer";

	if (!sl_cancel_check(err))
		return false;
	if (q->c->err == REDIS_ERR_PROTOCOL)
		return sl_err_set(err, SL_ERR_PROTOCOL, "%s does not speak Redis: %s", q->where,
				  text);
	if (q->c->err == REDIS_ERR_IO && (errno == EAGAIN || errno == ETIMEDOUT))
		text = "no answer in time";
	return sl_err_set(err, SL_ERR_UNAVAILABLE, "%s: %s", q->where, text);
}

void sl_redis_put(redisReply **r)
{
	freeReplyObject(*r);
}

/* --- questions --- */

void sl_redis_bytes(struct sl_command *c, struct sl_str bytes)
{
	SL_ASSERT((size_t)c->n < SL_ARRAY_LEN(c->argv));
	c->argv[c->n] = bytes.p;
	c->len[c->n++] = bytes.n;
}

void sl_redis_word(struct sl_command *c, const char *word)
{
	sl_redis_bytes(c, sl_str_of(word));
}

bool sl_redis_send(struct sl_queue *q, struct sl_command *c, struct sl_err *err)
{
	if (redisAppendCommandArgv(q->c, c->n, c->argv, c->len) != REDIS_OK)
		return sl_redis_lost(q, err);
	q->pending++;
	for (int i = 0; i < c->n; i++)
		q->pending_bytes += c->len[i];
	return true;
}

bool sl_redis_settle(struct sl_queue *q, struct sl_err *err)
{
	bool ok = true;

	q->pending_bytes = 0;
	while (q->pending > 0) {
		sl_cleanup(sl_redis_put) redisReply *r = NULL;

		q->pending--;
		if (redisGetReply(q->c, (void **)&r) != REDIS_OK)
			return sl_redis_lost(q, err);
		if (ok && r->type == REDIS_REPLY_ERROR)
			ok = sl_redis_refused(q, r, err);
	}
	return ok;
}

bool sl_redis_ask(struct sl_queue *q, struct sl_command *c, redisReply **ret, struct sl_err *err)
{
	if (!sl_cancel_check(err) || !sl_redis_settle(q, err))
		return false;
	if (redisAppendCommandArgv(q->c, c->n, c->argv, c->len) != REDIS_OK ||
	    redisGetReply(q->c, (void **)ret) != REDIS_OK)
		return sl_redis_lost(q, err);
	return true;
}

bool sl_redis_tell(struct sl_queue *q, struct sl_command *c, struct sl_err *err)
{
	sl_cleanup(sl_redis_put) redisReply *r = NULL;

	if (!sl_redis_ask(q, c, &r, err))
		return false;
	return r->type != REDIS_REPLY_ERROR || sl_redis_refused(q, r, err);
}

bool sl_redis_pace(struct sl_queue *q, struct sl_err *err)
{
	return (q->pending < SEND_COMMANDS && q->pending_bytes < SEND_BYTES) ||
	       sl_redis_settle(q, err);
}

void sl_redis_hold(struct sl_queue *q, redisReply *r)
{
	freeReplyObject(q->held);
	q->held = r;
}

void sl_redis_room(struct sl_queue *q, size_t n)
{
	if (n <= q->cap_items)
		return;
	q->cap_items = n;
	q->items = sl_xrealloc(q->items, n, sizeof(*q->items));
}

/* --- open and close --- */

static void shut_socket(void *arg)
{
	shutdown(*(const int *)arg, SHUT_RDWR);
}

static void redis_close(struct sl_queue *q)
{
	if (!q)
		return;
	sl_cancel_hook(NULL, NULL);
	freeReplyObject(q->held);
	if (q->c)
		redisFree(q->c);
	free(q->consumer);
	free(q->pushed);
	free(q->stream);
	free(q->items);
	sl_arena_release(&q->arena);
	free(q);
}

/* hiredis would try anything: a connection of another kind is a slip, not a server that is down. */
static bool check_kind(const struct sl_conn *c, struct sl_err *err)
{
	if (strcmp(c->type, "redis") == 0 || strcmp(c->type, "rediss") == 0)
		return true;
	sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\" is of type \"%s\", not redis", c->id,
		   c->type);
	return sl_err_hint(err, "write it as redis://user:password@host:6379/1 (rediss: TLS)");
}

/* As Airflow's hook has it: extra "db", or the URI's path. */
static const char *database_of(const struct sl_conn *c)
{
	const char *db = sl_conn_extra(c, "db");

	return db && *db ? db : c->schema;
}

static bool connect_to(struct sl_queue *q, const struct sl_queue_conf *conf, struct sl_err *err)
{
	const struct timeval wait = {conf->wait_us / SL_SECOND, conf->wait_us % SL_SECOND};
	const char *host = conf->conn->host ? conf->conn->host : "localhost";
	redisOptions options = {.connect_timeout = &wait, .command_timeout = &wait};

	if (host[0] == '/')
		REDIS_OPTIONS_SET_UNIX(&options, host);
	else
		REDIS_OPTIONS_SET_TCP(&options, host, conf->conn->port ? conf->conn->port : 6379);
	q->c = redisConnectWithOptions(&options);
	if (!q->c)
		SL_BUG("out of memory for a connection");
	if (!sl_cancel_check(err))
		return false;
	if (q->c->err)
		return sl_err_set(err, SL_ERR_UNAVAILABLE, "cannot connect to %s: %s", q->where,
				  q->c->errstr);
	redisEnableKeepAlive(q->c);
	sl_cancel_hook(shut_socket, &q->c->fd);
	return !sl_redis_wants_tls(conf->conn) || sl_redis_tls(q, conf->conn, err);
}

static bool log_in(struct sl_queue *q, const struct sl_conn *c, struct sl_err *err)
{
	struct sl_command auth = {.n = 0};

	if (!sl_secret_given(c->password))
		return true;
	sl_redis_word(&auth, "AUTH");
	if (c->login)
		sl_redis_word(&auth, c->login);
	sl_redis_word(&auth, sl_secret_reveal(c->password));
	if (sl_redis_tell(q, &auth, err))
		return true;
	return err->hint[0] ? false
			    : sl_err_hint(err, "see user and password of connection \"%s\"", c->id);
}

static bool choose_database(struct sl_queue *q, const struct sl_conn *c, struct sl_err *err)
{
	const char *db = database_of(c);
	struct sl_command select = {.n = 0};
	uint64_t number;

	if (!db)
		return true;
	if (!sl_num_u64(sl_str_of(db), INT32_MAX, &number))
		return sl_err_set(err, SL_ERR_CONFIG,
				  "connection \"%s\": its database \"%s\" is not a number", c->id,
				  db);
	if (number == 0) /* where a connection begins */
		return true;
	sl_redis_word(&select, "SELECT");
	sl_redis_word(&select, db);
	return sl_redis_tell(q, &select, err);
}

/* Does a Redis answer, and does it let us in? */
static bool greet(struct sl_queue *q, struct sl_err *err)
{
	struct sl_command ping = {.n = 0};

	sl_redis_word(&ping, "PING");
	return sl_redis_tell(q, &ping, err);
}

static char *name_consumer(void)
{
	char host[64] = "host";
	uint32_t word = 0;

	if (gethostname(host, sizeof(host) - 1) != 0 ||
	    getrandom(&word, sizeof(word), 0) != sizeof(word))
		word = 0;
	host[sizeof(host) - 1] = '\0';
	return sl_xasprintf("%s-%ld-%08" PRIx32, host, (long)getpid(), word);
}

static bool redis_open(const struct sl_queue_conf *conf, struct sl_queue **ret, struct sl_err *err)
{
	if (!check_kind(conf->conn, err))
		return false;

	struct sl_queue *q = sl_xcalloc(1, sizeof(*q));

	q->where = sl_conn_safe(conf->conn, &q->arena);
	q->ttl_us = conf->ttl_us;
	q->consumer = name_consumer();
	if (!connect_to(q, conf, err) || !log_in(q, conf->conn, err) ||
	    !choose_database(q, conf->conn, err) || !greet(q, err)) {
		redis_close(q);
		return false;
	}
	*ret = q;
	return true;
}

static const struct sl_queue_engine engine = {
	.name = "redis",
	.open = redis_open,
	.close = redis_close,
	.push = sl_redis_push,
	.flush = sl_redis_flush,
	.take = sl_redis_take,
	.done = sl_redis_done,
	.drop = sl_redis_drop,
	.probe = sl_redis_probe,
	.freeze = sl_redis_freeze,
	.read = sl_redis_read,
	.forget = sl_redis_forget,
	.send = sl_redis_send_message,
};

extern const void *const sl_module_redis;
SL_EXPORT const void *const sl_module_redis = &engine;
