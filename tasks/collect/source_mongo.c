/*
 * Source "mongo": documents of a collection as JSON lines, by a cursor on (field, _id), or all of
 * them with input: whole. A collection has no snapshot: what changes while it is read moves behind
 * the range's end with its field, and comes in the next one.
 */
#include "base/fault.h"
#include "store/documents.h"
#include "tasks/collect/collect.h"
#include "tasks/collect/extjson.h"
#include "tasks/collect/rows.h"

#define WAIT_US (10 * SL_SECOND)
#define MS INT64_C(1000)

struct params {
	const char *connection, *collection;
	const char *filter, *projection;
	const char *watermark;
	const char *lag;
	uint64_t step;
	struct sl_lag back; /* made by the check */
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct params, connection, SL_F_REQUIRED, NULL, "id of the connection (mongo)"),
	SL_F_TEXT(struct params, collection, SL_F_REQUIRED, NULL, "collection to read"),
	SL_F_TEXT(struct params, filter, 0, NULL,
		  "which documents, as extended JSON: {\"state\": \"open\"}"),
	SL_F_TEXT(struct params, projection, 0, NULL,
		  "which fields of them, as extended JSON: {\"title\": 1, \"seen\": 1}"),
	SL_F_TEXT(struct params, watermark, 0, "_id",
		  "field that grows with every new or changed document; of one type"),
	SL_F_TEXT(struct params, lag, 0, NULL,
		  "how far behind the last range late documents are looked for: 15m, or 1000"),
	SL_F_SIZE(struct params, step, 0, "16MiB", 1, 48 << 20,
		  "bytes of documents after which a step is kept"),
	SL_F_END,
};

static bool check(void *params, const struct sl_node *map, const char *pipeline_dir,
		  struct sl_arena *arena, struct sl_diags *diags)
{
	struct params *p = params;
	const struct sl_node *lag = sl_node_get(map, "lag");

	(void)pipeline_dir;
	(void)arena;
	if (sl_lag_parse(p->lag, &p->back))
		return true;
	sl_diag_add(diags, SL_E1006, lag ? lag->at : map->owner,
		    "lag is a duration like 15m or a number, not \"%s\"", p->lag);
	return false;
}

/* One collection of this source. */
struct reading {
	const struct params *params;
	struct sl_collect *c;
	struct sl_steps steps;
	struct sl_rows rows;
	const struct sl_docs_engine *eng;
	struct sl_docs *db;
	struct sl_arena arena;
};

static bool by_id(const struct params *p)
{
	return strcmp(p->watermark, "_id") == 0;
}

static struct sl_doc_query question(const struct reading *r)
{
	const struct params *p = r->params;

	return (struct sl_doc_query){
		.collection = p->collection,
		.filter = p->filter,
		.projection = p->projection,
		.field = by_id(p) ? NULL : p->watermark,
		.limit = sl_collect_wanted(r->c),
	};
}

static struct sl_str mark_of(const struct reading *r, const struct sl_doc_found *doc)
{
	return by_id(r->params) ? doc->id : doc->value;
}

static bool take_doc(void *ctx, const struct sl_doc_found *doc, struct sl_err *err)
{
	struct reading *r = ctx;
	const struct sl_str behind[] = {mark_of(r, doc), doc->id};

	if (r->rows.steps && (!behind[0].p || !behind[1].p)) {
		sl_err_set(err, SL_ERR_CONFIG, "a document comes without \"%s\"",
			   behind[1].p ? r->params->watermark : "_id");
		return sl_err_hint(err, "keep it in the projection");
	}
	if (!sl_rows_next(&r->rows, err))
		return false;
	sl_extjson_plain(&r->rows.lines, doc->json);
	sl_buf_addc(&r->rows.lines, '\n');
	return sl_rows_put(&r->rows, behind, r->rows.steps ? 2 : 0, err);
}

static bool find(struct reading *r, const struct sl_doc_query *q, struct sl_err *err)
{
	SL_FAULT("mongo.before_rows", err);
	return r->eng->find(r->db, q, take_doc, r, err);
}

/* --- a range --- */

static bool take_end(void *ctx, const struct sl_doc_found *doc, struct sl_err *err)
{
	struct reading *r = ctx;
	const struct sl_str mark = mark_of(r, doc);

	(void)err;
	if (mark.p && !sl_str_eqz(mark, "null"))
		r->steps.end = sl_collect_text(r->c, mark);
	return true;
}

/* Where nothing lies behind the last range, the end stays NULL. */
static bool fix_end(struct reading *r, struct sl_err *err)
{
	struct sl_doc_query q = question(r);

	if (r->steps.end)
		return true;
	if (q.field)
		q.after = r->steps.from;
	else
		q.after_id = r->steps.from;
	q.newest = true;
	q.projection = NULL; /* one without the watermark must not look like the end */
	q.limit = 1;
	return r->eng->find(r->db, &q, take_end, r, err);
}

/* The range's begin less the lag, as extended JSON. */
static bool step_back(struct reading *r, const char **ret, struct sl_err *err)
{
	const struct params *p = r->params;
	enum sl_extjson_number what = SL_EXTJSON_INT;
	int64_t value = 0;

	*ret = r->steps.from;
	if (!r->steps.from || p->back.value == 0)
		return true;
	if (!sl_extjson_number(sl_str_of(r->steps.from), &what, &value) ||
	    p->back.is_time != (what == SL_EXTJSON_DATE)) {
		sl_err_set(err, SL_ERR_CONFIG,
			   "lag \"%s\" cannot be taken from the watermark \"%s\"", p->lag,
			   r->steps.from);
		return sl_err_hint(err, "a date's lag is a duration, an integer's lag a number");
	}
	struct sl_lag lag = p->back;
	lag.value = lag.is_time ? (lag.value + MS - 1) / MS : lag.value;
	*ret = sl_arena_printf(&r->arena,
			       lag.is_time ? "{\"$date\":{\"$numberLong\":\"%" PRId64 "\"}}"
					   : "{\"$numberLong\":\"%" PRId64 "\"}",
			       sl_lag_from(&lag, value));
	return true;
}

static bool range_query(struct reading *r, struct sl_doc_query *q, struct sl_err *err)
{
	const char **behind, *from;

	*q = question(r);
	q->until = r->steps.end;
	if (r->steps.at) {
		if (!sl_rows_split(r->steps.at, 2, &r->arena, &behind, err))
			return false;
		q->after = q->field ? behind[0] : NULL;
		q->after_id = behind[1];
		return true;
	}
	if (!step_back(r, &from, err))
		return false;
	if (q->field)
		q->after = from;
	else
		q->after_id = from;
	return true;
}

/* All that is left of the range. */
static bool read_range(void *ctx, struct sl_err *err)
{
	struct reading *r = ctx;
	struct sl_doc_query q;

	if (!fix_end(r, err))
		return false;
	if (!r->steps.end) {
		r->steps.done = true;
		return true;
	}
	if (!range_query(r, &q, err))
		return false;
	if (find(r, &q, err))
		return sl_rows_end(&r->rows, err);
	if (!r->rows.moved)
		return false;
	sl_err_clear(err);
	sl_rows_reset(&r->rows);
	return true;
}

/* --- the source --- */

static bool open_db(void *ctx, struct sl_err *err)
{
	struct reading *r = ctx;
	const struct sl_run *run = sl_collect_run(r->c);
	struct sl_conn conn;
	struct sl_docs_conf conf = {
		.conn = &conn,
		.app_name = sl_arena_printf(&r->arena, "sluice-collect %s", run->p->name),
		.wait_us = WAIT_US,
	};

	return sl_conn_get(r->params->connection, &r->arena, &conn, err) &&
	       sl_docs_engine_get("mongo", &r->eng, err) && r->eng->open(&conf, &r->db, err);
}

static bool read_whole(void *ctx, struct sl_err *err)
{
	struct reading *r = ctx;
	struct sl_doc_query q = question(r);

	q.field = NULL;
	return sl_collect_begin(r->c, SL_WHOLE, err) && find(r, &q, err) &&
	       sl_rows_end(&r->rows, err) && sl_collect_end(r->c, NULL, err);
}

static const char *asks(const struct params *p, struct sl_arena *arena)
{
	const char *const all[] = {p->collection, p->filter, p->projection, p->watermark, p->lag};
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;

	for (size_t i = 0; i < SL_ARRAY_LEN(all); i++)
		sl_buf_addf(&b, "%s\n", all[i] ? all[i] : "");
	return sl_arena_strdup(arena, sl_buf_z(&b));
}

static bool collect(const void *params, struct sl_collect *c, struct sl_err *err)
{
	static const struct sl_rows_source source = {open_db, read_whole, read_range};
	struct reading r = {.params = params, .c = c, .rows = {.c = c}};

	r.rows.step = r.params->step;
	if (sl_collect_source(c)->input != SL_INPUT_WHOLE)
		r.rows.steps = &r.steps;
	bool ok = sl_rows_collect(&r.rows, &source, &r, asks(r.params, &r.arena), err);
	if (r.db)
		r.eng->close(r.db);
	sl_rows_release(&r.rows);
	sl_arena_release(&r.arena);
	return ok;
}

const struct sl_source_kind sl_source_mongo = {
	.name = "mongo",
	.summary = "documents of a collection, by a field that grows or all of them",
	.params = fields,
	.params_size = sizeof(struct params),
	.remote = true,
	.codec = "jsonl",
	.check = check,
	.collect = collect,
};
