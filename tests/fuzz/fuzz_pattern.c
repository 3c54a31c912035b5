/*
 * Regular expressions of a pipeline: whatever compiles gives up or finds a place inside the text, also
 * without looking for its prefix first.
 */
#include "data/pattern.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_str in = fuzz_input(data, size), found = SL_STR("");
	const struct sl_str pattern = fuzz_part(&in);
	struct sl_err err = SL_ERR_INIT;
	struct sl_pattern p = {0};
	char *z = sl_xstrndup(pattern.p, pattern.n);

	if (pattern.n > 256 || !sl_utf8_valid(in, NULL)) {
		free(z);
		return 0;
	}
	if (!sl_pattern_make(&p, z, in.n % 2, &err)) {
		FUZZ_MUST(err.kind == SL_ERR_CONFIG);
	} else if (sl_pattern_extract(&p, in, &found) > 0) {
		FUZZ_MUST(found.p >= in.p && found.p + found.n <= in.p + in.n);
		FUZZ_MUST(sl_utf8_valid(found, NULL));
		sl_buf_clear(&p.prefix);
		FUZZ_MUST(sl_pattern_find(&p, in, 0, 0) > 0);
	}
	sl_pattern_release(&p);
	free(z);
	return 0;
}
