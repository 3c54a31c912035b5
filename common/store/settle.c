/*
 * An entry that was refused and now has nothing left to store: newer entries brought its inputs, or
 * the rules went back to those that the table's rows were made by. What the refusal wrote would
 * then tell of rejects that nobody can mend.
 */
#include "store/sink_private.h"

/* Called by sl_sink_settle: $2 source, $3 entry. */
static const char refused_sql[] = "select 1 from sluice.entry where pipeline = $1 and source = $2 "
				  "and entry = cast($3 as bigint) and state = 'refused'";

/* Called by settle: rejects of the refusal go. */
static const char rejects_sql[] = "delete from sluice.reject where pipeline = $1 and source = $2 "
				  "and entry = cast($3 as bigint) and not " SL_REJECT_IS_HELD;

static const char gone_sql[] = "delete from sluice.entry where pipeline = $1 and source = $2 "
			       "and entry = cast($3 as bigint)";

/* Called by settle: what the table still holds of the entry; no row when that is nothing. */
static const char held_sql[] =
	"insert into sluice.entry select cast($1 as text), cast($2 as text), cast($3 as bigint), "
	"cast($4 as text), max(rev), 'stored', "
	"cast(sum(n_in) as bigint), cast(sum(ok) as bigint), cast(sum(bad) as bigint), "
	"cast(sum(dup) as bigint), cast(sum(filtered) as bigint), 0, 0, cast(sum(ok) as bigint), "
	"0, 0, 0 from sluice.applied where pipeline = $1 and source = $2 "
	"and edition = cast($3 as bigint) having count(*) > 0";

static bool settle(struct sl_sink *s, const char *const params[4], struct sl_err *err)
{
	return s->eng->lock(s->db, s->p->name, err) &&
	       sl_sink_exec(s, rejects_sql, params, 3, NULL, err) &&
	       sl_sink_exec(s, gone_sql, params, 3, NULL, err) &&
	       sl_sink_exec(s, held_sql, params, 4, NULL, err) && s->eng->commit(s->db, err);
}

bool sl_sink_settle(struct sl_sink *s, const char *source, const char *run, uint64_t entry,
		    struct sl_err *err)
{
	char number[24];
	const char *params[] = {s->p->name, source, number, run};
	struct sl_str cell;
	bool refused;

	snprintf(number, sizeof(number), "%" PRIu64, entry);
	if (!sl_sink_row(s, refused_sql, params, 3, &s->arena, &cell, 1, &refused, err))
		return false;
	if (!refused || (s->eng->begin(s->db, err) && settle(s, params, err)))
		return true;
	s->eng->rollback(s->db);
	return false;
}
