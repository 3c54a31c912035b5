/*
 * Our own glob: glob(3) follows symbolic links out of the tree, sorts by locale, and cannot say
 * where its fixed part ends.
 */
#include "tasks/collect/glob.h"

#include <fnmatch.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* Growing list of paths below the root. */
struct paths {
	const char **v;
	size_t n, cap;
};

static void release_paths(struct paths *p)
{
	free(p->v);
}

static void add_path(struct paths *p, const char *path)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->v = sl_xrealloc(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = path;
}

static bool is_wild(struct sl_str s)
{
	return sl_str_find(s, '*') >= 0 || sl_str_find(s, '?') >= 0 || sl_str_find(s, '[') >= 0;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static const char *join(struct sl_arena *a, const char *dir, const char *name)
{
	return *dir ? sl_arena_printf(a, "%s/%s", dir, name) : sl_arena_strdup(a, name);
}

/* Cuts the pattern behind its last fixed directory: "in/2026/" and "*.csv". */
static const char *split(const char *pattern, struct sl_arena *arena, const char **fixed)
{
	const char *rest = pattern;

	for (const char *c = pattern; (c = strchr(c, '/')) != NULL; c++) {
		if (is_wild((struct sl_str){pattern, (size_t)(c - pattern)}))
			break;
		rest = c + 1;
	}
	*fixed = sl_arena_str(arena, (struct sl_str){pattern, (size_t)(rest - pattern)}).p;
	return rest;
}

/* Entries of one directory that match one component. */
static bool expand_dir(const char *root, const char *dir, const char *component, bool last,
		       struct sl_arena *arena, struct paths *out, struct sl_err *err)
{
	sl_cleanup(sl_names_release) struct sl_names names = {NULL, 0};
	const char *path = join(arena, root, dir);

	if (!sl_dir_list(path, &names, err))
		return false;
	for (size_t i = 0; i < names.n; i++) {
		if (fnmatch(component, names.v[i], FNM_PERIOD | FNM_NOESCAPE) != 0)
			continue;
		const char *rel = join(arena, dir, names.v[i]);

		if (last || is_dir(join(arena, root, rel)))
			add_path(out, rel);
	}
	return true;
}

/* One component further for every path so far. */
static bool expand(const char *root, struct paths *paths, const char *component, bool last,
		   bool behind_wild, struct sl_arena *arena, struct sl_err *err)
{
	struct paths out = {NULL, 0, 0};
	bool ok = true;

	for (size_t i = 0; ok && i < paths->n; i++) {
		const char *dir = paths->v[i];
		const char *rel = join(arena, dir, component);

		if (is_wild(sl_str_of(component)))
			ok = !is_dir(join(arena, root, dir)) ||
			     expand_dir(root, dir, component, last, arena, &out, err);
		else if (!behind_wild || is_there(join(arena, root, rel)))
			add_path(&out, rel);
	}
	release_paths(paths);
	*paths = out;
	return ok;
}

static bool expand_all(const char *root, struct sl_str rest, struct sl_arena *arena,
		       struct paths *paths, struct sl_err *err)
{
	struct sl_str head;
	bool behind_wild = false;

	add_path(paths, "");
	while (sl_str_next(&rest, '/', &head)) {
		if (head.n == 0)
			continue;
		const char *component = sl_arena_str(arena, head).p;

		if (!expand(root, paths, component, rest.n == 0, behind_wild, arena, err))
			return false;
		behind_wild = behind_wild || is_wild(head);
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct sl_match *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool set_matches(struct sl_matches *ret, const struct paths *paths, const char *fixed,
			struct sl_arena *arena, struct sl_err *err)
{
	ret->v = sl_arena_zalloc(arena, paths->n + 1, sizeof(*ret->v));
	for (size_t i = 0; i < paths->n; i++) {
		const char *name = sl_arena_printf(arena, "%s%s", fixed, paths->v[i]);

		if (!sl_utf8_valid(sl_str_of(name), NULL)) {
			sl_err_set(err, SL_ERR_NO_INPUT,
				   "cannot collect \"%s\": its name is not UTF-8", name);
			return sl_err_hint(err, "rename the file");
		}
		ret->v[ret->n++] = (struct sl_match){.name = name, .rel = paths->v[i]};
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return true;
}

bool sl_glob(const char *base, const char *pattern, struct sl_arena *arena, struct sl_matches *ret,
	     struct sl_err *err)
{
	sl_cleanup(release_paths) struct paths paths = {NULL, 0, 0};
	const char *fixed;

	while (pattern[0] == '.' && pattern[1] == '/')
		for (pattern += 2; *pattern == '/'; pattern++)
			;
	const char *rest = split(pattern, arena, &fixed);
	*ret = (struct sl_matches){
		.root = *fixed == '/' ? fixed : sl_arena_printf(arena, "%s/%s", base, fixed),
		.wild = is_wild(sl_str_of(rest)),
	};
	ret->root_missing = !is_dir(ret->root);
	if (!expand_all(ret->root, sl_str_of(rest), arena, &paths, err))
		return false;
	return set_matches(ret, &paths, fixed, arena, err);
}
