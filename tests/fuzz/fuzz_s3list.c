/*
 * Listings of S3: what is told of a page lies below what was asked for, and of a page made from keys
 * of any bytes exactly those are told.
 */
#include "fuzz.h"
#include "net/s3_private.h"
#include "net/s3_xml.h"

#define BASE "base/"

static struct sl_s3 store = {.base = BASE, .host = "store"};

struct told {
	struct sl_buf keys; /* each behind a slash */
};

static bool tell(void *ctx, const struct sl_s3_item *item)
{
	struct told *t = ctx;

	FUZZ_MUST(item->key[0] && !strncmp(item->key, "x", 1));
	sl_buf_addf(&t->keys, "/%s", item->key);
	return true;
}

static bool take(struct sl_s3_listing *l, struct sl_str doc, bool *more)
{
	struct sl_err err = SL_ERR_INIT;

	if (sl_s3_take_page(l, doc, more, &err))
		return true;
	FUZZ_MUST(err.kind == SL_ERR_PROTOCOL);
	return false;
}

/* The same page for ever ends. */
static void page(struct sl_str doc)
{
	struct told t = {.keys = SL_BUF_INIT};
	sl_cleanup(sl_s3_listing_release) struct sl_s3_listing l = {
		.s = &store, .prefix = BASE "x", .fn = tell, .ctx = &t};
	bool more = true;

	for (int pages = 0; more && take(&l, doc, &more); pages++)
		FUZZ_MUST(pages < 2);
	sl_buf_release(&t.keys);
}

static void add_key(struct sl_str key, struct sl_buf *doc, struct sl_buf *want)
{
	sl_buf_adds(doc, "<Contents><Key>base/x");
	for (size_t i = 0; i < key.n; i++)
		sl_buf_addf(doc, "%%%02X", (unsigned char)key.p[i]);
	sl_buf_adds(doc, "</Key></Contents>");
	sl_buf_adds(want, "/x");
	sl_buf_addstr(want, key);
}

static void keys(struct sl_str in)
{
	sl_cleanup(sl_buf_release) struct sl_buf doc = SL_BUF_INIT, want = SL_BUF_INIT;
	struct told t = {.keys = SL_BUF_INIT};
	sl_cleanup(sl_s3_listing_release) struct sl_s3_listing l = {
		.s = &store, .prefix = BASE, .fn = tell, .ctx = &t};
	bool more;

	sl_buf_adds(&doc, "<R><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>");
	while (in.n > 0)
		add_key(fuzz_part(&in), &doc, &want);
	FUZZ_MUST(take(&l, sl_buf_str(&doc), &more) && !more);
	FUZZ_MUST(sl_str_eq(sl_buf_str(&t.keys), sl_buf_str(&want)));
	sl_buf_release(&t.keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sl_str in = fuzz_input(data, size);

	page(in);
	keys(in);
	return 0;
}
