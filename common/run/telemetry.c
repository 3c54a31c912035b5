/*
 * Writes runs/<run>/stages/<stage>[-k]-<start µs>-<pid>.json.
 */
#include "run/telemetry.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

static void add_text(struct sl_buf *out, const char *key, const char *value)
{
	if (!value || !value[0])
		return;
	sl_buf_addf(out, ",\"%s\":", key);
	sl_buf_add_json(out, sl_str_sub(sl_str_of(value), 0, 512));
}

static void add_time(struct sl_buf *out, const char *key, sl_time t)
{
	char text[32];

	sl_time_text(t, text);
	add_text(out, key, text);
}

static void add_context(struct sl_buf *out)
{
	static const struct {
		const char *key, *env;
	} context[] = {
		{"dag_id", "AIRFLOW_CTX_DAG_ID"},	  {"task_id", "AIRFLOW_CTX_TASK_ID"},
		{"dag_run_id", "AIRFLOW_CTX_DAG_RUN_ID"}, {"try_number", "AIRFLOW_CTX_TRY_NUMBER"},
		{"map_index", "AIRFLOW_CTX_MAP_INDEX"},
	};
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) == 0)
		add_text(out, "host", host);
	for (size_t i = 0; i < SL_ARRAY_LEN(context); i++)
		add_text(out, context[i].key, getenv(context[i].env));
}

/* "normalize-2-1795629160000000-4711" */
static char *make_id(const struct sl_run *run, sl_time started)
{
	if (run->part_n > 1)
		return sl_xasprintf("%s-%" PRIu32 "-%" PRId64 "-%d", run->stage->name, run->part_k,
				    started, (int)getpid());
	return sl_xasprintf("%s-%" PRId64 "-%d", run->stage->name, started, (int)getpid());
}

void sl_telemetry_write(const struct sl_run *run, sl_time started, struct sl_str result)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	sl_cleanup(sl_freep) char *dir = sl_home_run_dir(run->run_id);
	sl_cleanup(sl_freep) char *id = make_id(run, started);
	sl_cleanup(sl_freep) char *path =
		sl_home_path(&run->home, "runs/%s/stages/%s.json", dir, id);
	struct sl_err err = SL_ERR_INIT;
	bool won;

	sl_buf_add(&out, result.p, result.n - 1); /* the object goes on */
	add_text(&out, "id", id);
	add_time(&out, "started", started);
	add_time(&out, "finished", sl_clock_now());
	sl_buf_addf(&out, ",\"pid\":%d,\"partition\":%" PRIu32, (int)getpid(), run->part_k);
	add_context(&out);
	sl_buf_adds(&out, "}\n");
	if (!sl_file_link_unsynced(path, out.p, out.n, &won, &err))
		sl_log(SL_WARNING, "this execution is not recorded", "reason=\"%s\"", err.msg);
}
