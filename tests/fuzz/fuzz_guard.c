/*
 * Addresses: a block is refused, or lets through exactly the addresses that share its first bits;
 * what the guard says of an IPv4 address it says of it inside IPv6 as well.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "fuzz.h"
#include "net/http_guard.h"

static const char *judge4(const struct sl_guard *g, const void *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET};

	memcpy(&to.sin_addr, address, 4);
	return sl_guard_refuses(g, (const struct sockaddr *)(const void *)&to);
}

static const char *judge6(const struct sl_guard *g, const uint8_t *address)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6};

	memcpy(&to.sin6_addr, address, 16);
	return sl_guard_refuses(g, (const struct sockaddr *)(const void *)&to);
}

/* Bit by bit, as nobody would write it. */
static bool holds(const struct sl_cidr *c, const uint8_t address[16])
{
	for (unsigned bit = 0; bit < c->bits; bit++)
		if (((c->address[bit / 8] ^ address[bit / 8]) >> (7 - bit % 8)) & 1)
			return false;
	return true;
}

static void hidden(const struct sl_guard *g, const uint8_t v4[4])
{
	const char *plain = judge4(g, v4);
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff}, to4[16] = {0x20, 0x02};
	uint8_t nat64[16] = {0x00, 0x64, 0xff, 0x9b};

	memcpy(mapped + 12, v4, 4);
	memcpy(to4 + 2, v4, 4);
	memcpy(nat64 + 12, v4, 4);
	FUZZ_MUST(judge6(g, mapped) == plain);
	FUZZ_MUST(judge6(g, to4) == plain || g->n_allowed > 0);
	FUZZ_MUST(judge6(g, nat64) == plain || g->n_allowed > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_guard none = {.open = false}, one = none;
	struct sl_str in = fuzz_input(data, size);
	struct sl_err err = SL_ERR_INIT;
	struct sl_cidr cidr;
	uint8_t address[16];

	if (in.n < sizeof(address))
		return 0;
	memcpy(address, in.p, sizeof(address));
	in = sl_str_sub(in, sizeof(address), in.n);
	hidden(&none, address);
	if (!sl_cidr_parse(in, &cidr, &err)) {
		FUZZ_MUST(err.kind == SL_ERR_CONFIG);
		return 0;
	}
	one.allowed = &cidr;
	one.n_allowed = 1;
	FUZZ_MUST(cidr.bits <= 128);
	hidden(&one, address);
	FUZZ_MUST(!judge6(&one, cidr.address));
	if (holds(&cidr, address))
		FUZZ_MUST(!judge6(&one, address));
	else if (address[0] != 0x20 && address[0] != 0) /* nothing inside it */
		FUZZ_MUST(judge6(&one, address) == judge6(&none, address));
	return 0;
}
