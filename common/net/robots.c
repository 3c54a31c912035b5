/*
 * The parser of robots.txt and its matcher. Lines are read once; rules of groups that name us and
 * of "*" are kept apart, since only the end says which of the two counts. A pattern is a row of
 * pieces between its stars, found from left to right, so that no pattern costs more than its length
 * and the path's.
 */
#include "net/robots.h"

#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "net/uri.h"

struct rule {
	char *pattern; /* normal form, '*' and a last '$' are signs */
	size_t n;
	bool allow;
};

struct group {
	bool seen;
	struct rule *rules;
	size_t n, cap;
	int64_t delay_us;
};

struct sl_robots {
	struct group ours, any;
	const struct group *counts;
};

/* Where the parser stands. */
struct reading {
	struct sl_robots *r;
	const char *agent;
	bool in_agents;	    /* the line before named an agent too */
	bool to_us, to_any; /* whom the group speaks to */
};

/* --- reading --- */

/* A dollar before the end is a letter, written as in a path: see normal_target. */
static void add_pattern(struct sl_str path, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf normal = SL_BUF_INIT;

	sl_uri_add_normal(&normal, path);
	for (size_t i = 0; i < normal.n; i++)
		if (normal.p[i] == '$' && i + 1 < normal.n)
			sl_buf_adds(out, "%24");
		else
			sl_buf_addc(out, normal.p[i]);
}

static void add_rule(struct group *g, struct sl_str path, bool allow)
{
	sl_cleanup(sl_buf_release) struct sl_buf pattern = SL_BUF_INIT;

	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 16;
		g->rules = sl_xrealloc(g->rules, g->cap, sizeof(*g->rules));
	}
	add_pattern(path, &pattern);
	size_t n = pattern.n;
	g->rules[g->n++] = (struct rule){sl_buf_detach(&pattern), n, allow};
}

/* The product token at the value's head: "Sluice/1.0 (x)" is sluice. */
static struct sl_str token(struct sl_str value)
{
	size_t n = 0;

	while (n < value.n && value.p[n] != '/' && value.p[n] != ' ' && value.p[n] != '\t')
		n++;
	return sl_str_sub(value, 0, n);
}

static void read_agent(struct reading *p, struct sl_str value)
{
	struct sl_str name = token(value);

	if (!p->in_agents)
		p->to_us = p->to_any = false;
	p->in_agents = true;
	if (sl_str_eqz(name, "*"))
		p->to_any = p->r->any.seen = true;
	else if (name.n == strlen(p->agent) && strncasecmp(name.p, p->agent, name.n) == 0)
		p->to_us = p->r->ours.seen = true;
}

static void read_rule(struct reading *p, struct sl_str value, bool allow)
{
	p->in_agents = false;
	if (!value.n) /* "Disallow:" forbids nothing */
		return;
	if (p->to_us)
		add_rule(&p->r->ours, value, allow);
	if (p->to_any)
		add_rule(&p->r->any, value, allow);
}

static void read_delay(struct reading *p, struct sl_str value)
{
	double s;

	p->in_agents = false;
	if (!sl_num_f64(value, &s) || s <= 0)
		return;
	int64_t us = s > 86400 ? SL_DAY : (int64_t)(s * 1e6);
	if (p->to_us)
		p->r->ours.delay_us = us;
	if (p->to_any)
		p->r->any.delay_us = us;
}

static bool is_key(struct sl_str key, const char *name)
{
	return key.n == strlen(name) && strncasecmp(key.p, name, key.n) == 0;
}

static void read_line(struct reading *p, struct sl_str line)
{
	ptrdiff_t comment = sl_str_find(line, '#');
	struct sl_str text = comment < 0 ? line : sl_str_sub(line, 0, (size_t)comment);
	ptrdiff_t colon = sl_str_find(text, ':');

	if (colon < 0)
		return;
	struct sl_str key = sl_str_trim(sl_str_sub(text, 0, (size_t)colon));
	struct sl_str value = sl_str_trim(sl_str_sub(text, (size_t)colon + 1, text.n));
	if (is_key(key, "user-agent"))
		read_agent(p, value);
	else if (is_key(key, "allow") || is_key(key, "disallow"))
		read_rule(p, value, key.n == 5);
	else if (is_key(key, "crawl-delay"))
		read_delay(p, value);
}

struct sl_robots *sl_robots_parse(struct sl_str text, const char *agent)
{
	struct sl_robots *r = sl_xcalloc(1, sizeof(*r));
	struct reading p = {.r = r, .agent = agent};
	struct sl_str rest = sl_str_sub(text, 0, SL_ROBOTS_MAX);

	if (sl_str_starts(rest, "\xEF\xBB\xBF"))
		rest = sl_str_sub(rest, 3, rest.n);
	while (rest.n) {
		size_t n = 0;
		while (n < rest.n && rest.p[n] != '\n' && rest.p[n] != '\r')
			n++;
		read_line(&p, sl_str_sub(rest, 0, n));
		rest = sl_str_sub(rest, n + 1, rest.n);
	}
	r->counts = r->ours.seen ? &r->ours : &r->any;
	return r;
}

static void free_group(struct group *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->rules[i].pattern);
	free(g->rules);
}

void sl_robots_free(struct sl_robots *r)
{
	if (!r)
		return;
	free_group(&r->ours);
	free_group(&r->any);
	free(r);
}

/* --- matching --- */

/* Finds piece in *path from its start (anchored) or anywhere, and moves *path behind it. */
static bool take_piece(struct sl_str *path, struct sl_str piece, bool anchored)
{
	const char *at = path->p;

	if (piece.n > path->n)
		return false;
	if (anchored ? memcmp(at, piece.p, piece.n) != 0
		     : !(at = memmem(path->p, path->n, piece.p, piece.n)))
		return false;
	*path = sl_str_sub(*path, (size_t)(at - path->p) + piece.n, path->n);
	return true;
}

static bool ends_with(struct sl_str path, struct sl_str piece)
{
	return piece.n <= path.n && memcmp(path.p + path.n - piece.n, piece.p, piece.n) == 0;
}

static bool matches(const struct rule *rule, struct sl_str path)
{
	bool to_end = rule->n > 0 && rule->pattern[rule->n - 1] == '$';
	struct sl_str rest = {rule->pattern, rule->n - to_end}, piece = rest;
	bool first = true;

	for (;; first = false) {
		ptrdiff_t star = sl_str_find(rest, '*');
		piece = star < 0 ? rest : sl_str_sub(rest, 0, (size_t)star);
		if (star < 0)
			break;
		if (!take_piece(&path, piece, first))
			return false;
		rest = sl_str_sub(rest, (size_t)star + 1, rest.n);
	}
	if (!to_end)
		return take_piece(&path, piece, first);
	return first ? path.n == piece.n && ends_with(path, piece) : ends_with(path, piece);
}

/* In the path a star and a dollar are letters; patterns write them %2A and %24 (§2.2.3). */
static void normal_target(struct sl_str target, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf normal = SL_BUF_INIT;

	sl_uri_add_normal(&normal, target);
	for (size_t i = 0; i < normal.n; i++)
		if (normal.p[i] == '*' || normal.p[i] == '$')
			sl_buf_adds(out, normal.p[i] == '*' ? "%2A" : "%24");
		else
			sl_buf_addc(out, normal.p[i]);
}

bool sl_robots_allows(const struct sl_robots *r, struct sl_str target)
{
	sl_cleanup(sl_buf_release) struct sl_buf path = SL_BUF_INIT;
	const struct group *g = r->counts;
	bool allow = true;
	size_t longest = 0;

	normal_target(target, &path);
	if (strcmp(sl_buf_z(&path), "/robots.txt") == 0)
		return true;
	for (size_t i = 0; i < g->n; i++) {
		const struct rule *rule = &g->rules[i];
		if (rule->n < longest || (rule->n == longest && (allow || !rule->allow)))
			continue;
		if (!matches(rule, sl_buf_str(&path)))
			continue;
		longest = rule->n;
		allow = rule->allow;
	}
	return allow;
}

int64_t sl_robots_delay(const struct sl_robots *r)
{
	return r->counts->delay_us;
}
