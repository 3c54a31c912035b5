/* Opening a document engine: a module, or the files' own, which needs no library. */
#include "store/documents.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/module.h"

extern const struct sl_docs_engine sl_docs_file;

/* libmongoc counts in /dev/shm/mongoc-PID, which a kill leaves behind, already when it is loaded. */
static bool load(const char *name, const void **ret, struct sl_err *err)
{
	setenv("MONGOC_DISABLE_SHM", "1", 1);
	return sl_module_open(name, ret, err);
}

bool sl_docs_engine_get(const char *name, const struct sl_docs_engine **ret, struct sl_err *err)
{
	const void *descriptor = &sl_docs_file;

	if (strcmp(name, sl_docs_file.name) != 0 && !load(name, &descriptor, err))
		return false;
	*ret = descriptor;
	return true;
}

size_t sl_doc_nested_end(const struct sl_doc_layout *l, size_t i, const struct sl_str *cells,
			 bool *ret_any)
{
	size_t depth = 0;

	*ret_any = false;
	do {
		const struct sl_doc_step *s = &l->steps[i++];

		depth += s->what == SL_DOC_OPEN;
		depth -= s->what == SL_DOC_CLOSE;
		*ret_any = *ret_any || (s->what == SL_DOC_FIELD && cells[s->cell].p);
	} while (depth > 0);
	return i;
}

bool sl_docs_open(const struct sl_pipeline *p, const struct sl_home *home, const char *app_name,
		  int64_t wait_us, const struct sl_docs_engine **ret_engine, struct sl_docs **ret,
		  struct sl_err *err)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	sl_cleanup(sl_freep) char *dir = sl_home_path(home, "documents");
	struct sl_docs_conf conf = {.dir = dir, .app_name = app_name, .wait_us = wait_us};
	struct sl_conn conn;

	if (p->backend.documents_conn) {
		if (!sl_conn_get(p->backend.documents_conn, &arena, &conn, err))
			return false;
		conf.conn = &conn;
	}
	return sl_docs_engine_get(p->backend.documents, ret_engine, err) &&
	       (*ret_engine)->open(&conf, ret, err);
}
