/* Pages of an API: see http_ask.h. */
#include "tasks/collect/http_ask.h"

#include <jansson.h>
#include <strings.h>

#include "base/hash.h"
#include "net/uri.h"
#include "run/interval.h"
#include "tasks/collect/http_link.h"
#include "tasks/collect/json_find.h"

static void put_json(json_t **j)
{
	json_decref(*j);
}

/* --- places --- */

bool sl_http_place_read(const char *continuation, struct sl_arena *arena, struct sl_http_place *ret,
			struct sl_err *err)
{
	sl_cleanup(put_json) json_t *o = NULL;
	json_int_t page, records;
	const char *next = NULL, *last = NULL;
	int empty;

	*ret = (struct sl_http_place){0};
	if (!continuation)
		return true;
	o = json_loads(continuation, 0, NULL);
	if (!o ||
	    json_unpack(o, "{s:I, s:I, s:b, s?s, s?s}", "page", &page, "records", &records, "empty",
			&empty, "next", &next, "last", &last) != 0 ||
	    page < 0 || records < 0)
		return sl_err_set(err, SL_ERR_DATA, "the place of a page is damaged");
	*ret = (struct sl_http_place){(uint64_t)page, (uint64_t)records, empty,
				      next ? sl_arena_strdup(arena, next) : NULL,
				      last ? sl_arena_strdup(arena, last) : NULL};
	return true;
}

void sl_http_place_text(const struct sl_http_place *p, struct sl_buf *out)
{
	sl_buf_addf(out, "{\"page\":%" PRIu64 ",\"records\":%" PRIu64 ",\"empty\":%s", p->page,
		    p->records, p->empty ? "true" : "false");
	if (p->next) {
		sl_buf_adds(out, ",\"next\":");
		sl_buf_add_json(out, sl_str_of(p->next));
	}
	if (p->last)
		sl_buf_addf(out, ",\"last\":\"%s\"", p->last);
	sl_buf_addc(out, '}');
}

/* --- URLs --- */

static void add_pair(struct sl_buf *url, const char *key, struct sl_str value)
{
	bool first = !sl_buf_str(url).n || !strchr(url->p, '?');

	sl_buf_addc(url, first ? '?' : '&');
	sl_uri_add_escaped(url, sl_str_of(key));
	sl_buf_addc(url, '=');
	sl_uri_add_escaped(url, value);
}

static void add_number(struct sl_buf *url, const char *key, uint64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRIu64, value);

	add_pair(url, key, (struct sl_str){text, (size_t)n});
}

enum { SINCE_RFC3339, SINCE_UNIX, SINCE_UNIX_MS, SINCE_DATE };

static void add_since(const struct sl_http_asked *a, struct sl_buf *url)
{
	const sl_time t = *a->since;
	char text[32];

	switch (a->params->since_format) {
	case SINCE_UNIX:
		add_number(url, a->params->since_param, (uint64_t)(t / SL_SECOND));
		return;
	case SINCE_UNIX_MS:
		add_number(url, a->params->since_param, (uint64_t)(t / 1000));
		return;
	default:
		sl_time_text(t, text);
		add_pair(url, a->params->since_param,
			 sl_str_sub(sl_str_of(text), 0,
				    a->params->since_format == SINCE_DATE ? 10 : 32));
	}
}

static bool add_query(const struct sl_http_asked *a, struct sl_buf *url, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf value = SL_BUF_INIT;
	const struct sl_pairs *q = &a->params->query;

	for (size_t i = 0; i < q->n; i++) {
		sl_buf_clear(&value);
		if (!sl_interval_fill(q->value[i], a->start, a->end, &value, err))
			return false;
		add_pair(url, q->key[i], sl_buf_str(&value));
	}
	return true;
}

static void add_paging(const struct sl_http_params *p, const struct sl_http_place *at,
		       struct sl_buf *url)
{
	if (p->page_size && p->size_param)
		add_number(url, p->size_param, (uint64_t)p->page_size);
	if (p->paging == SL_PAGING_PAGE)
		add_number(url, p->page_param, (uint64_t)p->first_page + at->page);
	else if (p->paging == SL_PAGING_OFFSET)
		add_number(url, p->page_param, at->records);
	else if (p->paging == SL_PAGING_CURSOR && at->next)
		add_pair(url, p->page_param, sl_str_of(at->next));
}

/* A URL that the API gave, against the one that it was asked at. */
static bool follow(const struct sl_http_asked *a, const char *next, struct sl_arena *arena,
		   const char **ret, struct sl_err *err)
{
	struct sl_uri base, to;
	struct sl_str url;

	if (!sl_uri_parse(sl_str_of(a->base), &base, err) ||
	    !sl_uri_resolve(&base, sl_str_of(next), arena, &url, err) ||
	    !sl_uri_parse(url, &to, err)) {
		err->kind = SL_ERR_PROTOCOL;
		return sl_err_prefix(err, "the next page is no URL");
	}
	if (!sl_uri_same_site(&base, &to))
		return sl_err_set(err, SL_ERR_PROTOCOL,
				  "the next page is at another site, \"" SL_STR_FMT "\"",
				  SL_STR_ARG(to.host));
	*ret = url.p;
	return true;
}

bool sl_http_url(const struct sl_http_asked *a, const struct sl_http_place *at,
		 struct sl_arena *arena, const char **ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf url = SL_BUF_INIT;

	if (at->next && a->params->paging != SL_PAGING_CURSOR)
		return follow(a, at->next, arena, ret, err);
	sl_buf_adds(&url, a->base);
	if (!add_query(a, &url, err))
		return false;
	if (a->since)
		add_since(a, &url);
	add_paging(a->params, at, &url);
	*ret = sl_arena_strdup(arena, sl_buf_z(&url));
	return true;
}

/* --- what an answer says of the next page --- */

static struct sl_str find_link(const struct sl_http_answer *a)
{
	for (size_t i = 0; i < a->n_headers; i++) {
		if (a->headers[i].name.n != 4 || strncasecmp(a->headers[i].name.p, "link", 4) != 0)
			continue;
		const struct sl_str target = sl_http_next_link(a->headers[i].value);

		if (target.p)
			return target;
	}
	return SL_STR_NULL;
}

/* Relative ones count from where the answer came from, unless a redirect led to another site. */
static const char *absolute(const struct sl_http_asked *a, const struct sl_http_answer *answer,
			    struct sl_str next, struct sl_arena *arena)
{
	struct sl_err ignored = SL_ERR_INIT;
	struct sl_uri base, from;
	struct sl_str url;

	if (answer->url && sl_uri_parse(sl_str_of(a->base), &base, &ignored) &&
	    sl_uri_parse(sl_str_of(answer->url), &from, &ignored) &&
	    sl_uri_same_site(&base, &from) && sl_uri_resolve(&from, next, arena, &url, &ignored))
		return url.p;
	sl_err_clear(&ignored);
	return sl_arena_str(arena, next).p; /* told when it is asked for */
}

/* What stands at next_path, in text. An object, a list or true is no page and no end. */
static bool read_next(const struct sl_http_params *p, const struct sl_http_answer *a,
		      struct sl_buf *text, bool *found, struct sl_err *err)
{
	const struct sl_str value = sl_json_find(sl_buf_str(&a->body), p->next_path);

	*found = sl_json_text(value, text);
	if (*found || value.n == 0 || !strchr("{[t", value.p[0]) ||
	    (value.p[0] == '[' && sl_json_count(value) == 0))
		return true;
	sl_err_set(err, SL_ERR_PROTOCOL, "next_path \"%s\" holds %s, not a text or a number",
		   p->next_path, value.p[0] == 't' ? "true" : "an object or a list");
	return sl_err_hint(err, "let it name what is inside, such as %s.href", p->next_path);
}

/* *ret NULL: there is no next page. */
static bool find_next(const struct sl_http_asked *asked, const struct sl_http_answer *a,
		      struct sl_arena *arena, const char **ret, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	const struct sl_http_params *p = asked->params;
	bool found = true;

	*ret = NULL;
	if (p->paging == SL_PAGING_LINK) {
		const struct sl_str link = find_link(a);

		if (link.n)
			*ret = absolute(asked, a, link, arena);
		return true;
	}
	if (!read_next(p, a, &text, &found, err))
		return false;
	if (found)
		*ret = p->paging == SL_PAGING_NEXT ? absolute(asked, a, sl_buf_str(&text), arena)
						   : sl_arena_strdup(arena, sl_buf_z(&text));
	return true;
}

bool sl_http_next(const struct sl_http_asked *asked, const struct sl_http_place *at,
		  const struct sl_http_answer *answer, size_t n, struct sl_arena *arena,
		  struct sl_http_place *ret, bool *ret_more, struct sl_err *err)
{
	const struct sl_http_params *p = asked->params;
	struct sl_http_place next = {at->page + 1, at->records + n, n == 0, NULL, NULL};

	*ret_more = false;
	switch ((enum sl_http_paging)p->paging) {
	case SL_PAGING_NONE:
		return true;
	case SL_PAGING_PAGE:
	case SL_PAGING_OFFSET:
		*ret_more = n > 0;
		break;
	case SL_PAGING_CURSOR:
	case SL_PAGING_NEXT:
	case SL_PAGING_LINK:
		if (!find_next(asked, answer, arena, &next.next, err))
			return false;
		*ret_more = next.next != NULL;
		break;
	}
	if (*ret_more && next.page >= (uint64_t)p->max_pages) {
		sl_err_set(err, SL_ERR_DATA, "the API has more than %" PRId64 " pages",
			   p->max_pages);
		return sl_err_hint(err, "if that is right, raise max_pages");
	}
	*ret = next;
	return true;
}

const char *sl_http_asks(const struct sl_http_params *p, struct sl_arena *arena)
{
	char hex[SL_HASH_HEX];
	struct sl_hash h;

	sl_hash_init(&h);
	sl_hash_strz(&h, "http 1");
	sl_hash_strz(&h, p->url);
	for (size_t i = 0; i < p->query.n; i++) {
		sl_hash_strz(&h, p->query.key[i]);
		sl_hash_strz(&h, p->query.value[i]);
	}
	sl_hash_strz(&h, p->records);
	sl_hash_u64(&h, (uint64_t)p->paging);
	sl_hash_strz(&h, p->page_param);
	sl_hash_strz(&h, p->size_param);
	sl_hash_strz(&h, p->next_path);
	sl_hash_u64(&h, (uint64_t)p->first_page);
	sl_hash_u64(&h, (uint64_t)p->page_size);
	sl_hash_strz(&h, p->since_param);
	sl_hash_u64(&h, (uint64_t)p->since_format);
	sl_hash_u64(&h, (uint64_t)p->lag);
	sl_hash_hex(&h, hex);
	return sl_arena_strdup(arena, hex);
}
