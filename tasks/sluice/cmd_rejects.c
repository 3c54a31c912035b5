/*
 * sluice rejects: rejected records by field and rule, or one by one. Read from the store, so it
 * tells what the table's inputs and the refused entries have; the records themselves lie in bronze.
 */
#include "base/num.h"
#include "run/help.h"
#include "run/output.h"
#include "store/line.h"
#include "store/log.h"
#include "tasks/sluice/cmd.h"
#include "tasks/sluice/ledger.h"

static const char *const formats[] = {"table", "csv", "json", "jsonl", NULL};

struct params {
	const char *run, *field, *rule;
	int64_t limit;
	int format;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct params, run, SL_F_FLAG, NULL, "only of the entries of this run"),
	SL_F_TEXT(struct params, field, SL_F_FLAG, NULL, "only of this column or raw field"),
	SL_F_TEXT(struct params, rule, SL_F_FLAG, NULL, "only by this rule"),
	SL_F_INT(struct params, limit, SL_F_FLAG, "20", 1, INT64_MAX, "most lines"),
	SL_F_ENUM(struct params, format, SL_F_FLAG, "table", formats, "how they are written"),
	SL_F_END,
};

/* What both statements select from; an entry that is judged anew leaves no older rejects. */
#define FROM_WHERE                                                                                 \
	" from sluice.reject r left join (select distinct pipeline, source, entry, run, state"     \
	" from sluice.entry) e on e.pipeline = r.pipeline and e.source = r.source"                 \
	" and e.entry = r.entry where r.pipeline = $1"                                             \
	" and ($2 is null or r.source = $2) and ($3 is null or e.run = $3)"                        \
	" and ($4 is null or r.field = $4) and ($5 is null or r.rule = $5)"

static const char list_sql[] =
	"select count(*) as rejects, count(distinct r.name) as inputs, r.source, r.field, r.rule,"
	" r.reason" FROM_WHERE " group by r.source, r.field, r.rule, r.reason"
	" order by count(*) desc, r.source, r.field, r.rule, r.reason";

/* line is the entry's number here: what stands in the output is counted in bronze. */
static const char show_sql[] =
	"select r.source, r.name as input, r.entry as line, r.byte_offset as \"offset\","
	" r.byte_length as length, r.field, r.rule, r.reason, r.excerpt, e.state as "
	"entry_is" FROM_WHERE " order by r.source, r.entry, r.name, r.byte_offset, r.field";
enum { SHOW_SOURCE, SHOW_INPUT, SHOW_LINE, SHOW_OFFSET, SHOW_COLUMNS = 10 };

static bool choose(const struct sl_run *run, const char **ret_sql, struct sl_err *err)
{
	const char *what = run->args.n ? run->args.v[0] : "list";

	*ret_sql = strcmp(what, "list") == 0   ? list_sql
		   : strcmp(what, "show") == 0 ? show_sql
					       : NULL;
	if (*ret_sql && run->args.n < 2)
		return true;
	sl_err_set(err, SL_ERR_USAGE, "unexpected argument \"%s\"",
		   run->args.v[run->args.n > 1 ? 1 : 0]);
	return sl_err_hint(err, "sluice rejects PIPELINE list, or show");
}

/* Texts in a statement of our own: PostgreSQL cannot guess the type of a parameter beside null. */
static const char *finish_sql(struct sl_run *run, const char *sql)
{
	struct sl_buf out = SL_BUF_INIT;

	SL_ASSERT(sql);
	for (const char *p = sql; *p; p++) {
		if (p[0] == '$' && p[1] >= '2' && p[1] <= '5') {
			sl_buf_addf(&out, "cast($%c as text)", p[1]);
			p++;
		} else {
			sl_buf_addc(&out, *p);
		}
	}
	const char *kept = sl_arena_strdup(&run->arena, sl_buf_z(&out));

	sl_buf_release(&out);
	return kept;
}

/* Rejects on their way out, and the lines of the input that the last one was of. */
struct show {
	struct sl_run *run;
	struct sl_output *out;
	struct sl_log_entry entry;
	const struct sl_log_input *input;
	struct sl_lines *lines;
};

static bool show_cols(void *ctx, const struct sl_db_col *cols, size_t n, struct sl_err *err)
{
	return sl_output_cols(((struct show *)ctx)->out, cols, n, err);
}

/* *ret = NULL: the entry is not in this HOME's log as it was. */
static bool find_input(struct show *s, const struct sl_str *cells, uint64_t n, struct sl_err *err)
{
	if (s->input && s->entry.n == n && sl_str_eqz(cells[SHOW_SOURCE], s->entry.source) &&
	    sl_str_eqz(cells[SHOW_INPUT], s->input->name))
		return true;
	sl_lines_close(s->lines);
	s->lines = NULL;
	s->input = NULL;
	const char *source = sl_arena_str(&s->run->arena, cells[SHOW_SOURCE]).p;
	if (!sl_log_read(&s->run->home, source, n, &s->run->arena, &s->entry, err))
		return false;
	for (size_t i = 0; i < s->entry.n_inputs; i++)
		if (sl_str_eqz(cells[SHOW_INPUT], s->entry.inputs[i].name))
			s->input = &s->entry.inputs[i];
	if (s->input)
		s->lines = sl_lines_open(&s->run->home, s->entry.source, s->input);
	return true;
}

/* 0 where it cannot be told; a line is a help and fails nobody. */
static uint64_t line_of(struct show *s, const struct sl_str *cells)
{
	struct sl_err ignored = SL_ERR_INIT;
	uint64_t entry, offset, line = 0;

	if (!sl_num_u64(cells[SHOW_LINE], INT64_MAX, &entry) || !entry ||
	    !sl_num_u64(cells[SHOW_OFFSET], INT64_MAX, &offset) ||
	    !find_input(s, cells, entry, &ignored) || !s->lines ||
	    !sl_lines_at(s->lines, offset, &line, &ignored))
		return 0;
	return line;
}

static bool show_row(void *ctx, const struct sl_db_col *cols, size_t n, const struct sl_str *cells,
		     struct sl_err *err)
{
	struct show *s = ctx;
	struct sl_str told[SHOW_COLUMNS];
	char text[24];

	SL_ASSERT(n == SHOW_COLUMNS);
	const uint64_t line = line_of(s, cells);
	memcpy(told, cells, sizeof(told));
	snprintf(text, sizeof(text), "%" PRIu64, line);
	told[SHOW_LINE] = line ? sl_str_of(text) : SL_STR_NULL;
	return sl_output_row(s->out, cols, n, told, err);
}

static bool query(struct sl_run *run, struct sl_ledger *ledger, const char *sql,
		  const char *const *params, size_t n, struct sl_output *out, struct sl_err *err)
{
	struct show s = {.run = run, .out = out};
	const bool show = sql == show_sql;
	const bool ok = ledger->engine->query(
		ledger->db, finish_sql(run, sql), params, n, show ? show_cols : sl_output_cols,
		show ? show_row : sl_output_row, show ? (void *)&s : out, err);

	sl_lines_close(s.lines);
	return ok;
}

static bool ask(struct sl_run *run, const struct params *p, const char *sql, struct sl_output *out,
		struct sl_err *err)
{
	sl_cleanup(sl_ledger_close) struct sl_ledger ledger = {0};
	const char *params[] = {run->p->name, run->source, p->run, p->field, p->rule};

	if (!sl_ledger_open(&ledger, run, err))
		return false;
	if (!ledger.engine) {
		sl_err_set(err, SL_ERR_NO_INPUT,
			   "pipeline \"%s\" has stored nothing yet on backend \"%s\"", run->p->name,
			   run->p->backend.name);
		return sl_err_hint(err, "run it first: sluice run %s", run->pipeline_arg);
	}
	if (query(run, &ledger, sql, params, SL_ARRAY_LEN(params), out, err))
		return true;
	if (!out->capped)
		return false;
	sl_err_clear(err);
	return true;
}

static bool run_rejects(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;
	sl_cleanup(sl_output_release) struct sl_output out = {
		.format = (enum sl_output_format)p->format,
		.limit = (uint64_t)p->limit,
	};
	const char *sql = NULL;

	if (!choose(run, &sql, err) || !ask(run, p, sql, &out, err))
		return false;
	run->result.rejected = out.rows;
	return sl_output_finish(&out, err);
}

const struct sl_stage sl_cmd_rejects = {
	.name = "rejects",
	.summary = "shows which records were rejected, where they stand, and why",
	.usage = "NAME|FILE [list | show] [--run ID] [--field F] [--rule R] [--limit N] [OPTION]…",
	.description =
		"list counts by source, field, rule and reason; show gives each record's input "
		"file, line,\n"
		"byte offset and length, field, rule, reason and an excerpt in which every letter "
		"and digit\n"
		"is masked (sluice preview shows records as they are). The line is counted in\n"
		"bronze; it is empty where that cannot be told. entry_is \"refused\": its entry "
		"had\n"
		"too many and waits.\n",
	.examples = "sluice rejects orders\nsluice rejects orders show --field total --limit 5\n"
		    "sluice rejects orders show --format csv\n",
	.needs = SL_NEEDS_PIPELINE | SL_PIPELINE_ARG | SL_TAKES_ARGS | SL_NEEDS_HOME |
		 SL_NEEDS_STORE | SL_QUIET_RESULT,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_rejects,
};
