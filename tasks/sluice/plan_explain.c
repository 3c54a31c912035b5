/*
 * Values from the tree (which knows their places), from the environment, and from the tables.
 */
#include "tasks/sluice/plan_explain.h"

#include <ctype.h>

#include "base/mem.h"
#include "net/conn.h"
#include "run/cli.h"

#define VALUE_MAX 100 /* bytes of a value shown */
#define FROM_COLUMN 50

struct explaining {
	struct sl_run *run;
	struct sl_buf *out;
};

/* A file may hold what it should not: neither its name nor its form gives a secret away. */
static bool is_secret(const char *path, const char *value)
{
	static const char *const words[] = {"password", "passwd", "secret", "token", "api_key"};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
		if (strcasestr(dot ? dot + 1 : path, words[i]))
			return true;
	}
	return sl_cli_looks_secret(value);
}

static void explain_value(const char *path, const char *value, const char *from, struct sl_buf *out)
{
	const size_t begin = out->n;

	sl_buf_addf(out, "%s = ", path);
	if (is_secret(path, value))
		sl_buf_adds(out, "(a secret)");
	else
		sl_buf_add_escaped(out, sl_str_of(value), VALUE_MAX);

	size_t used = 0; /* letters, not bytes */

	for (size_t i = begin; i < out->n; i++)
		used += (out->p[i] & 0xc0) != 0x80;
	sl_buf_addf(out, "%*s# %s\n", used < FROM_COLUMN ? (int)(FROM_COLUMN - used) : 1, "", from);
}

static void explain_scalar(const struct explaining *x, const char *path, const struct sl_node *n)
{
	const char *from = n->at.line ? sl_arena_printf(&x->run->arena, "%s:%u:%u", n->at.file,
							n->at.line, n->at.col)
				      : n->at.origin;

	explain_value(path, n->text, from ? from : "default", x->out);
}

/* The tree without recursion: a stack of places, as deep as YAML may be. */
struct place {
	const struct sl_node *node;
	const char *path;
	size_t next;
};

static const char *child_path(const struct explaining *x, const struct place *at, size_t i)
{
	struct sl_arena *arena = &x->run->arena;

	if (at->node->kind == SL_NODE_SEQ)
		return sl_arena_printf(arena, "%s[%zu]", at->path, i);
	return sl_arena_printf(arena, "%s%s%s", at->path, at->path[0] ? "." : "",
			       at->node->keys[i]->text);
}

static void explain_tree(const struct explaining *x)
{
	struct place stack[80];
	size_t depth = 1;

	stack[0] = (struct place){.node = x->run->p->root, .path = ""};
	while (depth > 0) {
		struct place *at = &stack[depth - 1];

		if (at->next == at->node->n) {
			depth--;
			continue;
		}

		const char *path = child_path(x, at, at->next);
		const struct sl_node *child = at->node->items[at->next++];

		if (child->kind == SL_NODE_SCALAR)
			explain_scalar(x, path, child);
		else if (depth < SL_ARRAY_LEN(stack))
			stack[depth++] = (struct place){.node = child, .path = path};
	}
}

static void tell_default(void *ctx, const char *path, const char *value)
{
	const struct explaining *x = ctx;

	explain_value(path, value, "default", x->out);
}

/* As store/home.h looks for it. */
static void explain_home(const struct explaining *x)
{
	static const char *const variables[] = {"SLUICE_HOME", "XDG_STATE_HOME", "HOME"};
	static const char *const below[] = {"", "/sluice", "/.local/state/sluice"};

	if (x->run->home_flag) {
		explain_value("home", x->run->home_flag, "--home", x->out);
		return;
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(variables); i++) {
		const char *value = getenv(variables[i]);

		if (!value || !value[0] || (i == 1 && value[0] != '/'))
			continue;
		explain_value("home", sl_arena_printf(&x->run->arena, "%s%s", value, below[i]),
			      variables[i], x->out);
		return;
	}
	explain_value("home", "(none)", "nothing says where", x->out);
}

static const char *variable(struct sl_arena *arena, const char *prefix, const char *id)
{
	char *name = sl_arena_printf(arena, "%s%s", prefix, id);

	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return name;
}

/* Where a connection comes from, and all of it but the password. */
static void explain_connection(const struct explaining *x, const char *id)
{
	struct sl_arena *arena = &x->run->arena;
	const char *ours = variable(arena, "SLUICE_CONN_", id);
	const char *airflows = variable(arena, "AIRFLOW_CONN_", id);
	const char *path = sl_arena_printf(arena, "connection %s", id);
	struct sl_err err = SL_ERR_INIT;
	struct sl_conn conn;

	if (sl_conn_get(id, arena, &conn, &err))
		explain_value(path, sl_conn_safe(&conn, arena), getenv(ours) ? ours : airflows,
			      x->out);
	else
		explain_value(path, "(not usable)", err.msg, x->out);
}

/* Of the backend's roles, and of sources. */
static void explain_connections(const struct explaining *x)
{
	const struct sl_backend *b = &x->run->p->backend;
	const char *const roles[] = {b->bronze_conn, b->queue_conn, b->store_conn,
				     b->documents_conn};
	const struct sl_node *sources = sl_node_get(x->run->p->root, "sources");

	for (size_t i = 0; i < SL_ARRAY_LEN(roles); i++)
		if (roles[i])
			explain_connection(x, roles[i]);
	for (size_t i = 0; sources && i < sources->n; i++) {
		const struct sl_node *id = sl_node_get(sources->items[i], "connection");

		if (id && id->kind == SL_NODE_SCALAR)
			explain_connection(x, id->text);
	}
}

void sl_plan_explain(struct sl_run *run, struct sl_buf *out)
{
	struct explaining x = {run, out};

	explain_value("backend", run->backend ? run->backend : "embedded", run->backend_from, out);
	explain_home(&x);
	explain_connections(&x);
	explain_tree(&x);
	sl_pipeline_defaults(run->p, tell_default, &x);
}
