/*
 * Executing our own stages: the driver and store start the same executables that Airflow starts.
 * The child ends with its parent (PDEATHSIG), stays in the process group, gets no stdin.
 */
#ifndef SL_RUN_SPAWN_H
#define SL_RUN_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct sl_child {
	pid_t pid;
	int fd;	       /* read end of its stderr, when captured; else -1 */
	char name[32]; /* of the executable, for people who wait */
};

/* exe: "sluice-normalize", found beside this executable. argv[0] included, NULL-terminated.
 * capture: stderr comes to us (log lines and result), else it is shared. */
SL_NODISCARD bool sl_spawn(const char *exe, const char *const *argv, bool capture,
			   struct sl_child *ret, struct sl_err *err);

/* Executes it with its stdout into out, its stderr shared, and waits. */
SL_NODISCARD bool sl_spawn_output(const char *exe, const char *const *argv, struct sl_buf *out,
				  int *ret_code, struct sl_err *err);

/* Waits; *ret_code as a shell has it (128 + signal). result: last line of stderr when captured, and
 * the lines before it are passed on to our stderr as they come. A stop request is passed on. */
SL_NODISCARD bool sl_child_wait(struct sl_child *c, int *ret_code, struct sl_buf *result,
				struct sl_err *err);

/* As sl_child_wait for n children at once; codes and results have n elements. */
SL_NODISCARD bool sl_children_wait(struct sl_child *children, size_t n, int *ret_codes,
				   struct sl_buf *results, struct sl_err *err);

/* Replaces this process by one of our executables. Returns only when that failed. */
bool sl_exec(const char *exe, const char *const *argv, struct sl_err *err);

#endif
