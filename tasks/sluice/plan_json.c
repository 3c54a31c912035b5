/*
 * sluice plan --json: the plan as dags/sluice/plan.py reads it.
 */
#include "tasks/sluice/plan_json.h"

#include "tasks/sluice/plan_jobs.h"

static void add_key(struct sl_buf *out, const char *key, const char *value)
{
	sl_buf_addf(out, "\"%s\":", key);
	if (value)
		sl_buf_add_json(out, sl_str_of(value));
	else
		sl_buf_adds(out, "null");
}

static void add_texts(struct sl_texts list, struct sl_buf *out)
{
	sl_buf_addc(out, '[');
	for (size_t i = 0; i < list.n; i++) {
		sl_buf_adds(out, i ? "," : "");
		sl_buf_add_json(out, sl_str_of(list.v[i]));
	}
	sl_buf_addc(out, ']');
}

static void add_schedule(const struct sl_schedule *s, struct sl_buf *out)
{
	sl_buf_adds(out, "\"schedule\":");
	if (!s->cron) {
		sl_buf_adds(out, "null");
		return;
	}
	sl_buf_addc(out, '{');
	add_key(out, "cron", s->cron);
	sl_buf_addc(out, ',');
	add_key(out, "timezone", s->timezone);
	sl_buf_addc(out, ',');
	add_key(out, "start", s->start);
	sl_buf_addf(out, ",\"catchup\":%s}", s->catchup ? "true" : "false");
}

static void add_tasks(const struct sl_schedule *s, struct sl_buf *out)
{
	sl_buf_adds(out, ",\"after\":");
	add_texts(s->after, out);
	sl_buf_adds(out, ",\"tasks\":{");
	add_key(out, "pool", s->pool);
	sl_buf_addf(out, ",\"retries\":%" PRId64 ",\"retry_delay_s\":%" PRId64 "}", s->retries,
		    s->retry_delay / SL_SECOND);
}

static void add_sources(const struct sl_pipeline *p, struct sl_buf *out)
{
	sl_buf_adds(out, "\"sources\":[");
	for (size_t i = 0; i < p->n_sources; i++) {
		sl_buf_adds(out, i ? ",{" : "{");
		add_key(out, "name", p->sources[i].name);
		sl_buf_addc(out, ',');
		add_key(out, "kind", p->sources[i].kind->name);
		sl_buf_addc(out, ',');
		add_key(out, "codec", p->sources[i].codec->name);
		sl_buf_addc(out, '}');
	}
	sl_buf_addc(out, ']');
}

static void add_relations(const struct sl_pipeline *p, struct sl_buf *out)
{
	add_key(out, "table", p->store.table);
	sl_buf_adds(out, ",\"models\":[");
	for (size_t i = 0; i < p->n_models; i++) {
		sl_buf_adds(out, i ? "," : "");
		sl_buf_add_json(out, sl_str_of(p->models[i].name));
	}
	sl_buf_addc(out, ']');
}

/* What of the run the stage is told. */
static void add_takes(const struct sl_step *step, struct sl_buf *out)
{
	sl_buf_addf(out, "\"takes\":[%s%s%s]", step->without_interval ? "" : "\"interval\"",
		    step->without_interval || step->without_run_id ? "" : ",",
		    step->without_run_id ? "" : "\"run-id\"");
}

static void add_step(struct sl_run *run, const struct sl_step *step, int64_t retries,
		     struct sl_buf *out)
{
	sl_buf_addc(out, '{');
	add_key(out, "name", step->name);
	sl_buf_addc(out, ',');
	add_key(out, "source", step->source ? step->source->name : NULL);
	sl_buf_adds(out, ",\"argv\":");
	add_texts(sl_step_argv(run, step), out);
	sl_buf_addc(out, ',');
	add_takes(step, out);
	sl_buf_addf(out, ",\"mapped\":%s,\"retries\":%" PRId64 ",\"connections\":",
		    step->mapped ? "true" : "false", retries);
	add_texts(sl_step_connections(run, step), out);
	sl_buf_addc(out, '}');
}

static void add_stages(struct sl_run *run, struct sl_buf *out)
{
	const struct sl_step *steps;
	const size_t n = sl_steps_of(run, &steps);

	sl_buf_adds(out, "\"stages\":[");
	for (size_t i = 0; i < n; i++) {
		sl_buf_adds(out, i ? "," : "");
		add_step(run, &steps[i], sl_step_retries(run->p, &steps[i]), out);
	}
	sl_buf_addc(out, ']');
}

static void add_job(struct sl_run *run, const struct sl_job *job, struct sl_buf *out,
		    struct sl_diags *diags)
{
	const struct sl_step *steps;
	const size_t n = sl_job_steps(job, &run->arena, &steps, diags);

	sl_buf_addc(out, '{');
	add_key(out, "name", job->name);
	sl_buf_addc(out, ',');
	add_key(out, "description", job->description);
	sl_buf_addc(out, ',');
	add_schedule(&job->schedule, out);
	add_tasks(&job->schedule, out);
	sl_buf_adds(out, ",\"stages\":[");
	for (size_t i = 0; i < n; i++) {
		sl_buf_adds(out, i ? "," : "");
		add_step(run, &steps[i], job->schedule.retries, out);
	}
	sl_buf_adds(out, "]}");
}

static void add_jobs(struct sl_run *run, struct sl_buf *out, struct sl_diags *diags)
{
	sl_buf_adds(out, "\"jobs\":[");
	for (size_t i = 0; i < run->p->n_jobs; i++) {
		sl_buf_adds(out, i ? "," : "");
		add_job(run, &run->p->jobs[i], out, diags);
	}
	sl_buf_addc(out, ']');
}

void sl_plan_json(struct sl_run *run, struct sl_buf *out, struct sl_diags *diags)
{
	static const struct sl_step whole = {
		.store = true, .queue = true, .sources = true, .documents = true};
	const struct sl_pipeline *p = run->p;
	const struct {
		const char *key, *value;
	} texts[] = {
		{"version", SLUICE_VERSION}, {"pipeline", p->name}, {"description", p->description},
		{"file", p->path},	     {"rev", p->rev},	    {"backend", p->backend.name},
		{"store", p->backend.store}, {"queue", "native"},
	};

	sl_buf_addc(out, '{');
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		add_key(out, texts[i].key, texts[i].value);
		sl_buf_addc(out, ',');
	}
	add_schedule(&p->schedule, out);
	add_tasks(&p->schedule, out);
	sl_buf_addf(out, ",\"fuse\":%s,\"partitions_max\":%" PRId64 ",\"connections\":",
		    p->fuse ? "true" : "false", p->partitions_max);
	add_texts(sl_step_connections(run, &whole), out);
	sl_buf_addc(out, ',');
	add_sources(p, out);
	sl_buf_addc(out, ',');
	add_relations(p, out);
	sl_buf_addc(out, ',');
	add_stages(run, out);
	sl_buf_addc(out, ',');
	add_jobs(run, out, diags);
	sl_buf_adds(out, "}\n");
}
