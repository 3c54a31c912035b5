/*
 * HTML pages in any charset: texts and attributes are UTF-8 without NUL, and there are no more
 * elements than the page has bytes.
 */
#include "data/html.h"
#include "fuzz.h"

static const struct sl_html_engine *html;
static struct sl_selector every;
static struct sl_arena arena;

static void prepare(void)
{
	struct sl_err err = SL_ERR_INIT;

	if (!sl_html_get(&html, &err))
		fuzz_fail(err.msg, 0, "module html");
	FUZZ_MUST(sl_selector_parse(SL_STR("*"), &arena, &every, &err));
}

static void look_at(const struct sl_html_node *node, struct sl_buf *out)
{
	static const char *const names[] = {"id", "class", "href", "content"};

	sl_buf_clear(out);
	html->text(node, out);
	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++)
		(void)html->attribute(node, names[i], out);
	FUZZ_MUST(sl_utf8_valid(sl_buf_str(out), NULL));
	FUZZ_MUST(!out->p || !memchr(out->p, 0, out->n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sl_html_node *node = NULL;
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	struct sl_str in = fuzz_input(data, size);
	const struct sl_str charset = fuzz_part(&in);
	struct sl_err err = SL_ERR_INIT;
	struct sl_html *page = NULL;
	size_t n = 0;

	if (!html)
		prepare();
	if (!html->parse(in, charset.n ? charset : SL_STR_NULL, &page, &err)) {
		FUZZ_MUST(err.kind == SL_ERR_DATA);
		return 0;
	}
	while (html->next(page, NULL, &every, node, &node, &err) && node) {
		FUZZ_MUST(++n <=
			  in.n + 3); /* html, body and p are made up where they are missing */
		if (n < 200)
			look_at(node, &out);
	}
	FUZZ_MUST(err.kind == SL_ERR_NONE);
	html->close(page);
	return 0;
}
