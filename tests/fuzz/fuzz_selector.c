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

static void prepare(void)
{
	struct sl_err err = SL_ERR_INIT;

	if (!sl_html_get(&html, &err))
		fuzz_fail(err.msg, 0, "module html");
}

/* What the selector finds; false: it is none, or takes too many steps. */
static bool find(struct sl_html *tree, struct sl_str text, const struct sl_html_node **found,
		 size_t *ret_n)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_selector s;
	size_t n = 0;

	if (!sl_selector_parse(text, &arena, &s, &err)) {
		FUZZ_MUST(err.kind == SL_ERR_CONFIG);
		return false;
	}
	while (html->next(tree, NULL, &s, n ? found[n - 1] : NULL, &found[n], &err) && found[n])
		FUZZ_MUST(++n < FOUND);
	FUZZ_MUST(err.kind == SL_ERR_NONE || err.kind == SL_ERR_DATA);
	*ret_n = n;
	return err.kind == SL_ERR_NONE;
}

static void same_in_a_list(struct sl_html *tree, struct sl_str in)
{
	const struct sl_html_node *once[FOUND], *twice[FOUND];
	sl_cleanup(sl_buf_release) struct sl_buf list = SL_BUF_INIT;
	size_t n, again;

	if (!find(tree, in, once, &n) || 2 * in.n + 3 > SL_SELECTOR_BYTES)
		return;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			FUZZ_MUST(once[i] != once[k]);
	sl_buf_addstr(&list, in);
	sl_buf_adds(&list, " , ");
	sl_buf_addstr(&list, in);
	if (!find(tree, sl_buf_str(&list), twice, &again)) /* it takes twice the steps */
		return;
	FUZZ_MUST(again == n && (n == 0 || memcmp(once, twice, n * sizeof(once[0])) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_html *tree;

	if (!html)
		prepare();
	FUZZ_MUST(html->parse(sl_str_of(page), SL_STR_NULL, &tree, &err));
	same_in_a_list(tree, fuzz_input(data, size));
	html->close(tree);
	return 0;
}
