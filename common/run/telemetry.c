/*
 * Writes and reads runs/<run>/stages/<stage>[-k]-<start µs>-<pid>.json.
 */
#include "run/telemetry.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

#define FILE_MAX ((size_t)64 << 10)

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
	sl_cleanup(sl_freep) char *name = sl_xasprintf("runs/%s/stages/%s.json", dir, id);
	struct sl_err err = SL_ERR_INIT;

	sl_buf_add(&out, result.p, result.n - 1); /* the object goes on */
	add_text(&out, "id", id);
	add_time(&out, "started", started);
	add_time(&out, "finished", sl_clock_now());
	sl_buf_addf(&out, ",\"pid\":%d,\"partition\":%" PRIu32, (int)getpid(), run->part_k);
	add_context(&out);
	sl_buf_adds(&out, "}\n");
	if (!sl_depot_replace(run->home.shared, name, sl_buf_str(&out), SL_CACHE, &err))
		sl_log(SL_WARNING, "this execution is not recorded", "reason=\"%s\"", err.msg);
}

static void read_one(struct sl_run *run, const char *dir, const char *file, struct sl_records *r)
{
	sl_cleanup(sl_freep) char *name = sl_xasprintf("%s/%s", dir, file);
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	if (!sl_str_ends(sl_str_of(file), ".json"))
		return;
	if (!sl_depot_get(run->home.shared, name, FILE_MAX, &text, &err)) {
		sl_log(SL_WARNING, "an execution's record is left out", "reason=\"%s\"", err.msg);
		return;
	}
	r->json[r->n++] = sl_arena_str(&run->arena, sl_str_trim(sl_buf_str(&text)));
}

bool sl_telemetry_read(struct sl_run *run, struct sl_records *ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *id = sl_home_run_dir(run->run_id);
	sl_cleanup(sl_freep) char *dir = sl_xasprintf("runs/%s/stages", id);
	sl_cleanup(sl_names_release) struct sl_names names = {0};

	if (!sl_depot_list(run->home.shared, dir, &names, err))
		return false;
	*ret = (struct sl_records){
		.json = sl_arena_zalloc(&run->arena, names.n + 1, sizeof(*ret->json))};
	for (size_t i = 0; i < names.n; i++)
		read_one(run, dir, names.v[i], ret);
	return true;
}
