/*
 * The runtime around every stage: arguments, pipeline, home, run, then the stage's function, then
 * one error line, one record, one result line, one exit code. What happens in which order is the
 * body of sl_stage_main.
 */
#include "run/stage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/cli.h"
#include "run/command.h"
#include "run/help.h"
#include "run/result.h"
#include "run/runid.h"
#include "run/telemetry.h"
#include "run/watchdog.h"
#include "store/sink.h"

#define STAGE_STOP_MS 2000  /* from a stop request to leaving, at most */
#define DRIVER_STOP_MS 2700 /* later than its children */

/* One execution. */
struct execution {
	const struct sl_stage *stage;
	const char *command; /* as typed */
	struct sl_cli cli;
	struct sl_run run;
	struct sl_pipeline_opts opts; /* how run.p was opened */
	void *params;
	sl_time started;
	int64_t begin; /* monotonic µs */
	bool informed; /* --help and its like: no result line */
};

void sl_hold_streams(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};

	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			_exit(74);
	}
}

/* A core would hold passwords. A limit of 1 is no file, and, unlike 0, no pipe to a crash handler. */
static void leave_no_core(void)
{
	struct rlimit core;

	if (getrlimit(RLIMIT_CORE, &core) != 0)
		return;
	core.rlim_cur = core.rlim_max < 1 ? core.rlim_max : 1;
	setrlimit(RLIMIT_CORE, &core);
}

/* nohup, of a shell or of whoever started the scheduler's worker. */
static bool ignores_hangup(void)
{
	struct sigaction hup;

	return sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler == SIG_IGN;
}

/* Under nohup a run that somebody typed outlives its shell; a stage never outlives who started it.
 */
static void setup_signals(bool driver)
{
	const bool ignored = ignores_hangup();

	if (!driver || !ignored)
		sl_parent_watch();
	sl_cancel_setup();
	if (ignored)
		signal(SIGHUP, SIG_IGN);
	sl_watchdog_setup(driver ? DRIVER_STOP_MS : STAGE_STOP_MS);
}

static void setup_log(const struct execution *x)
{
	static const char *const levels[] = {"debug", "info", "warning", "error"};
	const struct sl_cli *cli = &x->cli;
	const char *name = x->run.p ? x->run.p->name : "";
	sl_cleanup(sl_freep) char *who =
		sl_xasprintf("%s%s%s", x->stage->name, name[0] ? " " : "", name);
	enum sl_level level = SL_INFO;

	for (size_t i = 0; cli->log_level && i < SL_ARRAY_LEN(levels); i++) {
		if (strcmp(levels[i], cli->log_level) == 0)
			level = (enum sl_level)i;
	}
	sl_log_setup(level, cli->log_format && strcmp(cli->log_format, "json") == 0, who);
}

/* What is told when memory is out before anything could be prepared. */
static void prepare_first_line(const char *stage)
{
	static char line[256];

	snprintf(line, sizeof(line),
		 "{\"stage\":\"%s\",\"exit\":70,\"kind\":\"bug\",\"error\":\"ended before it "
		 "could begin, by a defect or out of memory\"}",
		 stage);
	sl_bug_set_result(line);
}

/* Makes the line for the case that we end without getting to the end. */
static void prepare_last_lines(struct execution *x)
{
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;
	struct sl_err bug = {SL_ERR_BUG, "ended by a defect of this program, or out of memory", ""};
	struct sl_err stop = {SL_ERR_CANCELLED, "stopped by a signal before it could end", ""};

	sl_result_json(&x->run.result, 70, &bug, 0, &line);
	sl_bug_set_result(sl_arena_strdup(&x->run.arena, sl_buf_z(&line)));
	sl_buf_clear(&line);
	sl_result_json(&x->run.result, 143, &stop, 0, &line);
	sl_watchdog_result(sl_buf_z(&line));
}

static bool inform(struct execution *x, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	x->informed = x->cli.help || x->cli.version || x->cli.describe || x->cli.explain;
	if (x->cli.help)
		sl_help(x->stage, x->command, &out);
	else if (x->cli.version)
		sl_buf_addf(&out, "%s %s\n", x->command, SLUICE_VERSION);
	else if (x->cli.describe)
		sl_describe(x->stage, x->command, &out);
	else if (x->cli.explain && !sl_explain(x->cli.explain, &out, err))
		return false;
	return sl_stdout(sl_buf_str(&out), err);
}

static bool check_arguments(struct execution *x, struct sl_err *err)
{
	struct sl_run *run = &x->run;
	const struct sl_cli *cli = &x->cli;

	run->part_k = run->part_n = 1;
	if (cli->partition && !sl_cli_partition(cli->partition, &run->part_k, &run->part_n, err))
		return false;
	if (cli->run_id && !cli->run_id[0])
		return sl_err_set(err, SL_ERR_USAGE, "--run-id is empty");
	if (!sl_cli_interval(cli, run, err))
		return false;
	if ((x->stage->needs & SL_NEEDS_PIPELINE) && (!cli->pipeline || !cli->pipeline[0])) {
		sl_err_set(err, SL_ERR_USAGE, "no pipeline is named");
		return sl_err_hint(err,
				   x->stage->needs & SL_PIPELINE_ARG
					   ? "name it: %s PIPELINE"
					   : "name it: %s --pipeline PIPELINE",
				   x->command);
	}
	return true;
}

static void copy_arguments(struct execution *x)
{
	struct sl_run *run = &x->run;
	const struct sl_cli *cli = &x->cli;

	run->pipeline_arg = cli->pipeline;
	run->home_flag = cli->home;
	run->source = cli->source;
	run->run_id = cli->run_id;
	run->again = cli->again;
	run->dry_run = cli->dry_run;
	run->backend = cli->backend;
	run->backend_from = cli->backend_from;
	run->args = cli->args;
	run->passed = cli->passed;
	run->n_passed = cli->n_passed;
	run->overrides = cli->overrides;
	run->n_overrides = cli->n_overrides;
	run->result.pipeline = cli->pipeline;
	run->result.source = cli->source;
	run->result.run = cli->run_id;
	run->result.partitions = x->stage->needs & SL_TAKES_PARTITION ? run->part_n : 0;
}

void sl_print_diags(const struct sl_diags *diags)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	if (diags->n == 0)
		return;
	sl_diags_print(diags, &out);
	if (write(STDERR_FILENO, sl_buf_z(&out), out.n) < 0)
		return; /* the error line says the first of them once more */
}

static bool open_pipeline(struct execution *x, struct sl_err *err)
{
	struct sl_run *run = &x->run;
	struct sl_diags diags = SL_DIAGS_INIT;

	run->p = sl_pipeline_open(x->cli.pipeline, &x->opts, &diags, err);
	if (!run->p)
		sl_print_diags(&diags);
	sl_diags_release(&diags);
	if (!run->p)
		return false;
	run->backend = run->p->backend.name ? run->p->backend.name : run->backend;
	run->result.pipeline = run->p->name;
	if (run->source && !sl_pipeline_source(run->p, run->source)) {
		sl_err_set(err, SL_ERR_USAGE, "pipeline \"%s\" has no source \"%s\"", run->p->name,
			   run->source);
		return sl_err_hint(err, "its first source is \"%s\"",
				   run->p->n_sources ? run->p->sources[0].name : "");
	}
	return true;
}

static bool open_home_and_run(struct execution *x, struct sl_err *err)
{
	struct sl_run *run = &x->run;
	const unsigned needs = x->stage->needs;

	if ((needs & SL_NEEDS_HOME) && run->p &&
	    !sl_home_open(&run->home, x->cli.home, run->p->name, err))
		return false;
	if ((needs & SL_FINDS_HOME) && run->p)
		sl_home_find(&run->home, x->cli.home, run->p->name);
	if ((needs & (SL_NEEDS_HOME | SL_FINDS_HOME)) && run->p)
		sl_home_share(&run->home, run->p);
	if ((needs & SL_NEEDS_RUN) && run->p && !run->run_id && !sl_runid_derive(run, err))
		return false;
	run->result.run = run->run_id;
	return true;
}

static bool prepare(struct execution *x, struct sl_err *err)
{
	copy_arguments(x);
	if (!check_arguments(x, err))
		return false;
	x->opts = (struct sl_pipeline_opts){
		.backend = x->cli.backend,
		.overrides = x->run.overrides,
		.n_overrides = x->run.n_overrides,
		.store_needed = x->stage->needs & SL_NEEDS_STORE,
	};
	if (x->stage->needs & SL_NEEDS_PIPELINE) {
		if (!open_pipeline(x, err))
			return false;
		setup_log(x);
	}
	return open_home_and_run(x, err);
}

static bool own_defaults(struct execution *x, struct sl_err *err)
{
	struct sl_diags diags = SL_DIAGS_INIT;

	if (!x->stage->params)
		return true;
	x->params = sl_arena_zalloc(&x->run.arena, 1, x->stage->params_size);
	const bool ok = sl_fields_read(x->stage->params, x->params, x->stage->params_size, NULL,
				       NULL, x->stage->name, &x->run.arena, &diags);

	if (!ok)
		(void)!sl_diags_ok(&diags, err);
	sl_diags_release(&diags);
	return ok;
}

static bool execute(struct execution *x, int argc, char **argv, struct sl_err *err)
{
	x->run.stage = x->stage;
	x->run.result.stage = x->stage->name;
	if (!own_defaults(x, err) ||
	    !sl_cli_parse(x->stage, argc, argv, &x->run.arena, x->params, &x->cli, err))
		return false;
	setup_log(x);
	if (!inform(x, err))
		return false;
	if (x->informed)
		return true;
	if (!prepare(x, err))
		return false;
	prepare_last_lines(x);
	return sl_cancel_check(err) && x->stage->run(&x->run, x->params, err);
}

/* A stop request wins over whatever the stage says of itself. */
static int exit_code(const struct sl_run *run, bool ok, struct sl_err *err)
{
	const int sig = sl_cancel_signal();

	if (!sig && !ok && run->exit_code)
		return run->exit_code;
	if (!sig)
		return ok ? 0 : sl_err_exit_code(err->kind);
	if (ok || err->kind != SL_ERR_CANCELLED) {
		if (!ok)
			sl_log(SL_WARNING, err->msg, NULL);
		sl_err_clear(err);
		sl_err_set(err, SL_ERR_CANCELLED, "stopped by signal %d", sig);
	}
	return 128 + sig;
}

static void log_error(const struct sl_err *err)
{
	if (err->kind == SL_ERR_NONE)
		return;
	sl_log(err->kind == SL_ERR_NOTHING ? SL_INFO : SL_ERROR, err->msg,
	       err->hint[0] ? "hint=\"%s\"" : NULL, err->hint);
}

static void write_result_file(const char *path, const struct sl_buf *line)
{
	struct sl_err err = SL_ERR_INIT;

	if (!sl_file_replace(path, line->p, line->n, &err))
		sl_log(SL_WARNING, "the result is not written", "reason=\"%s\"", err.msg);
}

/* What other programs read, before the line: that goes last, whatever the files have to say. */
static void write_records(struct execution *x, int code, const struct sl_err *err,
			  struct sl_buf *line)
{
	const char *xcom = getenv("AIRFLOW_XCOM_DIR");

	sl_buf_clear(line);
	sl_result_json(&x->run.result, code, err, sl_clock_monotonic() - x->begin, line);
	if (x->run.home.shared && x->run.run_id) {
		sl_cancel_hold(true);
		sl_telemetry_write(&x->run, x->started, sl_buf_str(line));
		sl_cancel_hold(false);
	}
	sl_buf_addc(line, '\n');
	if (x->cli.result_file)
		write_result_file(x->cli.result_file, line);
	if (xcom && xcom[0]) {
		sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/result.json", xcom);

		write_result_file(path, line);
	}
}

/* Telemetry fails nobody. */
static void fold_records(struct sl_run *run)
{
	struct sl_records records;
	struct sl_err err = SL_ERR_INIT;

	if (!run->db)
		return;
	if (!sl_telemetry_read(run, &records, &err) ||
	    !sl_stage_runs_fold(run->engine, run->db, run->p->name, records.json, records.n, &err))
		sl_log(SL_WARNING, "the run's executions are not recorded", "reason=\"%s\"",
		       err.msg);
	run->engine->close(run->db);
	run->db = NULL;
}

static void write_line(const struct execution *x, const struct sl_buf *line)
{
	if ((x->stage->needs & SL_QUIET_RESULT) && isatty(STDERR_FILENO))
		return;
	if (write(STDERR_FILENO, line->p, line->n) < 0)
		return; /* nobody listens; the exit code tells it, too */
}

/* A stop that comes while the records are written counts as well: what was told before is told
 * again. Only then are stops no longer taken. */
static int tell_result(struct execution *x, bool ok, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;
	int code = exit_code(&x->run, ok, err);

	if (!x->run.error_logged)
		log_error(err);
	if (!x->informed || code != 0)
		write_records(x, code, err, &line);
	fold_records(&x->run);
	sl_watchdog_hold();
	if (sl_cancel_signal() && code != 128 + sl_cancel_signal()) {
		code = exit_code(&x->run, ok, err);
		log_error(err);
		write_records(x, code, err, &line);
	}
	sl_watchdog_off();
	if (line.n)
		write_line(x, &line);
	return code;
}

static void release(struct execution *x)
{
	sl_bug_set_result(NULL);
	sl_watchdog_result(NULL);
	sl_home_release(&x->run.home);
	sl_pipeline_close(x->run.p);
	sl_arena_release(&x->run.arena);
}

int sl_command_main(const struct sl_stage *stage, const char *command, bool driver, int argc,
		    char **argv)
{
	struct execution x = {
		.stage = stage,
		.command = command,
		.started = sl_clock_now(),
		.begin = sl_clock_monotonic(),
	};
	struct sl_err err = SL_ERR_INIT;

	sl_hold_streams();
	prepare_first_line(stage->name);
	leave_no_core();
	setup_signals(driver);
	setup_log(&x);
	const bool ok = execute(&x, argc, argv, &err);
	const int code = tell_result(&x, ok, &err);

	release(&x);
	return code;
}

int sl_command_fail(const char *name, const struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf line = SL_BUF_INIT;
	const struct sl_result result = {.stage = name};
	const int code = sl_err_exit_code(err->kind);

	sl_log_setup(SL_INFO, false, name);
	log_error(err);
	sl_result_json(&result, code, err, 0, &line);
	sl_buf_addc(&line, '\n');
	if (write(STDERR_FILENO, line.p, line.n) < 0)
		return code; /* nobody listens; the exit code tells it, too */
	return code;
}

int sl_stage_main(const struct sl_stage *stage, int argc, char **argv)
{
	char command[64]; /* nothing is allocated before there is a result line for that failing */

	snprintf(command, sizeof(command), "sluice-%s", stage->name);
	return sl_command_main(stage, command, false, argc, argv);
}

bool sl_run_rules_still(const struct sl_run *run, struct sl_err *err)
{
	const struct sl_pipeline_opts opts = {
		.backend = run->backend,
		.overrides = run->overrides,
		.n_overrides = run->n_overrides,
		.store_needed = run->stage->needs & SL_NEEDS_STORE,
	};
	struct sl_diags diags = SL_DIAGS_INIT;
	struct sl_err reason = SL_ERR_INIT;
	struct sl_pipeline *now = sl_pipeline_open(run->pipeline_arg, &opts, &diags, &reason);
	const bool same = now && strcmp(now->rev, run->p->rev) == 0;

	sl_diags_release(&diags);
	sl_pipeline_close(now);
	if (same)
		return true;
	sl_err_set(err, SL_ERR_AGAIN, "the rules of \"%s\" changed while it ran%s%s", run->p->name,
		   reason.msg[0] ? ": " : "", reason.msg);
	return sl_err_hint(err, "run it again, with the new rules");
}
