/*
 * One relation into one collection: the rows' SQL and layout, the two marks, what is written.
 * docs/delivery.md, "Publishing", says why in this order.
 */
#ifndef SL_PUBLISH_PUBLISH_H
#define SL_PUBLISH_PUBLISH_H

#include "run/progress.h"
#include "run/stage.h"
#include "store/documents.h"
#include "store/published.h"
#include "tasks/publish/spool.h"

struct sl_publish {
	struct sl_run *run;
	const struct sl_documents *what;
	const struct sl_engine *engine;
	struct sl_db *db;     /* writes the mark */
	struct sl_db *reader; /* the snapshot; the same, where one process has the database alone */
	const struct sl_docs_engine *target;
	struct sl_docs *docs;
	struct sl_published_key key;
	struct sl_progress progress;
	bool full;

	/* rows.c: what is read of each row, and what it becomes */
	struct sl_db_col *cols;
	size_t n_cols;
	struct sl_doc_layout layout;
	size_t gone; /* cell of what->gone, where it has one */
	char spec[SL_HASH_HEX];

	struct sl_published before;
	struct sl_doc_mark mark;
	int64_t change; /* the pipeline's in the snapshot */
	bool trusted;	/* what the last publish carried over is in the collection */
	bool unsafe;	/* somebody older may still write */

	uint64_t rows;	   /* live rows looked at */
	uint64_t rejected; /* rows that have no _id of their own; the target counts the others */
	struct sl_err first;
};

/* rows.c: asks for the relation's columns, makes layout and spec. SL_ERR_CONFIG: no such relation
 * or column. */
SL_NODISCARD bool sl_publish_layout(struct sl_publish *p, struct sl_err *err);
/* Statements over the relation: live rows by key; those changed since; how many live ones. */
const char *sl_publish_all_sql(const struct sl_publish *p);
const char *sl_publish_changed_sql(const struct sl_publish *p);
const char *sl_publish_count_sql(const struct sl_publish *p);
bool sl_publish_is_gone(const struct sl_publish *p, const struct sl_str *cells);
void sl_publish_hash(const struct sl_publish *p, const struct sl_str *cells,
		     uint8_t out[SL_DOC_HASH]);
/* -1, 0, 1: two keys' canonical cells. */
int sl_publish_order(const struct sl_publish *p, const struct sl_str *a, const struct sl_str *b);
/* The key's cells of a row, in the key's order. False when one is NULL. */
bool sl_publish_key(const struct sl_publish *p, const struct sl_str *cells, struct sl_str *out);
void sl_publish_reject(struct sl_publish *p, const struct sl_str *key, const char *why);

/* read.c: a statement's rows as they are in one snapshot, which holds our marks, and how many live
 * rows there are in it. With a server as the target they are put aside first, so that nothing waits
 * for its end but the disk. */
SL_NODISCARD bool sl_publish_read(struct sl_publish *p, const char *sql, uint64_t *ret_live,
				  bool (*row)(void *ctx, const struct sl_str *cells,
					      struct sl_err *err),
				  void *ctx, struct sl_err *err);

/* SL_ERR_AGAIN: our mark is no longer the newest. */
bool sl_publish_begun(const struct sl_publish *p, struct sl_err *err);

/* compare.c: every live row with every live document; what differs is written, what is too much
 * becomes a tombstone. */
SL_NODISCARD bool sl_publish_compare(struct sl_publish *p, struct sl_err *err);

/* publish.c: the whole of it. Adds to run->result. */
SL_NODISCARD bool sl_publish(struct sl_publish *p, struct sl_err *err);

#endif
