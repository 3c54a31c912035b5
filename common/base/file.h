/*
 * Files: nothing half-written is ever visible under its final name. A new file is written under a
 * temporary name in the same directory, synced, then linked (first one wins) or renamed (last
 * wins).
 */
#ifndef SL_BASE_FILE_H
#define SL_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"

/* Makes the directory and its parents, mode 0777 & umask. SL_ERR_CREATE. */
SL_NODISCARD bool sl_dir_make(const char *path, struct sl_err *err);

/* Makes the names in a directory durable: also for names that somebody else made. SL_ERR_IO. */
SL_NODISCARD bool sl_dir_sync(const char *path, struct sl_err *err);

/* Whole file, appended to out, at most max bytes (more is SL_ERR_DATA; a missing one
 * SL_ERR_NO_INPUT; not a regular file SL_ERR_NO_INPUT). */
SL_NODISCARD bool sl_file_read(const char *path, size_t max, struct sl_buf *out,
			       struct sl_err *err);

bool sl_file_exists(const char *path);

/* A file being written. Zero-initialise; close is safe on a zeroed or finished one and removes what
 * was not published. */
struct sl_tmpfile {
	int fd;	    /* valid while path is not NULL */
	char *path; /* temporary name */
};

#define SL_TMPFILE_INIT {-1, NULL}

/* dir is created if missing. SL_ERR_CREATE. */
SL_NODISCARD bool sl_tmpfile_open(struct sl_tmpfile *t, const char *dir, struct sl_err *err);
SL_NODISCARD bool sl_fd_write_all(int fd, const void *p, size_t n, const char *what,
				  struct sl_err *err);

/* fsync, link(2) to final, fsync of the directory. *ret_won = false when final existed already
 * (that version stays, ours is removed): no error. SL_ERR_IO. */
SL_NODISCARD bool sl_tmpfile_link(struct sl_tmpfile *t, const char *final, bool *ret_won,
				  struct sl_err *err);
/* fsync, rename(2) over final, fsync of the directory. */
SL_NODISCARD bool sl_tmpfile_rename(struct sl_tmpfile *t, const char *final, struct sl_err *err);
void sl_tmpfile_close(struct sl_tmpfile *t);
/* Whether a file's name (without directories) is one that sl_tmpfile_open gives. */
bool sl_tmpfile_is(const char *name);

/* Small whole files in one call. link: as sl_tmpfile_link. */
SL_NODISCARD bool sl_file_link(const char *final, const void *p, size_t n, bool *ret_won,
			       struct sl_err *err);
SL_NODISCARD bool sl_file_replace(const char *final, const void *p, size_t n, struct sl_err *err);
/* The same, but nothing is synced: after a power cut the file may be gone, or there with other
 * bytes. For what is checked when it is read and can be made again (clean parts), and for
 * telemetry. */
SL_NODISCARD bool sl_file_link_unsynced(const char *final, const void *p, size_t n, bool *ret_won,
					struct sl_err *err);
SL_NODISCARD bool sl_file_replace_unsynced(const char *final, const void *p, size_t n,
					   struct sl_err *err);

/* Names in a directory sorted by bytes, without "." "..", and without temporary files; a missing
 * directory has none. Returns owned. */
struct sl_names {
	char **v;
	size_t n;
};
SL_NODISCARD bool sl_dir_list(const char *path, struct sl_names *ret, struct sl_err *err);
void sl_names_release(struct sl_names *names);

/*
 * Opens a path below root without leaving it: symbolic links that lead out, "..", and magic links
 * are refused (openat2 with RESOLVE_BENEATH, Linux 5.6; checked component by component before).
 * Regular files only; a directory, FIFO or device is SL_ERR_NO_INPUT and never opened for reading.
 */
SL_NODISCARD bool sl_open_beneath(const char *root, const char *rel, int *ret_fd,
				  struct sl_err *err);
/* sl_file_read of such a path. */
SL_NODISCARD bool sl_file_read_beneath(const char *root, const char *rel, size_t max,
				       struct sl_buf *out, struct sl_err *err);

/* Exclusive flock on path (created). Waits up to wait_us, then SL_ERR_AGAIN naming the holder's pid
 * as written into the file. *ret_fd stays open for the holder's life; not O_CLOEXEC when inherit.
 */
SL_NODISCARD bool sl_lock_file(const char *path, int64_t wait_us, bool inherit, int *ret_fd,
			       struct sl_err *err);

#endif
