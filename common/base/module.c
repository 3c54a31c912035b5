/*
 * Engine modules. The paths come from /proc/self/exe, because $ORIGIN in dlopen does not work under
 * AddressSanitizer, which puts itself between.
 */
#include "base/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

static char exe_dir[PATH_MAX];
static pthread_once_t exe_dir_once = PTHREAD_ONCE_INIT;

static void find_exe_dir(void)
{
	ssize_t n = readlink("/proc/self/exe", exe_dir, sizeof(exe_dir) - 1);
	char *slash;

	if (n < 0)
		n = 0;
	exe_dir[n] = '\0';
	slash = strrchr(exe_dir, '/');
	if (slash)
		*slash = '\0';
	else
		snprintf(exe_dir, sizeof(exe_dir), "."); /* no /proc: the current directory */
}

const char *sl_exe_dir(void)
{
	pthread_once(&exe_dir_once, find_exe_dir);
	return exe_dir;
}

static bool is_module_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static bool find_module(const char *name, struct sl_buf *path)
{
	static const char *const places[] = {"", "/../lib/sluice", "/../engines"};

	for (size_t i = 0; i < SL_ARRAY_LEN(places); i++) {
		sl_buf_clear(path);
		sl_buf_addf(path, "%s%s/libsluice-%s.so", sl_exe_dir(), places[i], name);
		if (sl_file_exists(path->p))
			return true;
	}
	return false;
}

bool sl_module_open(const char *name, const void **ret_descriptor, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf path = SL_BUF_INIT;
	char symbol[64];
	const void *const *descriptor;
	void *module;

	if (!is_module_name(name))
		return sl_err_set(err, SL_ERR_CONFIG,
				  "cannot open engine \"%s\": not a module's name", name);
	if (!find_module(name, &path)) {
		sl_err_set(err, SL_ERR_CONFIG, "cannot open engine \"%s\": no libsluice-%s.so",
			   name, name);
		return sl_err_hint(err, "it is looked for in %s and %s/../lib/sluice", sl_exe_dir(),
				   sl_exe_dir());
	}
	module = dlopen(path.p, RTLD_NOW | RTLD_LOCAL);
	if (!module)
		return sl_err_set(err, SL_ERR_CONFIG, "cannot open engine \"%s\": %s", name,
				  dlerror());
	snprintf(symbol, sizeof(symbol), "sl_module_%s", name);
	descriptor = dlsym(module, symbol);
	if (!descriptor || !*descriptor) {
		sl_err_set(err, SL_ERR_CONFIG,
			   "cannot open engine \"%s\": no symbol \"%s\" in \"%s\"", name, symbol,
			   path.p);
		dlclose(module);
		return false;
	}
	*ret_descriptor = *descriptor;
	return true;
}
