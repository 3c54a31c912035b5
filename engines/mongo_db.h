/* What the files of the MongoDB module share: a connection, its errors, _id as canonical text.
 * Included before everything else: the library's header names functions that base/banned.h forbids
 * afterwards. */
#ifndef SL_ENGINES_MONGO_DB_H
#define SL_ENGINES_MONGO_DB_H

#include <mongoc/mongoc.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/documents.h"

#define SL_MONGO_BATCH 1000	       /* most documents of one bulk */
#define SL_MONGO_BATCH_BYTES (8 << 20) /* or about so many bytes */

struct sl_docs {
	mongoc_client_t *client;
	mongoc_write_concern_t *concern; /* majority, journaled */
	const char *database;
	struct sl_arena arena; /* texts that live as long as the connection */
	bool connected;	       /* it has answered once: what is lost from then on is tried again */

	/* the collection that is published into */
	const char *name;
	const char *owner;
	mongoc_collection_t *collection;
	const struct sl_doc_layout *layout;
	struct sl_doc_mark mark; /* ours, once taken */
	int64_t number;		 /* of the documents that are written */
	struct sl_doc_counts counts;

	/* a batch under way */
	mongoc_bulk_operation_t *bulk;
	bson_t *ids; /* _id of each operation, as {"0": …}: told apart when one is refused */
	bool *gone;  /* SL_MONGO_BATCH: the operation writes a tombstone */
	uint32_t n_ops;
	size_t bytes;
	bson_t selector, document; /* of the next operation, reused */
	bson_t upsert;		   /* its options */

	/* live documents under way */
	mongoc_cursor_t *cursor;
	struct sl_buf *key_texts; /* n_key */
	struct sl_str *key_cells;
	struct sl_buf id;
};

/* Fills err with what the library or the server said; returns false. */
bool sl_mongo_fail(const struct sl_docs *d, const bson_error_t *error, struct sl_err *err,
		   const char *fmt, ...) SL_PRINTF(4, 5);
/* What a server's error code means. connected: the loss of the connection can be tried again. */
enum sl_err_kind sl_mongo_kind(uint32_t code);

/* One command on the database, with our write concern when it writes. reply: destroyed by the
 * caller; it may be NULL. */
bool sl_mongo_command(struct sl_docs *d, const bson_t *command, bool write, bson_t *reply,
		      struct sl_err *err);

/* mongo_bson.c: a value in canonical text under key. False with SL_ERR_DATA when BSON has no such
 * value. */
bool sl_mongo_append(bson_t *b, const char *key, enum sl_kind kind, struct sl_str text,
		     struct sl_err *err);
/* {"_id": …} of a row. */
bool sl_mongo_append_id(bson_t *b, const struct sl_doc_layout *layout, const struct sl_str *cells,
			struct sl_err *err);
/* The layout's fields of a row. */
bool sl_mongo_append_fields(bson_t *b, const struct sl_doc_layout *layout,
			    const struct sl_str *cells, struct sl_err *err);
/* The other way: a key's value as canonical text. False when it is of another kind. */
bool sl_mongo_key_text(const bson_iter_t *value, enum sl_kind kind, struct sl_buf *out);

/* mongo_probe.c: what the server there is, when it does not answer as it should. tls: it was spoken
 * to in TLS. NULL: nobody answers, or a MongoDB. */
struct sl_mongo_who {
	const char *what, *hint;
};
const struct sl_mongo_who *sl_mongo_who(const char *host, int port, bool tls);

/* mongo_mark.c */
bool sl_mongo_check(struct sl_docs *d, const char *collection, struct sl_buf *out,
		    struct sl_err *err);
bool sl_mongo_begin(struct sl_docs *d, const char *collection, const char *owner,
		    struct sl_doc_mark *ret, struct sl_err *err);
bool sl_mongo_take(struct sl_docs *d, struct sl_doc_mark old, struct sl_doc_mark next,
		   struct sl_err *err);
bool sl_mongo_index(struct sl_docs *d, const struct sl_doc_index *indexes, size_t n,
		    struct sl_err *err);
bool sl_mongo_fence(struct sl_docs *d, struct sl_err *err);
bool sl_mongo_count(struct sl_docs *d, uint64_t *ret, struct sl_err *err);
bool sl_mongo_forget(struct sl_docs *d, sl_time before, uint64_t *ret, struct sl_err *err);
bool sl_mongo_still(struct sl_docs *d, bool *ret, struct sl_err *err);
bool sl_mongo_finish(struct sl_docs *d, bool *ret_newest, struct sl_err *err);

/* mongo_write.c */
bool sl_mongo_write(struct sl_docs *d, const struct sl_doc *doc, struct sl_err *err);
bool sl_mongo_remove(struct sl_docs *d, struct sl_str id, struct sl_err *err);
bool sl_mongo_flush(struct sl_docs *d, struct sl_err *err);

/* mongo_read.c */
bool sl_mongo_next(struct sl_docs *d, struct sl_doc_seen *ret, bool *ret_found, struct sl_err *err);
bool sl_mongo_find(struct sl_docs *d, const struct sl_doc_query *q, sl_doc_found_fn found,
		   void *ctx, struct sl_err *err);

void sl_mongo_put_bson(bson_t **b); /* sl_cleanup */

#endif
