/*
 * Entries of the log: a file is refused as damaged, or read; one that is read is the same when it is
 * written again, and what is read of its head alone says the same.
 */
#include <sys/stat.h>

#include "fuzz_file.h"
#include "store/log.h"

static struct sl_home home;

static void prepare(void)
{
	static const char *const folders[] = {"fuzz", "fuzz/log", "fuzz/log/read",
					      "fuzz/log/again"};
	struct sl_err err = SL_ERR_INIT;

	fuzz_make_dir();
	FUZZ_MUST(sl_home_open(&home, fuzz_dir, "fuzz", &err));
	for (size_t i = 0; i < SL_ARRAY_LEN(folders); i++) {
		char *path = sl_xasprintf("%s/%s", fuzz_dir, folders[i]);

		(void)mkdir(path, 0700); /* the first one is there */
		free(path);
	}
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void same_head(const struct sl_log_entry *a, const struct sl_log_entry *b)
{
	FUZZ_MUST(a->n == b->n && a->range == b->range && a->complete == b->complete);
	FUZZ_MUST(a->partitions == b->partitions && same_text(a->run, b->run));
	FUZZ_MUST(same_text(a->from, b->from) && same_text(a->to, b->to));
}

static void same_inputs(const struct sl_log_entry *a, const struct sl_log_entry *b)
{
	FUZZ_MUST(a->n_inputs == b->n_inputs);
	for (size_t i = 0; i < a->n_inputs; i++) {
		const struct sl_log_input *x = &a->inputs[i], *y = &b->inputs[i];

		FUZZ_MUST(same_text(x->name, y->name) && same_text(x->settings, y->settings));
		FUZZ_MUST(same_text(x->stat, y->stat) && x->n_chunks == y->n_chunks);
		for (size_t k = 0; k < x->n_chunks; k++)
			FUZZ_MUST(strcmp(x->chunks[k].id, y->chunks[k].id) == 0 &&
				  x->chunks[k].bytes == y->chunks[k].bytes &&
				  x->chunks[k].parts == y->chunks[k].parts &&
				  x->chunks[k].records == y->chunks[k].records);
	}
}

static void write_again(const struct sl_log_entry *e, struct sl_arena *arena)
{
	char *path = sl_xasprintf("%s/fuzz/log/again/1.json", fuzz_dir);
	struct sl_log_entry copy = *e, back;
	struct sl_err err = SL_ERR_INIT;
	bool won;

	remove(path);
	free(path);
	copy.source = "again";
	if (!sl_log_link(&home, &copy, &won, &err))
		fuzz_fail(err.msg, 0, "link");
	FUZZ_MUST(won);
	if (!sl_log_read(&home, "again", 1, arena, &back, &err))
		fuzz_fail(err.msg, 0, "read again");
	same_head(e, &back);
	same_inputs(e, &back);
	FUZZ_MUST(sl_log_read_head(&home, "again", 1, arena, &back, &err));
	same_head(e, &back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT, why = SL_ERR_INIT;
	struct sl_log_entry e, head;

	if (!home.dir)
		prepare();
	free(fuzz_write("fuzz/log/read/1.json", fuzz_input(data, size)));
	const bool headed = sl_log_read_head(&home, "read", 1, &arena, &head, &why);
	FUZZ_MUST(headed || why.kind == SL_ERR_IO);
	if (!sl_log_read(&home, "read", 1, &arena, &e, &err)) {
		FUZZ_MUST(err.kind == SL_ERR_IO);
		return 0;
	}
	if (headed)
		same_head(&e, &head);
	write_again(&e, &arena);
	return 0;
}
