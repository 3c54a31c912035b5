/*
 * Command lines: argv and environment into the common flags and a stage's own fields. One loop over
 * the words; each flag is a field, so that help, description and reading cannot differ.
 */
#include "run/cli.h"

#include <ctype.h>

#define C struct sl_cli

static const char *const log_levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const log_formats[] = {"text", "json", NULL};

const struct sl_field sl_cli_fields[] = {
	SL_F_TEXT(C, pipeline, SL_F_FLAG, NULL, "pipeline file, or the name of one"),
	SL_F_TEXT(C, source, SL_F_FLAG, NULL, "only this source of the pipeline"),
	SL_F_TEXT(C, interval_start, SL_F_FLAG, NULL, "RFC 3339 with offset, inclusive"),
	SL_F_TEXT(C, interval_end, SL_F_FLAG, NULL, "RFC 3339 with offset, exclusive"),
	SL_F_TEXT(C, run_id, SL_F_FLAG, NULL,
		  "name of the run (default: derived from what is new)"),
	SL_F_TEXT(C, partition, SL_F_FLAG, "1/1", "this one of n parts of the run's work, as k/n"),
	SL_F_TEXTS(C, set, SL_F_FLAG, "KEY=VALUE of the pipeline file, e.g. drop.path='in/*.csv'"),
	SL_F_TEXT(C, home, SL_F_FLAG, "~/.local/state/sluice", "directory of everything kept"),
	SL_F_TEXT(C, backend, SL_F_FLAG, "embedded", "which of the file's backends"),
	SL_F_BOOL(C, again, SL_F_FLAG, "false", "collect anew what is there already"),
	SL_F_BOOL(C, dry_run, SL_F_FLAG, "false", "say what would be done, change nothing"),
	SL_F_CHOICE(C, log_level, SL_F_FLAG, "info", log_levels, "debug, info, warning or error"),
	SL_F_CHOICE(C, log_format, SL_F_FLAG, "text", log_formats,
		    "text or json (one object a line)"),
	SL_F_TEXT(C, result_file, SL_F_FLAG, NULL, "write the result line to this file, too"),
	SL_F_BOOL(C, help, SL_F_FLAG, "false", "this text"),
	SL_F_BOOL(C, version, SL_F_FLAG, "false", "version"),
	SL_F_BOOL(C, describe, SL_F_FLAG, "false", "every flag and field as JSON"),
	SL_F_TEXT(C, explain, SL_F_FLAG, NULL, "what a code means (E1003, 65), and the cure"),
	SL_F_END,
};

/* What is special about some of the common flags. */
static const struct {
	const char *name, *env;
	unsigned needs; /* taken only by stages that need one of these; 0: by all */
} facts[] = {
	{"pipeline", NULL, SL_NEEDS_PIPELINE},
	{"source", NULL, SL_NEEDS_PIPELINE},
	{"interval_start", NULL, SL_NEEDS_RUN | SL_TAKES_INTERVAL},
	{"interval_end", NULL, SL_NEEDS_RUN | SL_TAKES_INTERVAL},
	{"run_id", "SLUICE_RUN_ID", SL_NEEDS_RUN},
	{"partition", NULL, SL_TAKES_PARTITION},
	{"set", NULL, SL_NEEDS_PIPELINE | SL_TAKES_BACKEND},
	{"home", "SLUICE_HOME", SL_NEEDS_HOME | SL_TAKES_BACKEND | SL_FINDS_HOME},
	{"backend", "SLUICE_BACKEND", SL_NEEDS_PIPELINE | SL_TAKES_BACKEND},
	{"again", NULL, SL_TAKES_AGAIN},
	{"dry_run", NULL, SL_NEEDS_RUN},
	{"log_level", "SLUICE_LOG_LEVEL", 0},
	{"log_format", "SLUICE_LOG_FORMAT", 0},
};

static const struct {
	char letter;
	const char *name;
} shorts[] = {{'p', "pipeline"}, {'s', "source"}, {'o', "output"}, {'h', "help"}, {'V', "version"}};

bool sl_cli_takes(const struct sl_stage *stage, const struct sl_field *flag)
{
	const struct sl_field *own =
		stage->params ? sl_field_find(stage->params, flag->name) : NULL;

	if (own && (own->flags & SL_F_FLAG))
		return false;
	for (size_t i = 0; i < SL_ARRAY_LEN(facts); i++) {
		if (strcmp(facts[i].name, flag->name) == 0)
			return facts[i].needs == 0 || (stage->needs & facts[i].needs);
	}
	return true;
}

const char *sl_cli_env(const struct sl_field *flag)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(facts); i++) {
		if (strcmp(facts[i].name, flag->name) == 0)
			return facts[i].env;
	}
	return NULL;
}

char sl_cli_short(const char *name)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(shorts); i++) {
		if (strcmp(shorts[i].name, name) == 0)
			return shorts[i].letter;
	}
	return 0;
}

const char *sl_cli_flag(struct sl_arena *arena, const char *name)
{
	char *flag = sl_arena_printf(arena, "--%s", name);

	for (char *c = flag + 2; *c; c++)
		*c = *c == '_' ? '-' : *c;
	return flag;
}

/* The last word of a --set key, or a flag, that names a secret. */
static bool names_secret(struct sl_str key)
{
	static const char *const words[] = {"password", "secret", "token", "api_key", "passwd"};
	struct sl_str part = SL_STR_NULL;

	while (sl_str_next(&key, '.', &part))
		;
	for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
		if (sl_str_eqz(part, words[i]))
			return true;
	}
	return false;
}

static bool refuse_secret(const char *flag, struct sl_err *err)
{
	sl_err_set(err, SL_ERR_USAGE, "a secret on the command line is refused (%s)", flag);
	return sl_err_hint(err, "other users can see it; put it into the environment: "
				"AIRFLOW_CONN_<ID> or SLUICE_CONN_<ID>");
}

/* One reading of a command line. */
struct reading {
	const struct sl_stage *stage;
	struct sl_arena *arena;
	struct sl_cli *cli;
	void *own;
	int argc, at;
	char **argv;
	bool *own_given; /* per own field */
	bool only_args;	 /* behind "--" */
};

static void push_text(struct sl_arena *arena, struct sl_texts *t, const char *text)
{
	const char **v = sl_arena_zalloc(arena, t->n + 1, sizeof(*v));
	struct sl_place *at = sl_arena_zalloc(arena, t->n + 1, sizeof(*at));

	if (t->n) {
		memcpy(v, t->v, t->n * sizeof(*v));
		memcpy(at, t->at, t->n * sizeof(*at));
	}
	v[t->n] = text;
	at[t->n].origin = "command line";
	*t = (struct sl_texts){.v = v, .at = at, .n = t->n + 1};
}

/* The stage's own field or the common one of a flag's name; *ret_base = what it writes into. */
static const struct sl_field *find_flag(struct reading *r, const char *name, void **ret_base)
{
	const struct sl_field *f = r->stage->params ? sl_field_find(r->stage->params, name) : NULL;

	*ret_base = r->own;
	if (f && (f->flags & SL_F_FLAG))
		return f;
	f = sl_field_find(sl_cli_fields, name);
	*ret_base = r->cli;
	return f && sl_cli_takes(r->stage, f) ? f : NULL;
}

static size_t list_flags(struct reading *r, const char **names, size_t max)
{
	size_t n = 0;

	for (const struct sl_field *f = sl_cli_fields; f->name && n < max; f++) {
		if (sl_cli_takes(r->stage, f))
			names[n++] = sl_cli_flag(r->arena, f->name);
	}
	for (const struct sl_field *f = r->stage->params; f && f->name && n < max; f++) {
		if (f->flags & SL_F_FLAG)
			names[n++] = sl_cli_flag(r->arena, f->name);
	}
	return n;
}

static bool unknown_flag(struct reading *r, const char *word, const char *name, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf near = SL_BUF_INIT;
	const char *names[64];

	if (sl_field_find(sl_cli_fields, name) && !memchr(word, '_', strcspn(word, "="))) {
		sl_err_set(err, SL_ERR_USAGE, "%s is not for this command: \"%s\"",
			   sl_cli_flag(r->arena, name), r->stage->name);
	} else {
		sl_suggest(&near, sl_cli_flag(r->arena, name), names,
			   list_flags(r, names, SL_ARRAY_LEN(names)));
		sl_err_set(err, SL_ERR_USAGE, "unknown flag \"%.*s\"%s", (int)strcspn(word, "="),
			   word, sl_buf_z(&near));
	}
	return sl_err_hint(err, "--help lists the flags");
}

static bool set_field(struct reading *r, const struct sl_field *f, void *base, const char *value,
		      const char *origin, struct sl_err *err)
{
	struct sl_diags diags = SL_DIAGS_INIT;
	const struct sl_place at = {.origin = origin};

	if (f->type == SL_FT_TEXTS) {
		push_text(r->arena, (struct sl_texts *)(void *)((char *)base + f->offset), value);
		return true;
	}

	bool ok = sl_field_set(f, base, value, at, r->arena, &diags);

	if (!ok) {
		(void)!sl_diags_ok(&diags, err);
		err->kind = SL_ERR_USAGE;
	}
	sl_diags_release(&diags);
	return ok;
}

static void mark_given(struct reading *r, const struct sl_field *f, const void *base)
{
	if (base == r->own && r->own)
		r->own_given[f - r->stage->params] = true;
}

/* word: as typed; name: of the flag, with '_'; value: behind '=', or NULL. */
static bool read_flag(struct reading *r, const char *word, const char *name, const char *value,
		      struct sl_err *err)
{
	void *base = NULL;
	const struct sl_field *f = find_flag(r, name, &base);
	const char *flag = sl_cli_flag(r->arena, name);

	if (!f)
		return unknown_flag(r, word, name, err);
	if (f->flags & SL_F_SECRET)
		return refuse_secret(flag, err);
	if (!value && f->type == SL_FT_BOOL)
		value = "true";
	if (!value && r->at + 1 >= r->argc)
		return sl_err_set(err, SL_ERR_USAGE, "%s needs a value", flag);
	if (!value)
		value = r->argv[++r->at];
	if (sl_cli_looks_secret(value))
		return refuse_secret(flag, err);
	mark_given(r, f, base);
	return set_field(r, f, base, value, flag, err);
}

static bool read_long(struct reading *r, const char *word, struct sl_err *err)
{
	const size_t n = strcspn(word + 2, "=");
	char *name = sl_arena_printf(r->arena, "%.*s", (int)n, word + 2);

	if (strchr(name, '_')) /* only the form that --help shows */
		return unknown_flag(r, word, name, err);
	for (char *c = name; *c; c++)
		*c = *c == '-' ? '_' : *c;
	return read_flag(r, word, name, word[2 + n] == '=' ? word + 3 + n : NULL, err);
}

static bool read_short(struct reading *r, const char *word, struct sl_err *err)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(shorts); i++) {
		if (shorts[i].letter == word[1])
			return read_flag(r, word, shorts[i].name, word[2] ? word + 2 : NULL, err);
	}
	sl_err_set(err, SL_ERR_USAGE, "unknown flag \"%s\"", word);
	return sl_err_hint(err, "--help lists the flags");
}

static bool read_positional(struct reading *r, const char *word, struct sl_err *err)
{
	if (sl_cli_looks_secret(word))
		return refuse_secret("argument", err);
	if ((r->stage->needs & SL_PIPELINE_ARG) && !r->cli->pipeline) {
		r->cli->pipeline = word;
		return true;
	}
	if (!(r->stage->needs & SL_TAKES_ARGS)) {
		sl_err_set(err, SL_ERR_USAGE, "unexpected argument \"%s\"", word);
		return sl_err_hint(err, "--help shows the usage");
	}
	push_text(r->arena, &r->cli->args, word);
	return true;
}

static bool read_words(struct reading *r, struct sl_err *err)
{
	for (r->at = 1; r->at < r->argc; r->at++) {
		const char *word = r->argv[r->at];
		bool ok;

		if (!r->only_args && strcmp(word, "--") == 0) {
			r->only_args = true;
			continue;
		}
		if (r->only_args || word[0] != '-' || word[1] == '\0')
			ok = read_positional(r, word, err);
		else if (word[1] == '-')
			ok = read_long(r, word, err);
		else
			ok = read_short(r, word, err);
		if (!ok)
			return false;
	}
	return true;
}

/* SLUICE_QUERY_LIMIT stands in for --limit of sluice-query. */
static bool own_environment(struct reading *r, struct sl_err *err)
{
	for (const struct sl_field *f = r->stage->params; f && f->name; f++) {
		char *name = sl_arena_printf(r->arena, "SLUICE_%s_%s", r->stage->name, f->name);

		for (char *c = name; *c; c++)
			*c = (char)toupper((unsigned char)*c);

		const char *value = getenv(name);

		if (value && (f->flags & SL_F_FLAG) && !r->own_given[f - r->stage->params] &&
		    !set_field(r, f, r->own, value, name, err))
			return false;
	}
	return true;
}

/* Fills what argv left out; --home is left to store/home.h, which knows further places. */
static void common_environment(struct reading *r)
{
	struct sl_cli *cli = r->cli;
	const struct {
		const char **to, *name;
	} pairs[] = {
		{&cli->backend, "SLUICE_BACKEND"},
		{&cli->log_level, "SLUICE_LOG_LEVEL"},
		{&cli->log_format, "SLUICE_LOG_FORMAT"},
		{&cli->run_id, "SLUICE_RUN_ID"},
	};

	cli->backend_from = cli->backend	       ? "--backend"
			    : getenv("SLUICE_BACKEND") ? "SLUICE_BACKEND"
						       : "default";
	for (size_t i = 0; i < SL_ARRAY_LEN(pairs); i++) {
		const char *value = getenv(pairs[i].name);

		if (!*pairs[i].to && value && value[0])
			*pairs[i].to = value;
	}
}

static bool read_overrides(struct reading *r, struct sl_err *err)
{
	struct sl_cli *cli = r->cli;

	cli->overrides = sl_arena_zalloc(r->arena, cli->set.n + 1, sizeof(*cli->overrides));
	for (size_t i = 0; i < cli->set.n; i++) {
		struct sl_str value = sl_str_of(cli->set.v[i]);
		struct sl_str key = SL_STR_NULL;

		if (sl_str_find(value, '=') <= 0) {
			sl_err_set(err, SL_ERR_USAGE, "--set \"%s\" is not KEY=VALUE", value.p);
			return sl_err_hint(err, "for example --set drop.path='in/*.csv'");
		}
		sl_str_next(&value, '=', &key);
		if (names_secret(key))
			return refuse_secret("--set", err);
		cli->overrides[cli->n_overrides++] = (struct sl_override){
			.path = sl_arena_str(r->arena, key).p,
			.value = value.p ? value.p : "",
			.origin = "--set",
		};
	}
	return true;
}

static bool one_of(const char *flag, const char *value, const char *const *choices,
		   struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf list = SL_BUF_INIT;

	if (!value)
		return true;
	for (size_t i = 0; choices[i]; i++) {
		if (strcmp(choices[i], value) == 0)
			return true;
		sl_buf_addf(&list, "%s%s", i ? ", " : "", choices[i]);
	}
	return sl_err_set(err, SL_ERR_USAGE, "%s \"%s\" is not one of %s", flag, value,
			  sl_buf_z(&list));
}

/* What child stages must be told to see the same pipeline and the same logs. */
static void note_passed(struct reading *r)
{
	struct sl_cli *cli = r->cli;
	const struct {
		const char *flag, *value;
	} flags[] = {
		{"--pipeline", cli->pipeline},	   {"--home", cli->home},
		{"--backend", cli->backend},	   {"--log-level", cli->log_level},
		{"--log-format", cli->log_format},
	};

	cli->passed = sl_arena_zalloc(r->arena, SL_ARRAY_LEN(flags) + cli->set.n + 1,
				      sizeof(*cli->passed));
	for (size_t i = 0; i < SL_ARRAY_LEN(flags); i++) {
		if (flags[i].value)
			cli->passed[cli->n_passed++] =
				sl_arena_printf(r->arena, "%s=%s", flags[i].flag, flags[i].value);
	}
	for (size_t i = 0; i < cli->set.n; i++)
		cli->passed[cli->n_passed++] = sl_arena_printf(r->arena, "--set=%s", cli->set.v[i]);
}

bool sl_cli_parse(const struct sl_stage *stage, int argc, char **argv, struct sl_arena *arena,
		  void *own, struct sl_cli *ret, struct sl_err *err)
{
	struct reading r = {
		.stage = stage,
		.arena = arena,
		.cli = ret,
		.own = own,
		.argc = argc,
		.argv = argv,
	};
	size_t n_own = 0;

	while (stage->params && stage->params[n_own].name)
		n_own++;
	r.own_given = sl_arena_zalloc(arena, n_own + 1, sizeof(bool));
	*ret = (struct sl_cli){0};
	if (!read_words(&r, err))
		return false;
	common_environment(&r);
	if (!own_environment(&r, err) || !read_overrides(&r, err) ||
	    !one_of("--log-level", ret->log_level, log_levels, err) ||
	    !one_of("--log-format", ret->log_format, log_formats, err))
		return false;
	note_passed(&r);
	return true;
}
