/*
 * HTTP's bytes through libcurl's multi interface. It does what it is told for one exchange:
 * redirects, retries and rates are the client's (net/http.c). Only http and https, TLS 1.2 or
 * later, verified; proxies, credentials and settings of the environment are not looked at.
 */
#include <curl/curl.h>

#include "base/mem.h"
#include "engines/curl_wire.h"

static bool setup_done;

static bool curl_fail(CURLMcode code, struct sl_err *err)
{
	return sl_err_set(err, SL_ERR_BUG, "curl: %s", curl_multi_strerror(code));
}

static bool wire_open(const struct sl_http_conf *conf, const char *user_agent, struct sl_wire **ret,
		      struct sl_err *err)
{
	if (!setup_done && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return sl_err_set(err, SL_ERR_BUG, "curl cannot be set up");
	setup_done = true;
	struct sl_wire *w = sl_xcalloc(1, sizeof(*w));
	w->conf = *conf;
	w->user_agent = sl_xstrdup(user_agent);
	w->multi = curl_multi_init();
	w->share = curl_share_init();
	if (!w->multi || !w->share)
		SL_BUG("no memory for curl");
	if (conf->cookies)
		curl_share_setopt(w->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
	curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, (long)conf->in_flight + 4);
	*ret = w;
	return true;
}

static void wire_close(struct sl_wire *w)
{
	for (size_t i = 0; i < w->n_idle; i++)
		curl_easy_cleanup(w->idle[i]);
	free(w->idle);
	curl_multi_cleanup(w->multi);
	curl_share_cleanup(w->share);
	free(w->user_agent);
	free(w);
}

static bool wire_start(struct sl_wire *w, struct sl_exchange *x, struct sl_err *err)
{
	struct sl_carry *c = sl_carry_new(w, x);
	CURLMcode code = curl_multi_add_handle(w->multi, c->easy);

	if (code == CURLM_OK) {
		w->n_started++;
		return true;
	}
	sl_carry_free(c);
	return curl_fail(code, err);
}

static void wire_drop(struct sl_wire *w, struct sl_exchange *x)
{
	struct sl_carry *c = x->engine;

	curl_multi_remove_handle(w->multi, c->easy);
	sl_carry_free(c);
	w->n_started--;
}

static bool wire_move(struct sl_wire *w, int64_t us, struct sl_err *err)
{
	int before = w->n_started, running;
	CURLMcode code = curl_multi_perform(w->multi, &running);

	/* With one that has ended there is work to do: no waiting. */
	if (code == CURLM_OK && us > 0 && running == before) {
		code = curl_multi_poll(w->multi, NULL, 0, (int)((us + 999) / 1000), NULL);
		if (code == CURLM_OK)
			code = curl_multi_perform(w->multi, &running);
	}
	return code == CURLM_OK || curl_fail(code, err);
}

static struct sl_exchange *wire_done(struct sl_wire *w)
{
	struct sl_carry *c;
	int left;
	const CURLMsg *ended = curl_multi_info_read(w->multi, &left);

	if (!ended)
		return NULL;
	curl_easy_getinfo(ended->easy_handle, CURLINFO_PRIVATE, (void *)&c);
	struct sl_exchange *x = c->x;
	sl_carry_end(c, ended->data.result);
	wire_drop(w, x);
	return x;
}

static const struct sl_http_engine engine = {
	.open = wire_open,
	.close = wire_close,
	.start = wire_start,
	.drop = wire_drop,
	.move = wire_move,
	.done = wire_done,
};

extern const void *const sl_module_curl;
SL_EXPORT const void *const sl_module_curl = &engine;
