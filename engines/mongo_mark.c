/*
 * What is said about a collection as a whole: its mark (collection "_sluice", one document each:
 * who publishes into it, the greatest number given out), indexes, fence, count.
 */
#include "engines/mongo_db.h"

#define CONTROL "_sluice"
#define WIRE_MIN 6 /* MongoDB 3.6: sessions, so that a lost reply is asked for again */

/* --- one update command --- */

struct update {
	const char *collection;
	const bson_t *query, *change;
	bool upsert, multi;
};

/* A write error stands in the reply of a command that went well. */
static uint32_t find_write_error(const bson_t *reply, const char **ret_text)
{
	bson_iter_t at, code, text;

	if (!bson_iter_init_find(&at, reply, "writeErrors") || !bson_iter_recurse(&at, &code) ||
	    !bson_iter_next(&code) || !bson_iter_recurse(&code, &at))
		return 0;
	text = at;
	*ret_text = bson_iter_find(&text, "errmsg") ? bson_iter_utf8(&text, NULL) : "";
	return bson_iter_find(&at, "code") ? (uint32_t)bson_iter_as_int64(&at) : 1;
}

static int64_t reply_number(const bson_t *reply, const char *key)
{
	bson_iter_t at;

	return bson_iter_init_find(&at, reply, key) ? bson_iter_as_int64(&at) : 0;
}

/* *ret_n: how many documents it found or made. */
static bool run_update(struct sl_docs *d, const struct update *u, int64_t *ret_n,
		       struct sl_err *err)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *command =
		BCON_NEW("update", BCON_UTF8(u->collection), "updates", "[", "{", "q",
			 BCON_DOCUMENT(u->query), "u", BCON_DOCUMENT(u->change), "upsert",
			 BCON_BOOL(u->upsert), "multi", BCON_BOOL(u->multi), "}", "]");
	const char *text = "";
	bson_t reply;
	bool ok = sl_mongo_command(d, command, true, &reply, err);
	const uint32_t code = ok ? find_write_error(&reply, &text) : 0;

	*ret_n = reply_number(&reply, "n");
	if (code)
		ok = sl_err_set(err, code == 11000 ? SL_ERR_AGAIN : sl_mongo_kind(code),
				"cannot update collection \"%s\": mongo: %s", u->collection, text);
	bson_destroy(&reply);
	return ok;
}

/* --- the mark --- */

static bool read_mark(struct sl_docs *d, const char *collection, struct sl_doc_mark *ret,
		      struct sl_buf *owner, struct sl_err *err)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *filter = BCON_NEW("_id", BCON_UTF8(collection));
	mongoc_collection_t *control =
		mongoc_client_get_collection(d->client, d->database, CONTROL);
	mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(control, filter, NULL, NULL);
	const bson_t *found = NULL;
	bson_error_t error = {0};
	bson_iter_t at;
	bool ok = true;

	*ret = (struct sl_doc_mark){0, 0, true};
	if (mongoc_cursor_next(cursor, &found)) {
		ret->n = reply_number(found, "n");
		ret->word = reply_number(found, "word");
		ret->finished =
			bson_iter_init_find(&at, found, "finished") && bson_iter_as_bool(&at);
		if (bson_iter_init_find(&at, found, "owner") && BSON_ITER_HOLDS_UTF8(&at))
			sl_buf_adds(owner, bson_iter_utf8(&at, NULL));
	} else if (mongoc_cursor_error(cursor, &error)) {
		ok = sl_mongo_fail(d, &error, err, "cannot read collection \"" CONTROL "\"");
	}
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(control);
	return ok;
}

bool sl_mongo_begin(struct sl_docs *d, const char *collection, const char *owner,
		    struct sl_doc_mark *ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf other = SL_BUF_INIT;

	d->name = sl_arena_strdup(&d->arena, collection);
	d->owner = sl_arena_strdup(&d->arena, owner);
	d->collection = mongoc_client_get_collection(d->client, d->database, collection);
	if (!read_mark(d, collection, ret, &other, err))
		return false;
	if (other.n == 0 || strcmp(sl_buf_z(&other), owner) == 0)
		return true;
	sl_err_set(err, SL_ERR_CONFIG, "collection \"%s\" is published by \"%s\" already",
		   collection, sl_buf_z(&other));
	return sl_err_hint(
		err, "name another collection; or drop it, and its document in \"" CONTROL "\"");
}

static bson_t *query_mark(const struct sl_docs *d, struct sl_doc_mark mark)
{
	return BCON_NEW("_id", BCON_UTF8(d->name), "n", BCON_INT64(mark.n), "word",
			BCON_INT64(mark.word));
}

bool sl_mongo_take(struct sl_docs *d, struct sl_doc_mark old, struct sl_doc_mark next,
		   struct sl_err *err)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *query = query_mark(d, old);
	sl_cleanup(sl_mongo_put_bson) bson_t *change =
		BCON_NEW("$set", "{", "owner", BCON_UTF8(d->owner), "n", BCON_INT64(next.n), "word",
			 BCON_INT64(next.word), "finished", BCON_BOOL(false), "}");
	const struct update u = {CONTROL, query, change, old.n == 0, false};
	int64_t n = 0;

	if (!run_update(d, &u, &n, err))
		return false;
	d->mark = next;
	d->number = next.n;
	return n == 1 || sl_err_set(err, SL_ERR_AGAIN,
				    "another publish of collection \"%s\" has begun", d->name);
}

bool sl_mongo_still(struct sl_docs *d, bool *ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf owner = SL_BUF_INIT;
	struct sl_doc_mark now;

	if (!read_mark(d, d->name, &now, &owner, err))
		return false;
	*ret = now.n == d->mark.n && now.word == d->mark.word;
	return true;
}

bool sl_mongo_finish(struct sl_docs *d, bool *ret_newest, struct sl_err *err)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *query = query_mark(d, d->mark);
	sl_cleanup(sl_mongo_put_bson) bson_t *change =
		BCON_NEW("$set", "{", "finished", BCON_BOOL(true), "}");
	const struct update u = {CONTROL, query, change, false, false};
	int64_t n = 0;

	if (!run_update(d, &u, &n, err))
		return false;
	*ret_newest = n == 1;
	return true;
}

/* --- the whole collection --- */

bool sl_mongo_fence(struct sl_docs *d, struct sl_err *err)
{
	const int64_t fence = d->mark.n - 1;
	sl_cleanup(sl_mongo_put_bson) bson_t *query =
		BCON_NEW("_sl.n", "{", "$lt", BCON_INT64(fence), "}");
	sl_cleanup(sl_mongo_put_bson) bson_t *change =
		BCON_NEW("$set", "{", "_sl.n", BCON_INT64(fence), "}");
	const struct update u = {d->name, query, change, false, true};
	int64_t n;

	return run_update(d, &u, &n, err);
}

/* *ret_n: how many went. */
static bool run_delete(struct sl_docs *d, const char *collection, const bson_t *query,
		       int64_t *ret_n, struct sl_err *err)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *command =
		BCON_NEW("delete", BCON_UTF8(collection), "deletes", "[", "{", "q",
			 BCON_DOCUMENT(query), "limit", BCON_INT32(0), "}", "]");
	const char *text = "";
	bson_t reply;
	bool ok = sl_mongo_command(d, command, true, &reply, err);
	const uint32_t code = ok ? find_write_error(&reply, &text) : 0;

	*ret_n = reply_number(&reply, "n");
	if (code)
		ok = sl_err_set(err, sl_mongo_kind(code),
				"cannot remove from collection \"%s\": mongo: %s", collection,
				text);
	bson_destroy(&reply);
	return ok;
}

bool sl_mongo_forget(struct sl_docs *d, sl_time before, uint64_t *ret, struct sl_err *err)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *query =
		BCON_NEW("_sl.deleted", BCON_BOOL(true), "_sl.at", "{", "$lt",
			 BCON_DATE_TIME(before / 1000), "}");
	int64_t n = 0;
	const bool ok = run_delete(d, d->name, query, &n, err);

	*ret = (uint64_t)n;
	return ok;
}

bool sl_mongo_count(struct sl_docs *d, uint64_t *ret, struct sl_err *err)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *live =
		BCON_NEW("_sl.n", "{", "$exists", BCON_BOOL(true), "}", "_sl.deleted", "{",
			 "$exists", BCON_BOOL(false), "}");
	bson_error_t error = {0};
	const int64_t n =
		mongoc_collection_count_documents(d->collection, live, NULL, NULL, NULL, &error);

	*ret = n < 0 ? 0 : (uint64_t)n;
	return n >= 0 || sl_mongo_fail(d, &error, err, "cannot count collection \"%s\"", d->name);
}

/* "ville_1_prix_-1", as the server's shell would call it. */
static void add_index(bson_t *list, size_t at, const struct sl_doc_index *index)
{
	sl_cleanup(sl_buf_release) struct sl_buf name = SL_BUF_INIT;
	char number[24];
	bson_t item, key;

	snprintf(number, sizeof(number), "%zu", at);
	bson_append_document_begin(list, number, -1, &item);
	bson_append_document_begin(&item, "key", -1, &key);
	for (size_t i = 0; i < index->n; i++) {
		const int way = index->parts[i].descending ? -1 : 1;

		bson_append_int32(&key, index->parts[i].path, -1, way);
		sl_buf_addf(&name, "%s%s_%d", i ? "_" : "", index->parts[i].path, way);
	}
	bson_append_document_end(&item, &key);
	bson_append_utf8(&item, "name", -1, sl_buf_z(&name), -1);
	bson_append_document_end(list, &item);
}

bool sl_mongo_index(struct sl_docs *d, const struct sl_doc_index *indexes, size_t n,
		    struct sl_err *err)
{
	bson_t command = BSON_INITIALIZER, list, reply;

	if (n == 0)
		return true;
	BSON_APPEND_UTF8(&command, "createIndexes", d->name);
	BSON_APPEND_ARRAY_BEGIN(&command, "indexes", &list);
	for (size_t i = 0; i < n; i++)
		add_index(&list, i, &indexes[i]);
	bson_append_array_end(&command, &list);
	const bool ok = sl_mongo_command(d, &command, true, &reply, err);

	bson_destroy(&reply);
	bson_destroy(&command);
	return ok;
}

/* --- for people --- */

static bool tell_server(struct sl_docs *d, struct sl_buf *out, struct sl_err *err)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *hello = BCON_NEW("isMaster", BCON_INT32(1));
	sl_cleanup(sl_mongo_put_bson) bson_t *build = BCON_NEW("buildInfo", BCON_INT32(1));
	bson_t reply;
	bson_iter_t at;
	bool ok = sl_mongo_command(d, build, false, &reply, err);

	sl_buf_addf(out, "MongoDB %s",
		    ok && bson_iter_init_find(&at, &reply, "version") ? bson_iter_utf8(&at, NULL)
								      : "?");
	bson_destroy(&reply);
	if (!ok || !sl_mongo_command(d, hello, false, &reply, err)) {
		if (ok)
			bson_destroy(&reply);
		return false;
	}
	const int64_t wire = reply_number(&reply, "maxWireVersion");

	bson_destroy(&reply);
	sl_buf_addf(out, ", wire version %" PRId64, wire);
	return wire >= WIRE_MIN ||
	       sl_err_set(err, SL_ERR_PROTOCOL, "the server is too old (wire version %" PRId64 ")",
			  wire);
}

/* A write that finds nothing asks for the same right as one that does. */
bool sl_mongo_check(struct sl_docs *d, const char *collection, struct sl_buf *out,
		    struct sl_err *err)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *none = BCON_NEW("_id", "{", "$in", "[", "]", "}");
	sl_cleanup(sl_mongo_put_bson) bson_t *change =
		BCON_NEW("$set", "{", "_sl.n", BCON_INT64(0), "}");
	const struct update u = {collection, none, change, false, false};
	int64_t n;

	return tell_server(d, out, err) && run_update(d, &u, &n, err) &&
	       run_delete(d, collection, none, &n, err);
}
