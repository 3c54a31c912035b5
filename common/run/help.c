/*
 * Manual pages and JSON descriptions from the tables. Nothing here knows a flag by name.
 */
#include "run/help.h"

#include <errno.h>
#include <unistd.h>

#include "base/num.h"
#include "data/diag.h"
#include "run/cli.h"

#define HELP_COLUMN 30 /* where the text of a flag starts */
#define WIDTH 79

/* Adds text by words, broken at WIDTH, further lines indented by indent; col: where we are. */
static void add_wrapped(struct sl_buf *out, const char *text, size_t indent, size_t col)
{
	struct sl_str rest = sl_str_of(text);
	struct sl_str word = SL_STR_NULL;

	while (sl_str_next(&rest, ' ', &word)) {
		if (col + 1 + word.n > WIDTH && col > indent) {
			sl_buf_addf(out, "\n%*s", (int)indent, "");
			col = indent;
		} else if (col > indent) {
			sl_buf_addc(out, ' ');
			col++;
		}
		sl_buf_addstr(out, word);
		col += word.n;
	}
	sl_buf_addc(out, '\n');
}

static const char *value_word(const struct sl_field *f)
{
	switch (f->type) {
	case SL_FT_BOOL:
		return "";
	case SL_FT_INT:
		return " N";
	case SL_FT_SIZE:
		return " SIZE";
	case SL_FT_DURATION:
		return " TIME";
	case SL_FT_TEXTS:
	case SL_FT_PAIRS:
	case SL_FT_TEXT:
	case SL_FT_ENUM:
	case SL_FT_NODE:
		return " TEXT";
	}
	return "";
}

/* "(default 5; 1…10; one of a, b)" */
static void add_limits(const struct sl_field *f, struct sl_buf *out)
{
	const char *sep = " (";

	if (f->def && f->type != SL_FT_BOOL) {
		sl_buf_addf(out, "%sdefault %s", sep, f->def);
		sep = "; ";
	}
	if (f->min != 0 || f->max != 0) {
		sl_buf_addf(out, "%s%" PRId64 "…%" PRId64, sep, f->min, f->max);
		sep = "; ";
	}
	for (size_t i = 0; f->choices && f->choices[i]; i++) {
		sl_buf_addf(out, "%s%s", i ? ", " : sep, f->choices[i]);
		sep = "; ";
	}
	if (strcmp(sep, "; ") == 0)
		sl_buf_addc(out, ')');
}

static void add_flag(const struct sl_field *f, const char *env, struct sl_buf *out)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	const size_t begin = out->n;
	const char letter = sl_cli_short(f->name);

	if (letter)
		sl_buf_addf(out, "  -%c, ", letter);
	else
		sl_buf_adds(out, "      ");
	sl_buf_addf(out, "%s%s", sl_cli_flag(&arena, f->name), value_word(f));

	const size_t used = out->n - begin;

	if (used + 1 < HELP_COLUMN)
		sl_buf_addf(out, "%*s", (int)(HELP_COLUMN - used), "");
	else
		sl_buf_addf(out, "\n%*s", HELP_COLUMN, "");
	sl_buf_adds(&text, f->help);
	if (f->type == SL_FT_TEXTS)
		sl_buf_adds(&text, " (may be repeated)");
	add_limits(f, &text);
	if (env)
		sl_buf_addf(&text, " [$%s]", env);
	add_wrapped(out, sl_buf_z(&text), HELP_COLUMN, HELP_COLUMN);
}

static void add_options(const struct sl_stage *stage, struct sl_buf *out)
{
	sl_buf_adds(out, "\nOPTIONS\n");
	for (const struct sl_field *f = stage->params; f && f->name; f++) {
		if (f->flags & SL_F_FLAG)
			add_flag(f, NULL, out);
	}
	for (const struct sl_field *f = sl_cli_fields; f->name; f++) {
		if (sl_cli_takes(stage, f))
			add_flag(f, sl_cli_env(f), out);
	}
}

static void add_indented(const char *text, const char *margin, struct sl_buf *out)
{
	struct sl_str rest = sl_str_of(text);
	struct sl_str line = SL_STR_NULL;

	while (sl_str_next(&rest, '\n', &line)) {
		if (line.n == 0 && rest.n == 0)
			break;
		sl_buf_addf(out, "%s" SL_STR_FMT "\n", line.n ? margin : "", SL_STR_ARG(line));
	}
}

static void add_environment(struct sl_buf *out)
{
	sl_buf_adds(out,
		    "\nENVIRONMENT\n"
		    "    A flag goes before --set, --set before the environment, the environment\n"
		    "    before the pipeline file, and the file before the default.\n"
		    "    SLUICE_HOME, XDG_STATE_HOME, HOME   where everything is kept\n"
		    "    SLUICE_PIPELINES                    folder in which NAMEs are looked up,\n"
		    "                                        else ./pipelines, else our examples\n"
		    "    SLUICE_CONN_<ID>, AIRFLOW_CONN_<ID> connections, as URI or JSON\n"
		    "    AIRFLOW_XCOM_DIR                    result.json is written there, too\n"
		    "    AIRFLOW_CTX_*                       told in the execution's record\n");
}

static void add_exit_status(struct sl_buf *out)
{
	sl_buf_adds(out, "\nEXIT STATUS\n    0    done, also when everything was there already\n");
	for (int kind = SL_ERR_NONE + 1; kind < SL_ERR_KIND_COUNT; kind++)
		sl_buf_addf(out, "    %-4d %s%s\n", sl_err_exit_code((enum sl_err_kind)kind),
			    sl_err_kind_help((enum sl_err_kind)kind),
			    sl_err_retryable((enum sl_err_kind)kind) ? " (a retry can help)" : "");
	sl_buf_adds(out, "    After a signal: 128 + its number.\n");
}

static void add_result(struct sl_buf *out)
{
	sl_buf_adds(
		out,
		"\nRESULT\n"
		"    The last line on standard error is one JSON object: exit, kind and error,\n"
		"    counts, seconds and peak_kib. Standard output carries only what was\n"
		"    asked for.\n");
}

void sl_help(const struct sl_stage *stage, const char *command, struct sl_buf *out)
{
	sl_buf_addf(out, "NAME\n    %s - %s\n", command, stage->summary);
	sl_buf_addf(out, "\nSYNOPSIS\n    %s %s\n", command, stage->usage ? stage->usage : "");
	if (stage->description) {
		sl_buf_adds(out, "\nDESCRIPTION\n");
		add_indented(stage->description, "    ", out);
	}
	add_options(stage, out);
	add_environment(out);
	add_exit_status(out);
	add_result(out);
	sl_buf_adds(out, "\nEXAMPLES\n");
	if (stage->examples)
		add_indented(stage->examples, "    ", out);
	else
		sl_buf_addf(out, "    %s --pipeline orders --run-id 2026-11-25\n", command);
}

static void add_key(struct sl_buf *out, const char *key, const char *value)
{
	sl_buf_addf(out, "\"%s\":", key);
	sl_buf_add_json(out, sl_str_of(value ? value : ""));
}

/* The common flags that the stage takes, as sl_fields_describe writes a table. */
static void describe_common(const struct sl_stage *stage, struct sl_buf *out)
{
	struct sl_field taken[32];
	size_t n = 0;

	for (const struct sl_field *f = sl_cli_fields; f->name; f++) {
		if (sl_cli_takes(stage, f) && n + 1 < SL_ARRAY_LEN(taken))
			taken[n++] = *f;
	}
	taken[n] = (struct sl_field)SL_F_END;
	sl_fields_describe(taken, out);
}

static void describe_exits(struct sl_buf *out)
{
	sl_buf_adds(out, "[{\"code\":0,\"kind\":\"none\",\"retry\":false,\"meaning\":\"done\"}");
	for (int kind = SL_ERR_NONE + 1; kind < SL_ERR_KIND_COUNT; kind++) {
		const enum sl_err_kind k = (enum sl_err_kind)kind;

		sl_buf_addf(out, ",{\"code\":%d,\"kind\":\"%s\",\"retry\":%s,", sl_err_exit_code(k),
			    sl_err_kind_name(k), sl_err_retryable(k) ? "true" : "false");
		add_key(out, "meaning", sl_err_kind_help(k));
		sl_buf_addc(out, '}');
	}
	sl_buf_addc(out, ']');
}

static void describe_stage(const struct sl_stage *stage, const char *command, struct sl_buf *out)
{
	sl_buf_addc(out, '{');
	add_key(out, "name", stage->name);
	sl_buf_addc(out, ',');
	add_key(out, "command", command);
	sl_buf_addc(out, ',');
	add_key(out, "version", SLUICE_VERSION);
	sl_buf_addc(out, ',');
	add_key(out, "summary", stage->summary);
	sl_buf_adds(out, ",\"flags\":");
	describe_common(stage, out);
	sl_buf_adds(out, ",\"params\":");
	if (stage->params)
		sl_fields_describe(stage->params, out);
	else
		sl_buf_adds(out, "[]");
	sl_buf_addc(out, '}');
}

void sl_describe(const struct sl_stage *stage, const char *command, struct sl_buf *out)
{
	describe_stage(stage, command, out);
	out->n--; /* the object goes on */
	sl_buf_adds(out, ",\"exits\":");
	describe_exits(out);
	sl_buf_adds(out, ",\"errors\":");
	sl_diags_describe(out);
	sl_buf_adds(out, ",\"pipeline\":");
	sl_pipeline_describe(out);
	sl_buf_adds(out, "}\n");
}

void sl_driver_help(const struct sl_stage *const *commands, size_t n, struct sl_buf *out)
{
	sl_buf_adds(out,
		    "NAME\n    sluice - runs pipelines from a shell, as Airflow would\n"
		    "\nSYNOPSIS\n    sluice COMMAND [PIPELINE] [OPTION]…\n"
		    "    sluice STAGE PIPELINE [OPTION]…\n"
		    "\nDESCRIPTION\n"
		    "    A pipeline is one folder with a pipeline.yaml. The driver executes the\n"
		    "    same stage executables that Airflow runs: there is no second way.\n"
		    "\nCOMMANDS\n");
	for (size_t i = 0; i < n; i++) {
		sl_buf_addf(out, "    %-12s", commands[i]->name);
		add_wrapped(out, commands[i]->summary, 16, 16);
	}
	sl_buf_adds(out,
		    "\nSTAGES\n"
		    "    check       looks whether everything is there that a run needs\n"
		    "    query       prints the rows of a query of the pipeline, or of any SELECT\n"
		    "    export      writes a table or a query to a file: CSV, JSON, Parquet\n"
		    "    generate    makes up records for a pipeline\n"
		    "    collect, normalize, store, aggregate, publish, report\n"
		    "                what run executes, one after the other\n"
		    "\n    \"sluice help COMMAND\" tells more, of stages too.\n"
		    "\nOPTIONS\n"
		    "  -h, --help                  this text\n"
		    "  -V, --version               version\n"
		    "      --describe              every command as JSON\n"
		    "      --explain CODE          what a code means (E1003, 65), and the cure\n");
	add_environment(out);
	add_exit_status(out);
	sl_buf_adds(out, "\nEXAMPLES\n"
			 "    sluice validate orders\n"
			 "    sluice run orders\n"
			 "    sluice query orders --sql 'select count(*) from orders'\n");
}

void sl_driver_describe(const struct sl_stage *const *commands, size_t n, struct sl_buf *out)
{
	sl_buf_adds(out, "{\"name\":\"sluice\",\"version\":\"" SLUICE_VERSION "\",\"commands\":[");
	for (size_t i = 0; i < n; i++) {
		sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;

		sl_buf_adds(out, i ? "," : "");
		describe_stage(commands[i], sl_arena_printf(&arena, "sluice %s", commands[i]->name),
			       out);
	}
	sl_buf_adds(out, "],\"exits\":");
	describe_exits(out);
	sl_buf_adds(out, ",\"errors\":");
	sl_diags_describe(out);
	sl_buf_adds(out, ",\"pipeline\":");
	sl_pipeline_describe(out);
	sl_buf_adds(out, "}\n");
}

static bool explain_exit(const char *code, struct sl_buf *out)
{
	uint64_t number = 0;
	bool found = false;

	(void)!sl_num_u64(sl_str_of(code), 255, &number);
	for (int kind = SL_ERR_NONE + 1; kind < SL_ERR_KIND_COUNT; kind++) {
		const enum sl_err_kind k = (enum sl_err_kind)kind;

		if (strcmp(code, sl_err_kind_name(k)) != 0 &&
		    number != (uint64_t)sl_err_exit_code(k))
			continue;
		sl_buf_addf(out, "exit %d (%s): %s\n%s\n", sl_err_exit_code(k), sl_err_kind_name(k),
			    sl_err_kind_help(k),
			    sl_err_retryable(k) ? "The same call can succeed later: retry."
						: "A retry does not help.");
		found = true;
	}
	if (!found && number > 128 && number < 160) {
		sl_buf_addf(out, "exit %d: ended by signal %d\nThe same call can succeed: retry.\n",
			    (int)number, (int)number - 128);
		found = true;
	}
	return found;
}

bool sl_explain(const char *code, struct sl_buf *out, struct sl_err *err)
{
	const char *meaning = NULL;
	const char *cure = NULL;

	if (sl_diag_explain(code, &meaning, &cure)) {
		sl_buf_addf(out, "%s: %s\nTo mend it: %s.\n", code, meaning, cure);
		return true;
	}
	if (explain_exit(code, out))
		return true;
	sl_err_set(err, SL_ERR_USAGE, "unknown code \"%s\"", code);
	return sl_err_hint(err,
			   "codes are E1001 and up, exit codes like 65, and kinds like \"data\"");
}

bool sl_stdout_until(struct sl_str text, bool *ret_gone, struct sl_err *err)
{
	size_t done = 0;

	while (done < text.n) {
		const ssize_t n = write(STDOUT_FILENO, text.p + done, text.n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE) { /* the reader has seen enough, as head does */
			*ret_gone = true;
			return true;
		}
		if (n < 0)
			return sl_err_errno(err, SL_ERR_IO, errno,
					    "cannot write to standard output");
		done += (size_t)n;
	}
	return true;
}

bool sl_stdout(struct sl_str text, struct sl_err *err)
{
	bool gone = false;

	return sl_stdout_until(text, &gone, err);
}
