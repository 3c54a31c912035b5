/*
 * For the targets of what is read from a file: a folder that goes with the process.
 */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "fuzz.h"

static char fuzz_dir[] = "/tmp/sluice-fuzz-XXXXXX";

static inline int fuzz_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static inline void fuzz_remove_dir(void)
{
	nftw(fuzz_dir, fuzz_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Makes the folder at the first call. */
static inline void fuzz_make_dir(void)
{
	static bool made;

	if (made)
		return;
	made = true;
	FUZZ_MUST(mkdtemp(fuzz_dir) && atexit(fuzz_remove_dir) == 0);
}

/* Writes fuzz_dir/name anew; returns its path, owned. */
static inline char *fuzz_write(const char *name, struct sl_str bytes)
{
	char *path = sl_xasprintf("%s/%s", fuzz_dir, name);
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	FUZZ_MUST(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n && close(fd) == 0);
	return path;
}

#endif
