/*
 * Lines of the report, and the checks of what lies on this machine.
 */
#include "tasks/check/check.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/home.h"
#include "tasks/collect/peek.h"

#define SUBJECT_WIDTH 28

static void add_line(struct sl_check *c, const char *state, const char *subject, const char *text)
{
	sl_buf_addf(&c->out, "%-8s%-*s ", state, SUBJECT_WIDTH, subject);
	sl_buf_add_escaped(&c->out, sl_str_of(text), 1000);
	sl_buf_addc(&c->out, '\n');
}

void sl_check_ok(struct sl_check *c, const char *subject, const char *text)
{
	c->ok++;
	add_line(c, "ok", subject, text);
}

void sl_check_skip(struct sl_check *c, const char *subject, const char *why)
{
	c->skipped++;
	add_line(c, "skipped", subject, why);
}

/* For an error that came without a hint. */
static const char *cure_of(enum sl_err_kind kind)
{
	if (kind == SL_ERR_CONFIG)
		return "mend what is named in the pipeline file or the setting";
	if (kind == SL_ERR_UNAVAILABLE)
		return "start the server, or mend host and port";
	return sl_err_kind_help(kind);
}

void sl_check_fail(struct sl_check *c, const char *subject, const struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	sl_buf_addf(&text, "%s; cure: %s", err->msg, err->hint[0] ? err->hint : cure_of(err->kind));
	add_line(c, "failed", subject, sl_buf_z(&text));
	if (c->failed++ > 0)
		return;
	c->first = *err;
	sl_err_prefix(&c->first, "%s", subject);
}

void sl_check_blame(struct sl_err *err, const char *id)
{
	if (err->hint[0])
		return;
	if (err->kind == SL_ERR_UNAVAILABLE)
		sl_err_hint(err, "is the server up? are host and port of connection \"%s\" right?",
			    id);
	else if (err->kind == SL_ERR_AUTH)
		sl_err_hint(err, "see user, password, database and rights of connection \"%s\"",
			    id);
}

/* --- home --- */

static bool try_to_write(const struct sl_home *home, struct sl_err *err)
{
	struct sl_tmpfile file = SL_TMPFILE_INIT;
	const bool ok = sl_tmpfile_open(&file, home->dir, err) &&
			sl_fd_write_all(file.fd, "x", 1, home->dir, err);

	sl_tmpfile_close(&file);
	return ok;
}

static const char *describe_space(struct sl_run *run)
{
	struct statvfs fs;

	if (statvfs(run->home.dir, &fs) != 0)
		return run->home.dir;
	return sl_arena_printf(&run->arena, "%s can be written, %" PRIu64 " MiB free",
			       run->home.dir, (uint64_t)fs.f_bavail * fs.f_frsize >> 20);
}

bool sl_check_home(struct sl_check *c, struct sl_err *err)
{
	struct sl_run *run = c->run;
	struct sl_err why = SL_ERR_INIT;

	sl_home_release(&run->home); /* it was only looked for */
	const bool opened = sl_home_open(&run->home, run->home_flag, run->p->name, &why);

	sl_home_share(&run->home, run->p);
	if (opened && try_to_write(&run->home, &why)) {
		sl_check_ok(c, "home", describe_space(run));
	} else {
		if (!why.hint[0])
			sl_err_hint(&why, "make it writable, or name another by --home or "
					  "SLUICE_HOME");
		sl_check_fail(c, "home", &why);
	}
	return sl_cancel_check(err);
}

/* --- bronze --- */

/* Everything that a run does with it: list, put, read, remove. */
static bool try_bronze(struct sl_depot *d, struct sl_err *err)
{
	/* Processes of several hosts or containers may have one number. */
	sl_cleanup(sl_freep) char *name =
		sl_xasprintf("check/%d-%" PRId64, (int)getpid(), sl_clock_now());
	const char *const names[] = {name};
	sl_cleanup(sl_names_release) struct sl_names found = {0};
	sl_cleanup(sl_buf_release) struct sl_buf back = SL_BUF_INIT;

	return sl_depot_list(d, "log", &found, err) &&
	       sl_depot_replace(d, name, SL_STR("x"), SL_DURABLE, err) &&
	       sl_depot_get(d, name, 1, &back, err) && sl_depot_remove(d, names, 1, err);
}

/* A folder is HOME's. */
bool sl_check_bronze(struct sl_check *c, struct sl_err *err)
{
	struct sl_run *run = c->run;
	struct sl_arena *arena = &run->arena;
	const char *id = run->p->backend.bronze_conn;
	struct sl_err why = SL_ERR_INIT;

	if (!id)
		return true;
	const char *subject = sl_arena_printf(arena, "bronze %s, %s", run->p->backend.bronze, id);

	if (!try_bronze(run->home.shared, &why)) {
		sl_check_fail(c, subject, &why);
		return sl_cancel_check(err);
	}
	sl_cleanup(sl_freep) char *where = sl_depot_where(run->home.shared, "");

	sl_check_ok(c, subject, sl_arena_printf(arena, "%s can be read and written", where));
	return sl_cancel_check(err);
}

/* --- sources --- */

/* A server or site is asked for a first record: that tells of its address, its rights and what is
 * asked. */
static void ask_source(struct sl_check *c, const struct sl_source *source, const char *subject)
{
	struct sl_err why = SL_ERR_INIT;
	struct sl_peek peek;
	bool is_new = false;

	if (!sl_peek_first(c->run, source, 1, false, &peek, &is_new, &why))
		sl_check_fail(c, subject, &why);
	else if (!peek.listed)
		sl_check_skip(c, subject, "it is given nothing to ask for");
	else
		sl_check_ok(c, subject,
			    is_new && peek.records > 0 ? "answers, with something new"
						       : "answers, with nothing new");
	sl_peek_release(&peek);
}

static void count_inputs(struct sl_check *c, const struct sl_source *source, const char *subject)
{
	struct sl_err why = SL_ERR_INIT;
	size_t inputs = 0, fresh = 0;

	if (!sl_peek_count(c->run, source, &inputs, &fresh, &why))
		sl_check_fail(c, subject, &why);
	else
		sl_check_ok(c, subject,
			    sl_arena_printf(&c->run->arena, "%zu %s, %zu new", inputs,
					    inputs == 1 ? "input" : "inputs", fresh));
}

static void check_source(struct sl_check *c, const struct sl_source *source)
{
	const char *subject = sl_arena_printf(&c->run->arena, "source %s", source->name);

	if (source->kind->remote)
		ask_source(c, source, subject);
	else
		count_inputs(c, source, subject);
}

bool sl_check_sources(struct sl_check *c, struct sl_err *err)
{
	const struct sl_pipeline *p = c->run->p;

	for (size_t i = 0; i < p->n_sources; i++) {
		if (c->run->source && strcmp(c->run->source, p->sources[i].name) != 0)
			continue;
		check_source(c, &p->sources[i]);
		if (!sl_cancel_check(err))
			return false;
	}
	return true;
}
