/*
 * Appending one line by one write(2), so that two at once do not mix; and reading them again.
 */
#include "tasks/sluice/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#define FILE_MAX ((size_t)64 << 20)
#define TEXT_MAX ((size_t)512)

static void add_text(struct sl_buf *line, const char *key, const char *value)
{
	sl_buf_addf(line, "%s\"%s\":", line->n ? "," : "{", key);
	sl_buf_add_json(line, sl_str_sub(sl_str_of(value ? value : ""), 0, TEXT_MAX));
}

static void build(const struct sl_run *run, const char *change, const char *what,
		  struct sl_buf *line)
{
	char host[256] = "", now[32];
	sl_cleanup(sl_freep) char *uid = sl_xasprintf("uid %u", (unsigned)getuid());
	const char *user = getenv("USER");

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	sl_time_text(sl_clock_now(), now);
	add_text(line, "time", now);
	add_text(line, "change", change);
	add_text(line, "what", what);
	add_text(line, "user", user && user[0] ? user : uid);
	add_text(line, "host", host);
	add_text(line, "version", SLUICE_VERSION);
	add_text(line, "backend", run->p->backend.name);
	sl_buf_addf(line, ",\"pid\":%d}\n", (int)getpid());
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

bool sl_audit(const struct sl_run *run, const char *change, const char *what, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_home_path(&run->home, "audit.jsonl");
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;
	sl_cleanup(close_fd) int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return sl_err_errno(err, SL_ERR_CREATE, errno, "cannot note the change in \"%s\"",
				    path);
	build(run, change, what, &line);
	if (!sl_fd_write_all(fd, line.p, line.n, path, err))
		return false;
	return fsync(fd) == 0 ||
	       sl_err_errno(err, SL_ERR_IO, errno, "cannot note the change in \"%s\"", path);
}

static void add_line(struct sl_str text, struct sl_buf *out)
{
	json_t *o = json_loadb(text.p, text.n, 0, NULL);
	static const char *const keys[] = {"time", "user", "host", "change", "what"};

	for (size_t i = 0; o && i < SL_ARRAY_LEN(keys); i++) {
		const char *value = json_string_value(json_object_get(o, keys[i]));

		sl_buf_adds(out, i ? "  " : "");
		sl_buf_add_escaped(out, sl_str_of(value && value[0] ? value : "-"), TEXT_MAX);
	}
	if (!o)
		sl_buf_adds(out, "(a line that is no JSON)");
	sl_buf_addc(out, '\n');
	json_decref(o);
}

bool sl_audit_show(const struct sl_run *run, uint64_t max, struct sl_buf *out, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *path = sl_home_path(&run->home, "audit.jsonl");
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	struct sl_str rest, line;
	uint64_t total = 0, at = 0;

	if (!sl_file_exists(path)) {
		sl_buf_adds(out, "nothing was changed by hand\n");
		return true;
	}
	if (!sl_file_read(path, FILE_MAX, &text, err))
		return false;
	for (size_t i = 0; i < text.n; i++)
		total += text.p[i] == '\n';
	rest = sl_buf_str(&text);
	while (sl_str_next(&rest, '\n', &line)) {
		if (line.n && at++ + max >= total)
			add_line(line, out);
	}
	return true;
}
