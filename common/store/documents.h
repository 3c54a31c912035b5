/*
 * The one interface of the document engines (files, MongoDB). What is published, in which order and
 * under which number is decided above it, once for all (docs/delivery.md, "Publishing"); an engine
 * writes a document only over an older one, and reads documents for a source.
 *
 * A document that Sluice wrote carries _sl: {n, h}, the number of the publish that wrote it and a
 * hash of its content; a tombstone is {_id, _sl: {n, deleted: true, at}}, so that a late older
 * write cannot bring the document back. at is only there for forgetting it long afterwards.
 */
#ifndef SL_STORE_DOCUMENTS_H
#define SL_STORE_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"
#include "data/pipeline.h"
#include "data/type.h"
#include "net/conn.h"
#include "store/home.h"

#define SL_DOC_HASH 16 /* bytes */

struct sl_docs; /* an open connection, the engine's own */

struct sl_docs_conf {
	const struct sl_conn *conn; /* MongoDB */
	const char *dir;	    /* files: where the collections lie */
	const char *app_name;	    /* "sluice-publish imo" */
	int64_t wait_us;	    /* how long to wait for another publisher's files */
};

/* --- what is written --- */

/* A layout says in order what a document is made of: a cell under a name, or a nested document's
 * begin and end. */
enum sl_doc_what { SL_DOC_FIELD, SL_DOC_OPEN, SL_DOC_CLOSE };

struct sl_doc_step {
	enum sl_doc_what what;
	const char *name; /* not of SL_DOC_CLOSE */
	size_t cell;	  /* SL_DOC_FIELD */
	enum sl_kind kind;
};

/* _id: the one key's value, or a document of several. text, int64, bool, date, timestamp. */
struct sl_doc_key {
	const char *name;
	size_t cell;
	enum sl_kind kind;
};

struct sl_doc_layout {
	const char *collection;
	const struct sl_doc_key *key;
	size_t n_key;
	const struct sl_doc_step *steps;
	size_t n_steps;
};

/* A row in canonical text (store/engine.h), which becomes a document or, gone, a tombstone. */
struct sl_doc {
	const struct sl_str *cells;
	uint8_t hash[SL_DOC_HASH];
	bool gone;
};

/* A live document of the collection. key: its _id in canonical text, n_key cells, or NULL when it
 * has another form than the layout's. id: the engine's own form, for remove. Borrowed until the
 * next call. */
struct sl_doc_seen {
	const struct sl_str *key;
	struct sl_str id;
	const uint8_t *hash;
};

/* What the collection remembers of its publishers. */
struct sl_doc_mark {
	int64_t n;     /* the greatest number given out, 0: never published */
	int64_t word;  /* drawn with it */
	bool finished; /* whoever took it has ended well */
};

struct sl_doc_counts {
	uint64_t inserted, updated, removed; /* removed: made a tombstone */
	uint64_t stale;			     /* the collection holds a newer one */
	uint64_t rejected;		     /* cannot be a document there */
	struct sl_err first;		     /* of the first reject, SL_ERR_DATA */
};

/* --- what is read --- */

/* Documents behind a cursor, by (field, _id). Values are extended JSON as find gave them. */
struct sl_doc_query {
	const char *collection;
	const char *filter;	/* extended JSON object, NULL: all */
	const char *projection; /* the same, NULL: whole documents */
	const char *field;	/* the cursor's; NULL: _id alone */
	const char *after;	/* field's value there, NULL: from the beginning */
	const char *after_id;	/* _id's there */
	const char *until;	/* greatest value of field, inclusive; NULL: no end */
	bool newest;		/* from the end backwards: with limit 1, where the end is now */
	uint32_t batch;		/* documents of one reply, 0: the server's choice */
	uint64_t limit;		/* 0: none */
};

/* json: canonical extended JSON, one line. value, id: of the document, for the next cursor; value.p
 * == NULL when it has no such field. */
struct sl_doc_found {
	struct sl_str json, value, id;
};
typedef bool (*sl_doc_found_fn)(void *ctx, const struct sl_doc_found *doc, struct sl_err *err);

struct sl_docs_engine {
	const char *name; /* "mongo", "file" */
	bool whole;	  /* every publish writes all documents anew: nothing to compare */

	/* Errors: SL_ERR_CONFIG, SL_ERR_UNAVAILABLE, SL_ERR_AUTH, SL_ERR_PROTOCOL (another kind of
	 * server), SL_ERR_AGAIN (another publisher). */
	bool (*open)(const struct sl_docs_conf *conf, struct sl_docs **ret, struct sl_err *err);
	void (*close)(struct sl_docs *d);
	/* What the server is, for people, and whether the user may write to the collection. NULL
	 * where there is none. */
	bool (*check)(struct sl_docs *d, const char *collection, struct sl_buf *out,
		      struct sl_err *err);

	/* owner ("imo.annonces") publishes into the collection: SL_ERR_CONFIG when another one
	 * does. *ret: what it remembers. */
	bool (*begin)(struct sl_docs *d, const char *collection, const char *owner,
		      struct sl_doc_mark *ret, struct sl_err *err);
	/* Remembers next where old was remembered; else SL_ERR_AGAIN. Ours are next.n and the two
	 * numbers around it. */
	bool (*take)(struct sl_docs *d, struct sl_doc_mark old, struct sl_doc_mark next,
		     struct sl_err *err);
	/* Documents of the layout from here on; borrowed until close. */
	bool (*layout)(struct sl_docs *d, const struct sl_doc_layout *layout,
		       const struct sl_doc_index *indexes, size_t n_indexes, struct sl_err *err);

	/* Every document that is older than our number becomes just that: nobody older can change
	 * it any more. */
	bool (*fence)(struct sl_docs *d, struct sl_err *err);
	/* Live documents. */
	bool (*count)(struct sl_docs *d, uint64_t *ret, struct sl_err *err);
	/* Live documents by _id, ascending. *ret_found = false behind the last. */
	bool (*next)(struct sl_docs *d, struct sl_doc_seen *ret, bool *ret_found,
		     struct sl_err *err);

	/* What is written from here on is newer than what was written so far; rejects count anew. */
	void (*rise)(struct sl_docs *d);
	/* Unordered; a batch goes out when it is full, the last one with flush. */
	bool (*write)(struct sl_docs *d, const struct sl_doc *doc, struct sl_err *err);
	bool (*remove)(struct sl_docs *d, struct sl_str id, struct sl_err *err);
	bool (*flush)(struct sl_docs *d, struct sl_err *err);
	/* Is the collection's mark still ours? */
	bool (*still)(struct sl_docs *d, bool *ret, struct sl_err *err);
	/* Our mark says that we ended well, unless it is no longer ours. Files: gives them their
	 * names. */
	bool (*finish)(struct sl_docs *d, bool *ret_newest, struct sl_err *err);
	/* Removes tombstones that were made before that moment; *ret: how many. NULL where there
	 * are none. */
	bool (*forget)(struct sl_docs *d, sl_time before, uint64_t *ret, struct sl_err *err);
	const struct sl_doc_counts *(*counts)(const struct sl_docs *d);

	/* For a source; NULL where there is none. Calls found in order. */
	bool (*find)(struct sl_docs *d, const struct sl_doc_query *q, sl_doc_found_fn found,
		     void *ctx, struct sl_err *err);
};

/* The step behind the nested document that begins at step i. *ret_any: it holds some value; without
 * any it is left out, as NULL is. */
size_t sl_doc_nested_end(const struct sl_doc_layout *l, size_t i, const struct sl_str *cells,
			 bool *ret_any);

/* Opens the documents of p's backend: the connection that it names, or HOME/<pipeline>/documents. */
SL_NODISCARD bool sl_docs_open(const struct sl_pipeline *p, const struct sl_home *home,
			       const char *app_name, int64_t wait_us,
			       const struct sl_docs_engine **ret_engine, struct sl_docs **ret,
			       struct sl_err *err);

/* Opens module `name` ("mongo"), or the files' engine ("file"). */
SL_NODISCARD bool sl_docs_engine_get(const char *name, const struct sl_docs_engine **ret,
				     struct sl_err *err);

#endif
