/*
 * TLS to Redis. The certificate must be signed by a known authority (extra ssl_ca_certs, else the
 * system's) and name the host: hiredis alone checks no name. Airflow's word for leaving that out,
 * ssl_cert_reqs=none, is refused.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <strings.h>

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/cancel.h"
#include "engines/redis_db.h"

static bool is_yes(const char *text)
{
	return text && (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0 ||
			strcasecmp(text, "yes") == 0);
}

bool sl_redis_wants_tls(const struct sl_conn *conn)
{
	return strcmp(conn->type, "rediss") == 0 || is_yes(sl_conn_extra(conn, "ssl"));
}

static void put_context(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
}

static const char *why(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "unknown";
}

static bool check_extras(const struct sl_conn *conn, struct sl_err *err)
{
	const char *reqs = sl_conn_extra(conn, "ssl_cert_reqs");

	if (!reqs || strcasecmp(reqs, "required") == 0)
		return true;
	sl_err_set(err, SL_ERR_CONFIG, "connection \"%s\": ssl_cert_reqs \"%s\" is not allowed",
		   conn->id, reqs);
	return sl_err_hint(err, "certificates are always verified; name yours by ssl_ca_certs");
}

static bool load_authorities(SSL_CTX *ctx, const struct sl_conn *conn, struct sl_err *err)
{
	const char *file = sl_conn_extra(conn, "ssl_ca_certs");

	if (file ? SSL_CTX_load_verify_locations(ctx, file, NULL) == 1
		 : SSL_CTX_set_default_verify_paths(ctx) == 1)
		return true;
	return sl_err_set(err, SL_ERR_CONFIG,
			  "connection \"%s\": cannot read ssl_ca_certs \"%s\": %s", conn->id,
			  file ? file : "", why());
}

static bool load_own(SSL_CTX *ctx, const struct sl_conn *conn, struct sl_err *err)
{
	const char *cert = sl_conn_extra(conn, "ssl_certfile");
	const char *key = sl_conn_extra(conn, "ssl_keyfile");

	if (!cert)
		return true;
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
	    SSL_CTX_use_PrivateKey_file(ctx, key ? key : cert, SSL_FILETYPE_PEM) == 1)
		return true;
	return sl_err_set(err, SL_ERR_CONFIG,
			  "connection \"%s\": cannot read ssl_certfile \"%s\" and its key: %s",
			  conn->id, cert, why());
}

/* The name that the certificate must hold; a number is compared as an address. */
static bool expect_name(SSL *ssl, char *host)
{
	struct in6_addr address;

	if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool fail_handshake(struct sl_queue *q, long verdict, int errnum, struct sl_err *err)
{
	if (!sl_cancel_check(err))
		return false;
	if (verdict != X509_V_OK) {
		sl_err_set(err, SL_ERR_PROTOCOL, "cannot trust %s: %s", q->where,
			   X509_verify_cert_error_string(verdict));
		return sl_err_hint(err, "name the authority of its certificate by ssl_ca_certs");
	}
	if (errnum == EAGAIN || errnum == ETIMEDOUT)
		sl_err_set(err, SL_ERR_UNAVAILABLE, "no TLS with %s: no answer in time", q->where);
	else
		sl_err_set(err, SL_ERR_PROTOCOL, "no TLS with %s: %s", q->where, q->c->errstr);
	return sl_err_hint(err, "does that port speak TLS? redis:// is without, rediss:// with it");
}

static bool shake_hands(struct sl_queue *q, SSL *ssl, struct sl_err *err)
{
	errno = 0;
	if (redisInitiateSSL(q->c, ssl) == REDIS_OK) /* has taken ssl */
		return true;
	fail_handshake(q, SSL_get_verify_result(ssl), errno, err);
	SSL_free(ssl);
	return false;
}

bool sl_redis_tls(struct sl_queue *q, const struct sl_conn *conn, struct sl_err *err)
{
	char *host = sl_arena_strdup(&q->arena, conn->host ? conn->host : "localhost");

	if (!check_extras(conn, err))
		return false;

	sl_cleanup(put_context) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		SL_BUG("out of memory for TLS");
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (!load_authorities(ctx, conn, err) || !load_own(ctx, conn, err))
		return false;

	SSL *ssl = SSL_new(ctx);

	if (!ssl || !expect_name(ssl, host))
		SL_BUG("out of memory for TLS");
	return shake_hands(q, ssl, err);
}
