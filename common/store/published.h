/*
 * What the database remembers of a collection (sluice.published): who published last, and how far a
 * publish that ended well came. The collection remembers who published last, too; where the two
 * disagree, one of them was restored (docs/delivery.md, "Publishing").
 */
#ifndef SL_STORE_PUBLISHED_H
#define SL_STORE_PUBLISHED_H

#include "base/hash.h"
#include "store/documents.h"
#include "store/engine.h"

struct sl_published {
	struct sl_doc_mark mark; /* n = 0: never */
	char spec[SL_HASH_HEX];	 /* how rows became documents, of the last that ended well; "": the
				  * two sides have disagreed since */
	int64_t change;		 /* greatest change number that it carried over */
};

/* Whose: the pipeline, its documents' name, "mongo.conn/collection". */
struct sl_published_key {
	const struct sl_engine *engine;
	struct sl_db *db;
	const char *pipeline, *documents, *target;
};

SL_NODISCARD bool sl_published_read(const struct sl_published_key *k, struct sl_published *ret,
				    struct sl_err *err);

/* Takes next where before stands; SL_ERR_AGAIN when something else does. lost: the collection's mark
 * was another one, so nothing of before holds. */
SL_NODISCARD bool sl_published_take(const struct sl_published_key *k,
				    const struct sl_published *before, struct sl_doc_mark next,
				    bool lost, struct sl_err *err);

/* Ended well: everything up to change is in the collection, made by spec. SL_ERR_AGAIN when the mark
 * is no longer ours. */
SL_NODISCARD bool sl_published_finish(const struct sl_published_key *k, struct sl_doc_mark mark,
				      const char *spec, int64_t change, struct sl_err *err);

#endif
