/*
 * Fault points of test builds. Every name is counted in every process, so that "the third time"
 * means the same whether or not a fault is asked for.
 */
#include "base/fault.h"

#ifdef SL_FAULTS

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

struct point {
	struct point *next;
	const char *name; /* the literal at the call */
	int64_t passed;
};

static struct point *points;
static pthread_mutex_t points_lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t count_pass(const char *name)
{
	struct point *p;
	int64_t passed;

	pthread_mutex_lock(&points_lock);
	for (p = points; p && strcmp(p->name, name) != 0; p = p->next)
		;
	if (!p) {
		p = sl_xcalloc(1, sizeof(*p));
		p->name = name;
		p->next = points;
		points = p;
	}
	passed = ++p->passed;
	pthread_mutex_unlock(&points_lock);
	return passed;
}

static void trace(const char *name)
{
	const char *path = getenv("SLUICE_FAULT_TRACE");
	char line[256];
	int fd, n;

	if (!path || !path[0])
		return;
	n = snprintf(line, sizeof(line), "%s\n", name);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		SL_BUG("cannot write fault trace \"%s\"", path);
	close(fd);
}

struct spec {
	struct sl_str name, action;
	int64_t nth;
};

/* name[:nth][:action] */
static bool read_spec(const char *text, struct spec *spec)
{
	struct sl_str rest = sl_str_of(text), part;

	*spec = (struct spec){.action = SL_STR("kill"), .nth = 1};
	if (!sl_str_next(&rest, ':', &spec->name))
		return false;
	if (!sl_str_next(&rest, ':', &part))
		return true;
	if (sl_num_i64(part, 1, INT64_MAX, &spec->nth) && !sl_str_next(&rest, ':', &part))
		return true;
	spec->action = part;
	return !sl_str_next(&rest, ':', &part);
}

/* Polls: a signal that came before a pause() would be waited for for ever. */
static bool wait_for_signal(void)
{
	while (sl_cancel_signal() == 0)
		usleep(1000);
	return true;
}

bool sl_fault(const char *name, struct sl_err *err)
{
	int64_t passed = count_pass(name);
	const char *text = getenv("SLUICE_FAULT");
	struct spec spec;

	trace(name);
	if (!text || !text[0])
		return true;
	if (!read_spec(text, &spec))
		SL_BUG("SLUICE_FAULT \"%s\" is not name[:nth][:action]", text);
	if (!sl_str_eqz(spec.name, name) || passed != spec.nth)
		return true;
	if (sl_str_eqz(spec.action, "eio"))
		return sl_err_set(err, SL_ERR_IO, "fault \"%s\": input/output error", name);
	if (sl_str_eqz(spec.action, "stop"))
		return raise(SIGSTOP) == 0;
	if (sl_str_eqz(spec.action, "wait"))
		return wait_for_signal();
	if (sl_str_eqz(spec.action, "abort"))
		abort();
	if (sl_str_eqz(spec.action, "kill"))
		raise(SIGKILL);
	SL_BUG("SLUICE_FAULT \"%s\" names no action", text);
}

#endif
