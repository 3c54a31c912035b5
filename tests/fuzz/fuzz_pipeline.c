/*
 * Pipeline files: one is refused with the places of what is wrong, or opens; then a comment behind it
 * changes neither its rules' name nor its shape.
 */
#include "data/pipeline.h"
#include "fuzz_file.h"

static struct sl_pipeline *open_file(struct sl_str bytes)
{
	char *path = fuzz_write("pipeline.yaml", bytes);
	struct sl_diags diags = SL_DIAGS_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_pipeline *p = sl_pipeline_open(path, NULL, &diags, &err);

	FUZZ_MUST(!p == (diags.total > 0 || err.kind != SL_ERR_NONE));
	if (!p) {
		sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

		sl_diags_print(&diags, &text);
		FUZZ_MUST(err.kind == SL_ERR_CONFIG && (text.n > 0 || !diags.total));
	}
	sl_diags_release(&diags);
	free(path);
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sl_cleanup(sl_buf_release) struct sl_buf longer = SL_BUF_INIT;
	const struct sl_str in = fuzz_input(data, size);

	fuzz_make_dir();
	struct sl_pipeline *a = open_file(in);
	if (!a)
		return 0;
	sl_buf_addstr(&longer, in);
	sl_buf_adds(&longer, "\n# a comment\n");
	struct sl_pipeline *b = open_file(sl_buf_str(&longer));

	FUZZ_MUST(!b || (strcmp(a->rev, b->rev) == 0 && strcmp(a->shape, b->shape) == 0));
	sl_pipeline_close(b);
	sl_pipeline_close(a);
	return 0;
}
