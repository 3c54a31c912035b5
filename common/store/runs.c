/*
 * Runs: which log entries belong to a run. The number noted when it began bounds the search, so
 * that a young run never reads an old log.
 */
#include "base/mem.h"
#include "store/log.h"
#include "store/log_json.h"

#define BEGIN_MAX 65536 /* bytes of begin.json */

static char *begin_name(const char *run, const char *source)
{
	sl_cleanup(sl_freep) char *dir = sl_home_run_dir(run);

	return sl_xasprintf("runs/%s/%s/begin.json", dir, source);
}

static bool read_begin(struct sl_depot *d, const char *name, const char *run, uint64_t *ret,
		       struct sl_err *err)
{
	sl_cleanup(sl_log_decref) json_t *o = NULL;
	const char *whose;

	if (!sl_log_load(d, name, BEGIN_MAX, &o, err))
		return false;
	whose = json_string_value(json_object_get(o, "run"));
	if (!whose || strcmp(whose, run) != 0 || !sl_log_get_u64(o, "newest", ret))
		return sl_log_damaged(err, d, name, "not the begin of this run");
	return true;
}

bool sl_run_begin(const struct sl_home *h, const char *run, const char *source, uint64_t newest,
		  uint64_t *ret_begin, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = begin_name(run, source);
	sl_cleanup(sl_buf_release) struct sl_buf b = SL_BUF_INIT;
	bool won = false;

	if (!sl_utf8_valid(sl_str_of(run), NULL)) /* JSON could not give it back as it was */
		return sl_err_set(err, SL_ERR_USAGE, "the run id is not UTF-8 text");
	sl_buf_adds(&b, "{\"sluice\":1,");
	sl_log_put_text(&b, "run", run);
	sl_buf_addc(&b, ',');
	sl_log_put_text(&b, "source", source);
	sl_buf_addf(&b, ",\"newest\":%" PRIu64 "}\n", newest);
	if (!sl_depot_put(h->shared, name, sl_buf_str(&b), SL_DURABLE, &won, err))
		return false;
	if (!won)
		return read_begin(h->shared, name, run, ret_begin, err);
	*ret_begin = newest;
	return true;
}

bool sl_run_begun(const struct sl_home *h, const char *run, const char *source, uint64_t *ret,
		  struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = begin_name(run, source);

	*ret = 0;
	if (read_begin(h->shared, name, run, ret, err))
		return true;
	if (err->kind != SL_ERR_NO_INPUT)
		return false;
	sl_err_clear(err);
	return true;
}

/* Appends n when entry n is the run's. */
static bool note_own(const struct sl_home *h, const char *run, const char *source, uint64_t n,
		     struct sl_arena *scratch, uint64_t *own, size_t *n_own, struct sl_err *err)
{
	struct sl_log_entry e;

	if (!sl_log_read_head(h, source, n, scratch, &e, err))
		return false;
	if (strcmp(e.run, run) == 0)
		own[(*n_own)++] = n;
	sl_arena_reset(scratch);
	return true;
}

/* A run that is not there owns nothing. */
static bool never_began(struct sl_err *err)
{
	if (err->kind != SL_ERR_NO_INPUT)
		return false;
	sl_err_clear(err);
	return true;
}

bool sl_run_entries(const struct sl_home *h, const char *run, const char *source,
		    struct sl_arena *arena, uint64_t **ret, size_t *ret_n, struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena scratch = SL_ARENA_INIT;
	sl_cleanup(sl_freep) char *name = begin_name(run, source);
	uint64_t begin = 0, newest = 0;
	size_t n_own = 0;

	*ret = NULL;
	*ret_n = 0;
	if (!read_begin(h->shared, name, run, &begin, err))
		return never_began(err);
	if (!sl_log_newest(h, source, &newest, err))
		return false;
	if (newest <= begin)
		return true;
	uint64_t *own = sl_arena_zalloc(arena, newest - begin, sizeof(*own));
	for (uint64_t n = begin + 1; n <= newest; n++)
		if (!note_own(h, run, source, n, &scratch, own, &n_own, err))
			return false;
	*ret = own;
	*ret_n = n_own;
	return true;
}
