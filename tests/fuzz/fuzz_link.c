/*
 * The header Link: what is found lies between < and > of the value; of links that are written as
 * RFC 8288 has them, the first whose rel says next is found, whatever texts stand in quotes beside.
 */
#include "fuzz.h"
#include "tasks/collect/http_link.h"

static void inside(struct sl_str value)
{
	const struct sl_str got = sl_http_next_link(value);

	if (!got.p)
		return;
	FUZZ_MUST(got.p > value.p && got.p + got.n < value.p + value.n);
	FUZZ_MUST(got.p[-1] == '<' && got.p[got.n] == '>');
	FUZZ_MUST(!memchr(got.p, '>', got.n));
}

static void add_quoted(struct sl_str s, struct sl_buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			sl_buf_addc(out, '\\');
		sl_buf_addc(out, s.p[i]);
	}
}

/* One link of the input's bytes; true when it is a next one. */
static bool add_link(struct sl_str *in, struct sl_buf *out, struct sl_str *target)
{
	static const char *const rels[] = {"rel=next",	      "rel=\"prev next\"", "REL=\"NEXT\"",
					   "rel=prev",	      "rel=\"nexts\"",	   "rev=next",
					   "rel=x; rel=next", "anchor=next"};
	const unsigned choice = fuzz_byte(in) % SL_ARRAY_LEN(rels);

	*target = fuzz_part(in);
	sl_buf_adds(out, out->n ? ", <" : "<");
	sl_buf_addstr(out, *target);
	sl_buf_adds(out, ">; title=\"");
	add_quoted(fuzz_part(in), out);
	sl_buf_addf(out, "\"; %s", rels[choice]);
	return choice < 3;
}

static void found(struct sl_str in)
{
	sl_cleanup(sl_buf_release) struct sl_buf value = SL_BUF_INIT;
	struct sl_str want = SL_STR_NULL, target;

	for (int i = 0; i < 8 && in.n > 0; i++) {
		const bool is_next = add_link(&in, &value, &target);

		if (memchr(target.p, '>', target.n))
			return; /* no target holds one */
		if (is_next && !want.p)
			want = target;
	}
	const struct sl_str got = sl_http_next_link(sl_buf_str(&value));

	FUZZ_MUST(!got.p == !want.p);
	FUZZ_MUST(!got.p || sl_str_eq(got, want));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sl_str in = fuzz_input(data, size);

	inside(in);
	found(in);
	return 0;
}
