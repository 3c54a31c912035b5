/*
 * Guarded writes: a document is replaced where it is older, and made where it is not there. One that
 * is newer does not match, so the server tries to make a second one and answers E11000: stale. Bulks
 * are unordered, and every error in an answer is looked at.
 */
#include "engines/mongo_db.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"

#define DOCUMENT_MAX (16 << 20)
#define DUPLICATE 11000

enum fate { UPDATED, INSERTED, STALE, REJECTED };

/* --- a batch --- */

static void begin_batch(struct sl_docs *d)
{
	bson_t opts = BSON_INITIALIZER;

	BSON_APPEND_BOOL(&opts, "ordered", false);
	d->bulk = mongoc_collection_create_bulk_operation_with_opts(d->collection, &opts);
	bson_destroy(&opts);
	if (!d->gone)
		d->gone = sl_xcalloc(SL_MONGO_BATCH, sizeof(*d->gone));
	if (!d->ids)
		d->ids = bson_new();
	bson_reinit(d->ids);
	d->n_ops = 0;
	d->bytes = 0;
}

static void reject(struct sl_docs *d, const struct sl_err *why)
{
	if (d->counts.rejected++ == 0)
		d->counts.first = *why;
}

/* "{"_id": …}" of the selector, for messages. */
static void add_id_text(const bson_t *selector, struct sl_buf *out)
{
	bson_t id = BSON_INITIALIZER;
	bson_iter_t at;
	char *json;

	if (bson_iter_init_find(&at, selector, "_id"))
		bson_append_iter(&id, "_id", 3, &at);
	json = bson_as_relaxed_extended_json(&id, NULL);
	sl_buf_add_escaped(out, sl_str_of(json ? json : "?"), 200);
	bson_free(json);
	bson_destroy(&id);
}

static bool reject_large(struct sl_docs *d)
{
	sl_cleanup(sl_buf_release) struct sl_buf id = SL_BUF_INIT;
	struct sl_err why = SL_ERR_INIT;

	add_id_text(&d->selector, &id);
	sl_err_set(&why, SL_ERR_DATA, "document %s has %u bytes, more than 16 MiB", sl_buf_z(&id),
		   d->document.len);
	reject(d, &why);
	return true;
}

/* The operation that stands in selector and document. */
static bool add_operation(struct sl_docs *d, bool gone, struct sl_err *err)
{
	bson_error_t error = {0};
	char number[16];
	bson_iter_t at;
	bson_t older;

	if (d->document.len + d->selector.len > DOCUMENT_MAX)
		return reject_large(d);
	if (!d->bulk)
		begin_batch(d);
	snprintf(number, sizeof(number), "%u", d->n_ops);
	if (bson_iter_init_find(&at, &d->selector, "_id"))
		bson_append_iter(d->ids, number, -1, &at);
	BSON_APPEND_DOCUMENT_BEGIN(&d->selector, "_sl.n", &older);
	BSON_APPEND_INT64(&older, "$lt", d->number);
	bson_append_document_end(&d->selector, &older);
	if (!mongoc_bulk_operation_replace_one_with_opts(d->bulk, &d->selector, &d->document,
							 &d->upsert, &error))
		return sl_mongo_fail(d, &error, err, "cannot write a document");
	d->gone[d->n_ops++] = gone;
	d->bytes += d->document.len + d->selector.len;
	return (d->n_ops < SL_MONGO_BATCH && d->bytes < SL_MONGO_BATCH_BYTES) ||
	       sl_mongo_flush(d, err);
}

static void append_stamp(struct sl_docs *d, const uint8_t *hash)
{
	bson_t stamp;

	BSON_APPEND_DOCUMENT_BEGIN(&d->document, "_sl", &stamp);
	BSON_APPEND_INT64(&stamp, "n", d->number);
	if (hash) {
		BSON_APPEND_BINARY(&stamp, "h", BSON_SUBTYPE_BINARY, hash, SL_DOC_HASH);
	} else {
		BSON_APPEND_BOOL(&stamp, "deleted", true);
		BSON_APPEND_DATE_TIME(&stamp, "at", sl_clock_now() / 1000);
	}
	bson_append_document_end(&d->document, &stamp);
}

bool sl_mongo_write(struct sl_docs *d, const struct sl_doc *doc, struct sl_err *err)
{
	struct sl_err why = SL_ERR_INIT;

	bson_reinit(&d->selector);
	bson_reinit(&d->document);
	if (!sl_mongo_append_id(&d->selector, d->layout, doc->cells, &why) ||
	    (!doc->gone && !sl_mongo_append_fields(&d->document, d->layout, doc->cells, &why))) {
		reject(d, &why);
		return true;
	}
	append_stamp(d, doc->gone ? NULL : doc->hash);
	return add_operation(d, doc->gone, err);
}

bool sl_mongo_remove(struct sl_docs *d, struct sl_str id, struct sl_err *err)
{
	bson_t seen;

	if (!bson_init_static(&seen, (const uint8_t *)id.p, id.n))
		SL_BUG("an id that is none");
	bson_reinit(&d->selector);
	bson_reinit(&d->document);
	bson_concat(&d->selector, &seen);
	append_stamp(d, NULL);
	return add_operation(d, true, err);
}

/* --- its answer --- */

struct answer {
	struct sl_docs *d;
	uint8_t fate[SL_MONGO_BATCH];
	bson_t doubted; /* {"0": _id, …} of those that said E11000 */
	uint32_t n_doubted;
};

/* Calls each with every element of reply[key], which carries the operation's index. */
static bool each(struct answer *a, const bson_t *reply, const char *key,
		 bool (*one)(struct answer *, uint32_t index, const bson_iter_t *, struct sl_err *),
		 struct sl_err *err)
{
	bson_iter_t list, item, at;

	if (!bson_iter_init_find(&list, reply, key) || !bson_iter_recurse(&list, &list))
		return true;
	while (bson_iter_next(&list)) {
		uint32_t index = UINT32_MAX;

		if (bson_iter_recurse(&list, &item) && bson_iter_find(&item, "index"))
			index = (uint32_t)bson_iter_as_int64(&item);
		if (index >= a->d->n_ops)
			return sl_err_set(err, SL_ERR_PROTOCOL,
					  "the server's answer names an operation that is none");
		bson_iter_recurse(&list, &at);
		if (!one(a, index, &at, err))
			return false;
	}
	return true;
}

static bool take_upserted(struct answer *a, uint32_t index, const bson_iter_t *at,
			  struct sl_err *err)
{
	(void)at;
	(void)err;
	a->fate[index] = INSERTED;
	return true;
}

static void doubt(struct answer *a, uint32_t index)
{
	char from[16], to[16];
	bson_iter_t at;

	snprintf(from, sizeof(from), "%u", index);
	snprintf(to, sizeof(to), "%u", a->n_doubted++);
	if (bson_iter_init_find(&at, a->d->ids, from))
		bson_append_iter(&a->doubted, to, -1, &at);
	a->fate[index] = STALE;
}

/* A duplicate on another index than _id's is the user's. */
static bool is_stale(uint32_t code, const char *text)
{
	return code == DUPLICATE && (strstr(text, "_id_") || !strstr(text, "index:"));
}

static bool take_error(struct answer *a, uint32_t index, const bson_iter_t *error,
		       struct sl_err *err)
{
	bson_iter_t at = *error, text_at = *error;
	const uint32_t code = bson_iter_find(&at, "code") ? (uint32_t)bson_iter_as_int64(&at) : 0;
	const char *text = bson_iter_find(&text_at, "errmsg") ? bson_iter_utf8(&text_at, NULL) : "";
	struct sl_err why = SL_ERR_INIT;

	if (is_stale(code, text)) {
		doubt(a, index);
		return true;
	}
	sl_err_set(&why, sl_mongo_kind(code), "collection \"%s\": mongo: %.200s", a->d->name, text);
	if (why.kind != SL_ERR_DATA) {
		*err = why;
		return false;
	}
	reject(a->d, &why);
	a->fate[index] = REJECTED;
	return true;
}

/* A document without our stamp is somebody else's: it never becomes older, so it is no stale one. */
static bool look_at_doubted(struct answer *a, struct sl_err *err)
{
	struct sl_docs *d = a->d;
	sl_cleanup(sl_mongo_put_bson) bson_t *filter =
		BCON_NEW("_id", "{", "$in", BCON_ARRAY(&a->doubted), "}", "_sl.n", "{", "$exists",
			 BCON_BOOL(false), "}");
	sl_cleanup(sl_mongo_put_bson) bson_t *opts =
		BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}");
	mongoc_cursor_t *cursor =
		mongoc_collection_find_with_opts(d->collection, filter, opts, NULL);
	const bson_t *found = NULL;
	bson_error_t error = {0};
	struct sl_err why = SL_ERR_INIT;
	bool ok = true;

	while (mongoc_cursor_next(cursor, &found)) {
		sl_cleanup(sl_buf_release) struct sl_buf id = SL_BUF_INIT;

		add_id_text(found, &id);
		sl_err_set(&why, SL_ERR_DATA,
			   "collection \"%s\" holds a document %s that Sluice has not written",
			   d->name, sl_buf_z(&id));
		reject(d, &why);
		d->counts.stale--;
	}
	if (mongoc_cursor_error(cursor, &error))
		ok = sl_mongo_fail(d, &error, err, "cannot read collection \"%s\"", d->name);
	mongoc_cursor_destroy(cursor);
	return ok;
}

static void count(struct answer *a)
{
	struct sl_doc_counts *c = &a->d->counts;

	for (uint32_t i = 0; i < a->d->n_ops; i++) {
		const bool applied = a->fate[i] == UPDATED || a->fate[i] == INSERTED;

		c->removed += applied && a->d->gone[i];
		c->inserted += a->fate[i] == INSERTED && !a->d->gone[i];
		c->updated += a->fate[i] == UPDATED && !a->d->gone[i];
		c->stale += a->fate[i] == STALE;
	}
}

static bool read_answer(struct sl_docs *d, const bson_t *reply, struct sl_err *err)
{
	struct answer a = {.d = d};

	bson_init(&a.doubted);
	bool ok = each(&a, reply, "upserted", take_upserted, err) &&
		  each(&a, reply, "writeErrors", take_error, err);

	if (ok) {
		count(&a);
		ok = a.n_doubted == 0 || look_at_doubted(&a, err);
	}
	bson_destroy(&a.doubted);
	return ok;
}

/* Written, but not yet safe. */
static bool tell_concern(struct sl_docs *d, const bson_t *reply, struct sl_err *err)
{
	bson_iter_t at, code, text;

	if (!bson_iter_init_find(&at, reply, "writeConcernErrors") ||
	    !bson_iter_recurse(&at, &at) || !bson_iter_next(&at) || !bson_iter_recurse(&at, &code))
		return false;
	text = code;
	return sl_err_set(
		err,
		sl_mongo_kind(bson_iter_find(&code, "code") ? (uint32_t)bson_iter_as_int64(&code)
							    : 64),
		"collection \"%s\": what was written is not safe yet: mongo: %.200s", d->name,
		bson_iter_find(&text, "errmsg") ? bson_iter_utf8(&text, NULL) : "");
}

static bool has(const bson_t *reply, const char *key)
{
	bson_iter_t at;

	return bson_iter_init_find(&at, reply, key) && bson_iter_recurse(&at, &at) &&
	       bson_iter_next(&at);
}

/* What was refused of it stands in the answer; an error without any is the batch's own. */
static bool execute(struct sl_docs *d, struct sl_err *err)
{
	bson_error_t error = {0};
	bson_t reply;
	bool ok = mongoc_bulk_operation_execute(d->bulk, &reply, &error) != 0;

	if (has(&reply, "writeConcernErrors"))
		ok = tell_concern(d, &reply, err);
	else if (!ok && (!has(&reply, "writeErrors") || error.domain == MONGOC_ERROR_STREAM ||
			 error.domain == MONGOC_ERROR_SERVER_SELECTION))
		sl_mongo_fail(d, &error, err, "cannot write to collection \"%s\"", d->name);
	else
		ok = read_answer(d, &reply, err);
	bson_destroy(&reply);
	return ok;
}

bool sl_mongo_flush(struct sl_docs *d, struct sl_err *err)
{
	if (!d->bulk)
		return true;
	if (!sl_cancel_check(err))
		return false;
	SL_FAULT("publish.before_batch", err);
	const bool ok = execute(d, err);

	mongoc_bulk_operation_destroy(d->bulk);
	d->bulk = NULL;
	if (!ok)
		return false;
	SL_FAULT("publish.after_batch", err);
	return true;
}
