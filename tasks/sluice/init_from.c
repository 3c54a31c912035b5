/*
 * From a guess to a pipeline file: see init_from.h. Written for a reader who will go on by hand.
 */
#include "tasks/sluice/init_from.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tasks/sluice/infer.h"

/* The pattern as seen from anywhere. */
static bool absolute(const char *path, struct sl_buf *out, struct sl_err *err)
{
	char here[PATH_MAX];

	if (path[0] != '/') {
		if (!getcwd(here, sizeof(here)))
			return sl_err_errno(err, SL_ERR_IO, errno,
					    "cannot tell the current directory");
		sl_buf_addf(out, "%s/", here);
	}
	sl_buf_adds(out, path);
	return true;
}

static void add_source(const struct sl_guess *g, const char *path, struct sl_buf *yaml)
{
	sl_buf_adds(yaml, "# The place of the files; inbox/*.csv would count from this folder.\n"
			  "sources:\n  drop:\n    kind: file\n    path: ");
	sl_buf_add_json(yaml, sl_str_of(path));
	sl_buf_addf(yaml, "\n    codec: %s%s", g->settings[0][0] ? "{" : "", g->codec);
	for (size_t i = 0; i < SL_ARRAY_LEN(g->settings) && g->settings[i][0]; i++)
		sl_buf_addf(yaml, "%s%s: %s", i ? ", " : ": {", g->settings[i][0],
			    g->settings[i][1]);
	sl_buf_adds(yaml, g->settings[0][0] ? "}}\n\n" : "\n\n");
}

/* What rules read, each under a name of its own. */
static void add_fields(const struct sl_guess *g, struct sl_buf *yaml)
{
	const char *head = "# Texts that the rules below read; they are not stored.\nfields:\n";

	for (size_t i = 0; i < g->n_cols; i++) {
		const struct sl_guess_col *c = &g->cols[i];

		if (!c->rule)
			continue;
		sl_buf_addf(yaml, "%s  %s: {type: text, from: ", head, c->raw);
		sl_buf_add_json(yaml, sl_str_of(c->from));
		sl_buf_adds(yaml, "}\n");
		head = "";
	}
	sl_buf_adds(yaml, head[0] ? "" : "\n");
}

static void add_rules(const struct sl_guess *g, struct sl_buf *yaml)
{
	const char *head = "\n# Numbers and dates as people write them.\nrules:\n";

	for (size_t i = 0; i < g->n_cols; i++) {
		if (!g->cols[i].rule)
			continue;
		sl_buf_addf(yaml, "%s  - %s\n", head, g->cols[i].rule);
		head = "";
	}
}

static void add_column(const struct sl_guess *g, const struct sl_guess_col *c, struct sl_buf *yaml)
{
	const bool plain = c->rule || strcmp(c->name, c->from) == 0;

	sl_buf_addf(yaml, "  %s: ", c->name);
	if (plain && !c->naive && !strpbrk(c->type, "(<")) {
		sl_buf_adds(yaml, c->type);
	} else {
		sl_buf_addf(yaml, "{type: \"%s\"", c->type);
		if (!plain) {
			sl_buf_adds(yaml, ", from: ");
			sl_buf_add_json(yaml, sl_str_of(c->from));
		}
		sl_buf_adds(yaml, c->naive ? ", zone: UTC}" : "}");
	}
	if (c->values == 0)
		sl_buf_adds(yaml, "  # always empty");
	else if (c->naive)
		sl_buf_adds(yaml, "  # no offset in the data: which zone is it?");
	else if (c->unsure)
		sl_buf_adds(yaml, "  # dates: does the day or the month come first? See rule date");
	else if (c->values < g->records)
		sl_buf_addf(yaml, "  # %" PRIu64 " of %" PRIu64 " have one", c->values, g->records);
	sl_buf_addc(yaml, '\n');
}

static const struct sl_guess_col *find_key(const struct sl_guess *g)
{
	for (size_t i = 0; i < g->n_cols; i++)
		if (g->cols[i].unique && strcmp(g->cols[i].type, "float64") != 0)
			return &g->cols[i];
	return NULL;
}

static void add_store(const struct sl_guess *g, const char *table, struct sl_buf *yaml)
{
	const struct sl_guess_col *key = find_key(g);

	sl_buf_adds(yaml, "\n# append: all rows. latest: one row a key, the one with the greatest "
			  "version.\n");
	if (key)
		sl_buf_addf(yaml,
			    "# %s is different in every record: a likely key, as in\n"
			    "# store: {table: %s, mode: latest, key: %s}\n",
			    key->name, table, key->name);
	sl_buf_addf(yaml,
		    "store: {table: %s, mode: append}\n\n"
		    "# How many rejects of one collection are bearable: 0, a number, or a "
		    "share.\nrejects: {limit: 0}\n",
		    table);
}

static void tell(const struct sl_guess *g, struct sl_buf *told)
{
	sl_buf_addf(told, "read %zu file%s: %" PRIu64 " records, %zu columns, codec %s", g->inputs,
		    g->inputs == 1 ? "" : "s", g->records, g->n_cols, g->codec);
	for (size_t i = 0; i < SL_ARRAY_LEN(g->settings) && g->settings[i][0]; i++)
		sl_buf_addf(told, " (%s %s)", g->settings[i][0], g->settings[i][1]);
	sl_buf_addc(told, '\n');
	if (g->rejects)
		sl_buf_addf(told, "%" PRIu64 " more cannot be read; the first: %s\n", g->rejects,
			    g->reject ? g->reject : "");
	for (size_t i = 0; i < g->n_cols; i++)
		sl_buf_addf(told, "  %-24s %-16s %s%" PRIu64 " of %" PRIu64 "\n", g->cols[i].name,
			    g->cols[i].type, g->cols[i].unique ? "all different, " : "",
			    g->cols[i].values, g->records);
}

bool sl_init_from(struct sl_run *run, const char *path, const char *name, const char *table,
		  struct sl_buf *yaml, struct sl_buf *told, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf full = SL_BUF_INIT;
	struct sl_guess g;

	if (!absolute(path, &full, err) ||
	    !sl_guess_contract(run, sl_buf_z(&full), &run->arena, &g, err))
		return false;
	sl_buf_addf(yaml,
		    "# Guessed from %" PRIu64 " records; what is not told by data (keys, "
		    "limits, zones) is yours to say.\n"
		    "sluice: 1\npipeline: %s\n"
		    "description: Replace this by one sentence about the data\n\n",
		    g.records, name);
	add_source(&g, sl_buf_z(&full), yaml);
	add_fields(&g, yaml);
	sl_buf_adds(yaml, "# The columns that are stored. A record that breaks this becomes a "
			  "reject row.\ncontract:\n");
	for (size_t i = 0; i < g.n_cols; i++)
		add_column(&g, &g.cols[i], yaml);
	add_rules(&g, yaml);
	add_store(&g, table, yaml);
	tell(&g, told);
	return true;
}
