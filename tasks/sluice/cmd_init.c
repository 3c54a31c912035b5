/*
 * sluice init: a pipeline folder to begin with, which runs as it is: on a small sample, or with
 * --from on the user's own files, whose contract is guessed. Nothing that exists is written over.
 */
#include <errno.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "run/help.h"
#include "tasks/sluice/cmd.h"
#include "tasks/sluice/init_from.h"

struct params {
	const char *from;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct params, from, SL_F_FLAG, NULL,
		  "files to read: columns, types and codec are guessed from all their records"),
	SL_F_END,
};

/* In the texts below @ stands for the pipeline's name and % for its table. */
static const struct {
	const char *path, *text;
} files[] = {
	{"pipeline.yaml",
	 "# A pipeline: where records come from, what a good record is, and where the rows go.\n"
	 "# sluice validate tells what is wrong with this file, sluice preview what would become\n"
	 "# of the first records, sluice plan --explain every value in force.\n"
	 "sluice: 1\n"
	 "pipeline: @\n"
	 "description: Replace this by one sentence about the data\n"
	 "\n"
	 "# When Airflow runs it. Take it out and it runs by hand only.\n"
	 "schedule: {cron: \"0 2 * * *\", timezone: UTC}\n"
	 "\n"
	 "# Each source has a name of yours. path counts from this folder; * matches many files.\n"
	 "# codec: csv, json (one array) or jsonl (an object a line).\n"
	 "sources:\n"
	 "  drop: {kind: file, path: \"inbox/*.csv\", codec: csv}\n"
	 "\n"
	 "# The columns that are stored. A record that breaks this becomes a reject row.\n"
	 "# Types: bool, int64, float64, decimal(p,s) of up to 18 digits, text, date, timestamp, "
	 "list<text>.\n"
	 "contract:\n"
	 "  id: {type: int64, required: true}\n"
	 "  updated_at: {type: timestamp, zone: UTC, required: true}\n"
	 "  name: text\n"
	 "  amount: {type: decimal(12,2), min: 0}\n"
	 "\n"
	 "# latest: one row a key, the one with the greatest version. append: all rows.\n"
	 "store: {table: %, mode: latest, key: id, version: updated_at}\n"
	 "\n"
	 "# How many rejects of one collection are bearable: 0, a number, or a share.\n"
	 "rejects: {limit: 5%}\n"
	 "\n"
	 "# SQL over the table, made anew after each store: models/NAME.sql.\n"
	 "models:\n"
	 "  %_by_day: {as: view}\n"
	 "\n"
	 "# SQL for people: queries/NAME.sql; sluice query @ since --param day=2026-01-01\n"
	 "queries:\n"
	 "  since: {description: \"Rows that changed on a day or later\"}\n"
	 "\n"
	 "# Which engine serves which role; chosen by --backend or SLUICE_BACKEND.\n"
	 "# warehouse is a connection: SLUICE_CONN_WAREHOUSE=postgres://user:password@host/db\n"
	 "backends:\n"
	 "  embedded: {bronze: file, store: duckdb}\n"
	 "  local: {bronze: file, store: {postgres: warehouse}}\n"},
	{"inbox/sample.csv", "id,updated_at,name,amount\n"
			     "1,2026-01-05T09:00:00Z,first,10.50\n"
			     "2,2026-01-05T09:30:00Z,second,7.25\n"
			     "1,2026-01-06T08:00:00Z,first again,11.00\n"
			     "3,2026-01-06T10:00:00Z,\"third, with a comma\",0.00\n"},
	{"models/%_by_day.sql",
	 "-- What changed on each day. A model is one SELECT; it is made anew after each store.\n"
	 "SELECT\n"
	 "\tCAST(updated_at AS date) AS day,\n"
	 "\tcount(*) AS rows_changed,\n"
	 "\tsum(amount) AS amount\n"
	 "FROM %\n"
	 "GROUP BY CAST(updated_at AS date)\n"},
	{"queries/since.sql", "-- Parameters come as text: a cast types them.\n"
			      "SELECT id, updated_at, name, amount\n"
			      "FROM %\n"
			      "WHERE updated_at >= CAST(:day AS timestamp)\n"
			      "ORDER BY updated_at, id\n"},
	{"README.md", "# @\n"
		      "\n"
		      "One paragraph: whose data this is, how it comes, who uses the table `%`.\n"
		      "\n"
		      "    sluice check @\n"
		      "    sluice preview @\n"
		      "    sluice run @\n"
		      "    sluice query @ since --param day=2026-01-06\n"
		      "    sluice rejects @\n"
		      "\n"
		      "| what | where |\n"
		      "|---|---|\n"
		      "| input | `inbox/*.csv` |\n"
		      "| columns | `contract` in `pipeline.yaml` |\n"
		      "| table | `%`, one row an `id` |\n"
		      "| model | `%_by_day` |\n"
		      "\n"
		      "Remove `inbox/sample.csv` before real data come.\n"},
};

/* "a-b" is a pipeline's name, but no table's. */
static char *table_of(const char *name)
{
	char *table = sl_xstrdup(name);

	for (char *c = table; *c; c++)
		*c = *c == '-' ? '_' : *c;
	return table;
}

static void fill(const char *text, const char *name, const char *table, struct sl_buf *out)
{
	for (const char *p = text; *p; p++) {
		if (*p == '@')
			sl_buf_adds(out, name);
		else if (*p == '%' && (p == text || p[-1] < '0' || p[-1] > '9'))
			sl_buf_adds(out, table);
		else
			sl_buf_addc(out, *p);
	}
}

static bool check_name(const char *name, struct sl_err *err)
{
	const size_t n = strlen(name);
	const bool good =
		n > 0 && n <= 48 && ((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_');

	if (good && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n)
		return true;
	return sl_err_set(err, SL_ERR_USAGE,
			  "\"%s\" is no name of a pipeline: a-z, 0-9, \"_\" and \"-\", at most 48, "
			  "the first a letter",
			  name);
}

/* A name lies where names are looked up; a path is taken at its word. */
static char *folder_of(const char *arg)
{
	const char *pipelines = getenv("SLUICE_PIPELINES");

	if (strchr(arg, '/'))
		return sl_xstrdup(arg);
	return sl_xasprintf("%s/%s", pipelines && pipelines[0] ? pipelines : "pipelines", arg);
}

static bool make_folder(const char *folder, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *parent = sl_xstrdup(folder);
	char *slash = strrchr(parent, '/');

	if (slash && slash != parent) {
		*slash = '\0';
		if (!sl_dir_make(parent, err))
			return false;
	}
	if (mkdir(folder, 0777) == 0)
		return true;
	if (errno != EEXIST)
		return sl_err_errno(err, SL_ERR_CREATE, errno, "cannot make \"%s\"", folder);
	sl_err_set(err, SL_ERR_USAGE, "\"%s\" exists already", folder);
	return sl_err_hint(err, "choose another name: nothing is written over");
}

static bool write_files(const char *folder, const char *name, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *table = table_of(name);

	for (size_t i = 0; i < SL_ARRAY_LEN(files); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf path = SL_BUF_INIT, text = SL_BUF_INIT;
		bool won = false;

		sl_buf_addf(&path, "%s/", folder);
		fill(files[i].path, name, table, &path);
		fill(files[i].text, name, table, &text);
		if (!sl_file_link(sl_buf_z(&path), text.p, text.n, &won, err))
			return false;
	}
	return true;
}

static bool tell(const char *arg, const char *folder, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	sl_buf_addf(&out, "%s: pipeline.yaml, a sample in inbox/, a model, a query, README.md\n",
		    folder);
	sl_buf_addf(&out, "  next        sluice preview %s\n", arg);
	sl_buf_addf(&out, "              sluice run %s\n", arg);
	return sl_stdout(sl_buf_str(&out), err);
}

static bool init_sample(const char *arg, const char *folder, const char *name, struct sl_err *err)
{
	return make_folder(folder, err) && write_files(folder, name, err) && tell(arg, folder, err);
}

/* The files are read first: when they cannot be, nothing is left behind. */
static bool init_from(struct sl_run *run, const char *from, const char *arg, const char *folder,
		      const char *name, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *table = table_of(name);
	sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/pipeline.yaml", folder);
	sl_cleanup(sl_buf_release) struct sl_buf yaml = SL_BUF_INIT, told = SL_BUF_INIT;
	bool won;

	if (!sl_init_from(run, from, name, table, &yaml, &told, err) || !make_folder(folder, err) ||
	    !sl_file_link(path, yaml.p, yaml.n, &won, err))
		return false;
	sl_buf_addf(&told, "%s\n  next        sluice preview %s\n              sluice run %s\n",
		    path, arg, arg);
	return sl_stdout(sl_buf_str(&told), err);
}

static bool run_init(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;

	if (run->args.n != 1) {
		sl_err_set(err, SL_ERR_USAGE, "give one name for the new pipeline");
		return sl_err_hint(err, "for example: sluice init shop");
	}

	const char *arg = run->args.v[0];
	const char *slash = strrchr(arg, '/');
	const char *name = slash ? slash + 1 : arg;
	sl_cleanup(sl_freep) char *folder = folder_of(arg);

	if (!check_name(name, err))
		return false;
	return p->from ? init_from(run, p->from, arg, folder, name, err)
		       : init_sample(arg, folder, name, err);
}

const struct sl_stage sl_cmd_init = {
	.name = "init",
	.summary = "writes a commented pipeline folder to begin with",
	.usage = "NAME|FOLDER [--from FILES] [OPTION]…",
	.description =
		"A NAME goes into SLUICE_PIPELINES, else ./pipelines, where the other commands "
		"find it; a\n"
		"path is taken as it is, its last part is the name. The pipeline runs as it "
		"stands, on a\n"
		"small sample. A folder that exists is refused.\n"
		"With --from the sample is your own: CSV, JSON or JSON lines (gzip too), a file or "
		"a\n"
		"pattern. Every record is read; each column gets the narrowest type that all its "
		"values\n"
		"fit. Leading zeros, plus signs and codes like 1E5 are never taken for numbers.\n"
		"1 234,50 and 31/12/2026 get a rule that reads them, where only one reading "
		"fits.\n",
	.examples = "sluice init shop\nsluice init /srv/pipelines/shop\n"
		    "sluice init shop --from 'drop/*.csv.gz'\n",
	.needs = SL_TAKES_ARGS | SL_QUIET_RESULT,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_init,
};
