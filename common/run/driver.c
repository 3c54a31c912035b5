/*
 * The driver's front door: picks the command, or becomes the stage of that name.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/module.h"
#include "run/command.h"
#include "run/help.h"
#include "run/spawn.h"
#include "run/stage.h"

struct driver {
	const struct sl_stage *const *commands;
	size_t n;
	int argc;
	char **argv;
};

static const struct sl_stage *find_command(const struct driver *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->commands[i]->name, name) == 0)
			return d->commands[i];
	}
	return NULL;
}

static bool is_stage(const char *name)
{
	sl_cleanup(sl_freep) char *path = sl_xasprintf("%s/sluice-%s", sl_exe_dir(), name);

	return name[0] != '-' && !strchr(name, '/') && access(path, X_OK) == 0;
}

/* "sluice query orders --sql …" → "sluice-query --pipeline orders --sql …" */
static bool become_stage(const struct driver *d, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *exe = sl_xasprintf("sluice-%s", d->argv[1]);
	sl_cleanup(sl_freep) const char **argv = sl_xcalloc((size_t)d->argc + 2, sizeof(*argv));
	size_t n = 0;

	argv[n++] = exe;
	if (d->argc > 2 && d->argv[2][0] != '-')
		argv[n++] = "--pipeline";
	for (int i = 2; i < d->argc; i++)
		argv[n++] = d->argv[i];
	return sl_exec(exe, argv, err);
}

static bool refuse_command(const struct driver *d, const char *name, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf near = SL_BUF_INIT;
	sl_cleanup(sl_freep) const char **names = sl_xcalloc(d->n + 1, sizeof(*names));

	for (size_t i = 0; i < d->n; i++)
		names[i] = d->commands[i]->name;
	sl_suggest(&near, name, names, d->n);
	sl_err_set(err, SL_ERR_USAGE, "unknown %s \"%s\"%s", name[0] == '-' ? "flag" : "command",
		   name, sl_buf_z(&near));
	return sl_err_hint(err, "\"sluice --help\" lists the commands");
}

static bool explain_word(const struct driver *d, struct sl_buf *out, struct sl_err *err)
{
	const char *word = d->argv[1];
	const char *code = word[9] == '=' ? word + 10 : d->argc > 2 ? d->argv[2] : NULL;

	if (!code)
		return sl_err_set(err, SL_ERR_USAGE, "--explain needs a value");
	return sl_explain(code, out, err);
}

/* --help and its like; *ret_done = it was one of them. */
static bool inform(const struct driver *d, bool *ret_done, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	const char *word = d->argv[1];

	*ret_done = true;
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
		sl_driver_help(d->commands, d->n, &out);
	else if (strcmp(word, "--describe") == 0)
		sl_driver_describe(d->commands, d->n, &out);
	else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		sl_buf_adds(&out, "sluice " SLUICE_VERSION "\n");
	else if (strncmp(word, "--explain", 9) == 0 && (word[9] == '=' || word[9] == '\0'))
		return explain_word(d, &out, err) && sl_stdout(sl_buf_str(&out), err);
	else
		*ret_done = false;
	return sl_stdout(sl_buf_str(&out), err);
}

static bool refuse_nothing(struct sl_err *err)
{
	sl_err_set(err, SL_ERR_USAGE, "no command is given");
	return sl_err_hint(err, "\"sluice --help\" lists the commands");
}

static int run_command(const struct driver *d, const struct sl_stage *command)
{
	char name[64];

	snprintf(name, sizeof(name), "sluice %s", command->name);
	return sl_command_main(command, name, true, d->argc - 1, d->argv + 1);
}

/* Fails, or does all there is to do, or sets *ret_command. */
static bool choose(const struct driver *d, const struct sl_stage **ret_command, struct sl_err *err)
{
	bool done = false;

	if (d->argc < 2)
		return refuse_nothing(err);
	if (!inform(d, &done, err))
		return false;
	if (done)
		return true;
	*ret_command = find_command(d, d->argv[1]);
	if (*ret_command)
		return true;
	return is_stage(d->argv[1]) ? become_stage(d, err) : refuse_command(d, d->argv[1], err);
}

/* "sluice help run" → "sluice run --help" */
static void turn_help(int argc, char **argv)
{
	static char flag[] = "--help";

	if (argc != 3 || strcmp(argv[1], "help") != 0)
		return;
	argv[1] = argv[2];
	argv[2] = flag;
}

int sl_driver_main(const struct sl_stage *const *commands, size_t n, int argc, char **argv)
{
	const struct driver d = {commands, n, argc, argv};
	const struct sl_stage *command = NULL;
	struct sl_err err = SL_ERR_INIT;

	turn_help(argc, argv);
	sl_hold_streams();
	if (!choose(&d, &command, &err))
		return sl_command_fail("sluice", &err);
	return command ? run_command(&d, command) : 0;
}
