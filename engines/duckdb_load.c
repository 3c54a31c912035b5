/*
 * Finds libduckdb.so and its functions. Opened only when a pipeline stores into DuckDB: it costs
 * every start that loads it 11-18 ms.
 */
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/module.h"
#include "engines/duckdb_api.h"

struct sl_duckdb_api sl_duck;

static bool find_function(void *library, const char *name, void **ret, struct sl_err *err)
{
	*ret = dlsym(library, name);
	if (*ret)
		return true;
	return sl_err_set(err, SL_ERR_CONFIG, "libduckdb.so has no function \"%s\"", name);
}

static bool find_functions(void *library, struct sl_err *err)
{
#define X(result, name, args)                                                                      \
	{                                                                                          \
		void *f;                                                                           \
		if (!find_function(library, "duckdb_" #name, &f, err))                             \
			return false;                                                              \
		memcpy(&sl_duck.name, &f, sizeof(f)); /* ISO C has no cast to a function */        \
	}
	SL_DUCKDB_FUNCTIONS(X)
#undef X
	return true;
}

/* The module's own directory, as the dynamic linker knows it. */
static bool module_dir(char out[PATH_MAX])
{
	Dl_info info;

	if (!dladdr(&sl_duck, &info) || !info.dli_fname || strlen(info.dli_fname) >= PATH_MAX)
		return false;
	snprintf(out, PATH_MAX, "%s", info.dli_fname);
	memmove(out, dirname(out), strlen(dirname(out)) + 1);
	return true;
}

static void *open_in(const char *dir, const char *below, struct sl_buf *tried)
{
	sl_cleanup(sl_buf_release) struct sl_buf path = SL_BUF_INIT;

	sl_buf_addf(&path, "%s%s/libduckdb.so", dir, below);
	if (sl_file_exists(sl_buf_z(&path))) {
		/* Lazy: to bind all of its functions takes longer than to open the library. */
		void *library = dlopen(sl_buf_z(&path), RTLD_LAZY | RTLD_LOCAL);
		if (library)
			return library;
		sl_buf_addf(tried, "%s%s", tried->n ? "; " : "", dlerror());
		return NULL;
	}
	sl_buf_addf(tried, "%sno %s", tried->n ? "; " : "", sl_buf_z(&path));
	return NULL;
}

bool sl_duckdb_load(struct sl_err *err)
{
	static void *library;
	sl_cleanup(sl_buf_release) struct sl_buf tried = SL_BUF_INIT;
	char dir[PATH_MAX];

	if (library)
		return true;
	void *found = module_dir(dir) ? open_in(dir, "", &tried) : NULL;
	if (!found)
		found = open_in(sl_exe_dir(), "/../lib/sluice", &tried);
	if (!found) {
		sl_err_set(err, SL_ERR_CONFIG, "cannot open DuckDB's library: %s",
			   sl_buf_z(&tried));
		return sl_err_hint(err, "scripts/get-duckdb %s/../lib/sluice", sl_exe_dir());
	}
	if (!find_functions(found, err)) {
		dlclose(found);
		return false;
	}
	library = found;
	return true;
}
