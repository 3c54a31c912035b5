/*
 * Helpers of the tests that read files with mistakes: diagnostics as one short text.
 */
#ifndef SL_TEST_DIAG_SUPPORT_H
#define SL_TEST_DIAG_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "data/diag.h"

/* "3:1 E1003, 5:9 E1007": place (or origin) and code of each diagnostic, in printed order. */
static inline void diags_short(const struct sl_diags *d, const char *file, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf printed = SL_BUF_INIT;
	sl_diags_print(d, &printed);
	struct sl_str rest = sl_buf_str(&printed), line;
	while (sl_str_next(&rest, '\n', &line)) {
		const char *code = line.n ? memmem(line.p, line.n, ": error[", 8) : NULL;
		if (!code)
			continue;
		struct sl_str place = {line.p, (size_t)(code - line.p)};
		if (file && sl_str_starts(place, file))
			place = sl_str_sub(place, strlen(file) + 1, place.n);
		sl_buf_addf(out, "%s" SL_STR_FMT " %.5s", out->n > 0 ? ", " : "", SL_STR_ARG(place),
			    code + 8);
	}
}

/* False, and all messages printed with the case's index, when the diagnostics differ from want. */
static inline bool same_diags(const struct sl_diags *d, const char *file, const char *want,
			      size_t index)
{
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;
	diags_short(d, file, &got);
	if (strcmp(sl_buf_z(&got), want) == 0)
		return true;
	sl_cleanup(sl_buf_release) struct sl_buf printed = SL_BUF_INIT;
	sl_diags_print(d, &printed);
	print_error("case %zu: want \"%s\", got \"%s\":\n%s", index, want, sl_buf_z(&got),
		    sl_buf_z(&printed));
	return false;
}

static inline void expect_diags(const struct sl_diags *d, const char *file, const char *want,
				size_t index)
{
	if (!same_diags(d, file, want, index))
		fail();
}

#endif
