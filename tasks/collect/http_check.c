/* The check of the http source: what its fields mean together. */
#include "net/http_guard.h"
#include "net/uri.h"
#include "run/interval.h"
#include "tasks/collect/http_ask.h"

const char *const sl_http_pagings[] = {"none", "page", "offset", "cursor", "next", "link", NULL};
const char *const sl_http_auths[] = {"none", "basic", "bearer", "header", "oauth2", NULL};

struct checking {
	struct sl_http_params *p;
	const struct sl_node *map;
	struct sl_diags *diags;
};

static struct sl_place place_of(const struct checking *c, const char *key)
{
	const struct sl_node *n = sl_node_get(c->map, key);

	return n ? n->at : c->map->owner;
}

static void check_url(const struct checking *c, const char *key, const char *url, bool path)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_uri u;

	if (path && *url == '/')
		return;
	if (!sl_uri_parse(sl_str_of(url), &u, &err))
		sl_diag_add(c->diags, SL_E1006, place_of(c, key), "%s", err.msg);
	else if (!sl_uri_is_http(&u))
		sl_diag_add(c->diags, SL_E1006, place_of(c, key), "%s is a URL of http or https%s",
			    key, path ? ", or a path" : "");
	else if (u.user.p)
		sl_diag_add(c->diags, SL_E1006, place_of(c, key),
			    "credentials belong to the connection, not into %s", key);
}

static void check_paging(const struct checking *c)
{
	static const char *const usual[] = {NULL, "page", "offset", "cursor", NULL, NULL};
	struct sl_http_params *p = c->p;
	bool by_path = p->paging == SL_PAGING_CURSOR || p->paging == SL_PAGING_NEXT;

	if (!p->page_param)
		p->page_param = usual[p->paging];
	if (by_path && !p->next_path)
		sl_diag_add(c->diags, SL_E1004, place_of(c, "paging"),
			    "paging: %s needs \"next_path\"", sl_http_pagings[p->paging]);
	if (!by_path && p->next_path)
		sl_diag_add(c->diags, SL_E1011, place_of(c, "next_path"),
			    "next_path belongs to paging: cursor or next");
	if (!p->size_param != !p->page_size)
		sl_diag_add(c->diags, SL_E1004,
			    place_of(c, p->size_param ? "size_param" : "page_size"),
			    "size_param and page_size belong together");
}

static void check_auth(const struct checking *c)
{
	if (c->p->auth != SL_AUTH_NONE && !c->p->connection)
		sl_diag_add(c->diags, SL_E1004, place_of(c, "auth"),
			    "auth: %s needs a \"connection\"", sl_http_auths[c->p->auth]);
	if (c->p->auth == SL_AUTH_OAUTH2 && !c->p->token_url)
		sl_diag_add(c->diags, SL_E1004, place_of(c, "auth"),
			    "auth: oauth2 needs \"token_url\"");
	if (c->p->token_url)
		check_url(c, "token_url", c->p->token_url, false);
	if (*c->p->url == '/' && !c->p->connection)
		sl_diag_add(c->diags, SL_E1004, place_of(c, "url"),
			    "a path needs a \"connection\" with the host");
}

static void check_texts(const struct checking *c)
{
	sl_cleanup(sl_buf_release) struct sl_buf ignored = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	const sl_time any = 0;

	for (size_t i = 0; i < c->p->query.n; i++)
		if (!sl_interval_fill(c->p->query.value[i], &any, &any, &ignored, &err))
			sl_diag_add(c->diags, SL_E1013, c->p->query.at[i], "%s", err.msg);
	for (size_t i = 0; i < c->p->headers.n; i++)
		if (strpbrk(c->p->headers.key[i], ": \r\n") ||
		    strpbrk(c->p->headers.value[i], "\r\n"))
			sl_diag_add(c->diags, SL_E1006, c->p->headers.at[i],
				    "a header's name is one word and its value one line");
	for (size_t i = 0; i < c->p->allow_addresses.n; i++) {
		struct sl_cidr cidr;
		if (!sl_cidr_parse(sl_str_of(c->p->allow_addresses.v[i]), &cidr, &err))
			sl_diag_add(c->diags, SL_E1006, c->p->allow_addresses.at[i], "%s", err.msg);
	}
}

bool sl_http_check(void *params, const struct sl_node *map, const char *pipeline_dir,
		   struct sl_arena *arena, struct sl_diags *diags)
{
	const struct checking c = {params, map, diags};
	const size_t before = diags->total;

	(void)pipeline_dir, (void)arena;
	check_url(&c, "url", c.p->url, true);
	check_paging(&c);
	check_auth(&c);
	check_texts(&c);
	if (c.p->lag && !c.p->since_param)
		sl_diag_add(diags, SL_E1011, place_of(&c, "lag"), "lag belongs to since_param");
	return diags->total == before;
}
