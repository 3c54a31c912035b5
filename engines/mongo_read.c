/*
 * Reading: the live documents of a published collection in _id's order, to compare them with the
 * table; and, for a source, documents behind a cursor (field, _id).
 */
#include "engines/mongo_db.h"

#include "base/cancel.h"

/* --- live documents --- */

static bool begin_live(struct sl_docs *d)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *live =
		BCON_NEW("_sl.n", "{", "$exists", BCON_BOOL(true), "}", "_sl.deleted", "{",
			 "$exists", BCON_BOOL(false), "}");
	sl_cleanup(sl_mongo_put_bson) bson_t *opts =
		BCON_NEW("projection", "{", "_sl", BCON_INT32(1), "}", "sort", "{", "_id",
			 BCON_INT32(1), "}", "batchSize", BCON_INT32(10000));

	d->cursor = mongoc_collection_find_with_opts(d->collection, live, opts, NULL);
	return d->cursor != NULL;
}

/* The key's cells, when _id has the layout's form. */
static bool read_key(struct sl_docs *d, const bson_iter_t *id)
{
	const struct sl_doc_layout *l = d->layout;
	const bool one = l->n_key == 1;
	bson_iter_t at = *id;

	if (!one && (!BSON_ITER_HOLDS_DOCUMENT(id) || !bson_iter_recurse(id, &at)))
		return false;
	for (size_t i = 0; i < l->n_key; i++) {
		sl_buf_clear(&d->key_texts[i]);
		if (!one &&
		    (!bson_iter_next(&at) || strcmp(bson_iter_key(&at), l->key[i].name) != 0))
			return false;
		if (!sl_mongo_key_text(&at, l->key[i].kind, &d->key_texts[i]))
			return false;
		d->key_cells[i] = (struct sl_str){sl_buf_z(&d->key_texts[i]), d->key_texts[i].n};
	}
	return one || !bson_iter_next(&at);
}

static const uint8_t *read_hash(const bson_t *doc)
{
	static const uint8_t none[SL_DOC_HASH];
	const uint8_t *hash = NULL;
	uint32_t n = 0;
	bson_iter_t at, child;
	bson_subtype_t type;

	if (bson_iter_init(&at, doc) && bson_iter_find_descendant(&at, "_sl.h", &child) &&
	    BSON_ITER_HOLDS_BINARY(&child))
		bson_iter_binary(&child, &type, &n, &hash);
	return n == SL_DOC_HASH ? hash : none;
}

bool sl_mongo_next(struct sl_docs *d, struct sl_doc_seen *ret, bool *ret_found, struct sl_err *err)
{
	const bson_t *doc = NULL;
	bson_error_t error = {0};
	bson_t id = BSON_INITIALIZER;
	bson_iter_t at;

	if (!sl_cancel_check(err))
		return false;
	if (!d->cursor && !begin_live(d))
		SL_BUG("no cursor");
	*ret_found = mongoc_cursor_next(d->cursor, &doc);
	if (!*ret_found)
		return !mongoc_cursor_error(d->cursor, &error) ||
		       sl_mongo_fail(d, &error, err, "cannot read collection \"%s\"", d->name);
	if (!bson_iter_init_find(&at, doc, "_id"))
		return sl_err_set(err, SL_ERR_PROTOCOL, "a document of \"%s\" has no _id", d->name);
	bson_append_iter(&id, "_id", 3, &at);
	sl_buf_clear(&d->id);
	sl_buf_add(&d->id, bson_get_data(&id), id.len);
	bson_destroy(&id);
	ret->key = read_key(d, &at) ? d->key_cells : NULL;
	ret->id = sl_buf_str(&d->id);
	ret->hash = read_hash(doc);
	return true;
}

/* --- behind a cursor --- */

static bool parse(const char *json, const char *what, bson_t **ret, struct sl_err *err)
{
	bson_error_t error = {0};

	*ret = bson_new_from_json((const uint8_t *)json, -1, &error);
	return *ret ||
	       sl_err_set(err, SL_ERR_CONFIG, "%s is no extended JSON: %s", what, error.message);
}

/* The cursor's values come as texts of values: {"v": …} makes documents of them. */
static bool parse_value(const char *json, const char *what, bson_t **ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	sl_buf_addf(&text, "{\"v\":%s}", json);
	return parse(sl_buf_z(&text), what, ret, err);
}

static void append_value(bson_t *to, const char *key, const bson_t *value)
{
	bson_iter_t at;

	if (bson_iter_init_find(&at, value, "v"))
		bson_append_iter(to, key, -1, &at);
}

static void append_condition(bson_t *to, const char *field, const char *op, const bson_t *value)
{
	bson_t condition;

	bson_append_document_begin(to, field, -1, &condition);
	append_value(&condition, op, value);
	bson_append_document_end(to, &condition);
}

/* {$or: [{field: {$gt: v}}, {field: v, _id: {$gt: id}}]}: ties on field are all seen. */
static void append_after(bson_t *to, const char *field, const bson_t *value, const bson_t *id)
{
	bson_t list, item;

	bson_append_array_begin(to, "$or", -1, &list);
	bson_append_document_begin(&list, "0", 1, &item);
	append_condition(&item, field, "$gt", value);
	bson_append_document_end(&list, &item);
	if (id) {
		bson_append_document_begin(&list, "1", 1, &item);
		append_value(&item, field, value);
		append_condition(&item, "_id", "$gt", id);
		bson_append_document_end(&list, &item);
	}
	bson_append_array_end(to, &list);
}

struct range {
	bson_t *filter, *after, *after_id, *until;
};

static void put_range(struct range *r)
{
	bson_destroy(r->filter);
	bson_destroy(r->after);
	bson_destroy(r->after_id);
	bson_destroy(r->until);
}

static bool parse_range(const struct sl_doc_query *q, struct range *r, struct sl_err *err)
{
	return (!q->filter || parse(q->filter, "the filter", &r->filter, err)) &&
	       (!q->after || parse_value(q->after, "the cursor's value", &r->after, err)) &&
	       (!q->after_id || parse_value(q->after_id, "the cursor's _id", &r->after_id, err)) &&
	       (!q->until || parse_value(q->until, "the end", &r->until, err));
}

/* {$and: [filter, behind the cursor, before the end]}, as far as each is given. */
static void make_filter(const struct sl_doc_query *q, const struct range *r, bson_t *out)
{
	const char *field = q->field ? q->field : "_id";
	bson_t list, item;

	bson_append_array_begin(out, "$and", -1, &list);
	if (r->filter)
		bson_append_document(&list, "0", 1, r->filter);
	else
		BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &item),
			bson_append_document_end(&list, &item);
	BSON_APPEND_DOCUMENT_BEGIN(&list, "1", &item);
	if (q->field && r->after)
		append_after(&item, field, r->after, r->after_id);
	else if (r->after_id)
		append_condition(&item, "_id", "$gt", r->after_id);
	bson_append_document_end(&list, &item);
	BSON_APPEND_DOCUMENT_BEGIN(&list, "2", &item);
	if (r->until)
		append_condition(&item, field, "$lte", r->until);
	bson_append_document_end(&list, &item);
	bson_append_array_end(out, &list);
}

static bool make_options(const struct sl_doc_query *q, bson_t *out, struct sl_err *err)
{
	sl_cleanup(sl_mongo_put_bson) bson_t *projection = NULL;
	const int way = q->newest ? -1 : 1;
	bson_t sort;

	if (q->projection && !parse(q->projection, "the projection", &projection, err))
		return false;
	if (projection)
		BSON_APPEND_DOCUMENT(out, "projection", projection);
	BSON_APPEND_DOCUMENT_BEGIN(out, "sort", &sort);
	if (q->field)
		bson_append_int32(&sort, q->field, -1, way);
	BSON_APPEND_INT32(&sort, "_id", way);
	bson_append_document_end(out, &sort);
	if (q->batch)
		BSON_APPEND_INT64(out, "batchSize", (int64_t)q->batch);
	if (q->limit)
		BSON_APPEND_INT64(out, "limit", (int64_t)q->limit);
	return true;
}

/* The text of one value: {"v": …} without what stands around it. */
static void add_value(const bson_iter_t *at, struct sl_buf *out)
{
	bson_t one = BSON_INITIALIZER;
	size_t n = 0;
	char *json;

	bson_append_iter(&one, "v", 1, at);
	json = bson_as_canonical_extended_json(&one, &n);
	for (char *p = json; json && *p; p++)
		if (*p == ':') { /* { "v" : … } */
			sl_buf_add(out, p + 2, n - (size_t)(p + 2 - json) - 2);
			break;
		}
	bson_free(json);
	bson_destroy(&one);
}

static bool tell(const bson_t *doc, const char *field, struct sl_buf texts[2],
		 sl_doc_found_fn found, void *ctx, struct sl_err *err)
{
	struct sl_doc_found told = {SL_STR_NULL, SL_STR_NULL, SL_STR_NULL};
	bson_iter_t at, value;
	size_t n = 0;
	char *json = bson_as_canonical_extended_json(doc, &n);
	bool ok;

	sl_buf_clear(&texts[0]);
	sl_buf_clear(&texts[1]);
	if (bson_iter_init_find(&at, doc, "_id")) {
		add_value(&at, &texts[1]);
		told.id = sl_buf_str(&texts[1]);
	}
	if (field && bson_iter_init(&at, doc) && bson_iter_find_descendant(&at, field, &value)) {
		add_value(&value, &texts[0]);
		told.value = sl_buf_str(&texts[0]);
	}
	told.json = (struct sl_str){json, n};
	ok = json ? found(ctx, &told, err)
		  : sl_err_set(err, SL_ERR_DATA, "a document cannot be written as JSON");
	bson_free(json);
	return ok;
}

static bool read_all(struct sl_docs *d, const struct sl_doc_query *q, mongoc_cursor_t *cursor,
		     sl_doc_found_fn found, void *ctx, struct sl_err *err)
{
	struct sl_buf texts[2] = {SL_BUF_INIT, SL_BUF_INIT};
	const bson_t *doc = NULL;
	bson_error_t error = {0};
	bool ok = true;

	while (ok && sl_cancel_check(err) && mongoc_cursor_next(cursor, &doc))
		ok = tell(doc, q->field, texts, found, ctx, err);
	sl_buf_release(&texts[0]);
	sl_buf_release(&texts[1]);
	if (!ok || err->kind == SL_ERR_CANCELLED)
		return false;
	return !mongoc_cursor_error(cursor, &error) ||
	       sl_mongo_fail(d, &error, err, "cannot read collection \"%s\"", q->collection);
}

bool sl_mongo_find(struct sl_docs *d, const struct sl_doc_query *q, sl_doc_found_fn found,
		   void *ctx, struct sl_err *err)
{
	sl_cleanup(put_range) struct range r = {NULL, NULL, NULL, NULL};
	bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
	bool ok = parse_range(q, &r, err) && make_options(q, &opts, err);

	if (ok) {
		make_filter(q, &r, &filter);
		mongoc_collection_t *c =
			mongoc_client_get_collection(d->client, d->database, q->collection);
		mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(c, &filter, &opts, NULL);

		ok = read_all(d, q, cursor, found, ctx, err);
		mongoc_cursor_destroy(cursor);
		mongoc_collection_destroy(c);
	}
	bson_destroy(&filter);
	bson_destroy(&opts);
	return ok;
}
