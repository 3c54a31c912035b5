/*
 * The embedded store's lock, handed down by file descriptor. An inherited number is believed only
 * when it is that very file and its open file description holds the lock: after an exec through
 * some other program the number may mean anything.
 */
#include "run/lock.h"

#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/sink.h"

#define LOCK_VARIABLE "SLUICE_LOCK_FD"
#define DRIVER_WAIT (3 * SL_SECOND)

static bool is_embedded(const struct sl_run *run)
{
	return run->p->backend.store_conn == NULL;
}

static bool inherited(const char *path)
{
	const char *text = getenv(LOCK_VARIABLE);
	struct stat ours;
	struct stat theirs;
	uint64_t fd = 0;

	if (!text || !sl_num_u64(sl_str_of(text), INT16_MAX, &fd))
		return false;
	if (stat(path, &ours) != 0 || fstat((int)fd, &theirs) != 0)
		return false;
	if (ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino)
		return false;
	return flock((int)fd, LOCK_EX | LOCK_NB) == 0; /* no change when it is held already */
}

static bool take(const char *path, int64_t wait, bool inherit, int *ret_fd, struct sl_err *err)
{
	if (sl_lock_file(path, wait, inherit, ret_fd, err))
		return true;
	if (err->kind == SL_ERR_AGAIN)
		sl_err_hint(err, "another run of this pipeline is writing; try again when it has "
				 "ended");
	return false;
}

bool sl_store_lock(const struct sl_run *run, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_home_path(&run->home, "lock");
	int fd = -1; /* stays open until exit: that is the lock */

	if (!is_embedded(run) || inherited(path))
		return true;
	return take(path, sl_store_wait(), false, &fd, err);
}

bool sl_store_lock_for_children(const struct sl_run *run, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_home_path(&run->home, "lock");
	char text[16];
	int fd = -1;

	if (!is_embedded(run) || inherited(path))
		return true;
	if (!take(path, DRIVER_WAIT, true, &fd, err))
		return false;
	snprintf(text, sizeof(text), "%d", fd);
	return setenv(LOCK_VARIABLE, text, 1) == 0 ||
	       sl_err_set(err, SL_ERR_BUG, "cannot set " LOCK_VARIABLE);
}
