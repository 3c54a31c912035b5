/* Asking an executable: see describe.h. */
#include "tasks/sluice/describe.h"

#include "base/buf.h"
#include "run/spawn.h"

bool sl_describe_of(const char *exe, json_t **ret, struct sl_err *err)
{
	const char *const argv[] = {exe, "--describe", NULL};
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	int code = 0;

	if (!sl_spawn_output(exe, argv, &out, &code, err))
		return false;
	*ret = code == 0 && out.n ? json_loadb(out.p, out.n, 0, NULL) : NULL;
	return *ret || sl_err_set(err, SL_ERR_CONFIG, "\"%s\" does not describe itself", exe);
}

void sl_described_release(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}
