/*
 * Private to common/store: how the log's files are written and read (entries, snapshots).
 */
#ifndef SL_STORE_LOG_JSON_H
#define SL_STORE_LOG_JSON_H

#include <jansson.h>

#include "store/log.h"

#define SL_LOG_FILE_MAX ((size_t)1 << 30) /* bytes of one entry or snapshot */

/* {"name":…,"settings":…,"stat":…,"chunks":[["id",bytes,parts,records],…]} without the braces, so
 * that a caller can add its own keys. */
void sl_log_put_input(struct sl_buf *out, const struct sl_log_input *in);
/* Texts are copied into arena. False when o is not such an object. */
bool sl_log_get_input(const json_t *o, struct sl_arena *arena, struct sl_log_input *ret);

/* "key":"text" or "key":null. */
void sl_log_put_text(struct sl_buf *out, const char *key, const char *text);
/* Copy of a member's text; NULL when absent or null. */
const char *sl_log_get_text(const json_t *o, const char *key, struct sl_arena *arena);
bool sl_log_get_u64(const json_t *o, const char *key, uint64_t *ret);

/* A file's bytes as JSON; SL_ERR_IO naming the file. The caller json_decref's *ret. */
SL_NODISCARD bool sl_log_parse(const struct sl_depot *d, const char *name, struct sl_str bytes,
			       json_t **ret, struct sl_err *err);
/* The same of a whole file of at most max bytes; SL_ERR_NO_INPUT when there is none. */
SL_NODISCARD bool sl_log_load(struct sl_depot *d, const char *name, size_t max, json_t **ret,
			      struct sl_err *err);
bool sl_log_damaged(struct sl_err *err, const struct sl_depot *d, const char *name,
		    const char *why);
void sl_log_decref(json_t **o); /* for sl_cleanup */

/* Greatest numbers in log/<source>/: of an entry, and of a snapshot that reaches to at most upto
 * (0: any); 0 when there is none. */
struct sl_log_numbers {
	uint64_t entry, snapshot;
};
SL_NODISCARD bool sl_log_numbers(const struct sl_home *h, const char *source, uint64_t upto,
				 struct sl_log_numbers *ret, struct sl_err *err);

/* Links the snapshot of entry n. Only an accelerator. */
SL_NODISCARD bool sl_log_snapshot(const struct sl_home *h, const char *source, uint64_t n,
				  struct sl_err *err);

#endif
