/* Opening a document engine: a module, or the files' own, which needs no library. */
#include "store/documents.h"

#include "base/module.h"

bool sl_docs_engine_get(const char *name, const struct sl_docs_engine **ret, struct sl_err *err)
{
	const void *descriptor;

	if (!sl_module_open(name, &descriptor, err))
		return false;
	*ret = descriptor;
	return true;
}
