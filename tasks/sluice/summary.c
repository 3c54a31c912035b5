/*
 * The summary of a run. No colours, no frames: it goes into mails and tickets.
 */
#include "tasks/sluice/summary.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/sqltext.h"

#define SQL_MAX ((size_t)1 << 20)

/* 1234567 → "1,234,567" */
static const char *grouped(uint64_t value, char out[32])
{
	char digits[24];
	const int n = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	size_t at = 0;

	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

static void add_count(struct sl_buf *out, const char *label, uint64_t value, const char *detail)
{
	char text[32];

	sl_buf_addf(out, "  %-11s %11s%s%s\n", label, grouped(value, text), detail[0] ? "  " : "",
		    detail);
}

static void add_detail(struct sl_buf *detail, const char *label, uint64_t value)
{
	char text[32];

	sl_buf_addf(detail, "%s%s %s", detail->n ? ", " : "", label, grouped(value, text));
}

static void add_rows(const struct sl_result *t, const struct sl_buf *rejects, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf detail = SL_BUF_INIT;

	add_detail(&detail, "inserted", t->inserted);
	add_detail(&detail, "updated", t->updated);
	add_detail(&detail, "unchanged", t->unchanged);
	add_detail(&detail, "stale", t->stale);
	add_detail(&detail, "superseded", t->superseded);
	add_count(out, "rows in", t->n_in, "");
	add_count(out, "kept", t->kept, t->kept ? sl_buf_z(&detail) : "");
	if (t->dup)
		add_count(out, "duplicates", t->dup, "a later row of the same key is in the input");
	if (t->filtered)
		add_count(out, "filtered", t->filtered, "dropped by a rule");
	if (t->rejected)
		add_count(out, "rejected", t->rejected, "");
	if (rejects->n)
		sl_buf_addstr(out, sl_buf_str(rejects));
	if (t->pending)
		add_count(out, "pending", t->pending, "entries that wait: see sluice state");
}

static void add_places(const struct sl_run *run, struct sl_buf *out)
{
	const struct sl_pipeline *p = run->p;
	sl_cleanup(sl_freep) char *files = sl_depot_where(run->home.shared, "");

	if (p->backend.store_conn)
		sl_buf_addf(out, "  table       %s (%s, connection %s)\n", p->store.table,
			    p->backend.store, p->backend.store_conn);
	else
		sl_buf_addf(out, "  table       %s in %s/data.db\n", p->store.table, run->home.dir);
	for (size_t i = 0; i < p->n_models; i++)
		sl_buf_addf(out, "  model       %s\n", p->models[i].name);
	sl_buf_addf(out, "  files       %s\n", files);
}

/* The pipeline, and where it ran if that was said by flags, as a command takes it. */
static void add_pipeline(const struct sl_run *run, struct sl_buf *out)
{
	sl_buf_adds(out, run->pipeline_arg);
	if (run->backend && strcmp(run->backend_from, "--backend") == 0)
		sl_buf_addf(out, " --backend %s", run->backend);
	if (run->home_flag)
		sl_buf_addf(out, " --home %s", run->home_flag);
}

/* The first query, with the parameters that it wants. */
static void add_query(const struct sl_run *run, const char *arg, struct sl_buf *out)
{
	const struct sl_query *q = &run->p->queries[0];
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	struct sl_err ignored = SL_ERR_INIT;
	struct sl_sqltext sql;

	sl_buf_addf(out, "sluice query %s %s", arg, q->name);
	if (sl_file_read(q->file, SQL_MAX, &text, &ignored) &&
	    sl_sqltext_read(sl_buf_str(&text), true, &arena, &sql, &ignored))
		for (size_t i = 0; i < sql.n_names; i++)
			sl_buf_addf(out, " --param %s=…", sql.names[i]);
	sl_buf_addc(out, '\n');
}

static void add_next(const struct sl_run *run, const struct sl_result *t, int code,
		     struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf pipeline = SL_BUF_INIT;

	add_pipeline(run, &pipeline);
	const char *arg = sl_buf_z(&pipeline);
	sl_buf_adds(out, "  next        ");
	if (code > 128)
		sl_buf_addf(out, "sluice run %s (again: nothing is lost or doubled)\n", arg);
	else if (code == 75)
		sl_buf_addf(out, "sluice run %s (again, it can succeed now)\n", arg);
	else if (code != 0)
		sl_buf_addf(out, code == 65 ? "sluice rejects %s show\n" : "sluice check %s\n",
			    arg);
	else if (t->rejected)
		sl_buf_addf(out, "sluice rejects %s show\n", arg);
	else if (run->p->n_queries)
		add_query(run, arg, out);
	else
		sl_buf_addf(out, "sluice query %s --sql 'select * from %s limit 10'\n", arg,
			    run->p->store.table);
}

static bool is_stop(int code)
{
	return code == 128 + SIGHUP || code == 128 + SIGINT || code == 128 + SIGTERM;
}

void sl_summary(const struct sl_run *run, const char *run_id, const struct sl_result *total,
		int code, int64_t us, const struct sl_buf *rejects, struct sl_buf *out)
{
	sl_buf_addf(out, "%s: run %s ", run->p->name, run_id);
	if (code == 0)
		sl_buf_addf(out, "done in %" PRId64 ".%02" PRId64 " s%s%s\n", us / 1000000,
			    us % 1000000 / 10000, total->note ? ", " : "",
			    total->note ? total->note : "");
	else
		sl_buf_addf(out, "%s with exit %d after %" PRId64 ".%02" PRId64 " s\n",
			    is_stop(code) ? "stopped" : "failed", code, us / 1000000,
			    us % 1000000 / 10000);
	if (total->n_in || total->kept || total->rejected || total->pending)
		add_rows(total, rejects, out);
	add_places(run, out);
	add_next(run, total, code, out);
}
