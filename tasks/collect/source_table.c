/*
 * The table of sources: one line of source_list.h each.
 */
#include <string.h>

#include "data/source.h"

#define X(name) extern const struct sl_source_kind sl_source_##name;
#include "tasks/collect/source_list.h"
#undef X

const struct sl_source_kind *const sl_source_kinds[] = {
#define X(name) &sl_source_##name,
#include "tasks/collect/source_list.h"
#undef X
	NULL,
};

const struct sl_source_kind *sl_source_find(const char *name)
{
	for (size_t i = 0; sl_source_kinds[i]; i++)
		if (strcmp(sl_source_kinds[i]->name, name) == 0)
			return sl_source_kinds[i];
	return NULL;
}
