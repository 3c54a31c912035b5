/*
 * One file a change, so that two at once do not mix, wherever they are made; and reading them again.
 */
#include "tasks/sluice/audit.h"

#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define FILE_MAX ((size_t)64 << 10)
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

/* Names sort by time: 16 digits of µs until the year 2286. */
static char *file_name(void)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';

	sl_cleanup(sl_freep) char *plain = sl_home_run_dir(host);

	return sl_xasprintf("audit/%016" PRId64 "-%s-%d.json", sl_clock_now(), plain,
			    (int)getpid());
}

bool sl_audit(const struct sl_run *run, const char *change, const char *what, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = file_name();
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	build(run, change, what, &text);
	return sl_depot_put(run->home.shared, name, sl_buf_str(&text), SL_DURABLE, NULL, err) ||
	       sl_err_prefix(err, "cannot note the change");
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
	sl_cleanup(sl_names_release) struct sl_names names = {0};
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	if (!sl_depot_list(run->home.shared, "audit", &names, err))
		return false;
	if (names.n == 0)
		sl_buf_adds(out, "nothing was changed by hand\n");
	for (size_t i = names.n > max ? names.n - max : 0; i < names.n; i++) {
		sl_cleanup(sl_freep) char *name = sl_xasprintf("audit/%s", names.v[i]);

		sl_buf_clear(&text);
		if (!sl_depot_get(run->home.shared, name, FILE_MAX, &text, err))
			return false;
		add_line(sl_buf_str(&text), out);
	}
	return true;
}
