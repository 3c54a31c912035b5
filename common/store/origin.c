/*
 * Which log a table was made from. Entries are numbered by the log in HOME and by nothing else, so
 * a HOME that was lost, is another machine's, or came from an older backup numbers its own entries
 * as those that the table knows: without a look its inputs would pass for stored ones. Table
 * sluice.origin keeps the newest stored entry of every source and a digest of what stood in it.
 */
#include "base/mem.h"
#include "base/num.h"
#include "store/sink_private.h"

/* Chunks of files are named by their bytes. A source that writes its records itself (steps) names
 * them by the run, which another HOME may name alike: there the digest says whose log it is, too. */
static bool digest_of(const struct sl_sink *s, const struct sl_home *home,
		      const struct sl_log_entry *e, char out[SL_HASH_HEX], struct sl_err *err)
{
	const struct sl_source *source = sl_pipeline_source(s->p, e->source);
	char key[SL_HASH_HEX];
	struct sl_hash h;

	sl_hash_init(&h);
	sl_hash_u64(&h, e->n_inputs);
	for (size_t i = 0; i < e->n_inputs; i++) {
		sl_hash_strz(&h, e->inputs[i].name);
		sl_hash_u64(&h, e->inputs[i].n_chunks);
		for (size_t c = 0; c < e->inputs[i].n_chunks; c++)
			sl_hash_strz(&h, e->inputs[i].chunks[c].id);
	}
	if (source && source->kind && source->kind->codec) {
		if (!sl_home_key(home, key, err))
			return false;
		sl_hash_strz(&h, key);
	}
	sl_hash_hex(&h, out);
	return true;
}

/* *ret_entry = 0: nothing of the source was stored, or by a program that kept no origin. */
static bool read_origin(struct sl_sink *s, const char *source, uint64_t *ret_entry,
			struct sl_str *ret_digest, struct sl_err *err)
{
	static const char sql[] = "select entry, digest from sluice.origin "
				  "where pipeline = $1 and source = $2";
	const char *params[] = {s->p->name, source};
	struct sl_str cells[2];
	bool found;

	*ret_entry = 0;
	if (!sl_sink_row(s, sql, params, 2, &s->arena, cells, 2, &found, err))
		return false;
	if (!found)
		return true;
	*ret_digest = cells[1];
	return sl_num_u64(cells[0], INT64_MAX, ret_entry) ||
	       sl_err_set(err, SL_ERR_CONFIG, "table sluice.origin is damaged");
}

static bool fail_other_log(const struct sl_sink *s, const struct sl_home *home, const char *source,
			   uint64_t entry, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *where = sl_depot_where(home->shared, "");

	sl_err_set(err, SL_ERR_CONFIG,
		   "table \"%s\" was made with another HOME than \"%s\": its entry %" PRIu64
		   " of source \"%s\" is not in this one's log",
		   s->p->store.table, where, entry, source);
	return sl_err_hint(err,
			   "use that HOME; if it is lost: sluice store %s --adopt stores what this "
			   "one has anew",
			   s->p->name);
}

bool sl_sink_check_origin(struct sl_sink *s, const struct sl_home *home, const char *source,
			  struct sl_err *err)
{
	char digest[SL_HASH_HEX];
	struct sl_log_entry e;
	struct sl_str held;
	uint64_t entry, newest;

	/* The table is read first: what it knows then was in its log before. */
	if (!read_origin(s, source, &entry, &held, err) ||
	    !sl_log_newest(home, source, &newest, err))
		return false;
	if (entry == 0)
		return true;
	if (entry > newest)
		return fail_other_log(s, home, source, entry, err);
	if (!sl_log_read(home, source, entry, &s->arena, &e, err) ||
	    !digest_of(s, home, &e, digest, err))
		return false;
	return sl_str_eqz(held, digest) || fail_other_log(s, home, source, entry, err);
}

static bool save_origin(struct sl_sink *s, const struct sl_home *home, const struct sl_log_entry *e,
			struct sl_err *err)
{
	static const char gone[] = "delete from sluice.origin where pipeline = $1 and source = $2";
	static const char here[] =
		"insert into sluice.origin values ($1, $2, cast($3 as bigint), $4)";
	char number[24], digest[SL_HASH_HEX];
	const char *params[] = {s->p->name, e->source, number, digest};

	snprintf(number, sizeof(number), "%" PRIu64, e->n);
	return digest_of(s, home, e, digest, err) && s->eng->lock(s->db, s->p->name, err) &&
	       sl_sink_exec(s, gone, params, 2, NULL, err) &&
	       sl_sink_exec(s, here, params, 4, NULL, err) && s->eng->commit(s->db, err);
}

bool sl_sink_note_origin(struct sl_sink *s, const struct sl_home *home,
			 const struct sl_log_entry *e, struct sl_err *err)
{
	struct sl_str held;
	uint64_t entry;

	if (!read_origin(s, e->source, &entry, &held, err))
		return false;
	if (entry >= e->n || (s->eng->begin(s->db, err) && save_origin(s, home, e, err)))
		return true;
	s->eng->rollback(s->db);
	return false;
}

static bool adopt_in(struct sl_sink *s, struct sl_err *err)
{
	static const char *const sqls[] = {
		"update sluice.applied set edition = 0, rev = '' where pipeline = $1",
		"update sluice.reject set entry = 0, edition = 0, rev = '' where pipeline = $1",
		"delete from sluice.entry where pipeline = $1",
		"delete from sluice.origin where pipeline = $1",
	};

	if (!s->eng->lock(s->db, s->p->name, err))
		return false;
	for (size_t i = 0; i < SL_ARRAY_LEN(sqls); i++)
		if (!sl_sink_exec(s, sqls[i], &s->p->name, 1, NULL, err))
			return false;
	return s->eng->commit(s->db, err);
}

bool sl_sink_adopt(struct sl_sink *s, struct sl_err *err)
{
	if (s->eng->begin(s->db, err) && adopt_in(s, err))
		return true;
	s->eng->rollback(s->db);
	return false;
}
