/*
 * Source "web": records from a site's pages, as its profile says (web_profile.h), as JSON lines.
 * List pages come one after the other, each record's own page many at a time, within what the site
 * allows: robots.txt, a delay, few requests in flight. A step is some list pages with all of their
 * records: what stands is never fetched again.
 *
 * One page's own fault (gone, forbidden, broken) costs that page: its record keeps what the list
 * page said, and the collection says how many. A site that cannot be reached ends the collection,
 * which goes on there when it runs again.
 */
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/http.h"
#include "net/http_guard.h"
#include "tasks/collect/collect.h"
#include "tasks/collect/web_page.h"
#include "tasks/collect/web_state.h"

#define STEP_US SL_SECOND /* after so long a step ends with its list page */
#define STEP_BYTES ((size_t)1 << 20)
#define MOST_RECORDS 4096 /* of one list page */
#define MOST_KEYS 10000	  /* that a crawl with details remembers */

struct params {
	const char *profile;
	struct sl_texts start, allow_addresses;
	int64_t max_pages, max_records, in_flight, attempts;
	bool details;
	int64_t delay, timeout, retry_for;
	uint64_t max_bytes;
	const char *contact, *ca_file;
	/* set by check */
	const char *path;
};

static const struct sl_field fields[] = {
	SL_F_TEXT(struct params, profile, SL_F_REQUIRED, NULL,
		  "the site's profile: a YAML file, counted from this one's folder"),
	SL_F_TEXTS(struct params, start, 0,
		   "addresses of the first list pages; default: the profile's; none: nothing is "
		   "fetched"),
	SL_F_INT(struct params, max_pages, 0, "100", 1, 5000, "most list pages of one collection"),
	SL_F_INT(struct params, max_records, 0, "0", 0, 1000000,
		 "most records of one collection; 0: no limit, with details 10000"),
	SL_F_BOOL(struct params, details, 0, "true", "the page of each record is fetched, too"),
	SL_F_DURATION(struct params, delay, 0, "1s", 0, 3600 * SL_SECOND,
		      "between two requests to a host; robots.txt may ask for more"),
	SL_F_INT(struct params, in_flight, 0, "4", 1, 64, "most requests on the way at one time"),
	SL_F_DURATION(struct params, timeout, 0, "60s", SL_SECOND, SL_DAY,
		      "longest time of one request"),
	SL_F_INT(struct params, attempts, 0, "5", 1, 100, "most attempts of one request"),
	SL_F_DURATION(struct params, retry_for, 0, "2m", 0, SL_DAY,
		      "longest time for all attempts of one request"),
	SL_F_SIZE(struct params, max_bytes, 0, "8MiB", 1, SL_HTML_BYTES,
		  "most bytes of one page, unpacked"),
	SL_F_TEXT(struct params, contact, 0, NULL,
		  "in the user agent: a URL or address for the site's owner"),
	SL_F_TEXTS(struct params, allow_addresses, 0,
		   "address blocks of one's own network that may be connected to, \"10.0.0.0/8\""),
	SL_F_TEXT(struct params, ca_file, 0, NULL,
		  "certificates to trust, PEM; default: the system's"),
	SL_F_END,
};

/* --- the check --- */

/* One that was passed over later would be a part of the site that is not seen, and so gone. */
static void check_start(const struct sl_texts *start, struct sl_diags *diags)
{
	for (size_t i = 0; i < start->n; i++) {
		struct sl_err why = SL_ERR_INIT;
		struct sl_uri u;

		if (start->v[i][0] == '\0' ||
		    (sl_uri_parse(sl_str_of(start->v[i]), &u, &why) && sl_uri_is_http(&u)))
			continue;
		sl_diag_add(diags, SL_E1006, start->at[i],
			    "start \"%s\" is no address of a page%s%s", start->v[i],
			    why.msg[0] ? ": " : ", which begins with http:// or https://", why.msg);
	}
}

static bool check(void *params, const struct sl_node *map, const char *pipeline_dir,
		  struct sl_arena *arena, struct sl_diags *diags)
{
	struct params *p = params;
	const struct sl_node *named = sl_node_get(map, "profile");
	const struct sl_place at = named ? named->at : map->owner;
	const size_t before = diags->total;

	p->path = p->profile[0] == '/' || !at.line
			  ? p->profile
			  : sl_arena_printf(arena, "%s/%s", pipeline_dir, p->profile);
	struct sl_web_profile *profile = sl_web_profile_read(p->path, at, arena, diags);
	if (profile && p->details && profile->link && p->max_records > MOST_KEYS)
		sl_diag_add(diags, SL_E1006, map->owner,
			    "with details a collection has at most %d records", MOST_KEYS);
	if (profile)
		check_start(p->start.n > 0 ? &p->start : &profile->start, diags);
	sl_web_profile_release(profile);
	return diags->total == before;
}

/* --- one collection --- */

struct crawl {
	const struct params *params;
	struct sl_collect *c;
	struct sl_web_profile *profile;
	struct sl_texts start;
	bool details;
	struct sl_http *http;
	struct sl_arena arena;	    /* of the collection */
	struct sl_arena page_arena; /* of the list page at hand and its records */
	struct sl_steps steps;
	struct sl_web_state state;
	int64_t step_begun;
	size_t step_bytes;
	/* told at the end */
	uint64_t gone, forbidden, broken, without_link;
	const char *first_broken, *first_gone;
};

/* One record's page under way. */
struct visit {
	struct crawl *crawl;
	struct sl_web_record *record;
	struct sl_http_request request;
};

static uint64_t most_records(const struct crawl *w)
{
	if (w->params->max_records > 0)
		return (uint64_t)w->params->max_records;
	return w->details ? MOST_KEYS : UINT64_MAX;
}

/* A look (check, preview) asks for no more pages than it wants records. */
static uint64_t most_pages(const struct crawl *w)
{
	const size_t wanted = sl_collect_wanted(w->c);

	return wanted > 0 && wanted < (uint64_t)w->params->max_pages
		       ? wanted
		       : (uint64_t)w->params->max_pages;
}

static const char *safe_url(struct crawl *w, const char *url)
{
	sl_cleanup(sl_buf_release) struct sl_buf safe = SL_BUF_INIT;

	sl_uri_add_safe(&safe, sl_str_of(url));
	return sl_arena_strdup(&w->arena, sl_buf_z(&safe));
}

/* A page that has a fault of its own is counted, not fatal. */
static void note_broken(struct crawl *w, const char *url, const struct sl_err *why)
{
	if (w->broken++ == 0)
		w->first_broken = sl_arena_printf(&w->arena, "%s: %s%s%s", safe_url(w, url),
						  why->msg, why->hint[0] ? ": " : "", why->hint);
}

static bool is_own_fault(const struct sl_err *why)
{
	return why->kind == SL_ERR_DATA || why->kind == SL_ERR_PROTOCOL ||
	       why->kind == SL_ERR_NO_INPUT;
}

/* Reads the record's page; true when the crawl can go on. */
static bool take_detail(struct visit *v, const struct sl_http_answer *answer, struct sl_err *err)
{
	struct crawl *w = v->crawl;
	struct sl_web_page page = {.html = NULL};

	if (answer->status == 404 || answer->status == 410) {
		if (w->gone++ == 0)
			w->first_gone = safe_url(w, v->request.url);
		return true;
	}
	struct sl_err why = SL_ERR_INIT;
	bool ok = answer->status / 100 == 5 && answer->status != 503
			  ? sl_err_set(&why, SL_ERR_DATA, "status %d", answer->status)
			  : sl_http_expect(&v->request, answer, &why);
	ok = ok && sl_web_page_open(&page, answer, &w->page_arena, &why) &&
	     sl_web_detail(&page, w->profile, v->record, &why);
	sl_web_page_close(&page);
	if (ok)
		return true;
	if (!is_own_fault(&why)) {
		*err = why;
		return false;
	}
	note_broken(w, v->request.url, &why);
	return true;
}

static bool detail_done(void *ctx, struct sl_http_answer *answer, const struct sl_err *failure,
			struct sl_err *err)
{
	struct visit *v = ctx;

	if (!failure)
		return take_detail(v, answer, err);
	if (answer->forbidden) {
		v->crawl->forbidden++;
		return true;
	}
	if (is_own_fault(failure)) {
		note_broken(v->crawl, v->request.url, failure);
		return true;
	}
	*err = *failure;
	return false;
}

static bool drain(struct crawl *w, size_t left, struct sl_err *err)
{
	while (sl_http_pending(w->http) > left)
		if (!sl_http_step(w->http, SL_SECOND, err))
			return false;
	return true;
}

static bool fetch_details(struct crawl *w, struct sl_web_record *records, size_t n,
			  struct sl_err *err)
{
	struct visit *visits = sl_arena_zalloc(&w->page_arena, n + 1, sizeof(*visits));

	for (size_t i = 0; i < n; i++) {
		const struct sl_str url = sl_web_text(&records[i], w->profile->link);

		if (!url.p || !sl_web_is_page(url)) {
			w->without_link++;
			continue;
		}
		visits[i].crawl = w;
		visits[i].record = &records[i];
		visits[i].request = (struct sl_http_request){.method = "GET", .url = url.p};
		while (!sl_http_room(w->http))
			if (!sl_http_step(w->http, SL_SECOND, err))
				return false;
		if (!sl_http_submit(w->http, &visits[i].request, detail_done, &visits[i], err))
			return false;
	}
	return drain(w, 0, err);
}

/* An element in which no field is found is no record. One that was listed before is passed over
 * where it would be fetched again; elsewhere it costs nothing, and rules tell duplicates. Beyond the
 * limit the rest is left out. */
static size_t keep_new(struct crawl *w, struct sl_web_record *records, size_t n)
{
	const bool by_key = w->details && w->profile->key;
	const size_t wanted = sl_collect_wanted(w->c);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct sl_str key =
			by_key ? sl_web_text(&records[i], w->profile->key) : SL_STR_NULL;

		if (wanted > 0 && w->state.records + kept == wanted)
			break;
		if (records[i].n == 0)
			continue;
		if (key.p && !sl_web_first_time(&w->state.keys, key))
			continue;
		if (w->state.records + kept >= most_records(w)) {
			w->state.partial = true;
			break;
		}
		records[kept++] = records[i];
	}
	return kept;
}

static bool hand_over(struct crawl *w, const struct sl_web_record *records, size_t n,
		      struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf lines = SL_BUF_INIT;

	for (size_t i = 0; i < n; i++)
		sl_web_line(&records[i], &lines);
	w->state.records += n;
	w->step_bytes += lines.n;
	return lines.n == 0 || sl_collect_bytes(w->c, sl_buf_str(&lines), err);
}

/* The first link to a list page that was not followed yet; none: the url becomes empty. */
static bool choose_next(struct crawl *w, const struct sl_web_page *page, struct sl_err *err)
{
	const struct sl_html_node *at = NULL;
	struct sl_str link;

	sl_buf_clear(&w->state.url);
	do {
		if (!sl_web_next_link(page, w->profile, &at, &link, err))
			return false;
	} while (link.p && sl_web_was_seen(&w->state.pages, link));
	sl_buf_addstr(&w->state.url, link);
	return true;
}

static bool take_list(struct crawl *w, const struct sl_http_answer *answer, struct sl_err *err)
{
	struct sl_web_record *records =
		sl_arena_alloc(&w->page_arena, MOST_RECORDS * sizeof(*records));
	struct sl_web_page page = {.html = NULL};
	size_t n = 0;
	bool ok = sl_web_page_open(&page, answer, &w->page_arena, err) &&
		  sl_web_list(&page, w->profile, records, MOST_RECORDS, &n, err);

	if (ok) {
		/* Where a redirect ended was seen, too. */
		(void)sl_web_first_time(&w->state.pages, sl_str_of(answer->url));
		ok = choose_next(w, &page, err);
	}
	sl_web_page_close(&page);
	if (!ok)
		return false;
	n = keep_new(w, records, n);
	return (!w->details || fetch_details(w, records, n, err)) && hand_over(w, records, n, err);
}

/* One list page with its records. Gone: what it would have listed was not seen. */
static bool visit_list(struct crawl *w, struct sl_err *err)
{
	sl_cleanup(sl_http_answer_release) struct sl_http_answer answer = {.status = 0};
	const char *url = sl_arena_strdup(&w->page_arena, sl_buf_z(&w->state.url));
	const struct sl_http_request request = {.method = "GET", .url = url};

	w->state.lists++;
	(void)sl_web_first_time(&w->state.pages, sl_str_of(url));
	if (!sl_http_do(w->http, &request, &answer, err))
		return false;
	if ((answer.status == 404 || answer.status == 410) && !sl_collect_only_looks(w->c)) {
		struct sl_err why = SL_ERR_INIT;

		sl_err_set(&why, SL_ERR_NO_INPUT, "status %d", answer.status);
		note_broken(w, url, &why);
		w->state.partial = true;
		sl_buf_clear(&w->state.url);
		return true;
	}
	if (!sl_http_expect(&request, &answer, err) || !take_list(w, &answer, err))
		return sl_err_prefix(err, "list page \"%s\"", safe_url(w, url));
	return true;
}

/* What comes next, in state.url; false: nothing. */
static bool choose_page(struct crawl *w)
{
	sl_cleanup(sl_arena_release) struct sl_arena scratch = SL_ARENA_INIT;
	struct sl_web_state *s = &w->state;

	if (s->lists >= most_pages(w) || s->records >= most_records(w)) {
		s->partial |= s->url.n > 0 || s->start < w->start.n;
		return false;
	}
	while (s->url.n == 0 && s->start < w->start.n) {
		struct sl_err ignored = SL_ERR_INIT;
		struct sl_uri u;

		if (!sl_uri_parse(sl_str_of(w->start.v[s->start++]), &u, &ignored))
			continue; /* empty: see check_start */
		sl_uri_normal(&u, &s->url);
		if (sl_web_was_seen(&s->pages, sl_buf_str(&s->url)))
			sl_buf_clear(&s->url);
	}
	return s->url.n > 0;
}

/* A page ended the crawl: the step ends before it, so that the pages before it stand. */
static bool end_before(struct crawl *w, const struct sl_buf *page)
{
	struct sl_err ignored = SL_ERR_INIT;

	if (page->n > 0 && !sl_collect_only_looks(w->c) &&
	    !sl_step_end(w->c, &w->steps, page->p, &ignored))
		sl_err_clear(&ignored); /* they are fetched again */
	return false;
}

static bool read_step(struct crawl *w, struct sl_err *err)
{
	sl_cleanup(sl_buf_release) struct sl_buf next = SL_BUF_INIT; /* behind what was read */
	bool more;

	if (!sl_step_begin(w->c, &w->steps, err) || !sl_web_state_read(&w->state, w->steps.at, err))
		return false;
	w->step_begun = sl_clock_monotonic();
	w->step_bytes = 0;
	more = choose_page(w);
	while (more) {
		SL_FAULT("web.before_page", err);
		sl_arena_reset(&w->page_arena);
		if (!visit_list(w, err))
			return end_before(w, &next);
		more = choose_page(w);
		w->steps.partial = w->state.partial;
		sl_buf_clear(&next);
		sl_web_state_write(&w->state, &next);
		if (sl_clock_monotonic() - w->step_begun >= STEP_US || w->step_bytes >= STEP_BYTES)
			break;
	}
	w->steps.partial = w->state.partial;
	return sl_step_end(w->c, &w->steps, more ? sl_buf_z(&next) : NULL, err);
}

/* All that decides what a crawl brings. */
static const char *asks_of(struct crawl *w)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	sl_buf_addf(&text, "%d %" PRId64 " %" PRId64, w->details, w->params->max_pages,
		    w->params->max_records);
	for (size_t i = 0; i < w->start.n; i++)
		sl_buf_addf(&text, " %s", w->start.v[i]);
	sl_buf_addc(&text, '\n');
	sl_buf_addstr(&text, w->profile->text);
	return sl_arena_strdup(&w->arena, sl_buf_z(&text));
}

/* When all pages are gone, or no list holds a record, the profile is wrong rather than the site. */
static void tell(const struct crawl *w)
{
	const char *name = sl_collect_source(w->c)->name;
	const struct sl_web_state *s = &w->state;

	if (s->records == 0 && w->broken == 0)
		sl_log(SL_WARNING,
		       "no list page holds a record: see record and fields of the profile",
		       "source=%s pages=%" PRIu64 " record=\"%s\"", name, s->lists,
		       w->profile->record.css ? w->profile->record.css : "");

	if (w->without_link > 0 && w->without_link >= s->records)
		sl_log(SL_WARNING, "no record has a link to its page", "source=%s field=%s", name,
		       w->profile->link);
	if (w->broken > 0)
		sl_log(SL_WARNING, "pages could not be read",
		       "source=%s pages=%" PRIu64 " first=\"%s\"", name, w->broken,
		       w->first_broken);
	if (w->forbidden > 0)
		sl_log(SL_WARNING, "pages are forbidden by robots.txt", "source=%s pages=%" PRIu64,
		       name, w->forbidden);
	if (w->gone > 0)
		sl_log(w->gone >= s->records ? SL_WARNING : SL_INFO, "pages are gone",
		       "source=%s pages=%" PRIu64 " first=\"%s\"", name, w->gone, w->first_gone);
}

static bool crawl(struct crawl *w, struct sl_err *err)
{
	if (!sl_steps_begin(w->c, SL_STEPS_INTERVAL, asks_of(w), &w->steps, err))
		return false;
	while (!w->steps.done)
		if (!read_step(w, err))
			return false;
	tell(w);
	return sl_steps_end(w->c, &w->steps, err);
}

static bool open_client(struct crawl *w, struct sl_guard *guard, struct sl_err *err)
{
	const struct params *p = w->params;
	struct sl_http_conf conf = SL_HTTP_CONF_INIT;

	if (!sl_guard_init(guard, p->allow_addresses.v, p->allow_addresses.n, &w->arena, err))
		return false;
	conf.guard = guard;
	conf.ca_file = p->ca_file;
	conf.contact = p->contact;
	conf.robots = conf.cookies = true;
	conf.total_us = p->timeout;
	conf.attempts = (unsigned)p->attempts;
	conf.budget_us = p->retry_for;
	conf.max_body = p->max_bytes;
	conf.in_flight = conf.rate.in_flight = (unsigned)p->in_flight;
	conf.rate.delay_us = p->delay;
	return sl_http_open(&conf, &w->http, err);
}

static bool collect(const void *params, struct sl_collect *c, struct sl_err *err)
{
	const struct params *p = params;
	sl_cleanup(sl_diags_release) struct sl_diags diags = SL_DIAGS_INIT;
	struct crawl w = {.params = p, .c = c};
	struct sl_guard guard;

	w.profile = sl_web_profile_read(p->path, (struct sl_place){.origin = "profile"}, &w.arena,
					&diags);
	if (!w.profile)
		return sl_diags_ok(&diags, err);
	w.start = p->start.n > 0 ? p->start : w.profile->start;
	w.details = p->details && w.profile->link;
	if (w.start.n == 0) /* which search is the user's to say */
		sl_log(SL_INFO, "no start is given, so nothing is fetched",
		       "source=%s set=%s.start", sl_collect_source(c)->name,
		       sl_collect_source(c)->name);
	const bool ok = w.start.n == 0 || (open_client(&w, &guard, err) && crawl(&w, err));
	sl_http_close(w.http);
	sl_web_profile_release(w.profile);
	sl_web_state_release(&w.state);
	sl_arena_release(&w.page_arena);
	sl_arena_release(&w.arena);
	return ok;
}

const struct sl_source_kind sl_source_web = {
	.name = "web",
	.summary = "records from a site's HTML pages, as a profile says",
	.params = fields,
	.params_size = sizeof(struct params),
	.codec = "jsonl",
	.remote = true,
	.check = check,
	.collect = collect,
};
