/*
 * Tickets in Redis streams. A stream gets its time to live with its first ticket, so that a pusher
 * that dies leaves nothing for ever. A taker first claims what others of its group took: a partition
 * is one task's, so they are dead, and were they not, both would make the same parts. Answers are
 * taken apart piece by piece, since anybody may have written under our keys.
 */
#include "base/clock.h"
#include "base/num.h"
#include "engines/redis_db.h"

#define GROUP "normalize"
#define FIELD "t"
#define CLAIM_MAX ((size_t)1 << 20) /* entries: whoever has more is none of ours */

/* --- push --- */

static bool expire(struct sl_queue *q, const char *stream, struct sl_err *err)
{
	struct sl_command c = {.n = 0};
	char ms[24];

	snprintf(ms, sizeof(ms), "%" PRId64, q->ttl_us / 1000);
	sl_redis_word(&c, "PEXPIRE");
	sl_redis_word(&c, stream);
	sl_redis_word(&c, ms);
	return sl_redis_send(q, &c, err);
}

bool sl_redis_push(struct sl_queue *q, const char *stream, struct sl_str body, struct sl_err *err)
{
	struct sl_command c = {.n = 0};
	const bool first = !q->pushed || strcmp(q->pushed, stream) != 0;

	sl_redis_word(&c, "XADD");
	sl_redis_word(&c, stream);
	sl_redis_word(&c, "*");
	sl_redis_word(&c, FIELD);
	sl_redis_bytes(&c, body);
	if (!sl_redis_send(q, &c, err) || (first && !expire(q, stream, err)))
		return false;
	if (first) {
		free(q->pushed);
		q->pushed = sl_xstrdup(stream);
	}
	return sl_redis_pace(q, err);
}

bool sl_redis_flush(struct sl_queue *q, struct sl_err *err)
{
	return sl_redis_settle(q, err);
}

/* --- answers taken apart --- */

static bool is_array(const redisReply *r, size_t least)
{
	return r && r->type == REDIS_REPLY_ARRAY && r->elements >= least;
}

static struct sl_str text_of(const redisReply *r)
{
	return r && r->type == REDIS_REPLY_STRING ? (struct sl_str){r->str, r->len} : SL_STR_NULL;
}

/* The value of our field, SL_STR_NULL when the entry is trimmed or somebody else's. */
static struct sl_str body_of(const redisReply *fields)
{
	if (!is_array(fields, 2))
		return SL_STR_NULL;
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (sl_str_eqz(text_of(fields->element[i]), FIELD))
			return text_of(fields->element[i + 1]);
	return SL_STR_NULL;
}

/* entries: array of [id, [field, value …]]; Redis 6 puts nil where one was trimmed. Receipts are
 * the ids, which stand in the reply with a NUL behind them. */
static size_t fill_items(struct sl_queue *q, const redisReply *entries)
{
	size_t n = 0;

	sl_redis_room(q, entries->elements);
	for (size_t i = 0; i < entries->elements; i++) {
		const redisReply *e = entries->element[i];

		if (!is_array(e, 2) || !text_of(e->element[0]).p)
			continue;
		q->items[n++] = (struct sl_queue_item){
			.receipt = e->element[0]->str,
			.body = body_of(e->element[1]),
		};
	}
	return n;
}

static bool begins(const redisReply *r, const char *text)
{
	return r->type == REDIS_REPLY_ERROR && strncmp(r->str, text, strlen(text)) == 0;
}

/* --- take --- */

/* *ret_there = false: there is no such stream, so nothing waits. */
static bool make_group(struct sl_queue *q, const char *stream, bool *ret_there, struct sl_err *err)
{
	sl_cleanup(sl_redis_put) redisReply *r = NULL;
	struct sl_command c = {.n = 0};

	sl_redis_word(&c, "XGROUP");
	sl_redis_word(&c, "CREATE");
	sl_redis_word(&c, stream);
	sl_redis_word(&c, GROUP);
	sl_redis_word(&c, "0");
	if (!sl_redis_ask(q, &c, &r, err))
		return false;
	*ret_there = true;
	if (r->type != REDIS_REPLY_ERROR || begins(r, "BUSYGROUP"))
		return true;
	*ret_there = false;
	return begins(r, "ERR The XGROUP subcommand requires the key to exist") ||
	       sl_redis_refused(q, r, err);
}

static bool start(struct sl_queue *q, const char *stream, bool *ret_there, struct sl_err *err)
{
	*ret_there = true;
	if (q->stream && strcmp(q->stream, stream) == 0)
		return true;
	if (!make_group(q, stream, ret_there, err))
		return false;
	free(q->stream);
	q->stream = sl_xstrdup(stream);
	q->claiming = *ret_there;
	q->claimed = 0;
	snprintf(q->cursor, sizeof(q->cursor), "0-0");
	return true;
}

static void add_count(struct sl_command *c, char text[24], size_t max)
{
	snprintf(text, 24, "%zu", max);
	sl_redis_word(c, "COUNT");
	sl_redis_word(c, text);
}

/* Answer: [cursor, entries] and, since Redis 7, the ids of those that were trimmed. */
static bool claim(struct sl_queue *q, size_t max, size_t *ret_n, struct sl_err *err)
{
	struct sl_command c = {.n = 0};
	redisReply *r = NULL;
	char count[24];

	sl_redis_word(&c, "XAUTOCLAIM");
	sl_redis_word(&c, q->stream);
	sl_redis_word(&c, GROUP);
	sl_redis_word(&c, q->consumer);
	sl_redis_word(&c, "0");
	sl_redis_word(&c, q->cursor);
	add_count(&c, count, max);
	if (!sl_redis_ask(q, &c, &r, err))
		return false;
	sl_redis_hold(q, r);
	q->claiming = false;
	if (begins(r, "NOGROUP"))
		return true;
	if (r->type == REDIS_REPLY_ERROR)
		return sl_redis_refused(q, r, err);
	if (!is_array(r, 2) || !is_array(r->element[1], 0) || !text_of(r->element[0]).p)
		return sl_err_set(err, SL_ERR_PROTOCOL, "%s: strange answer to XAUTOCLAIM",
				  q->where);
	snprintf(q->cursor, sizeof(q->cursor), "%s", r->element[0]->str);
	q->claimed += max;
	q->claiming = strcmp(q->cursor, "0-0") != 0 && q->claimed < CLAIM_MAX;
	*ret_n = fill_items(q, r->element[1]);
	return true;
}

/* Answer: nil, or [[stream, entries]]. *ret_group = false: the group is gone, and with it the
 * stream as we knew it. */
static bool read_new(struct sl_queue *q, size_t max, size_t *ret_n, bool *ret_group,
		     struct sl_err *err)
{
	struct sl_command c = {.n = 0};
	redisReply *r = NULL;
	char count[24];

	sl_redis_word(&c, "XREADGROUP");
	sl_redis_word(&c, "GROUP");
	sl_redis_word(&c, GROUP);
	sl_redis_word(&c, q->consumer);
	add_count(&c, count, max);
	sl_redis_word(&c, "STREAMS");
	sl_redis_word(&c, q->stream);
	sl_redis_word(&c, ">");
	if (!sl_redis_ask(q, &c, &r, err))
		return false;
	sl_redis_hold(q, r);
	*ret_group = !begins(r, "NOGROUP");
	if (!*ret_group || r->type == REDIS_REPLY_NIL)
		return true;
	if (r->type == REDIS_REPLY_ERROR)
		return sl_redis_refused(q, r, err);
	if (!is_array(r, 1) || !is_array(r->element[0], 2) ||
	    !is_array(r->element[0]->element[1], 0))
		return sl_err_set(err, SL_ERR_PROTOCOL, "%s: strange answer to XREADGROUP",
				  q->where);
	*ret_n = fill_items(q, r->element[0]->element[1]);
	return true;
}

bool sl_redis_take(struct sl_queue *q, const char *stream, size_t max,
		   const struct sl_queue_item **ret, size_t *ret_n, struct sl_err *err)
{
	bool there, group = true;
	size_t n = 0;

	*ret_n = 0;
	if (!start(q, stream, &there, err))
		return false;
	while (there && n == 0 && q->claiming)
		if (!claim(q, max, &n, err))
			return false;
	if (there && n == 0 && !read_new(q, max, &n, &group, err))
		return false;
	/* Flushed meanwhile: what was pushed since begins a new stream, without a group. */
	if (!group &&
	    (!make_group(q, stream, &there, err) || (there && !read_new(q, max, &n, &group, err))))
		return false;
	*ret = q->items;
	*ret_n = n;
	return true;
}

bool sl_redis_done(struct sl_queue *q, const char *stream, const char *receipt, struct sl_err *err)
{
	struct sl_command ack = {.n = 0}, del = {.n = 0};

	sl_redis_word(&ack, "XACK");
	sl_redis_word(&ack, stream);
	sl_redis_word(&ack, GROUP);
	sl_redis_word(&ack, receipt);
	sl_redis_word(&del, "XDEL");
	sl_redis_word(&del, stream);
	sl_redis_word(&del, receipt);
	return sl_redis_send(q, &ack, err) && sl_redis_send(q, &del, err);
}

/* --- drop --- */

static bool is_stream(struct sl_queue *q, const char *key, bool *ret, struct sl_err *err)
{
	sl_cleanup(sl_redis_put) redisReply *r = NULL;
	struct sl_command c = {.n = 0};

	sl_redis_word(&c, "TYPE");
	sl_redis_word(&c, key);
	if (!sl_redis_ask(q, &c, &r, err))
		return false;
	if (r->type == REDIS_REPLY_ERROR)
		return sl_redis_refused(q, r, err);
	*ret = r->type == REDIS_REPLY_STATUS && strcmp(r->str, "stream") == 0;
	return true;
}

bool sl_redis_drop(struct sl_queue *q, const char *const *streams, size_t n, struct sl_err *err)
{
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		struct sl_command c = {.n = 0};

		if (!is_stream(q, streams[i], &found, err))
			return false;
		sl_redis_word(&c, "UNLINK");
		sl_redis_word(&c, streams[i]);
		if (found && !sl_redis_send(q, &c, err))
			return false;
	}
	return sl_redis_settle(q, err);
}

/* --- probe --- */

/* The value behind "name:" in INFO's text. */
static struct sl_str info_of(struct sl_str info, const char *name)
{
	struct sl_str line;

	while (sl_str_next(&info, '\n', &line))
		if (sl_str_starts(line, name) && line.n > strlen(name) &&
		    line.p[strlen(name)] == ':')
			return sl_str_trim(sl_str_sub(line, strlen(name) + 1, line.n));
	return SL_STR_NULL;
}

static void tell_info(struct sl_str info, struct sl_buf *found)
{
	const struct sl_str version = info_of(info, "redis_version");
	const struct sl_str policy = info_of(info, "maxmemory_policy");
	uint64_t max = 0;

	sl_buf_addf(found, "redis " SL_STR_FMT, SL_STR_ARG(version));
	if (!sl_num_u64(info_of(info, "maxmemory"), UINT64_MAX, &max) || max == 0)
		sl_buf_adds(found, ", no maxmemory: only the queue's budget bounds a run");
	else
		sl_buf_addf(found, ", maxmemory %" PRIu64 " MiB, " SL_STR_FMT, max >> 20,
			    SL_STR_ARG(policy));
}

static bool ask_info(struct sl_queue *q, struct sl_buf *found, struct sl_err *err)
{
	sl_cleanup(sl_redis_put) redisReply *r = NULL;
	struct sl_command c = {.n = 0};

	sl_redis_word(&c, "INFO");
	if (!sl_redis_ask(q, &c, &r, err))
		return false;
	if (r->type == REDIS_REPLY_STRING)
		tell_info(text_of(r), found);
	else
		sl_buf_adds(found, "it answers, but does not say its version (no right to INFO)");
	return true;
}

bool sl_redis_probe(struct sl_queue *q, const char *stream, struct sl_buf *found,
		    struct sl_err *err)
{
	const struct sl_queue_item *items;
	size_t n = 0;

	if (!ask_info(q, found, err) || !sl_redis_push(q, stream, SL_STR("probe"), err) ||
	    !sl_redis_take(q, stream, 1, &items, &n, err))
		return false;
	if (n != 1)
		return sl_err_set(err, SL_ERR_UNAVAILABLE,
				  "%s: what was pushed cannot be taken again", q->where);
	return sl_redis_done(q, stream, items[0].receipt, err) && sl_redis_drop(q, &stream, 1, err);
}
