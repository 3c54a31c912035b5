/*
 * A depot: where a pipeline keeps its immutable files (chunks, log entries, begins of runs, clean
 * parts, marks, records of executions). A folder on this machine, or a prefix in a bucket that
 * every host sees. Whatever reads or writes these files goes through here.
 *
 * A name is a path with slashes, without one in front: "log/drop/17.json". A file is either not
 * there or complete. put is how hosts agree: of several that put one name at once, the first
 * complete version wins, and every loser is told.
 *
 * Errors of all calls: a folder SL_ERR_IO or SL_ERR_CREATE, a bucket those of net/s3.h.
 */
#ifndef SL_STORE_DEPOT_H
#define SL_STORE_DEPOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/file.h"

struct sl_depot;

/* What a file is worth. DURABLE outlives a power cut. CACHE may be gone or damaged after one: it is
 * checked when it is read and can be made again, or nobody needs it. */
enum sl_worth { SL_DURABLE, SL_CACHE };

struct sl_depot *sl_depot_folder(const char *dir); /* returns owned; made when first written to */
/* Below `below` in the bucket of a connection (net/s3.h), which is looked up at the first call.
 * spool: a directory here, where large files gather; NULL: none will be written. Returns owned. */
struct sl_depot *sl_depot_s3(const char *conn_id, const char *below, const char *spool);
void sl_depot_close(struct sl_depot *d); /* NULL is fine */

/* For messages: "/home/…/log/drop/17.json", "s3://lake/orders/log/drop/17.json". Returns owned. */
char *sl_depot_where(const struct sl_depot *d, const char *name);

/* *ret_won (may be NULL) = false when the name was there already: that version stays, no error. */
SL_NODISCARD bool sl_depot_put(struct sl_depot *d, const char *name, struct sl_str bytes,
			       enum sl_worth worth, bool *ret_won, struct sl_err *err);
/* The last one wins. */
SL_NODISCARD bool sl_depot_replace(struct sl_depot *d, const char *name, struct sl_str bytes,
				   enum sl_worth worth, struct sl_err *err);
/* Whole file, appended to out, at most max bytes (more is SL_ERR_DATA, a missing one
 * SL_ERR_NO_INPUT). */
SL_NODISCARD bool sl_depot_get(struct sl_depot *d, const char *name, size_t max, struct sl_buf *out,
			       struct sl_err *err);

/* Whether each of n names is there; they should have their directory in common. */
SL_NODISCARD bool sl_depot_exist(struct sl_depot *d, const char *const *names, size_t n,
				 bool *there, struct sl_err *err);
/* Whether it is there, and if so makes it durable: who put it may have died before its sync. */
SL_NODISCARD bool sl_depot_secure(struct sl_depot *d, const char *name, bool *ret_there,
				  struct sl_err *err);
/* Missing ones are no error. */
SL_NODISCARD bool sl_depot_remove(struct sl_depot *d, const char *const *names, size_t n,
				  struct sl_err *err);

/* Calls fn with the last component of every name directly below dir ("": the depot itself),
 * directories too, in any order.
 * before (0: all) leaves only files that were written earlier. A missing directory has none. */
typedef void (*sl_depot_fn)(void *ctx, const char *name);
SL_NODISCARD bool sl_depot_each(struct sl_depot *d, const char *dir, sl_time before, sl_depot_fn fn,
				void *ctx, struct sl_err *err);
/* The same as a list sorted by bytes; sl_names_release. */
SL_NODISCARD bool sl_depot_list(struct sl_depot *d, const char *dir, struct sl_names *ret,
				struct sl_err *err);
/* Removes what killed processes began before that time and never finished; *ret_n counts it. */
SL_NODISCARD bool sl_depot_sweep(struct sl_depot *d, sl_time before, size_t *ret_n,
				 struct sl_err *err);

/* --- reading pieces --- */

struct sl_depot_reader;

/* SL_ERR_NO_INPUT when there is none. */
SL_NODISCARD bool sl_depot_open(struct sl_depot *d, const char *name, struct sl_depot_reader **ret,
				struct sl_err *err);
uint64_t sl_depot_size(const struct sl_depot_reader *r); /* bytes of the file */
/* Appends n bytes from an offset, fewer only at the file's end. Reading onwards is cheapest. */
SL_NODISCARD bool sl_depot_read(struct sl_depot_reader *r, uint64_t at, size_t n,
				struct sl_buf *out, struct sl_err *err);
/* What came was damaged. True when reading it again may give other bytes: it came over a net. */
bool sl_depot_again(struct sl_depot_reader *r);
void sl_depot_reader_close(struct sl_depot_reader *r); /* NULL is fine */

/* --- writing a large file, DURABLE --- */

struct sl_depot_writer;

/* room: bytes left free in front, for what is known only at the end. dir: where it will lie. */
SL_NODISCARD bool sl_depot_create(struct sl_depot *d, const char *dir, size_t room,
				  struct sl_depot_writer **ret, struct sl_err *err);
SL_NODISCARD bool sl_depot_write(struct sl_depot_writer *w, struct sl_str bytes,
				 struct sl_err *err);
/* Fills the room with head and puts the file under its name, as sl_depot_put. w stays the
 * caller's. */
SL_NODISCARD bool sl_depot_publish(struct sl_depot_writer *w, const char *name, struct sl_str head,
				   bool *ret_won, struct sl_err *err);
void sl_depot_writer_close(struct sl_depot_writer *w); /* NULL is fine */

#endif
