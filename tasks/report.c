/*
 * sluice-report: folds what the run's executions told of themselves (runs/<run>/stages/) into table
 * sluice.stage_run. The last task of every DAG, whatever happened before it; folding twice changes
 * nothing.
 */
#include <jansson.h>

#include "base/log.h"
#include "run/lock.h"
#include "run/telemetry.h"
#include "run/tickets.h"
#include "store/sink.h"

struct params {
	bool show;
};

static const struct sl_field fields[] = {
	SL_F_BOOL(struct params, show, SL_F_FLAG, "false",
		  "log a line for each execution, with its id in sluice.stage_run"),
	SL_F_END,
};

static void put_json(json_t **j)
{
	json_decref(*j);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* " rejected=3"; nothing for 0. */
static void add_count(struct sl_buf *out, const json_t *o, const char *key)
{
	const json_int_t n = json_integer_value(json_object_get(o, key));

	if (n)
		sl_buf_addf(out, " %s=%" JSON_INTEGER_FORMAT, key, n);
}

static void show_record(struct sl_str record)
{
	static const char *const counts[] = {"n_in",	"rejected", "inserted", "updated",
					     "written", "pending",  "peak_kib"};
	sl_cleanup(put_json) json_t *o = json_loadb(record.p, record.n, 0, NULL);
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	if (!o)
		return;
	if (text_of(o, "source")[0])
		sl_buf_addf(&out, " source=%s", text_of(o, "source"));
	add_count(&out, o, "partition");
	sl_buf_addf(&out, " exit=%" JSON_INTEGER_FORMAT " seconds=%.3f",
		    json_integer_value(json_object_get(o, "exit")),
		    json_number_value(json_object_get(o, "seconds")));
	for (size_t i = 0; i < SL_ARRAY_LEN(counts); i++)
		add_count(&out, o, counts[i]);
	sl_log(SL_INFO, "executed", "stage=%s%s host=%s id=%s", text_of(o, "stage"), sl_buf_z(&out),
	       text_of(o, "host"), text_of(o, "id"));
}

static bool run_report(struct sl_run *run, const void *p, struct sl_err *err)
{
	const struct params *params = p;
	struct sl_sink *sink = NULL;
	struct sl_records records;

	if (!sl_telemetry_read(run, &records, err))
		return false;
	for (size_t i = 0; params->show && i < records.n; i++)
		show_record(records.json[i]);
	if (!run->dry_run)
		sl_tickets_drop_run(run);
	if (records.n == 0 || run->dry_run)
		return true;
	if (!sl_store_lock(run, err) || !sl_sink_open(run->p, &run->home, &sink, err))
		return false;

	const bool ok = sl_stage_runs_fold(sl_sink_engine(sink), sl_sink_db(sink), run->p->name,
					   records.json, records.n, err);

	sl_sink_close(sink);
	if (ok)
		run->result.written = records.n;
	return ok;
}

static const struct sl_stage stage = {
	.name = "report",
	.summary = "records the run's executions (times, counts, exits) in table sluice.stage_run",
	.usage = "--pipeline NAME|FILE --run-id ID [OPTION]…",
	.description =
		"Reads what each stage of the run wrote about itself and folds it into the "
		"store, where\ndashboards find it. Run it last, whatever happened before it; "
		"again changes nothing.\n",
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_HOME | SL_NEEDS_RUN | SL_NEEDS_STORE,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_report,
};

int main(int argc, char **argv)
{
	return sl_stage_main(&stage, argc, argv);
}
