/*
 * tasks/collect/gunzip: members in any pieces, and what is refused.
 */
#include "base_support.h"
#include "gzip_support.h"

#include "base/mem.h"
#include "tasks/collect/gunzip.h"

static bool keep(void *ctx, struct sl_str bytes, struct sl_err *err)
{
	(void)err;
	sl_buf_addstr(ctx, bytes);
	return true;
}

/* Unpacks in pieces of step bytes. */
static bool unpack(struct sl_str in, size_t step, uint64_t max, struct sl_buf *out,
		   struct sl_err *err)
{
	struct sl_gunzip *g = sl_gunzip_open(max, keep, out);
	bool ok = true;

	for (size_t i = 0; ok && i < in.n; i += step)
		ok = sl_gunzip_feed(g, sl_str_sub(in, i, step), err);
	ok = ok && sl_gunzip_end(g, err);
	sl_gunzip_close(g);
	return ok;
}

static void test_gunzip_members_follow_each_other_in_any_pieces(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf gz = SL_BUF_INIT;
	static const size_t steps[] = {1, 3, 1000};

	(void)state;
	pack_gzip(SL_STR("hello "), &gz);
	pack_gzip(SL_STR(""), &gz);
	pack_gzip(SL_STR("world"), &gz);
	sl_buf_add(&gz, "\0\0\0", 3);
	for (size_t i = 0; i < SL_ARRAY_LEN(steps); i++) {
		sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
		struct sl_err err = SL_ERR_INIT;

		assert_ok(err, unpack(sl_buf_str(&gz), steps[i], 100, &out, &err));
		assert_string_equal(sl_buf_z(&out), "hello world");
	}
}

static void test_gunzip_refuses_what_is_cut_damaged_or_too_large(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf gz = SL_BUF_INIT, out = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	size_t n;

	(void)state;
	pack_gzip(SL_STR("hello world, hello world"), &gz);
	n = gz.n;
	for (size_t i = 1; i < n; i++) {
		assert_false(unpack(sl_str_sub(sl_buf_str(&gz), 0, i), 7, 100, &out, &err));
		assert_int_equal(err.kind, SL_ERR_DATA);
	}
	assert_false(unpack(sl_buf_str(&gz), 1000, 23, &out, &err));
	assert_non_null(strstr(err.msg, "23 bytes"));
	assert_true(unpack(sl_buf_str(&gz), 1000, 24, &out, &err));
	sl_buf_adds(&gz, "trailing");
	assert_false(unpack(sl_buf_str(&gz), 1000, 100, &out, &err));
	gz.n = n;
	gz.p[n - 6] ^= 1; /* checksum */
	assert_false(unpack(sl_buf_str(&gz), 1000, 100, &out, &err));
	assert_int_equal(err.kind, SL_ERR_DATA);
}

static void test_gunzip_refuses_a_bomb(void **state)
{
	sl_cleanup(sl_freep) char *zeros = sl_xcalloc(1, 64 << 20);
	sl_cleanup(sl_buf_release) struct sl_buf gz = SL_BUF_INIT, out = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	pack_gzip((struct sl_str){zeros, 64 << 20}, &gz);
	assert_false(unpack(sl_buf_str(&gz), 4096, UINT64_MAX, &out, &err));
	assert_non_null(strstr(err.msg, "1000 times"));
	assert_true(out.n < 20 << 20);
}

int main(void)
{
#define T(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		T(test_gunzip_members_follow_each_other_in_any_pieces),
		T(test_gunzip_refuses_what_is_cut_damaged_or_too_large),
		T(test_gunzip_refuses_a_bomb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
