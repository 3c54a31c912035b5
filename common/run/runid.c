/*
 * Run names. The part before the hyphen is for people; the hash alone makes it unique.
 */
#include "run/runid.h"

#include "base/hash.h"
#include "store/log.h"

#define DIGITS 16

static const char *finish(struct sl_run *run, struct sl_hash *h, const char *prefix)
{
	char hex[SL_HASH_HEX];

	sl_hash_hex(h, hex);
	return sl_arena_printf(&run->arena, "%s-%.*s", prefix, DIGITS, hex);
}

static void derive_interval(struct sl_run *run, struct sl_hash *h)
{
	char prefix[32];

	sl_hash_strz(h, "interval");
	sl_hash_u64(h, (uint64_t)run->interval_start);
	sl_hash_u64(h, (uint64_t)run->interval_end);
	sl_time_text(run->interval_start, prefix);
	run->run_id = finish(run, h, prefix);
}

bool sl_runid_derive(struct sl_run *run, struct sl_err *err)
{
	struct sl_hash h;
	uint64_t next = 1;
	char prefix[32];

	sl_hash_init(&h);
	sl_hash_strz(&h, run->p->name);
	if (run->has_interval) {
		derive_interval(run, &h);
		return true;
	}
	sl_hash_strz(&h, "next");
	for (size_t i = 0; i < run->p->n_sources; i++) {
		uint64_t newest = 0;

		if (!sl_log_newest(&run->home, run->p->sources[i].name, &newest, err))
			return false;
		sl_hash_strz(&h, run->p->sources[i].name);
		sl_hash_u64(&h, newest + 1);
		next = newest + 1 > next ? newest + 1 : next;
	}
	snprintf(prefix, sizeof(prefix), "n%" PRIu64, next);
	run->run_id = finish(run, &h, prefix);
	return true;
}
