/*
 * Stop requests. The handler only sets a flag and calls the hook; loops ask the flag. ppoll with
 * the signals blocked closes the gap between asking and sleeping.
 */
#include "base/cancel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"

static volatile sig_atomic_t stop_signal, held;
static _Atomic(void (*)(void *)) hook_function;
static _Atomic(void *) hook_arg;

static const int stop_signals[] = {SIGTERM, SIGINT, SIGHUP};

static void on_signal(int sig)
{
	int saved = errno;
	void (*hook)(void *);

	if (stop_signal)
		_exit(128 + sig);
	stop_signal = sig;
	hook = atomic_load(&hook_function);
	if (hook)
		hook(atomic_load(&hook_arg));
	errno = saved;
}

static void stop_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < SL_ARRAY_LEN(stop_signals); i++)
		sigaddset(set, stop_signals[i]);
}

void sl_cancel_setup(void)
{
	struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};

	sigemptyset(&stop.sa_mask);
	for (size_t i = 0; i < SL_ARRAY_LEN(stop_signals); i++)
		sigaction(stop_signals[i], &stop, NULL);
	sigemptyset(&ignore.sa_mask);
	sigaction(SIGPIPE, &ignore, NULL);
}

int sl_cancel_signal(void)
{
	return stop_signal;
}

static const char *signal_name(int sig)
{
	switch (sig) {
	case SIGINT:
		return "SIGINT";
	case SIGHUP:
		return "SIGHUP";
	default:
		return "SIGTERM";
	}
}

bool sl_cancel_check(struct sl_err *err)
{
	int sig = stop_signal;

	if (SL_LIKELY(sig == 0 || held))
		return true;
	return sl_err_set(err, SL_ERR_CANCELLED, "stopped by %s", signal_name(sig));
}

void sl_cancel_hold(bool hold)
{
	held = hold;
}

void sl_cancel_hook(void (*hook)(void *), void *arg)
{
	sigset_t set, before;

	stop_set(&set); /* the pair changes as one */
	pthread_sigmask(SIG_BLOCK, &set, &before);
	atomic_store(&hook_arg, arg);
	atomic_store(&hook_function, hook);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void sl_parent_watch(void)
{
	const pid_t before = getppid();

	if (before == 0 && getpid() != 1)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != before)
		_exit(sl_err_exit_code(SL_ERR_CANCELLED));
}

bool sl_sleep(long us, struct sl_err *err)
{
	int64_t end = sl_clock_monotonic() + us, left = us;
	sigset_t set, before;

	stop_set(&set);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	while ((!stop_signal || held) && left > 0) {
		struct timespec ts = {.tv_sec = left / SL_SECOND,
				      .tv_nsec = left % SL_SECOND * 1000};

		ppoll(NULL, 0, &ts, &before);
		left = end - sl_clock_monotonic();
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return sl_cancel_check(err);
}
