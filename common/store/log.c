/*
 * Log entries: finding the newest, reading one, linking the next. The depot decides who wins a
 * number, so two collections never mix and the loser knows that it must look again.
 */
#include "store/log.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/log_json.h"

#define SNAPSHOT_EVERY 256 /* entries */
#define HEAD_STEP 4096	   /* bytes read at a time when only an entry's head is wanted */
#define HEAD_MAX 65536

/* "17.json" → 17, "snapshot-256.json" → 256 with *snapshot; 0 for any other name. */
static uint64_t name_number(const char *name, bool *snapshot)
{
	struct sl_str s = sl_str_of(name);
	uint64_t n = 0;

	if (!sl_str_ends(s, ".json"))
		return 0;
	s.n -= strlen(".json");
	*snapshot = sl_str_starts(s, "snapshot-");
	if (*snapshot)
		s = sl_str_sub(s, strlen("snapshot-"), s.n);
	return sl_num_u64(s, INT64_MAX, &n) ? n : 0;
}

struct numbering {
	struct sl_log_numbers found;
	uint64_t upto;
};

static void note_number(void *ctx, const char *name)
{
	struct numbering *to = ctx;
	struct sl_log_numbers *found = &to->found;
	bool snapshot = false;
	uint64_t n = name_number(name, &snapshot);

	if (!snapshot && n > found->entry)
		found->entry = n;
	if (snapshot && n > found->snapshot && (to->upto == 0 || n <= to->upto))
		found->snapshot = n;
}

/* One pass over the directory: numbers need no sorting, and there may be thousands. */
bool sl_log_numbers(const struct sl_home *h, const char *source, uint64_t upto,
		    struct sl_log_numbers *ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *dir = sl_xasprintf("log/%s", source);
	struct numbering n = {.upto = upto};

	if (!sl_depot_each(h->shared, dir, 0, note_number, &n, err))
		return false;
	*ret = n.found;
	return true;
}

bool sl_log_newest(const struct sl_home *h, const char *source, uint64_t *ret, struct sl_err *err)
{
	struct sl_log_numbers found;

	if (!sl_log_numbers(h, source, 0, &found, err))
		return false;
	*ret = found.entry;
	return true;
}

static char *entry_name(const char *source, uint64_t n)
{
	return sl_xasprintf("log/%s/%" PRIu64 ".json", source, n);
}

static const char *const ranges[] = {
	[SL_RANGE_INTERVAL] = NULL,
	[SL_RANGE_CURSOR] = "cursor",
	[SL_RANGE_REPEAT] = "repeat",
};

static enum sl_range get_range(const json_t *o)
{
	const char *text = json_string_value(json_object_get(o, "range"));

	for (size_t i = 1; text && i < SL_ARRAY_LEN(ranges); i++)
		if (strcmp(text, ranges[i]) == 0)
			return (enum sl_range)i;
	return SL_RANGE_INTERVAL;
}

/* Everything but the inputs. */
static bool get_head(const json_t *o, struct sl_arena *arena, struct sl_log_entry *ret)
{
	uint64_t partitions = 0;

	*ret = (struct sl_log_entry){
		.source = sl_log_get_text(o, "source", arena),
		.run = sl_log_get_text(o, "run", arena),
		.from = sl_log_get_text(o, "from", arena),
		.to = sl_log_get_text(o, "to", arena),
		.range = get_range(o),
		.complete = json_is_true(json_object_get(o, "complete")),
	};
	if (!ret->source || !ret->run || !sl_log_get_u64(o, "n", &ret->n) ||
	    !sl_log_get_u64(o, "partitions", &partitions) || partitions > UINT32_MAX)
		return false;
	ret->partitions = (uint32_t)partitions;
	return true;
}

static bool get_inputs(const json_t *o, struct sl_arena *arena, struct sl_log_entry *ret)
{
	const json_t *inputs = json_object_get(o, "inputs");

	if (!json_is_array(inputs))
		return false;
	ret->n_inputs = json_array_size(inputs);
	ret->inputs = sl_arena_zalloc(arena, ret->n_inputs, sizeof(*ret->inputs));
	for (size_t i = 0; i < ret->n_inputs; i++)
		if (!sl_log_get_input(json_array_get(inputs, i), arena, &ret->inputs[i]))
			return false;
	return true;
}

/* Numbers have no gaps, so that an entry which is not there was lost. */
static bool missing(const struct sl_home *h, const char *name, struct sl_err *err)
{
	return err->kind == SL_ERR_NO_INPUT ? sl_log_damaged(err, h->shared, name, "it is missing")
					    : false;
}

bool sl_log_read(const struct sl_home *h, const char *source, uint64_t n, struct sl_arena *arena,
		 struct sl_log_entry *ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = entry_name(source, n);
	sl_cleanup(sl_log_decref) json_t *o = NULL;

	if (!sl_log_load(h->shared, name, SL_LOG_FILE_MAX, &o, err))
		return missing(h, name, err);
	if (!get_head(o, arena, ret) || !get_inputs(o, arena, ret) || ret->n != n)
		return sl_log_damaged(err, h->shared, name, "not an entry of this number");
	return true;
}

static bool find_inputs(const struct sl_buf *b, size_t *ret_end)
{
	static const char key[] = "\"inputs\":[";
	const char *at = memmem(b->p, b->n, key, sizeof(key) - 1);

	*ret_end = at ? (size_t)(at - b->p) + sizeof(key) - 1 : 0;
	return at != NULL;
}

static void close_reader(struct sl_depot_reader **r)
{
	sl_depot_reader_close(*r);
}

/* What stands before the inputs, closed to a whole object. A quote inside a text is escaped, so the
 * key cannot be found anywhere else. */
static bool read_head(struct sl_depot *d, const char *name, struct sl_buf *b, struct sl_err *err)
{
	sl_cleanup(close_reader) struct sl_depot_reader *r = NULL;
	size_t end = 0, before;

	if (!sl_depot_open(d, name, &r, err))
		return false;
	do {
		before = b->n;
		if (!sl_depot_read(r, b->n, HEAD_STEP, b, err))
			return false;
	} while (!find_inputs(b, &end) && b->n > before && b->n < HEAD_MAX);
	if (!end)
		return sl_log_damaged(err, d, name, "it does not begin as an entry");
	b->n = end;
	sl_buf_adds(b, "]}");
	return true;
}

bool sl_log_read_head(const struct sl_home *h, const char *source, uint64_t n,
		      struct sl_arena *arena, struct sl_log_entry *ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = entry_name(source, n);
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	sl_cleanup(sl_log_decref) json_t *o = NULL;

	if (!read_head(h->shared, name, &b, err) ||
	    !sl_log_parse(h->shared, name, sl_buf_str(&b), &o, err))
		return missing(h, name, err);
	if (!get_head(o, arena, ret) || ret->n != n)
		return sl_log_damaged(err, h->shared, name, "not an entry of this number");
	return true;
}

bool sl_log_cursor(const struct sl_home *h, const char *source, uint64_t n, struct sl_arena *arena,
		   const char **ret, struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena scratch = SL_ARENA_INIT;
	struct sl_log_entry e;

	*ret = NULL;
	for (; n > 0 && !*ret; n--) {
		if (!sl_log_read_head(h, source, n, &scratch, &e, err))
			return false;
		if (e.range == SL_RANGE_CURSOR && e.to)
			*ret = sl_arena_strdup(arena, e.to);
		sl_arena_reset(&scratch);
	}
	return true;
}

static void put_entry(struct sl_buf *b, const struct sl_log_entry *e)
{
	sl_buf_adds(b, "{\"sluice\":1,");
	sl_log_put_text(b, "source", e->source);
	sl_buf_addf(b, ",\"n\":%" PRIu64 ",", e->n);
	sl_log_put_text(b, "run", e->run);
	sl_buf_addc(b, ',');
	sl_log_put_text(b, "from", e->from);
	sl_buf_addc(b, ',');
	sl_log_put_text(b, "to", e->to);
	if (ranges[e->range])
		sl_buf_addf(b, ",\"range\":\"%s\"", ranges[e->range]);
	sl_buf_addf(b, ",\"complete\":%s,\"partitions\":%" PRIu32 ",\"inputs\":[",
		    e->complete ? "true" : "false", e->partitions);
	for (size_t i = 0; i < e->n_inputs; i++) {
		sl_buf_adds(b, i ? ",\n{" : "\n{");
		sl_log_put_input(b, &e->inputs[i]);
		sl_buf_addc(b, '}');
	}
	sl_buf_adds(b, "]}\n");
}

bool sl_log_link(const struct sl_home *h, const struct sl_log_entry *entry, bool *ret_won,
		 struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = entry_name(entry->source, entry->n);
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	struct sl_err ignored = SL_ERR_INIT;
	bool won = false;

	put_entry(&b, entry);
	SL_FAULT("log.before_link", err);
	if (!sl_depot_put(h->shared, name, sl_buf_str(&b), SL_DURABLE, &won, err))
		return false;
	SL_FAULT("log.after_link", err);
	if (won && entry->n % SNAPSHOT_EVERY == 0 &&
	    !sl_log_snapshot(h, entry->source, entry->n, &ignored))
		sl_err_clear(&ignored); /* readers do without it */
	*ret_won = won;
	return true;
}
