/*
 * The maker of clean parts: bronze part → decode → rules → contract → duplicates → clean part. A
 * pure function of the part and the rules; a clean part of this rev that exists is adopted as it is.
 *
 *	sl_cleanup(sl_maker_free) struct sl_maker *m = sl_maker_new(p, home, false);
 *	sl_maker_part(m, source, chunk, 0, &made, err);
 */
#ifndef SL_NORMALIZE_MAKER_H
#define SL_NORMALIZE_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "data/pipeline.h"
#include "store/clean.h"
#include "store/home.h"
#include "store/ticket.h"

struct sl_maker;

/* Borrows p and home until free. dry_run: decodes and counts, writes nothing. */
struct sl_maker *sl_maker_new(const struct sl_pipeline *p, const struct sl_home *home,
			      bool dry_run);
void sl_maker_free(struct sl_maker **m);

struct sl_made {
	struct sl_counts counts;
	bool is_new;	  /* false: adopted */
	char reject[200]; /* the first one's "field: reason (rule)" of a new part, or "" */
	char absent[200]; /* of a new part: "a, b", columns read that its header lacks, or "" */
	char unread
		[200]; /* of a new part: "a, b", columns of its header that nothing reads, or "" */
	struct sl_ragged ragged; /* of a new part */
	uint64_t offset;	 /* of the part in its input */
	const char *input;	 /* the part's, of a new part; until the next one is made */
};

/*
 * Makes or adopts part (from 0) of a chunk. Consecutive parts of one chunk share its reader and
 * decoder. ticket: carries that part, then bronze is not read; NULL: none does. Errors: SL_ERR_IO
 * (chunk missing or damaged), SL_ERR_DATA (its header record is unusable), SL_ERR_NO_INPUT (the
 * chunk has no such part); whatever a ticket leads to may be tried again without it. Fault points
 * normalize.before_part, .after_part.
 */
SL_NODISCARD bool sl_maker_part(struct sl_maker *m, const struct sl_source *source,
				const char *chunk, uint32_t part, const struct sl_ticket *ticket,
				struct sl_made *ret, struct sl_err *err);

#endif
