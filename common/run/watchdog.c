/*
 * Signal handlers only: everything they touch is prepared before. They stand in front of those of
 * base/cancel.h and call them.
 */
#include "run/watchdog.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/log.h"

static const int stop_signals[] = {SIGTERM, SIGINT, SIGHUP};
static struct sigaction inner[SL_ARRAY_LEN(stop_signals)];
static long wait_us;
static char result[8192];
static size_t result_length;
static char *exit_digits; /* inside result */
static volatile sig_atomic_t first_signal;
static bool terminal;

#define PASSED_ON 0x51 /* value of a signal that the driver passed on */

static void on_stop(int sig, siginfo_t *info, void *context)
{
	const struct itimerval timer = {
		.it_value = {.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000},
	};

	(void)context;
	if (first_signal && info->si_code == SI_QUEUE && info->si_value.sival_int == PASSED_ON)
		return;
	if (!first_signal) {
		first_signal = sig;
		setitimer(ITIMER_REAL, &timer, NULL);
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(stop_signals); i++) {
		if (stop_signals[i] == sig && inner[i].sa_handler != SIG_DFL &&
		    inner[i].sa_handler != SIG_IGN)
			inner[i].sa_handler(sig);
	}
}

static void on_alarm(int sig)
{
	const int code = 128 + (int)first_signal;

	(void)sig;
	if (exit_digits) {
		exit_digits[0] = (char)('0' + code / 100);
		exit_digits[1] = (char)('0' + code / 10 % 10);
		exit_digits[2] = (char)('0' + code % 10);
	}
	if (terminal && write(STDERR_FILENO, "\r\033[K", 4) < 0) /* a status line may stand there */
		_exit(code);
	if (result_length && write(STDERR_FILENO, result, result_length) < 0)
		_exit(code);
	_exit(code);
}

void sl_watchdog_setup(long wait_ms)
{
	struct sigaction alarm_action = {.sa_handler = on_alarm};

	wait_us = wait_ms * 1000;
	terminal = sl_log_shows_status();
	sigaction(SIGALRM, &alarm_action, NULL);
	for (size_t i = 0; i < SL_ARRAY_LEN(stop_signals); i++) {
		struct sigaction ours;

		sigaction(stop_signals[i], NULL, &inner[i]);
		if (inner[i].sa_handler == SIG_IGN || inner[i].sa_handler == SIG_DFL)
			continue;
		ours = inner[i];
		ours.sa_sigaction = on_stop;
		ours.sa_flags |= SA_SIGINFO;
		sigaction(stop_signals[i], &ours, NULL);
	}
}

void sl_watchdog_result(const char *line)
{
	static const char mark[] = "\"exit\":143";
	const size_t n = line ? strlen(line) : 0;

	exit_digits = NULL;
	result_length = 0;
	if (n == 0 || n + 1 > sizeof(result))
		return;
	memcpy(result, line, n);
	result[n] = '\n';
	result_length = n + 1;

	char *at = memmem(result, n, mark, sizeof(mark) - 1);

	exit_digits = at ? at + sizeof(mark) - 4 : NULL;
}

void sl_watchdog_hold(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SL_ARRAY_LEN(stop_signals); i++)
		sigaddset(&set, stop_signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void sl_watchdog_off(void)
{
	const struct itimerval none = {0};

	setitimer(ITIMER_REAL, &none, NULL);
	signal(SIGALRM, SIG_IGN);
}

void sl_watchdog_pass_on(pid_t pid)
{
	sigqueue(pid, SIGTERM, (union sigval){.sival_int = PASSED_ON});
}
