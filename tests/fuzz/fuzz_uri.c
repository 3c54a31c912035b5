/*
 * URIs: the normal form is a URI and its own normal form; what a page's link resolves to resolves to
 * itself; what messages show has no user, query or control character.
 */
#include "fuzz.h"
#include "net/uri.h"

static void normal_is_stable(const struct sl_uri *u)
{
	sl_cleanup(sl_buf_release) struct sl_buf once = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf twice = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_uri again;

	if (!u->host.p) /* "/.//a" has no normal form: "//a" would be a host */
		return;
	sl_uri_normal(u, &once);
	if (once.n > SL_URI_MAX)
		return;
	FUZZ_MUST(sl_uri_parse(sl_buf_str(&once), &again, &err));
	sl_uri_normal(&again, &twice);
	FUZZ_MUST(sl_str_eq(sl_buf_str(&once), sl_buf_str(&twice)));
	FUZZ_MUST(sl_uri_is_http(u) == sl_uri_is_http(&again));
	FUZZ_MUST(sl_uri_port(u) == sl_uri_port(&again));
}

static void resolved_is_stable(struct sl_str ref)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_uri base;
	struct sl_str once, twice;

	FUZZ_MUST(sl_uri_parse(SL_STR("http://example.org/a/b;c?d"), &base, &err));
	if (!sl_uri_resolve(&base, ref, &arena, &once, &err))
		return;
	FUZZ_MUST(sl_uri_resolve(&base, once, &arena, &twice, &err));
	FUZZ_MUST(sl_str_eq(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sl_cleanup(sl_buf_release) struct sl_buf safe = SL_BUF_INIT;
	const struct sl_str in = fuzz_input(data, size);
	struct sl_err err = SL_ERR_INIT;
	struct sl_uri u;

	if (sl_uri_parse(in, &u, &err))
		normal_is_stable(&u);
	resolved_is_stable(in);
	sl_uri_add_safe(&safe, in);
	for (size_t i = 0; i < safe.n; i++)
		FUZZ_MUST((unsigned char)safe.p[i] >= ' ' && safe.p[i] != '?');
	return 0;
}
