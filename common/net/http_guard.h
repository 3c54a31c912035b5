/*
 * The guard against server-side request forgery: which addresses may be connected to. It looks at
 * the address that a socket is opened for, never at a name, so that decimal and octal spellings,
 * names that resolve to one address now and to another later, and redirects all come to the same
 * check. Source: IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890, 8190).
 */
#ifndef SL_NET_HTTP_GUARD_H
#define SL_NET_HTTP_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

/* An IPv4 block is kept as the IPv4-mapped IPv6 block (RFC 4291 §2.5.5.2). */
struct sl_cidr {
	uint8_t address[16];
	unsigned bits; /* 0 to 128 */
};

struct sl_guard {
	const struct sl_cidr *allowed; /* let through although special */
	size_t n_allowed;
	bool open; /* everything is let through */
};

/* blocks: "127.0.0.1", "10.0.0.0/8", "fd00::/8", at most 64. SL_ERR_CONFIG names the wrong one. */
SL_NODISCARD bool sl_guard_init(struct sl_guard *g, const char *const *blocks, size_t n,
				struct sl_arena *arena, struct sl_err *err);

/* NULL: may be connected to; else what the address is: "loopback", "private" (static). Addresses
 * that hold an IPv4 one (mapped, 6to4, NAT64) are what that one is. */
const char *sl_guard_refuses(const struct sl_guard *g, const struct sockaddr *address);

/* One block as text. */
SL_NODISCARD bool sl_cidr_parse(struct sl_str text, struct sl_cidr *ret, struct sl_err *err);

#endif
