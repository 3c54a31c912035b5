/*
 * Digests of OpenSSL's libcrypto (3.x): the module exists so that only executables that sign pay
 * for loading it.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/compiler.h"
#include "net/crypto.h"

static void sha256(struct sl_str bytes, unsigned char out[SL_SHA256_BYTES])
{
	if (!EVP_Digest(bytes.p, bytes.n, out, NULL, EVP_sha256(), NULL))
		SL_BUG("libcrypto has no SHA-256");
}

static void hmac_sha256(struct sl_str key, struct sl_str bytes, unsigned char out[SL_SHA256_BYTES])
{
	if (!HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)bytes.p, bytes.n, out,
		  NULL))
		SL_BUG("libcrypto has no HMAC");
}

static bool md5(struct sl_str bytes, unsigned char out[SL_MD5_BYTES])
{
	return EVP_Digest(bytes.p, bytes.n, out, NULL, EVP_md5(), NULL) == 1;
}

static const struct sl_crypto crypto = {
	.sha256 = sha256,
	.hmac_sha256 = hmac_sha256,
	.md5 = md5,
};

extern const void *const sl_module_crypto;
SL_EXPORT const void *const sl_module_crypto = &crypto;
