/*
 * Paths of the file source: see file_path.h.
 */
#include "tasks/collect/file_path.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/interval.h"

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
	if (!sl_interval_fill(p->path, &any, &any, &ignored, &err)) {
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
