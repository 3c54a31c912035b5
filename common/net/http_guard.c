/* The guard's two tables of special addresses, and the IPv4 addresses that hide inside IPv6. */
#include "net/http_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/num.h"

#define MAX_BLOCKS 64

struct special {
	const char *block, *what;
};

static const struct special special4[] = {
	{"0.0.0.0/8", "this network"},
	{"10.0.0.0/8", "private"},
	{"100.64.0.0/10", "shared by a carrier"},
	{"127.0.0.0/8", "loopback"},
	{"168.63.129.16/32", "a cloud's metadata service"}, /* Azure's, a public address */
	{"169.254.0.0/16", "link-local, also the clouds' metadata service"},
	{"172.16.0.0/12", "private"},
	{"192.0.0.0/24", "reserved for protocols"},
	{"192.0.2.0/24", "for documentation"},
	{"192.88.99.0/24", "a 6to4 relay"},
	{"192.168.0.0/16", "private"},
	{"198.18.0.0/15", "for benchmarks"},
	{"198.51.100.0/24", "for documentation"},
	{"203.0.113.0/24", "for documentation"},
	{"224.0.0.0/4", "multicast"},
	{"240.0.0.0/4", "reserved"},
};

static const struct special special6[] = {
	{"::1/128", "loopback"},
	{"::/96", "reserved"}, /* also the deprecated IPv4-compatible ones */
	{"64:ff9b:1::/48", "a local translation to IPv4"},
	{"100::/64", "discarded"},
	{"2001::/23", "reserved for protocols"}, /* also Teredo */
	{"2001:db8::/32", "for documentation"},
	{"3fff::/20", "for documentation"},
	{"5f00::/16", "for segment routing"},
	{"fc00::/7", "private"}, /* also Amazon's fd00:ec2::254 */
	{"fe80::/10", "link-local"},
	{"fec0::/10", "site-local"},
	{"ff00::/8", "multicast"},
};

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

static void map4(const void *v4, uint8_t ret[16])
{
	memcpy(ret, mapped, 12);
	memcpy(ret + 12, v4, 4);
}

static bool parse_address(const char *text, struct sl_cidr *ret, unsigned *ret_offset)
{
	uint8_t v4[4];

	*ret_offset = 0;
	if (inet_pton(AF_INET6, text, ret->address) == 1)
		return true;
	if (inet_pton(AF_INET, text, v4) != 1)
		return false;
	map4(v4, ret->address);
	*ret_offset = 96;
	return true;
}

bool sl_cidr_parse(struct sl_str text, struct sl_cidr *ret, struct sl_err *err)
{
	ptrdiff_t slash = sl_str_find(text, '/');
	size_t n = slash < 0 ? text.n : (size_t)slash;
	struct sl_cidr c;
	char address[64];
	uint64_t bits;
	unsigned offset;

	if (n >= sizeof(address))
		return sl_err_set(err, SL_ERR_CONFIG, "an address of %zu bytes is none", n);
	memcpy(address, text.p, n);
	address[n] = '\0';
	if (strlen(address) != n || !parse_address(address, &c, &offset))
		return sl_err_set(err, SL_ERR_CONFIG,
				  "\"" SL_STR_FMT "\" is no address like 10.0.0.0/8 or fd00::/8",
				  SL_STR_ARG(text));
	bits = 128 - offset;
	if (slash >= 0 && !sl_num_u64(sl_str_sub(text, n + 1, text.n), bits, &bits))
		return sl_err_set(err, SL_ERR_CONFIG,
				  "\"" SL_STR_FMT "\": behind the slash stand 0 to %u bits",
				  SL_STR_ARG(text), 128 - offset);
	c.bits = offset + (unsigned)bits;
	*ret = c;
	return true;
}

bool sl_guard_init(struct sl_guard *g, const char *const *blocks, size_t n, struct sl_arena *arena,
		   struct sl_err *err)
{
	struct sl_cidr *allowed = sl_arena_zalloc(arena, n + 1, sizeof(*allowed));

	if (n > MAX_BLOCKS)
		return sl_err_set(err, SL_ERR_CONFIG, "more than %d allowed addresses", MAX_BLOCKS);
	for (size_t i = 0; i < n; i++)
		if (!sl_cidr_parse(sl_str_trim(sl_str_of(blocks[i])), &allowed[i], err))
			return false;
	*g = (struct sl_guard){.allowed = allowed, .n_allowed = n};
	return true;
}

static bool cidr_holds(const struct sl_cidr *c, const uint8_t address[16])
{
	unsigned whole = c->bits / 8, rest = c->bits % 8;

	if (memcmp(c->address, address, whole) != 0)
		return false;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));
	return rest == 0 || ((c->address[whole] ^ address[whole]) & mask) == 0;
}

static const char *find_special(const struct special *table, size_t n, const uint8_t address[16])
{
	for (size_t i = 0; i < n; i++) {
		struct sl_err err = SL_ERR_INIT;
		struct sl_cidr c;
		if (!sl_cidr_parse(sl_str_of(table[i].block), &c, &err))
			SL_BUG("the guard's own table: %s", err.msg);
		if (cidr_holds(&c, address))
			return table[i].what;
	}
	return NULL;
}

/* The IPv4 address inside, as a mapped one; or the address itself. */
static void unwrap(const uint8_t in[16], uint8_t out[16])
{
	if (memcmp(in, nat64, sizeof(nat64)) == 0) /* RFC 6052 §2.1 */
		map4(in + 12, out);
	else if (in[0] == 0x20 && in[1] == 0x02) /* 6to4, RFC 3056 §2 */
		map4(in + 2, out);
	else
		memcpy(out, in, 16);
}

static bool is_allowed(const struct sl_guard *g, const uint8_t address[16])
{
	for (size_t i = 0; i < g->n_allowed; i++)
		if (cidr_holds(&g->allowed[i], address))
			return true;
	return false;
}

const char *sl_guard_refuses(const struct sl_guard *g, const struct sockaddr *address)
{
	uint8_t given[16], inner[16];

	if (g->open)
		return NULL;
	if (address->sa_family == AF_INET)
		map4(&((const struct sockaddr_in *)(const void *)address)->sin_addr, given);
	else if (address->sa_family == AF_INET6)
		memcpy(given, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
	else
		return "neither IPv4 nor IPv6";
	unwrap(given, inner);
	if (is_allowed(g, given) || is_allowed(g, inner))
		return NULL;
	return memcmp(inner, mapped, sizeof(mapped)) == 0
		       ? find_special(special4, SL_ARRAY_LEN(special4), inner)
		       : find_special(special6, SL_ARRAY_LEN(special6), inner);
}
