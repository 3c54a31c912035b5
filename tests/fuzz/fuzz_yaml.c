/*
 * YAML: every node stands inside the file and holds text; what cannot be read is told.
 */
#include "data/yaml.h"
#include "fuzz.h"

static unsigned n_lines, longest;

static void measure(struct sl_str in)
{
	struct sl_str line;

	n_lines = longest = 0;
	while (sl_str_next(&in, '\n', &line)) {
		n_lines++;
		longest = line.n > longest ? (unsigned)line.n : longest;
	}
}

static void inside(struct sl_place at)
{
	FUZZ_MUST(at.line >= 1 && at.line <= n_lines + 1);
	FUZZ_MUST(at.col >= 1 && at.col <= longest + 2);
}

static void visit(const struct sl_node *n, unsigned depth)
{
	FUZZ_MUST(depth <= 64);
	inside(n->at);
	inside(n->owner);
	if (n->kind == SL_NODE_SCALAR)
		FUZZ_MUST(n->text && sl_utf8_valid(sl_str_of(n->text), NULL));
	for (size_t i = 0; i < n->n; i++) {
		visit(n->items[i], depth + 1);
		if (n->kind != SL_NODE_MAP)
			continue;
		visit(n->keys[i], depth + 1);
		FUZZ_MUST(sl_node_get(n, n->keys[i]->text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	sl_cleanup(sl_diags_release) struct sl_diags diags = SL_DIAGS_INIT;
	const struct sl_str in = fuzz_input(data, size);
	const struct sl_node *root = sl_yaml_parse(in, "f", &arena, &diags);

	measure(in);
	if (root)
		visit(root, 1);
	else
		FUZZ_MUST(diags.total > 0);
	return 0;
}
