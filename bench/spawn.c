/*
 * Runs a program and says what it and everything it waited for cost: one JSON object into a file.
 * Small on purpose: a process begins with the peak memory of the one that forked it, so a child of
 * Python would tell Python's. peak_kib is that of the largest process, not a sum.
 *
 * usage: spawn RESULT-FILE PROGRAM [ARGUMENT]…		exits with the program's own code
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int tell(const char *path, double wall, int code)
{
	struct rusage used;
	FILE *out = fopen(path, "we");

	if (!out)
		return -1;
	getrusage(RUSAGE_CHILDREN, &used);
	fprintf(out, "{\"wall\":%.6f,\"user\":%.6f,\"sys\":%.6f,\"peak_kib\":%ld,\"exit\":%d}\n",
		wall, seconds(used.ru_utime), seconds(used.ru_stime), used.ru_maxrss, code);
	return fclose(out);
}

int main(int argc, char **argv)
{
	const double begin = clock_now();
	int status = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: spawn RESULT-FILE PROGRAM [ARGUMENT]...\n");
		return 64;
	}
	const pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    tell(argv[1], clock_now() - begin, exit_code(status)) != 0) {
		perror("spawn");
		return 70;
	}
	return exit_code(status);
}
