/*
 * The one interface of the queue engines (Redis). A queue carries tickets (ticket.h) from collect to
 * normalize, and is a cache: whatever it loses, refuses or makes up costs time, never data, since
 * normalize's list of work comes from the log and its bytes, at worst, from bronze
 * (docs/delivery.md, rule 15).
 *
 * One stream for each source and partition of a run. Whoever has an error closes the connection: its
 * answers would come to the wrong questions.
 */
#ifndef SL_STORE_QUEUE_H
#define SL_STORE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"
#include "data/pipeline.h"
#include "net/conn.h"
#include "store/home.h"

struct sl_queue; /* an open connection, the engine's own */

struct sl_queue_conf {
	const struct sl_conn *conn;
	int64_t wait_us; /* for the connection, and for each answer */
	int64_t ttl_us;	 /* of a stream, from its first ticket */
};

struct sl_queue_item {
	const char *receipt; /* given back when the item is dealt with */
	struct sl_str body;  /* SL_STR_NULL: the server no longer has it, or it is none of ours */
};

#define SL_BATCH_ID 33 /* 32 hex digits and a NUL */

/* Errors: SL_ERR_AUTH (password, rights), SL_ERR_CONFIG, SL_ERR_PROTOCOL (no such server, or too
 * old), SL_ERR_UNAVAILABLE (down, full, too slow, lost), SL_ERR_CANCELLED. */
struct sl_queue_engine {
	const char *name; /* "redis": also the module's name */

	bool (*open)(const struct sl_queue_conf *conf, struct sl_queue **ret, struct sl_err *err);
	void (*close)(struct sl_queue *q); /* NULL is fine */

	/* Pipelined: an error may be that of an earlier push. Tickets of one stream come together.
	 */
	bool (*push)(struct sl_queue *q, const char *stream, struct sl_str body,
		     struct sl_err *err);
	bool (*flush)(struct sl_queue *q, struct sl_err *err);

	/* Up to max items of a stream: first those that earlier consumers took and did not finish,
	 * then new ones; *ret_n = 0: there are no more. They live until the next call. */
	bool (*take)(struct sl_queue *q, const char *stream, size_t max,
		     const struct sl_queue_item **ret, size_t *ret_n, struct sl_err *err);
	/* The item is dealt with and goes away; done at the latest by the next take or flush. */
	bool (*done)(struct sl_queue *q, const char *stream, const char *receipt,
		     struct sl_err *err);

	/* Removes streams, whatever is in them; keys of those names that are no streams stay. */
	bool (*drop)(struct sl_queue *q, const char *const *streams, size_t n, struct sl_err *err);

	/*
	 * Lists of messages, as others push and pop them: no cache but a source and a sink.
	 * freeze: what the list holds now becomes a batch that no longer changes, unless there is
	 * one that was not forgotten yet: that one is given again, under its id. *ret_n: messages
	 * in it; 0: there are none. batch: the key where it stands until it is forgotten, with
	 * "…:id" beside it. SL_ERR_CONFIG when list is no list; it then stays as it is.
	 */
	bool (*freeze)(struct sl_queue *q, const char *list, const char *batch,
		       char id[SL_BATCH_ID], uint64_t *ret_n, struct sl_err *err);
	/* Messages of a batch, or of a list, from a place on; they live until the next call. */
	bool (*read)(struct sl_queue *q, const char *key, uint64_t from, size_t max,
		     const struct sl_queue_item **ret, size_t *ret_n, struct sl_err *err);
	/* Removes the batch; nothing when another one stands there meanwhile. */
	bool (*forget)(struct sl_queue *q, const char *batch, const char *id, struct sl_err *err);
	/* Appends a message to a list; pipelined, see flush. */
	bool (*send)(struct sl_queue *q, const char *list, struct sl_str body, struct sl_err *err);

	/* What the server is, and what in its settings is no good, for people. */
	bool (*probe)(struct sl_queue *q, const char *stream, struct sl_buf *found,
		      struct sl_err *err);
};

SL_NODISCARD bool sl_queue_get(const char *name, const struct sl_queue_engine **ret,
			       struct sl_err *err);

/* "sluice:orders:nightly-42:drop:2-8": partition k (from 1) of n. Owned by arena. */
const char *sl_queue_stream(const struct sl_pipeline *p, const char *run, const char *source,
			    uint32_t k, uint32_t n, struct sl_arena *arena);

/* Every stream that the run's entries (source: that one's, or NULL) may have been told in; owned by
 * arena. */
SL_NODISCARD bool sl_queue_streams(const struct sl_pipeline *p, const struct sl_home *h,
				   const char *run, const char *source, struct sl_arena *arena,
				   const char *const **ret, size_t *ret_n, struct sl_err *err);

#endif
