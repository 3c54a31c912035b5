/*
 * MongoDB as a document engine, through libmongoc. Every write waits until a majority has it in its
 * journal; nothing waits without limit. A stop request during a call is answered by the runtime's
 * watchdog: to be ended between any two writes is what the whole of publishing is made for.
 */
#include "engines/mongo_db.h"

#include <stdarg.h>

#include "base/cancel.h"
#include "base/mem.h"

#define PORT 27017
#define SELECT_MS 5000
#define CONNECT_MS 5000
#define SOCKET_MS 60000
#define WRITE_MS 30000

void sl_mongo_put_bson(bson_t **b)
{
	bson_destroy(*b);
}

/* --- errors --- */

/* Source: the server's src/mongo/base/error_codes.yml. */
enum sl_err_kind sl_mongo_kind(uint32_t code)
{
	static const struct {
		uint16_t code;
		enum sl_err_kind kind;
	} kinds[] = {
		{13, SL_ERR_AUTH},     {18, SL_ERR_AUTH},      {11, SL_ERR_AUTH},
		{6, SL_ERR_AGAIN},     {7, SL_ERR_AGAIN},      {24, SL_ERR_AGAIN},
		{39, SL_ERR_AGAIN},    {46, SL_ERR_AGAIN},     {50, SL_ERR_AGAIN},
		{64, SL_ERR_AGAIN},    {89, SL_ERR_AGAIN},     {91, SL_ERR_AGAIN},
		{112, SL_ERR_AGAIN},   {133, SL_ERR_AGAIN},    {134, SL_ERR_AGAIN},
		{189, SL_ERR_AGAIN},   {251, SL_ERR_AGAIN},    {262, SL_ERR_AGAIN},
		{9001, SL_ERR_AGAIN},  {10107, SL_ERR_AGAIN},  {11600, SL_ERR_AGAIN},
		{11602, SL_ERR_AGAIN}, {13435, SL_ERR_AGAIN},  {13436, SL_ERR_AGAIN},
		{59, SL_ERR_PROTOCOL}, {115, SL_ERR_PROTOCOL}, {2, SL_ERR_DATA},
		{52, SL_ERR_DATA},     {121, SL_ERR_DATA},     {10334, SL_ERR_DATA},
		{11000, SL_ERR_DATA},  {17280, SL_ERR_DATA},   {17419, SL_ERR_DATA},
		{17420, SL_ERR_DATA},  {67, SL_ERR_CONFIG},    {73, SL_ERR_CONFIG},
		{79, SL_ERR_CONFIG},   {85, SL_ERR_CONFIG},    {86, SL_ERR_CONFIG},
		{100, SL_ERR_CONFIG},  {166, SL_ERR_CONFIG},   {14031, SL_ERR_IO},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(kinds); i++)
		if (kinds[i].code == code)
			return kinds[i].kind;
	return SL_ERR_IO;
}

/* Of the library's own errors the text alone tells what was wrong. */
static enum sl_err_kind kind_of(const struct sl_docs *d, const bson_error_t *e)
{
	const enum sl_err_kind lost = d->connected ? SL_ERR_AGAIN : SL_ERR_UNAVAILABLE;

	if (e->domain == MONGOC_ERROR_SERVER || e->domain == MONGOC_ERROR_WRITE_CONCERN)
		return sl_mongo_kind(e->code);
	if (e->code == MONGOC_ERROR_CLIENT_AUTHENTICATE || strstr(e->message, "uthentication"))
		return SL_ERR_AUTH;
	if (e->domain == MONGOC_ERROR_PROTOCOL || strstr(e->message, "TLS handshake failed"))
		return SL_ERR_PROTOCOL;
	if (e->domain == MONGOC_ERROR_BSON)
		return SL_ERR_DATA;
	if (e->domain == MONGOC_ERROR_COMMAND && e->code == MONGOC_ERROR_COMMAND_INVALID_ARG)
		return SL_ERR_CONFIG;
	return lost;
}

/* "No suitable servers found (…): [connection refused calling hello on 'h:1']": what is in the
 * brackets is the reason. */
static struct sl_str reason(const char *text)
{
	const char *begin = strstr(text, ": ["), *end = strrchr(text, ']');

	if (begin && end && strncmp(text, "No ", 3) == 0 && begin + 3 < end)
		return (struct sl_str){begin + 3, (size_t)(end - begin - 3)};
	return (struct sl_str){text, strcspn(text, "\r\n")};
}

bool sl_mongo_fail(const struct sl_docs *d, const bson_error_t *error, struct sl_err *err,
		   const char *fmt, ...)
{
	sl_cleanup(sl_buf_release) struct sl_buf what = SL_BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	sl_buf_vaddf(&what, fmt, ap);
	va_end(ap);
	return sl_err_set(err, kind_of(d, error), "%s: mongo: " SL_STR_FMT, sl_buf_z(&what),
			  SL_STR_ARG(reason(error->message)));
}

/* --- open and close --- */

static void init_library(void)
{
	static bool done;

	if (done)
		return;
	mongoc_init();
	mongoc_log_set_handler(NULL, NULL); /* what it has to say comes back as errors */
	done = true;
}

static bool check_conn(const struct sl_conn *c, struct sl_err *err)
{
	if (strcmp(c->type, "mongo") != 0 && strcmp(c->type, "mongodb") != 0) {
		sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\" is of type \"%s\", not mongo",
			   c->id, c->type);
		return sl_err_hint(err, "write it as mongo://user:password@host:27017/database");
	}
	if (c->schema && c->schema[0])
		return true;
	sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\" names no database", c->id);
	return sl_err_hint(err, "write it as mongo://user:password@host:27017/database");
}

/* Words of a connection's extras that are passed on. None weakens what is written, or whom we
 * believe. */
static const char *const passed[] = {
	"authSource",  "authMechanism",
	"replicaSet",  "directConnection",
	"tls",	       "ssl",
	"tlsCAFile",   "tlsCertificateKeyFile",
	"compressors", NULL,
};

static bool set_option(mongoc_uri_t *uri, const char *key, const char *value, struct sl_err *err)
{
	const bool truth = strcmp(value, "true") == 0 || strcmp(value, "True") == 0;
	bool ok;

	if (strcmp(key, "authSource") == 0)
		ok = mongoc_uri_set_auth_source(uri, value);
	else if (strcmp(key, "authMechanism") == 0)
		ok = mongoc_uri_set_auth_mechanism(uri, value);
	else if (strcmp(key, "compressors") == 0)
		ok = mongoc_uri_set_compressors(uri, value);
	else if (mongoc_uri_option_is_bool(key))
		ok = mongoc_uri_set_option_as_bool(uri, key, truth);
	else
		ok = mongoc_uri_set_option_as_utf8(uri, key, value);
	return ok || sl_err_set(err, SL_ERR_CONFIG, "option \"%s\" cannot be \"%s\"", key, value);
}

static bool set_options(mongoc_uri_t *uri, const struct sl_conn *c, struct sl_err *err)
{
	for (size_t i = 0; passed[i]; i++) {
		const char *value = sl_conn_extra(c, passed[i]);

		if (value && !set_option(uri, passed[i], value, err))
			return sl_err_prefix(err, "connection \"%s\"", c->id);
	}
	mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECT_MS);
	mongoc_uri_set_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS);
	mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS);
	mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true);
	return true;
}

static void put_uri(mongoc_uri_t **uri)
{
	if (*uri)
		mongoc_uri_destroy(*uri);
}

static void set_concern(struct sl_docs *d)
{
	d->concern = mongoc_write_concern_new();
	mongoc_write_concern_set_wmajority(d->concern, WRITE_MS);
	mongoc_write_concern_set_journal(d->concern, true);
	mongoc_client_set_write_concern(d->client, d->concern);
}

static bool make_client(struct sl_docs *d, const struct sl_docs_conf *conf, struct sl_err *err)
{
	const struct sl_conn *c = conf->conn;
	sl_cleanup(put_uri) mongoc_uri_t *uri = mongoc_uri_new_for_host_port(
		c->host ? c->host : "localhost", c->port ? (uint16_t)c->port : PORT);
	bson_error_t error = {0};

	if (!uri || (c->login && !mongoc_uri_set_username(uri, c->login)) ||
	    (sl_secret_given(c->password) &&
	     !mongoc_uri_set_password(uri, sl_secret_reveal(c->password))) ||
	    !mongoc_uri_set_database(uri, c->schema))
		return sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\" cannot be read", c->id);
	if (!set_options(uri, c, err))
		return false;
	d->database = sl_arena_strdup(&d->arena, c->schema);
	d->client = mongoc_client_new_from_uri_with_error(uri, &error);
	if (!d->client)
		return sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\": %s", c->id,
				  error.message);
	mongoc_client_set_error_api(d->client, MONGOC_ERROR_API_VERSION_2);
	mongoc_client_set_appname(d->client, conf->app_name);
	set_concern(d);
	return true;
}

/* The library only says that nothing came back as it should. */
static bool tell_who(struct sl_docs *d, const struct sl_conn *c, struct sl_err *err)
{
	const bool tls = mongoc_uri_get_tls(mongoc_client_get_uri(d->client));
	const struct sl_mongo_who *who =
		sl_mongo_who(c->host ? c->host : "localhost", c->port ? c->port : PORT, tls);

	if (!who)
		return false;
	sl_err_set(err, SL_ERR_PROTOCOL, "what answers at %s %s", sl_conn_safe(c, &d->arena),
		   who->what);
	return who->hint && sl_err_hint(err, "%s", who->hint);
}

/* The first word between us, and with it the password's proof. */
static bool greet(struct sl_docs *d, const struct sl_conn *c, struct sl_err *err)
{
	bson_t ping = BSON_INITIALIZER;
	bson_error_t error = {0};

	BSON_APPEND_INT32(&ping, "ping", 1);
	d->connected =
		mongoc_client_command_simple(d->client, d->database, &ping, NULL, NULL, &error);
	bson_destroy(&ping);
	if (d->connected)
		return true;
	sl_mongo_fail(d, &error, err, "cannot connect to %s", sl_conn_safe(c, &d->arena));
	return err->kind == SL_ERR_UNAVAILABLE && tell_who(d, c, err);
}

static void mongo_close(struct sl_docs *d)
{
	if (!d)
		return;
	if (d->bulk)
		mongoc_bulk_operation_destroy(d->bulk);
	if (d->cursor)
		mongoc_cursor_destroy(d->cursor);
	if (d->collection)
		mongoc_collection_destroy(d->collection);
	if (d->client)
		mongoc_client_destroy(d->client);
	mongoc_write_concern_destroy(d->concern);
	bson_destroy(d->ids);
	bson_destroy(&d->selector);
	bson_destroy(&d->document);
	bson_destroy(&d->upsert);
	for (size_t i = 0; d->layout && d->key_texts && i < d->layout->n_key; i++)
		sl_buf_release(&d->key_texts[i]);
	sl_buf_release(&d->id);
	free(d->key_texts);
	free(d->key_cells);
	free(d->gone);
	sl_arena_release(&d->arena);
	free(d);
}

static bool mongo_open(const struct sl_docs_conf *conf, struct sl_docs **ret, struct sl_err *err)
{
	if (!check_conn(conf->conn, err))
		return false;
	init_library();
	struct sl_docs *d = sl_xcalloc(1, sizeof(*d));

	bson_init(&d->selector);
	bson_init(&d->document);
	bson_init(&d->upsert);
	BSON_APPEND_BOOL(&d->upsert, "upsert", true);
	d->counts.first = (struct sl_err)SL_ERR_INIT;
	if (!make_client(d, conf, err) || !greet(d, conf->conn, err)) {
		mongo_close(d);
		return false;
	}
	*ret = d;
	return true;
}

/* --- commands --- */

bool sl_mongo_command(struct sl_docs *d, const bson_t *command, bool write, bson_t *reply,
		      struct sl_err *err)
{
	bson_t opts = BSON_INITIALIZER;
	bson_error_t error = {0};
	const char *word = "";
	bson_iter_t first;
	bool ok;

	if (bson_iter_init(&first, command) && bson_iter_next(&first))
		word = bson_iter_key(&first);
	if (!sl_cancel_check(err)) {
		bson_init(reply);
		return false;
	}
	if (write && !mongoc_write_concern_append(d->concern, &opts))
		SL_BUG("no write concern");
	ok = write ? mongoc_client_write_command_with_opts(d->client, d->database, command, &opts,
							   reply, &error)
		   : mongoc_client_read_command_with_opts(d->client, d->database, command, NULL,
							  &opts, reply, &error);
	bson_destroy(&opts);
	return ok || sl_mongo_fail(d, &error, err, "%s of collection \"%s\" failed", word,
				   d->name ? d->name : "");
}

/* --- the descriptor --- */

/* Before the first row nothing is known of a row's types, so the layout comes late. */
static bool mongo_layout(struct sl_docs *d, const struct sl_doc_layout *layout,
			 const struct sl_doc_index *indexes, size_t n_indexes, struct sl_err *err)
{
	d->layout = layout;
	d->key_texts = sl_xcalloc(layout->n_key, sizeof(*d->key_texts));
	d->key_cells = sl_xcalloc(layout->n_key, sizeof(*d->key_cells));
	return sl_mongo_index(d, indexes, n_indexes, err);
}

static void mongo_rise(struct sl_docs *d)
{
	d->number++;
	d->counts.rejected = 0;
}

static const struct sl_doc_counts *mongo_counts(const struct sl_docs *d)
{
	return &d->counts;
}

static const struct sl_docs_engine engine = {
	.name = "mongo",
	.open = mongo_open,
	.close = mongo_close,
	.check = sl_mongo_check,
	.begin = sl_mongo_begin,
	.take = sl_mongo_take,
	.layout = mongo_layout,
	.fence = sl_mongo_fence,
	.count = sl_mongo_count,
	.next = sl_mongo_next,
	.rise = mongo_rise,
	.write = sl_mongo_write,
	.remove = sl_mongo_remove,
	.flush = sl_mongo_flush,
	.still = sl_mongo_still,
	.finish = sl_mongo_finish,
	.forget = sl_mongo_forget,
	.counts = mongo_counts,
	.find = sl_mongo_find,
};

extern const void *const sl_module_mongo;
SL_EXPORT const void *const sl_module_mongo = &engine;
