/*
 * The digests that other people's protocols ask for (our own identities are BLAKE2b, base/hash.h).
 * They come from a module over OpenSSL's libcrypto, which uses the processor's instructions for
 * them: a whole chunk is hashed before it is sent.
 */
#ifndef SL_NET_CRYPTO_H
#define SL_NET_CRYPTO_H

#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

#define SL_SHA256_BYTES 32
#define SL_MD5_BYTES 16

struct sl_crypto {
	void (*sha256)(struct sl_str bytes, unsigned char out[SL_SHA256_BYTES]); /* FIPS 180-4 */
	void (*hmac_sha256)(struct sl_str key, struct sl_str bytes,
			    unsigned char out[SL_SHA256_BYTES]); /* RFC 2104 */
	/* RFC 1321, for checksums only; false where the library's policy has none. */
	bool (*md5)(struct sl_str bytes, unsigned char out[SL_MD5_BYTES]);
};

SL_NODISCARD bool sl_crypto_get(const struct sl_crypto **ret, struct sl_err *err);

#endif
