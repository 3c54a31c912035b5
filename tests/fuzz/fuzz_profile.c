/*
 * Profiles of sites: one is refused with the place of what is wrong, or reads any page without a
 * fault of its own; what it makes of a page is one JSON line a record.
 */
#include "fuzz_file.h"
#include "tasks/collect/web_page.h"

#define RECORDS 64

static const char html[] =
	"<body><div class=card><h2>Un</h2><a href='/annonce/1?x=1' rel=next>a</a><b>12 m²</b></div>"
	"<div class=card><h2>Deux</h2><a href='//autre.test/2'>b</a></div><ul><li>1<li>2</ul>"
	"<section class=similar><h2>Trois</h2></section><main><p id=p>texte</p></main></body>";

static const struct sl_diags none = SL_DIAGS_INIT;

static void lines(const struct sl_web_record *r, size_t n)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		sl_buf_clear(&out);
		sl_web_line(&r[i], &out);
		FUZZ_MUST(memchr(out.p, '\n', out.n) == out.p + out.n - 1);
		FUZZ_MUST(sl_utf8_valid(sl_buf_str(&out), NULL));
	}
}

static void read_page(struct sl_web_profile *p, struct sl_arena *arena)
{
	struct sl_http_answer answer = {.status = 200, .url = "https://site.test/annonces"};
	static struct sl_web_record records[RECORDS];
	const struct sl_html_node *at = NULL;
	struct sl_err err = SL_ERR_INIT;
	struct sl_web_page page;
	struct sl_str link;
	size_t n = 0;

	sl_buf_adds(&answer.body, html);
	FUZZ_MUST(sl_web_page_open(&page, &answer, arena, &err));
	if (sl_web_list(&page, p, records, RECORDS, &n, &err))
		lines(records, n);
	sl_err_clear(&err);
	if (n > 0 && sl_web_detail(&page, p, &records[0], &err))
		lines(records, 1);
	sl_err_clear(&err);
	while (sl_web_next_link(&page, p, &at, &link, &err) && link.p)
		FUZZ_MUST(sl_str_starts(link, "http"));
	sl_web_page_close(&page);
	sl_http_answer_release(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags diags = none;

	fuzz_make_dir();
	char *path = fuzz_write("site.yaml", fuzz_input(data, size));
	struct sl_web_profile *p =
		sl_web_profile_read(path, (struct sl_place){.origin = "fuzz"}, &arena, &diags);

	FUZZ_MUST(!p == (diags.total > 0));
	if (p)
		read_page(p, &arena);
	sl_web_profile_release(p);
	sl_diags_release(&diags);
	free(path);
	return 0;
}
