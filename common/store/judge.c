/* Judging: what the parts of an entry count, against rejects.limit. */
#include "store/sink.h"

void sl_counts_add(struct sl_counts *sum, const struct sl_counts *counts)
{
	sum->n_in += counts->n_in;
	sum->ok += counts->ok;
	sum->bad += counts->bad;
	sum->dup += counts->dup;
	sum->filtered += counts->filtered;
}

/* limit in hundredths of a percent of the records read, or in rows. */
bool sl_beyond_limit(const struct sl_pipeline *p, const struct sl_counts *c)
{
	if (p->reject_unit == SL_LIMIT_PERCENT)
		return c->bad * 10000 > (uint64_t)p->reject_limit * c->n_in;
	return c->bad > (uint64_t)p->reject_limit;
}
