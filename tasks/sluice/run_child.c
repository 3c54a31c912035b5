/*
 * The driver's children. What a child says in its result line is believed as far as it goes: a
 * child that was killed says nothing, and its exit code then stands alone.
 */
#include "tasks/sluice/run_child.h"

#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "run/spawn.h"

static const char *const *finish(struct sl_arena *arena, const char **words, size_t n)
{
	const char **argv = sl_arena_zalloc(arena, n + 1, sizeof(*argv));

	memcpy(argv, words, n * sizeof(*argv));
	return argv;
}

static const char *time_flag(struct sl_arena *arena, const char *flag, sl_time t)
{
	char text[32];

	sl_time_text(t, text);
	return sl_arena_printf(arena, "%s=%s", flag, text);
}

const char *const *sl_child_argv(const struct sl_drive *d, const char *stage, uint32_t k,
				 uint32_t n)
{
	struct sl_run *run = d->run;
	struct sl_arena *arena = &run->arena;
	sl_cleanup(sl_freep) const char **words = sl_xcalloc(run->n_passed + 9, sizeof(*words));
	size_t at = 0;

	words[at++] = sl_arena_printf(arena, "sluice-%s", stage);
	for (size_t i = 0; i < run->n_passed; i++)
		words[at++] = run->passed[i];
	words[at++] = sl_arena_printf(arena, "--run-id=%s", d->run_id);
	if (run->has_interval) {
		words[at++] = time_flag(arena, "--interval-start", run->interval_start);
		words[at++] = time_flag(arena, "--interval-end", run->interval_end);
	}
	if (run->source)
		words[at++] = sl_arena_printf(arena, "--source=%s", run->source);
	if (run->again && strcmp(stage, "collect") == 0)
		words[at++] = "--again";
	if (d->reporter && strcmp(stage, d->reporter) == 0)
		words[at++] = "--report";
	if (d->extra && strcmp(stage, "store") == 0)
		words[at++] = d->extra;
	if (n > 0)
		words[at++] = sl_arena_printf(arena, "--partition=%" PRIu32 "/%" PRIu32, k, n);
	return finish(arena, words, at);
}

static uint64_t number(const json_t *o, const char *key)
{
	const json_int_t v = json_integer_value(json_object_get(o, key));

	return v > 0 ? (uint64_t)v : 0;
}

static void add_counts(const json_t *o, struct sl_result *r)
{
	r->entries += number(o, "entries");
	r->n_in += number(o, "n_in");
	r->kept += number(o, "kept");
	r->dup += number(o, "dup");
	r->filtered += number(o, "filtered");
	r->rejected += number(o, "rejected");
	r->inserted += number(o, "inserted");
	r->updated += number(o, "updated");
	r->unchanged += number(o, "unchanged");
	r->stale += number(o, "stale");
	r->superseded += number(o, "superseded");
	r->removed += number(o, "removed");
	r->written += number(o, "written");
	r->pending += number(o, "pending");
	if (r->partitions < number(o, "partitions"))
		r->partitions = (uint32_t)number(o, "partitions");
	r->retry_after_us = (int64_t)(json_number_value(json_object_get(o, "retry_after_s")) * 1e6);
}

static enum sl_err_kind kind_of(int code)
{
	for (int kind = SL_ERR_NONE + 1; kind < SL_ERR_KIND_COUNT; kind++) {
		if (sl_err_exit_code((enum sl_err_kind)kind) == code)
			return (enum sl_err_kind)kind;
	}
	return code > 128 ? SL_ERR_CANCELLED : SL_ERR_BUG;
}

static void explain_failure(const char *stage, int code, const json_t *o, struct sl_err *why)
{
	const char *text = json_string_value(json_object_get(o, "error"));
	const char *hint = json_string_value(json_object_get(o, "hint"));

	if (text)
		sl_err_set(why, kind_of(code), "%s: %s", stage, text);
	else if (code > 128)
		sl_err_set(why, kind_of(code), "%s was ended by signal %d", stage, code - 128);
	else
		sl_err_set(why, kind_of(code), "%s ended with %d and said nothing", stage, code);
	if (hint)
		sl_err_hint(why, "%s", hint);
}

/* run->error_logged: what the child says of its error, it has logged, too. */
static void read_result(struct sl_run *run, const char *stage, int code, const struct sl_buf *line,
			struct sl_result *ret, int *ret_code, struct sl_err *ret_why)
{
	json_t *o = line->n ? json_loadb(line->p, line->n, 0, NULL) : NULL;

	if (o)
		add_counts(o, ret);
	if (code != 0 && *ret_code == 0) {
		*ret_code = code;
		explain_failure(stage, code, o, ret_why);
		run->error_logged = json_object_get(o, "error") != NULL;
	}
	json_decref(o);
}

static bool start_all(const struct sl_drive *d, const char *stage, uint32_t n,
		      struct sl_child *children, size_t *ret_started, struct sl_err *err)
{
	const uint32_t count = n ? n : 1;

	for (uint32_t i = 0; i < count; i++) {
		const char *const *argv = sl_child_argv(d, stage, i + 1, n);

		if (!sl_spawn(argv[0], argv, true, &children[i], err))
			return false;
		++*ret_started;
	}
	return true;
}

bool sl_child_run(const struct sl_drive *d, const char *stage, uint32_t n, struct sl_result *ret,
		  int *ret_code, struct sl_err *ret_why, struct sl_err *err)
{
	const size_t count = n ? n : 1;
	sl_cleanup(sl_freep) struct sl_child *children = sl_xcalloc(count, sizeof(*children));
	sl_cleanup(sl_freep) int *codes = sl_xcalloc(count, sizeof(*codes));
	sl_cleanup(sl_freep) struct sl_buf *results = sl_xcalloc(count, sizeof(*results));
	struct sl_err lost = SL_ERR_INIT;
	size_t started = 0;
	bool ok = start_all(d, stage, n, children, &started, err);

	if (!sl_children_wait(children, started, codes, results, ok ? err : &lost))
		ok = false;
	for (size_t i = 0; i < started; i++) {
		read_result(d->run, stage, codes[i], &results[i], ret, ret_code, ret_why);
		sl_buf_release(&results[i]);
	}
	return ok;
}
