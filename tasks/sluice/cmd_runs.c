/*
 * sluice runs: each run with its entries and how they stand, and its executions with times and
 * exits. The files under runs/ say what was executed, the log which entries a run owns, marks and
 * ledger whether they are stored.
 */
#include <jansson.h>

#include "base/mem.h"
#include "run/help.h"
#include "store/log.h"
#include "tasks/sluice/cmd.h"
#include "tasks/sluice/ledger.h"

#define RECORD_MAX ((size_t)64 << 10)
#define NOTHING 99

static const char *const formats[] = {"table", "json", NULL};

struct params {
	const char *run;
	int64_t limit;
	int format;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct params, run, SL_F_FLAG, NULL, "only this run"),
	SL_F_INT(struct params, limit, SL_F_FLAG, "20", 1, 1000000, "most runs, the newest ones"),
	SL_F_ENUM(struct params, format, SL_F_FLAG, "table", formats, "how they are written"),
	SL_F_END,
};

/* One execution of a stage, as it told of itself. */
struct execution {
	const char *stage, *source, *started, *finished, *host; /* source: "" for all */
	double seconds;
	int64_t exit, partition, n_in, rejected, written;
};

struct one_run {
	const char *id;
	struct execution *v; /* by start; none: the run has begun, nothing of it has ended */
	size_t n;
};

struct runs {
	struct sl_run *run;
	struct sl_ledger ledger;
	struct unmarked {
		uint64_t *v; /* entries without a mark, ascending */
		size_t n;
	} *unmarked;	   /* per source */
	struct one_run *v; /* newest first */
	size_t n;
};

static void put_json(json_t **j)
{
	json_decref(*j);
}

static const char *text_of(struct runs *r, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? sl_arena_strdup(&r->run->arena, text) : "";
}

static int64_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* A record that cannot be read is left out: it is telemetry. */
static void read_record(struct runs *r, const char *name, struct one_run *to)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	struct sl_err ignored = SL_ERR_INIT;

	if (!sl_depot_get(r->run->home.shared, name, RECORD_MAX, &text, &ignored))
		return;

	sl_cleanup(put_json) json_t *o = json_loadb(text.p, text.n, 0, NULL);

	if (!o)
		return;
	to->id = text_of(r, o, "run");
	to->v[to->n++] = (struct execution){
		.stage = text_of(r, o, "stage"),
		.source = text_of(r, o, "source"),
		.started = text_of(r, o, "started"),
		.finished = text_of(r, o, "finished"),
		.host = text_of(r, o, "host"),
		.seconds = json_number_value(json_object_get(o, "seconds")),
		.exit = number_of(o, "exit"),
		.partition = number_of(o, "partition"),
		.n_in = number_of(o, "n_in"),
		.rejected = number_of(o, "rejected"),
		.written = number_of(o, "written"),
	};
}

/* The id of a run that has begun, from what collect noted of any of its sources; else "". */
static bool read_begin(struct runs *r, const char *dir, struct one_run *ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *name = sl_xasprintf("runs/%s", dir);
	sl_cleanup(sl_names_release) struct sl_names sources = {0};

	if (!sl_depot_list(r->run->home.shared, name, &sources, err))
		return false;
	for (size_t i = 0; i < sources.n && !ret->id[0]; i++) {
		sl_cleanup(sl_freep) char *begin =
			sl_xasprintf("%s/%s/begin.json", name, sources.v[i]);
		sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
		struct sl_err ignored = SL_ERR_INIT;

		if (!sl_depot_get(r->run->home.shared, begin, RECORD_MAX, &text, &ignored))
			continue;

		sl_cleanup(put_json) json_t *o = json_loadb(text.p, text.n, 0, NULL);

		ret->id = text_of(r, o, "run");
	}
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct execution *x = a;
	const struct execution *y = b;
	const int order = strcmp(x->started, y->started);

	return order ? order : strcmp(x->stage, y->stage);
}

static bool read_run(struct runs *r, const char *dir, struct one_run *ret, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *stages = sl_xasprintf("runs/%s/stages", dir);
	sl_cleanup(sl_names_release) struct sl_names names = {0};

	*ret = (struct one_run){.id = ""};
	if (!sl_depot_list(r->run->home.shared, stages, &names, err))
		return false;
	ret->v = sl_arena_zalloc(&r->run->arena, names.n + 1, sizeof(*ret->v));
	for (size_t i = 0; i < names.n; i++) {
		sl_cleanup(sl_freep) char *name = sl_xasprintf("%s/%s", stages, names.v[i]);

		read_record(r, name, ret);
	}
	if (!ret->n)
		return read_begin(r, dir, ret, err);
	qsort(ret->v, ret->n, sizeof(*ret->v), by_start);
	return true;
}

/* Runs of which nothing has ended come first. */
static int newest_first(const void *a, const void *b)
{
	const struct one_run *x = a;
	const struct one_run *y = b;

	if (!x->n || !y->n)
		return x->n || y->n ? (x->n ? 1 : -1) : strcmp(y->id, x->id);
	return strcmp(y->v[0].started, x->v[0].started);
}

static bool read_runs(struct runs *r, const char *only, struct sl_err *err)
{
	sl_cleanup(sl_names_release) struct sl_names names = {0};

	if (!sl_depot_list(r->run->home.shared, "runs", &names, err))
		return false;
	r->v = sl_arena_zalloc(&r->run->arena, names.n + 1, sizeof(*r->v));
	for (size_t i = 0; i < names.n; i++) {
		struct one_run one;

		if (!read_run(r, names.v[i], &one, err))
			return false;
		if (one.id[0] && (!only || strcmp(one.id, only) == 0))
			r->v[r->n++] = one;
	}
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), newest_first);
	return true;
}

/* --- what a run came to --- */

static bool does_the_same(const struct execution *a, const struct execution *b)
{
	return strcmp(a->stage, b->stage) == 0 && strcmp(a->source, b->source) == 0 &&
	       a->partition == b->partition;
}

/* The newest execution of the driver or of each stage; the first of them that failed. Nothing to do
 * is no failure. */
static int64_t exit_of(const struct one_run *one)
{
	int64_t code = 0;

	for (size_t i = 0; i < one->n; i++) {
		const struct execution *e = &one->v[i];
		bool newest = true;

		for (size_t k = i + 1; k < one->n && newest; k++)
			newest = !does_the_same(&one->v[k], e);
		if (!newest || e->exit == NOTHING)
			continue;
		if (strcmp(e->stage, "run") == 0)
			return e->exit;
		code = code ? code : e->exit;
	}
	return code;
}

static bool read_marks(struct runs *r, struct sl_err *err)
{
	struct sl_run *run = r->run;
	const struct sl_pipeline *p = run->p;
	sl_cleanup(sl_freep) char *sink = sl_mark_sink(p->backend.store, p->backend.store_conn);
	unsigned generation;

	r->unmarked = sl_arena_zalloc(&run->arena, p->n_sources, sizeof(*r->unmarked));
	if (!sl_mark_generation(&run->home, sink, &generation, err))
		return false;
	for (size_t i = 0; i < p->n_sources; i++) {
		const char *source = p->sources[i].name;
		uint64_t newest;

		if (!sl_log_newest(&run->home, source, &newest, err) ||
		    !sl_mark_missing(&run->home, sink, generation, source, newest, &run->arena,
				     &r->unmarked[i].v, &r->unmarked[i].n, err))
			return false;
	}
	return true;
}

static bool state_of(struct runs *r, size_t source, uint64_t n, const char **ret,
		     struct sl_err *err)
{
	const struct unmarked *unmarked = &r->unmarked[source];
	bool refused = false;

	*ret = "stored";
	if (!sl_mark_is_missing(unmarked->v, unmarked->n, n))
		return true;
	if (!sl_ledger_refused(&r->ledger, r->run->p->sources[source].name, n, &refused, err))
		return false;
	*ret = refused ? "refused" : "pending";
	return true;
}

typedef void (*entry_fn)(struct sl_buf *out, const struct sl_log_entry *e, const char *state);

static bool each_entry(struct runs *r, const char *run_id, entry_fn add, struct sl_buf *out,
		       struct sl_err *err)
{
	const struct sl_pipeline *p = r->run->p;

	for (size_t i = 0; i < p->n_sources; i++) {
		const char *source = p->sources[i].name;
		uint64_t *own = NULL;
		size_t n_own = 0;

		if (!sl_run_entries(&r->run->home, run_id, source, &r->run->arena, &own, &n_own,
				    err))
			return false;
		for (size_t k = 0; k < n_own; k++) {
			const char *state = NULL;
			struct sl_log_entry e;

			if (!sl_log_read_head(&r->run->home, source, own[k], &r->run->arena, &e,
					      err) ||
			    !state_of(r, i, own[k], &state, err))
				return false;
			add(out, &e, state);
		}
	}
	return true;
}

/* --- for people --- */

/* Of a cursor also the range. */
static void add_entry_text(struct sl_buf *out, const struct sl_log_entry *e, const char *state)
{
	sl_buf_addf(out, "    entry %s/%" PRIu64 "  %s", e->source, e->n, state);
	if (e->range != SL_RANGE_INTERVAL && e->from)
		sl_buf_addf(out, "  after %s", e->from);
	if (e->range != SL_RANGE_INTERVAL && e->to)
		sl_buf_addf(out, "  up to %s", e->to);
	sl_buf_addc(out, '\n');
}

static void add_execution_text(const struct execution *e, struct sl_buf *out)
{
	sl_buf_addf(out, "    %-10s", e->stage);
	if (e->source[0])
		sl_buf_addf(out, " %s", e->source);
	if (e->partition > 1)
		sl_buf_addf(out, " (%" PRId64 ")", e->partition);
	sl_buf_addf(out,
		    " %-27s %8.3f s  exit %" PRId64 "  in %" PRId64 " rejected %" PRId64
		    " written %" PRId64 "\n",
		    e->started, e->seconds, e->exit, e->n_in, e->rejected, e->written);
}

static bool add_run_text(struct runs *r, const struct one_run *one, struct sl_buf *out,
			 struct sl_err *err)
{
	sl_buf_add_escaped(out, sl_str_of(one->id), 200);
	if (!one->n) {
		sl_buf_adds(out, "  has begun, nothing of it has ended: it runs, or was killed\n");
		return each_entry(r, one->id, add_entry_text, out, err);
	}
	sl_buf_addf(out, "  %s to %s  exit %" PRId64 "\n", one->v[0].started,
		    one->v[one->n - 1].finished, exit_of(one));
	if (!each_entry(r, one->id, add_entry_text, out, err))
		return false;
	for (size_t i = 0; i < one->n; i++)
		add_execution_text(&one->v[i], out);
	return true;
}

/* --- for programs --- */

static void add_key(struct sl_buf *out, const char *key, const char *value)
{
	sl_buf_addf(out, "%s\"%s\":", out->p[out->n - 1] == '{' ? "" : ",", key);
	sl_buf_add_json(out, sl_str_of(value));
}

static void add_entry_json(struct sl_buf *out, const struct sl_log_entry *e, const char *state)
{
	sl_buf_adds(out, out->p[out->n - 1] == '[' ? "{" : ",{");
	add_key(out, "source", e->source);
	sl_buf_addf(out, ",\"entry\":%" PRIu64, e->n);
	add_key(out, "state", state);
	if (e->range != SL_RANGE_INTERVAL && e->from)
		add_key(out, "after", e->from);
	if (e->range != SL_RANGE_INTERVAL && e->to)
		add_key(out, "up_to", e->to);
	sl_buf_addc(out, '}');
}

static void add_execution_json(const struct execution *e, struct sl_buf *out)
{
	sl_buf_adds(out, out->p[out->n - 1] == '[' ? "{" : ",{");
	add_key(out, "stage", e->stage);
	if (e->source[0])
		add_key(out, "source", e->source);
	add_key(out, "started", e->started);
	add_key(out, "finished", e->finished);
	add_key(out, "host", e->host);
	sl_buf_addf(out,
		    ",\"seconds\":%.3f,\"exit\":%" PRId64 ",\"partition\":%" PRId64
		    ",\"n_in\":%" PRId64 ",\"rejected\":%" PRId64 ",\"written\":%" PRId64 "}",
		    e->seconds, e->exit, e->partition, e->n_in, e->rejected, e->written);
}

static bool add_run_json(struct runs *r, const struct one_run *one, struct sl_buf *out,
			 struct sl_err *err)
{
	sl_buf_addc(out, '{');
	add_key(out, "run", one->id);
	if (one->n) {
		add_key(out, "started", one->v[0].started);
		add_key(out, "finished", one->v[one->n - 1].finished);
		sl_buf_addf(out, ",\"exit\":%" PRId64, exit_of(one));
	}
	sl_buf_adds(out, ",\"entries\":[");
	if (!each_entry(r, one->id, add_entry_json, out, err))
		return false;
	sl_buf_adds(out, "],\"stages\":[");
	for (size_t i = 0; i < one->n; i++)
		add_execution_json(&one->v[i], out);
	sl_buf_adds(out, "]}");
	return true;
}

/* --- the command --- */

static bool add_all(struct runs *r, size_t max, bool json, struct sl_buf *out, struct sl_err *err)
{
	const size_t shown = r->n < max ? r->n : max;

	sl_buf_adds(out, json ? "[" : "");
	for (size_t i = 0; i < shown; i++) {
		sl_buf_adds(out, json && i ? ",\n" : "");
		if (!(json ? add_run_json : add_run_text)(r, &r->v[i], out, err))
			return false;
	}
	if (json)
		sl_buf_adds(out, "]\n");
	else if (r->n == 0)
		sl_buf_adds(out, "no run has left a record\n");
	else if (shown < r->n)
		sl_buf_addf(out, "… %zu older: --limit N shows more\n", r->n - shown);
	return true;
}

static void release(struct runs *r)
{
	sl_ledger_close(&r->ledger);
}

static bool run_runs(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	sl_cleanup(release) struct runs r = {.run = run};

	return read_marks(&r, err) && read_runs(&r, p->run, err) &&
	       sl_ledger_open(&r.ledger, run, err) &&
	       add_all(&r, (size_t)p->limit, p->format == 1, &out, err) &&
	       sl_stdout(sl_buf_str(&out), err);
}

const struct sl_stage sl_cmd_runs = {
	.name = "runs",
	.summary = "shows runs with their entries, stages, times and exits",
	.usage = "NAME|FILE [--run ID] [--limit N] [--format table|json] [OPTION]…",
	.description =
		"The newest runs first. Per run its log entries (stored, pending, or refused: too "
		"many\n"
		"rejects) and every execution that left a record, those of Airflow's workers, "
		"too.\n"
		"Before them runs that have begun and of which nothing has ended: they run, or "
		"were killed.\n",
	.examples = "sluice runs orders\nsluice runs orders --limit 1 --format json\n",
	.needs = SL_NEEDS_PIPELINE | SL_PIPELINE_ARG | SL_NEEDS_HOME | SL_NEEDS_STORE |
		 SL_QUIET_RESULT,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_runs,
};
