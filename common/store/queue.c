/* Opening a queue's module, and the names of a run's streams. */
#include "store/queue.h"

#include "base/mem.h"
#include "base/module.h"
#include "store/log.h"

#define PARTITIONS_MAX 1024

bool sl_queue_get(const char *name, const struct sl_queue_engine **ret, struct sl_err *err)
{
	const void *descriptor;

	if (!sl_module_open(name, &descriptor, err))
		return false;
	*ret = descriptor;
	return true;
}

const char *sl_queue_stream(const struct sl_pipeline *p, const char *run, const char *source,
			    uint32_t k, uint32_t n, struct sl_arena *arena)
{
	sl_cleanup(sl_freep) char *dir = sl_home_run_dir(run);

	return sl_arena_printf(arena, "%s:%s:%s:%s:%" PRIu32 "-%" PRIu32,
			       p->backend.queue_settings.prefix, p->name, dir, source, k, n);
}

/* Into how many partitions the run's entries of a source fell when each was linked. */
static bool read_partitions(const struct sl_home *h, const char *run, const char *source,
			    struct sl_arena *arena, bool *seen, struct sl_err *err)
{
	struct sl_log_entry e;
	uint64_t *own;
	size_t n;

	if (!sl_run_entries(h, run, source, arena, &own, &n, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!sl_log_read_head(h, source, own[i], arena, &e, err))
			return false;
		if (e.partitions <= PARTITIONS_MAX)
			seen[e.partitions] = true;
	}
	return true;
}

bool sl_queue_streams(const struct sl_pipeline *p, const struct sl_home *h, const char *run,
		      const char *source, struct sl_arena *arena, const char *const **ret,
		      size_t *ret_n, struct sl_err *err)
{
	bool seen[PARTITIONS_MAX + 1] = {false};
	size_t n = 0, total = 0;

	for (size_t i = 0; i < p->n_sources; i++)
		if (!read_partitions(h, run, p->sources[i].name, arena, seen, err))
			return false;
	for (size_t k = 1; k <= PARTITIONS_MAX; k++)
		total += seen[k] ? k : 0;

	const char **v = sl_arena_zalloc(arena, total * p->n_sources + 1, sizeof(*v));

	for (size_t i = 0; i < p->n_sources; i++) {
		const char *name = p->sources[i].name;

		if (source && strcmp(source, name) != 0)
			continue;
		for (uint32_t of = 1; of <= PARTITIONS_MAX; of++)
			for (uint32_t k = 1; seen[of] && k <= of; k++)
				v[n++] = sl_queue_stream(p, run, name, k, of, arena);
	}
	*ret = v;
	*ret_n = n;
	return true;
}
