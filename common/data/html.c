/*
 * The HTML module, found when the first page comes.
 */
#include "data/html.h"

#include "base/module.h"

bool sl_html_get(const struct sl_html_engine **ret, struct sl_err *err)
{
	const void *engine;

	if (!sl_module_open("html", &engine, err))
		return sl_err_prefix(err, "cannot read HTML");
	*ret = engine;
	return true;
}
