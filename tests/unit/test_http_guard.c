/* The SSRF table: which addresses the guard refuses, net/http_guard.h. */
#include "base_support.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/http_guard.h"

static const char *refuses(const struct sl_guard *g, const char *text)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		return sl_guard_refuses(g, (struct sockaddr *)&four);
	assert_case(0, text, inet_pton(AF_INET6, text, &six.sin6_addr) == 1);
	return sl_guard_refuses(g, (struct sockaddr *)&six);
}

static void test_guard_refuses_every_special_address_and_no_other(void **state)
{
	static const struct {
		const char *address, *want; /* NULL: let through; else how the reason begins */
	} cases[] = {
		{"0.0.0.0", "this network"},
		{"0.255.255.255", "this network"},
		{"1.0.0.0", NULL},
		{"9.255.255.255", NULL},
		{"10.0.0.0", "private"},
		{"10.255.255.255", "private"},
		{"11.0.0.0", NULL},
		{"100.63.255.255", NULL},
		{"100.64.0.0", "shared"},
		{"100.100.100.200", "shared"},
		{"100.127.255.255", "shared"},
		{"100.128.0.0", NULL},
		{"126.255.255.255", NULL},
		{"127.0.0.1", "loopback"},
		{"127.0.0.2", "loopback"},
		{"127.255.255.255", "loopback"},
		{"128.0.0.0", NULL},
		{"168.63.129.15", NULL},
		{"168.63.129.16", "a cloud"},
		{"169.253.255.255", NULL},
		{"169.254.169.254", "link-local"},
		{"169.255.0.0", NULL},
		{"172.15.255.255", NULL},
		{"172.16.0.0", "private"},
		{"172.31.255.255", "private"},
		{"172.32.0.0", NULL},
		{"192.0.0.192", "reserved for"},
		{"192.0.1.0", NULL},
		{"192.0.2.1", "for doc"},
		{"192.88.99.1", "a 6to4"},
		{"192.167.255.255", NULL},
		{"192.168.0.0", "private"},
		{"192.168.255.255", "private"},
		{"192.169.0.0", NULL},
		{"198.17.255.255", NULL},
		{"198.18.0.0", "for bench"},
		{"198.19.255.255", "for bench"},
		{"198.20.0.0", NULL},
		{"198.51.100.7", "for doc"},
		{"203.0.113.7", "for doc"},
		{"223.255.255.255", NULL},
		{"224.0.0.0", "multicast"},
		{"239.255.255.255", "multicast"},
		{"240.0.0.0", "reserved"},
		{"255.255.255.255", "reserved"},
		{"8.8.8.8", NULL},
		{"::", "reserved"},
		{"::1", "loopback"},
		{"::2", "reserved"},
		{"::127.0.0.1", "reserved"},
		{"::ffff:127.0.0.1", "loopback"},
		{"::ffff:169.254.169.254", "link-local"},
		{"::ffff:8.8.8.8", NULL},
		{"64:ff9b::7f00:1", "loopback"},
		{"64:ff9b::a00:1", "private"},
		{"64:ff9b::808:808", NULL},
		{"64:ff9b:1::1", "a local"},
		{"100::1", "discarded"},
		{"2001::1", "reserved for"},
		{"2001:1ff:ffff::", "reserved for"},
		{"2001:200::1", NULL},
		{"2001:db8::1", "for doc"},
		{"2002:7f00:1::", "loopback"},
		{"2002:c0a8:101::1", "private"},
		{"2002:808:808::1", NULL},
		{"2606:4700:4700::1111", NULL},
		{"3fff::1", "for doc"},
		{"5f00::1", "for segment"},
		{"fbff::1", NULL},
		{"fc00::1", "private"},
		{"fd00:ec2::254", "private"},
		{"fe00::1", NULL},
		{"fe80::1", "link-local"},
		{"febf::1", "link-local"},
		{"fec0::1", "site-local"},
		{"ff02::1", "multicast"},
	};
	const struct sl_guard g = {0};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		const char *got = refuses(&g, cases[i].address);
		if (cases[i].want ? !got || !sl_str_starts(sl_str_of(got), cases[i].want) : !!got)
			fail_msg("%s: got %s, want %s", cases[i].address, got ? got : "yes",
				 cases[i].want ? cases[i].want : "yes");
	}
}

static void test_guard_lets_through_what_is_allowed_and_not_its_neighbours(void **state)
{
	static const char *const blocks[] = {"127.0.0.1", " 10.1.0.0/16", "fd00:1::/32", "::1"};
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_guard g;

	(void)state;
	assert_true(sl_guard_init(&g, blocks, SL_ARRAY_LEN(blocks), &arena, &err));
	assert_null(refuses(&g, "127.0.0.1"));
	assert_null(refuses(&g, "::ffff:127.0.0.1"));
	assert_null(refuses(&g, "64:ff9b::7f00:1"));
	assert_non_null(refuses(&g, "127.0.0.2"));
	assert_null(refuses(&g, "10.1.255.255"));
	assert_non_null(refuses(&g, "10.2.0.0"));
	assert_null(refuses(&g, "fd00:1::5"));
	assert_non_null(refuses(&g, "fd00:2::5"));
	assert_null(refuses(&g, "::1"));
	sl_arena_release(&arena);
}

static void test_guard_other_families_are_refused(void **state)
{
	const struct sockaddr local = {.sa_family = AF_UNIX};
	const struct sl_guard closed = {0}, open = {.open = true};

	(void)state;
	assert_non_null(sl_guard_refuses(&closed, &local));
	assert_null(refuses(&open, "127.0.0.1"));
}

static void test_guard_blocks_by_their_text(void **state)
{
	static const struct {
		const char *text;
		int bits; /* -1: refused */
	} cases[] = {
		{"0.0.0.0/0", 96},   {"1.2.3.4", 128},
		{"1.2.3.4/32", 128}, {"1.2.3.4/33", -1},
		{"::/0", 0},	     {"::/128", 128},
		{"::/129", -1},	     {"1.2.3/8", -1},
		{"localhost", -1},   {"", -1},
		{"/8", -1},	     {"10.0.0.0/", -1},
		{"10.0.0.0/-1", -1}, {"10.0.0.0/8 ", -1},
		{"0x7f000001", -1},  {"010.0.0.0/8", -1},
		{"[::1]", -1},	     {"fe80::1%eth0", -1},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct sl_err err = SL_ERR_INIT;
		struct sl_cidr c;
		bool ok = sl_cidr_parse(sl_str_of(cases[i].text), &c, &err);
		assert_case(i, cases[i].text, ok == (cases[i].bits >= 0));
		assert_case(i, cases[i].text, !ok || (int)c.bits == cases[i].bits);
		assert_case(i, cases[i].text, ok || err.kind == SL_ERR_CONFIG);
	}
}

static void test_guard_takes_64_blocks_at_most(void **state)
{
	const char *blocks[65];
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_guard g;

	(void)state;
	for (size_t i = 0; i < 65; i++)
		blocks[i] = "10.0.0.1";
	assert_true(sl_guard_init(&g, blocks, 64, &arena, &err));
	assert_false(sl_guard_init(&g, blocks, 65, &arena, &err));
	sl_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guard_refuses_every_special_address_and_no_other),
		cmocka_unit_test(test_guard_lets_through_what_is_allowed_and_not_its_neighbours),
		cmocka_unit_test(test_guard_other_families_are_refused),
		cmocka_unit_test(test_guard_blocks_by_their_text),
		cmocka_unit_test(test_guard_takes_64_blocks_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
