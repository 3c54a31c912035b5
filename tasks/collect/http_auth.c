/* Credentials of the http source: see http_auth.h. */
#include "tasks/collect/http_auth.h"

#include <jansson.h>

#include "net/uri.h"

static void put_json(json_t **j)
{
	json_decref(*j);
}

static void wipe(struct sl_buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	sl_buf_release(b);
}

static bool need(const struct sl_http_auth *a, bool login, struct sl_err *err)
{
	if (!a->conn)
		return sl_err_set(err, SL_ERR_CONFIG, "auth needs a connection");
	if ((!login || a->conn->login) && sl_secret_given(a->conn->password))
		return true;
	return sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\" has no %s", a->conn->id,
			  login && !a->conn->login ? "login" : "password");
}

static void say(struct sl_http_auth *a, const char *name)
{
	a->field = (struct sl_http_field){.name = name, .secret = {sl_buf_z(&a->value)}};
}

/* "Basic " and login:password. form: each of them form-encoded first, as RFC 6749 §2.3.1 asks. */
static void add_basic(const struct sl_http_auth *a, bool form, struct sl_buf *out)
{
	sl_cleanup(wipe) struct sl_buf pair = SL_BUF_INIT;
	struct sl_str login = sl_str_of(a->conn->login);
	struct sl_str password = sl_str_of(sl_secret_reveal(a->conn->password));

	if (form)
		sl_uri_add_escaped(&pair, login);
	else
		sl_buf_addstr(&pair, login);
	sl_buf_addc(&pair, ':');
	if (form)
		sl_uri_add_escaped(&pair, password);
	else
		sl_buf_addstr(&pair, password);
	sl_buf_adds(out, "Basic ");
	sl_buf_add_base64(out, sl_buf_str(&pair));
}

/* --- OAuth 2 --- */

static bool read_token(struct sl_http_auth *a, const struct sl_http_answer *answer,
		       struct sl_err *err)
{
	sl_cleanup(put_json) json_t *o =
		json_loadb(sl_buf_z(&answer->body), answer->body.n, 0, NULL);
	const char *token = json_string_value(json_object_get(o, "access_token"));

	if (!token || !*token)
		return sl_err_set(err, SL_ERR_PROTOCOL, "the token's server sent no access_token");
	sl_buf_clear(&a->value);
	sl_buf_addf(&a->value, "Bearer %s", token);
	say(a, "Authorization");
	return true;
}

static bool fetch_token(struct sl_http_auth *a, struct sl_http *http, struct sl_err *err)
{
	sl_cleanup(sl_http_answer_release) struct sl_http_answer answer = {0};
	sl_cleanup(wipe) struct sl_buf basic = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf form = SL_BUF_INIT;

	sl_buf_adds(&form, "grant_type=client_credentials");
	if (a->params->scope) {
		sl_buf_adds(&form, "&scope=");
		sl_uri_add_escaped(&form, sl_str_of(a->params->scope));
	}
	add_basic(a, true, &basic);
	const struct sl_http_field fields[] = {
		{.name = "Authorization", .secret = {sl_buf_z(&basic)}},
		{.name = "Content-Type", .value = "application/x-www-form-urlencoded"},
		{.name = "Accept", .value = "application/json"},
	};
	const struct sl_http_body body = {.bytes = form.p, .size = form.n};
	const struct sl_http_request req = {
		.method = "POST",
		.url = a->params->token_url,
		.fields = fields,
		.n_fields = SL_ARRAY_LEN(fields),
		.body = &body,
		.repeatable = true,
	};
	bool ok = sl_http_do(http, &req, &answer, err) && sl_http_expect(&req, &answer, err) &&
		  read_token(a, &answer, err);

	/* its body may hold a token, or say which client is unknown: 400 invalid_client */
	if (answer.body.p)
		explicit_bzero(answer.body.p, answer.body.cap);
	if (!ok && answer.status == 400)
		err->kind = SL_ERR_AUTH;
	return ok || sl_err_prefix(err, "no token for connection \"%s\"", a->conn->id);
}

/* --- all kinds --- */

bool sl_http_auth_begin(struct sl_http_auth *a, struct sl_http *http, struct sl_err *err)
{
	switch ((enum sl_http_auth_kind)a->params->auth) {
	case SL_AUTH_NONE:
		return true;
	case SL_AUTH_BASIC:
		if (!need(a, true, err))
			return false;
		add_basic(a, false, &a->value);
		say(a, "Authorization");
		return true;
	case SL_AUTH_BEARER:
		if (!need(a, false, err))
			return false;
		sl_buf_addf(&a->value, "Bearer %s", sl_secret_reveal(a->conn->password));
		say(a, "Authorization");
		return true;
	case SL_AUTH_HEADER:
		if (!need(a, false, err))
			return false;
		sl_buf_adds(&a->value, sl_secret_reveal(a->conn->password));
		say(a, a->params->auth_header);
		return true;
	case SL_AUTH_OAUTH2:
		return need(a, true, err) && fetch_token(a, http, err);
	}
	return true;
}

bool sl_http_auth_again(struct sl_http_auth *a, struct sl_http *http, bool *ret_again,
			struct sl_err *err)
{
	*ret_again = a->params->auth == SL_AUTH_OAUTH2;
	return !*ret_again || fetch_token(a, http, err);
}

void sl_http_auth_release(struct sl_http_auth *a)
{
	wipe(&a->value);
	a->field = (struct sl_http_field){0};
}
