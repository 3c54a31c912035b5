/*
 * sluice completion: what a shell needs to complete our command lines, made from the tables that
 * read them. The stages are asked for theirs by --describe, so a new flag needs nothing here.
 */
#include <dirent.h>
#include <jansson.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/module.h"
#include "run/help.h"
#include "tasks/sluice/cmd.h"
#include "tasks/sluice/describe.h"

#define SHELLS "bash zsh fish"

/* The flags of one command or stage: the common ones, and its own that have one. all becomes
 * {"preview": {"summary": "…", "stage": false, "flags": [{"name", "type", "help", "choices"}]}, …}
 */
static void add_command(json_t *all, const json_t *described, bool stage)
{
	static const char *const lists[] = {"params", "flags"};
	json_t *command = json_object();
	json_t *flags = json_array();
	json_t *field;
	size_t at;

	for (size_t i = 0; i < SL_ARRAY_LEN(lists); i++) {
		json_array_foreach(json_object_get(described, lists[i]), at, field)
		{
			if (json_is_true(json_object_get(field, "flag")))
				json_array_append(flags, field);
		}
	}
	json_object_set(command, "summary", json_object_get(described, "summary"));
	json_object_set_new(command, "stage", json_boolean(stage));
	json_object_set_new(command, "flags", flags);
	json_object_set_new(all, json_string_value(json_object_get(described, "name")), command);
}

static bool add_commands(json_t *all, struct sl_err *err)
{
	sl_cleanup(sl_described_release) json_t *driver = NULL;
	json_t *command;
	size_t at;

	if (!sl_describe_of("sluice", &driver, err))
		return false;
	json_array_foreach(json_object_get(driver, "commands"), at, command)
	{
		add_command(all, command, false);
	}
	return true;
}

static bool add_stages(json_t *all, struct sl_err *err)
{
	sl_cleanup(sl_names_release) struct sl_names names = {0};

	if (!sl_dir_list(sl_exe_dir(), &names, err))
		return false;
	for (size_t i = 0; i < names.n; i++) {
		sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/%s", sl_exe_dir(), names.v[i]);
		sl_cleanup(sl_described_release) json_t *described = NULL;

		if (!sl_str_starts(sl_str_of(names.v[i]), "sluice-") || access(path, X_OK) != 0)
			continue;
		if (!sl_describe_of(names.v[i], &described, err))
			return false;
		add_command(all, described, true);
	}
	return true;
}

/* --- what the shells share --- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void add_flag_name(struct sl_buf *out, const char *name)
{
	for (const char *c = name; *c; c++)
		sl_buf_addc(out, *c == '_' ? '-' : *c);
}

/* Between single quotes of any of the shells: what would end them is left out. */
static void add_quoted(struct sl_buf *out, const char *text)
{
	sl_buf_addc(out, '\'');
	for (const char *c = text; *c; c++) {
		if (*c != '\'' && *c != '\\' && *c != '[' && *c != ']' && *c != ':')
			sl_buf_addc(out, *c);
		else
			sl_buf_addc(out, *c == '[' ? '(' : *c == ']' ? ')' : ' ');
	}
	sl_buf_addc(out, '\'');
}

static bool takes_value(const json_t *flag)
{
	return strcmp(text_of(flag, "type"), "bool") != 0;
}

static void add_choices(struct sl_buf *out, const json_t *flag)
{
	const json_t *choice;
	size_t at;

	json_array_foreach(json_object_get(flag, "choices"), at, choice)
	{
		sl_buf_addf(out, "%s%s", at ? " " : "", json_string_value(choice));
	}
}

/* --- bash --- */

static void add_bash_flags(struct sl_buf *out, json_t *all)
{
	const char *name;
	json_t *command;

	json_object_foreach(all, name, command)
	{
		const json_t *flag;
		size_t at;

		sl_buf_addf(out, "\t%s) words='", name);
		json_array_foreach(json_object_get(command, "flags"), at, flag)
		{
			sl_buf_adds(out, at ? " --" : "--");
			add_flag_name(out, text_of(flag, "name"));
		}
		sl_buf_adds(out, "' ;;\n");
	}
}

static void add_bash_choices(struct sl_buf *out, json_t *all)
{
	const char *name;
	json_t *command;

	json_object_foreach(all, name, command)
	{
		const json_t *flag;
		size_t at;

		json_array_foreach(json_object_get(command, "flags"), at, flag)
		{
			if (!json_object_get(flag, "choices"))
				continue;
			sl_buf_addf(out, "\t'%s --", name);
			add_flag_name(out, text_of(flag, "name"));
			sl_buf_adds(out, "') words='");
			add_choices(out, flag);
			sl_buf_adds(out, "' ;;\n");
		}
	}
}

static void add_names(struct sl_buf *out, json_t *all)
{
	const char *name;
	json_t *command;

	json_object_foreach(all, name, command)
	{
		(void)command;
		sl_buf_addf(out, "%s ", name);
	}
}

static void write_bash(struct sl_buf *out, json_t *all)
{
	const char *name;
	json_t *command;

	sl_buf_adds(out,
		    "# bash completion of sluice: . <(sluice completion bash)\n"
		    "_sluice_pipelines() {\n"
		    "\tlocal file\n"
		    "\tfor file in \"${SLUICE_PIPELINES:-pipelines}\"/*/pipeline.yaml; do\n"
		    "\t\t[ -e \"$file\" ] && file=${file%/*} && printf '%s\\n' \"${file##*/}\"\n"
		    "\tdone\n"
		    "}\n"
		    "_sluice() {\n"
		    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
		    "\tlocal exe=${COMP_WORDS[0]##*/} command=${COMP_WORDS[1]} words=''\n"
		    "\tcase $exe in sluice-*) command=${exe#sluice-} ;; esac\n"
		    "\tCOMPREPLY=()\n"
		    "\tif [ \"$exe\" = sluice ] && [ \"$COMP_CWORD\" -eq 1 ]; then\n"
		    "\t\tCOMPREPLY=($(compgen -W '");
	add_names(out, all);
	sl_buf_adds(out, "--help --version --describe --explain' -- \"$cur\"))\n"
			 "\t\treturn\n\tfi\n"
			 "\tcase \"$command $prev\" in\n");
	add_bash_choices(out, all);
	sl_buf_adds(out, "\t*' --pipeline' | *' -p') words=$(_sluice_pipelines) ;;\n"
			 "\t'completion completion') words='" SHELLS "' ;;\n"
			 "\tesac\n"
			 "\tif [ -n \"$words\" ]; then\n"
			 "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
			 "\tcase $cur in\n"
			 "\t-*) ;;\n"
			 "\t*)\n"
			 "\t\tCOMPREPLY=($(compgen -W \"$(_sluice_pipelines)\" -- \"$cur\")"
			 " $(compgen -f -- \"$cur\"))\n"
			 "\t\treturn\n\t\t;;\n\tesac\n"
			 "\tcase $command in\n");
	add_bash_flags(out, all);
	sl_buf_adds(out, "\tesac\n"
			 "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
			 "complete -F _sluice sluice");
	json_object_foreach(all, name, command)
	{
		if (json_is_true(json_object_get(command, "stage")))
			sl_buf_addf(out, " sluice-%s", name);
	}
	sl_buf_addc(out, '\n');
}

/* --- zsh --- */

static void add_zsh_flag(struct sl_buf *out, const json_t *flag)
{
	sl_cleanup(sl_buf_release) struct sl_buf spec = SL_BUF_INIT;

	sl_buf_adds(out, " \\\n\t\t\t'*--");
	add_flag_name(out, text_of(flag, "name"));
	sl_buf_adds(out, takes_value(flag) ? "=[" : "[");
	add_quoted(&spec, text_of(flag, "help"));
	sl_buf_add(out, spec.p + 1, spec.n - 2);
	sl_buf_addc(out, ']');
	if (takes_value(flag))
		sl_buf_adds(out, ":value:");
	if (json_object_get(flag, "choices")) {
		sl_buf_addc(out, '(');
		add_choices(out, flag);
		sl_buf_addc(out, ')');
	} else if (strcmp(text_of(flag, "name"), "pipeline") == 0) {
		sl_buf_adds(out, "_sluice_pipelines");
	} else if (takes_value(flag)) {
		sl_buf_adds(out, "_files");
	}
	sl_buf_addc(out, '\'');
}

static void write_zsh(struct sl_buf *out, json_t *all)
{
	const char *name;
	json_t *command;

	sl_buf_adds(out, "#compdef sluice");
	json_object_foreach(all, name, command)
	{
		if (json_is_true(json_object_get(command, "stage")))
			sl_buf_addf(out, " sluice-%s", name);
	}
	sl_buf_adds(out, "\n# zsh completion of sluice: put it into a folder of $fpath as _sluice\n"
			 "_sluice_pipelines() {\n"
			 "\tlocal -a names\n"
			 "\tnames=(${SLUICE_PIPELINES:-pipelines}/*/pipeline.yaml(N:h:t))\n"
			 "\t_alternative 'pipelines:pipeline:compadd -a names' "
			 "'files:file:_files'\n}\n"
			 "_sluice() {\n\tlocal command=${service#sluice-}\n"
			 "\tlocal -a commands\n\tcommands=(\n");
	json_object_foreach(all, name, command)
	{
		sl_buf_addf(out, "\t\t'%s:", name);
		sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

		add_quoted(&text, text_of(command, "summary"));
		sl_buf_add(out, text.p + 1, text.n - 1);
		sl_buf_addc(out, '\n');
	}
	sl_buf_adds(out, "\t)\n\tif [[ $service == sluice ]]; then\n"
			 "\t\tif ((CURRENT == 2)); then\n"
			 "\t\t\t_describe command commands\n\t\t\treturn\n\t\tfi\n"
			 "\t\tcommand=$words[2]\n\t\tshift words\n\t\t((CURRENT--))\n\tfi\n"
			 "\tcase $command in\n");
	json_object_foreach(all, name, command)
	{
		const json_t *flag;
		size_t at;

		sl_buf_addf(out, "\t%s)\n\t\t_arguments", name);
		json_array_foreach(json_object_get(command, "flags"), at, flag)
		{
			add_zsh_flag(out, flag);
		}
		sl_buf_addf(out, " \\\n\t\t\t'*:%s'\n\t\t;;\n",
			    strcmp(name, "completion") == 0 ? "shell:(" SHELLS ")"
							    : "pipeline:_sluice_pipelines");
	}
	sl_buf_adds(out, "\tesac\n}\n_sluice \"$@\"\n");
}

/* --- fish --- */

static void add_fish_flag(struct sl_buf *out, const char *command, bool stage, const json_t *flag)
{
	if (stage)
		sl_buf_addf(out, "complete -c sluice-%s -l ", command);
	else
		sl_buf_addf(out, "complete -c sluice -n '__fish_seen_subcommand_from %s' -l ",
			    command);
	add_flag_name(out, text_of(flag, "name"));
	sl_buf_adds(out, takes_value(flag) ? " -r" : "");
	if (json_object_get(flag, "choices")) {
		sl_buf_adds(out, " -f -a '");
		add_choices(out, flag);
		sl_buf_addc(out, '\'');
	}
	sl_buf_adds(out, " -d ");
	add_quoted(out, text_of(flag, "help"));
	sl_buf_addc(out, '\n');
}

static void write_fish(struct sl_buf *out, json_t *all)
{
	const char *name;
	json_t *command;

	sl_buf_adds(out,
		    "# fish completion of sluice: sluice completion fish | source\n"
		    "function __sluice_pipelines\n"
		    "\tset -l folder pipelines\n"
		    "\tset -q SLUICE_PIPELINES; and set folder $SLUICE_PIPELINES\n"
		    "\tfor file in $folder/*/pipeline.yaml\n"
		    "\t\tbasename (dirname $file)\n"
		    "\tend\n"
		    "end\n"
		    "complete -c sluice -n 'not __fish_use_subcommand' -a '(__sluice_pipelines)'\n"
		    "complete -c sluice -f -n '__fish_seen_subcommand_from completion' -a '" SHELLS
		    "'\n");
	json_object_foreach(all, name, command)
	{
		const bool stage = json_is_true(json_object_get(command, "stage"));
		const json_t *flag;
		size_t at;

		sl_buf_addf(out, "complete -c sluice -f -n __fish_use_subcommand -a %s -d ", name);
		add_quoted(out, text_of(command, "summary"));
		sl_buf_addc(out, '\n');
		json_array_foreach(json_object_get(command, "flags"), at, flag)
		{
			add_fish_flag(out, name, false, flag);
			if (stage)
				add_fish_flag(out, name, true, flag);
		}
	}
}

static const struct {
	const char *name;
	void (*write)(struct sl_buf *out, json_t *all);
} shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};

static bool run_completion(struct sl_run *run, const void *params, struct sl_err *err)
{
	sl_cleanup(sl_described_release) json_t *all = json_object();
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	const char *wanted = run->args.n == 1 ? run->args.v[0] : "";
	void (*write_shell)(struct sl_buf *, json_t *) = NULL;

	(void)params;
	for (size_t i = 0; i < SL_ARRAY_LEN(shells); i++) {
		if (strcmp(shells[i].name, wanted) == 0)
			write_shell = shells[i].write;
	}
	if (!write_shell) {
		sl_err_set(err, SL_ERR_USAGE, "give one shell: bash, zsh or fish");
		return sl_err_hint(err, "for example: . <(sluice completion bash)");
	}
	if (!add_commands(all, err) || !add_stages(all, err))
		return false;
	write_shell(&out, all);
	return sl_stdout(sl_buf_str(&out), err);
}

const struct sl_stage sl_cmd_completion = {
	.name = "completion",
	.summary = "writes what a shell needs to complete our command lines",
	.usage = "bash|zsh|fish",
	.description = "Commands, stages, flags and their choices, as this version has them, and "
		       "the names of\n"
		       "pipelines as they are when the key is pressed.\n",
	.examples = ". <(sluice completion bash)\n"
		    "sluice completion fish > ~/.config/fish/completions/sluice.fish\n",
	.needs = SL_TAKES_ARGS | SL_QUIET_RESULT,
	.run = run_completion,
};
