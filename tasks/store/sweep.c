/*
 * The broom: each kind of leftover, and how old it must be so that nobody can still be at it.
 */
#include "tasks/store/sweep.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define AGE_DAYS 1
#define CLEAN_DAYS 7 /* of today's rules: those of a refused entry are used by every store */
#define STAMP "swept"

struct broom {
	const struct sl_run *run;
	sl_time now;
	size_t removed;
	struct sl_err err;
};

static sl_time days_ago(const struct broom *b, int days)
{
	return b->now - days * SL_DAY;
}

static bool was_swept(const struct broom *b)
{
	sl_cleanup(sl_freep) char *path = sl_home_path(&b->run->home, STAMP);
	struct stat st;

	return stat(path, &st) == 0 && st.st_mtime * SL_SECOND > days_ago(b, AGE_DAYS);
}

static bool sweep_depot(struct broom *b, struct sl_depot *d)
{
	size_t n = 0;
	const bool ok = sl_depot_sweep(d, days_ago(b, AGE_DAYS), &n, &b->err);

	b->removed += n;
	return ok;
}

/* --- lists --- */

struct names {
	const char *dir;
	char **v;
	size_t n, cap;
};

static void add_name(void *ctx, const char *name)
{
	struct names *to = ctx;

	if (to->n == to->cap) {
		to->cap = to->cap ? 2 * to->cap : 64;
		to->v = sl_xrealloc(to->v, to->cap, sizeof(*to->v));
	}
	to->v[to->n++] = sl_xasprintf("%s/%s", to->dir, name);
}

static void release_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

/* Files directly in a directory. */
static bool sweep_dir(struct broom *b, struct sl_depot *d, const char *dir, sl_time before)
{
	sl_cleanup(release_names) struct names names = {.dir = dir};

	if (!sl_depot_each(d, dir, before, add_name, &names, &b->err) ||
	    !sl_depot_remove(d, (const char *const *)names.v, names.n, &b->err))
		return false;
	b->removed += names.n;
	return true;
}

static bool sweep_clean(struct broom *b)
{
	struct sl_depot *d = b->run->home.shared;
	sl_cleanup(sl_names_release) struct sl_names revs = {0};

	if (!sl_depot_list(d, "clean", &revs, &b->err))
		return false;
	for (size_t i = 0; i < revs.n; i++) {
		const bool current = strcmp(revs.v[i], b->run->p->rev) == 0;
		sl_cleanup(sl_freep) char *dir = sl_xasprintf("clean/%s", revs.v[i]);

		if (!sweep_dir(b, d, dir, days_ago(b, current ? CLEAN_DAYS : AGE_DAYS)))
			return false;
	}
	return true;
}

/* --- beside the embedded database --- */

/* Only who holds the lock makes one, and that is us. */
static void drop_half_made(void *ctx, const char *name)
{
	struct broom *b = ctx;
	sl_cleanup(sl_freep) char *path = sl_home_path(&b->run->home, "%s", name);

	if (strncmp(name, "data.db.new-", strlen("data.db.new-")) == 0)
		b->removed += unlink(path) == 0;
}

static bool sweep_database(struct broom *b)
{
	struct sl_depot *d = b->run->home.local;

	if (b->run->p->backend.store_conn)
		return true;
	return sl_depot_each(d, "", 0, drop_half_made, b, &b->err) &&
	       sweep_dir(b, d, "tmp", days_ago(b, AGE_DAYS)); /* spilled rows */
}

static bool sweep_all(struct broom *b)
{
	const struct sl_home *h = &b->run->home;

	/* The mark first: what cannot be swept is not tried again by every run. */
	return sl_depot_replace(h->local, STAMP, SL_STR(""), SL_CACHE, &b->err) &&
	       sweep_depot(b, h->local) && (h->shared == h->local || sweep_depot(b, h->shared)) &&
	       sweep_clean(b) && sweep_database(b);
}

void sl_sweep(const struct sl_run *run)
{
	struct broom b = {.run = run, .now = sl_clock_now(), .err = SL_ERR_INIT};

	if (was_swept(&b))
		return;
	const bool ok = sweep_all(&b);

	if (b.removed)
		sl_log(SL_INFO, "swept what killed processes and old rules left", "files=%zu",
		       b.removed);
	if (!ok && b.err.kind != SL_ERR_CANCELLED)
		sl_log(SL_WARNING, "leftovers are not swept", "reason=\"%s\"", b.err.msg);
}
