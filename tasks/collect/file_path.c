/*
 * Paths of the file source: see file_path.h.
 */
#include "tasks/collect/file_path.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#define OPEN "{interval_start:"

bool sl_file_path_dated(const char *path)
{
	return strstr(path, OPEN) != NULL;
}

/* Appends one {interval_start:…}; *at moves behind it. */
static bool put_start(const char **at, sl_time start, struct sl_buf *out, struct sl_err *err)
{
	const char *format = *at + strlen(OPEN);
	const char *end = strchr(format, '}');

	if (!end)
		return sl_err_set(err, SL_ERR_CONFIG, "\"%s\" is not closed by \"}\"", *at);
	sl_cleanup(sl_freep) char *text = sl_xstrndup(format, (size_t)(end - format));
	*at = end + 1;
	return sl_time_format(start, text, out, err);
}

bool sl_file_path(const char *path, const sl_time *start, struct sl_buf *out, struct sl_err *err)
{
	const char *at = path, *next;

	while ((next = strstr(at, OPEN)) != NULL) {
		sl_buf_add(out, at, (size_t)(next - at));
		if (!start) {
			sl_err_set(err, SL_ERR_USAGE, "the path \"%s\" needs an interval", path);
			return sl_err_hint(err, "pass --interval-start and --interval-end");
		}
		if (!put_start(&next, *start, out, err))
			return false;
		at = next;
	}
	sl_buf_adds(out, at);
	return true;
}

static const char *current_dir(struct sl_arena *arena)
{
	sl_cleanup(sl_freep) char *dir = get_current_dir_name();

	return sl_arena_strdup(arena, dir ? dir : ".");
}

bool sl_file_check(void *params, const struct sl_node *map, const char *pipeline_dir,
		   struct sl_arena *arena, struct sl_diags *diags)
{
	struct sl_file_params *p = params;
	const struct sl_node *node = sl_node_get(map, "path");
	struct sl_place at = node ? node->at : (struct sl_place){.origin = "default"};
	sl_cleanup(sl_buf_release) struct sl_buf ignored = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	sl_time any = 0;

	/* Without a line the path came from --set or the environment: typed where the user stands.
	 */
	p->base = at.line ? pipeline_dir : current_dir(arena);
	if (!sl_file_path(p->path, &any, &ignored, &err)) {
		sl_diag_add(diags, SL_E1013, at, "%s", err.msg);
		return false;
	}
	if (*p->path == '\0' || sl_str_ends(sl_str_of(p->path), "/")) {
		sl_diag_add(diags, SL_E1006, at, "a path of files is wanted, not \"%s\"", p->path);
		return false;
	}
	if (strstr(p->path, "**")) {
		sl_diag_add(diags, SL_E1013, at,
			    "\"**\" is not supported: write one \"*\" per directory level");
		return false;
	}
	return true;
}
