/*
 * Selectors: whatever is one finds elements of a page within bounded time, each once and in document
 * order, and stands for itself in a list with itself.
 */
#include "data/html.h"
#include "fuzz.h"

#define FOUND 256

static const char page[] =
	"<body id=a class='x y'><div id=b><p class=x lang=fr-CA>Un deux</p><p>2<b>3</b></p></div>"
	"<ul><li>1<li class='y x'>2<li data-p='a b'>3<li>4</ul><section><div><div><div><p id=z>"
	"<a href='/x?y'>go</a></div></div></div></section></body>";
static const struct sl_html_engine *html;
static struct sl_html *tree;

static void prepare(void)
{
	struct sl_err err = SL_ERR_INIT;

	if (!sl_html_get(&html, &err))
		fuzz_fail(err.msg, 0, "module html");
	FUZZ_MUST(html->parse(sl_str_of(page), SL_STR_NULL, &tree, &err));
}

static size_t find(struct sl_str text, const struct sl_html_node **found)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_selector s;

	if (!sl_selector_parse(text, &arena, &s, &err)) {
		FUZZ_MUST(err.kind == SL_ERR_CONFIG);
		return SIZE_MAX;
	}
	return html->select(tree, NULL, &s, found, FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sl_html_node *once[FOUND], *twice[FOUND];
	sl_cleanup(sl_buf_release) struct sl_buf list = SL_BUF_INIT;
	const struct sl_str in = fuzz_input(data, size);

	if (!html)
		prepare();
	const size_t n = find(in, once);
	if (n == SIZE_MAX || 2 * in.n + 3 > SL_SELECTOR_BYTES)
		return 0;
	FUZZ_MUST(n < FOUND);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			FUZZ_MUST(once[i] != once[k]);
	sl_buf_addstr(&list, in);
	sl_buf_adds(&list, " , ");
	sl_buf_addstr(&list, in);
	FUZZ_MUST(find(sl_buf_str(&list), twice) == n);
	FUZZ_MUST(n == 0 || memcmp(once, twice, n * sizeof(once[0])) == 0);
	return 0;
}
