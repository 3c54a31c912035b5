/*
 * Packing chunks into partitions by bytes: largest first onto the lightest ("longest processing
 * time first", at most 4/3 of the best possible). Every mapped task computes it alone and gets the
 * same.
 */
#include "base/mem.h"
#include "store/log.h"

static int compare(const void *a, const void *b, void *ctx)
{
	const struct sl_log_chunk *const *chunks = ctx;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;

	if (chunks[i]->bytes != chunks[j]->bytes)
		return chunks[i]->bytes > chunks[j]->bytes ? -1 : 1;
	int c = strcmp(chunks[i]->id, chunks[j]->id);
	if (c)
		return c;
	return i < j ? -1 : 1;
}

static uint32_t lightest(const uint64_t *load, uint32_t n)
{
	uint32_t best = 0;

	for (uint32_t k = 1; k < n; k++)
		if (load[k] < load[best])
			best = k;
	return best;
}

void sl_partition(const struct sl_log_chunk *const *chunks, size_t n_chunks, uint32_t n,
		  uint32_t *owner)
{
	SL_ASSERT(n > 0);
	sl_cleanup(sl_freep) size_t *order = sl_xcalloc(n_chunks + 1, sizeof(*order));
	sl_cleanup(sl_freep) uint64_t *load = sl_xcalloc(n, sizeof(*load));

	for (size_t i = 0; i < n_chunks; i++)
		order[i] = i;
	qsort_r(order, n_chunks, sizeof(*order), compare, (void *)(uintptr_t)chunks);
	for (size_t i = 0; i < n_chunks; i++) {
		uint32_t k = lightest(load, n);

		owner[order[i]] = k;
		load[k] += chunks[order[i]]->bytes + 1; /* + 1 spreads empty ones as well */
	}
}
