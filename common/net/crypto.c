/* Opening the module of digests. */
#include "net/crypto.h"

#include "base/module.h"

bool sl_crypto_get(const struct sl_crypto **ret, struct sl_err *err)
{
	const void *descriptor;

	if (!sl_module_open("crypto", &descriptor, err))
		return false;
	*ret = descriptor;
	return true;
}
