/*
 * Duplicates within one part: a hash table from key to the row that leads so far. Runs after rules
 * and contract, so that a row which is rejected never displaces a good one.
 */
#include "tasks/normalize/dedup.h"

#include <xxhash.h>

#include "base/mem.h"

#define NO_ROW UINT32_MAX

static uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(n ? p : "", n, seed);
}

static uint64_t hash_value(const struct sl_vec *v, size_t row, uint64_t seed)
{
	const struct sl_list *list;
	double f;

	switch (v->type.kind) {
	case SL_BOOL:
		return hash_bytes(&v->u.b[row], 1, seed);
	case SL_FLOAT64:
		f = v->u.f64[row] + 0.0; /* -0 and 0 are one key */
		return hash_bytes(&f, sizeof(f), seed);
	case SL_TEXT:
		return hash_bytes(v->u.str[row].p, v->u.str[row].n, seed);
	case SL_TEXT_LIST:
		list = &v->u.list[row];
		seed += list->n;
		for (size_t i = 0; i < list->n; i++)
			seed = hash_bytes(list->v[i].p, list->v[i].n, seed);
		return seed;
	case SL_INT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		return hash_bytes(&v->u.i64[row], sizeof(int64_t), seed);
	}
	return seed;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_lists(const struct sl_list *a, const struct sl_list *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int cmp = sl_str_cmp(a->v[i], b->v[i]);

		if (cmp)
			return cmp;
	}
	return COMPARE(a->n, b->n);
}

/* Order of two values of a column; NULL is smallest. */
static int compare(const struct sl_vec *v, size_t a, size_t b)
{
	if (!v->valid[a] || !v->valid[b])
		return (v->valid[a] != 0) - (v->valid[b] != 0);
	switch (v->type.kind) {
	case SL_BOOL:
		return COMPARE(v->u.b[a], v->u.b[b]);
	case SL_FLOAT64:
		return COMPARE(v->u.f64[a], v->u.f64[b]);
	case SL_TEXT:
		return sl_str_cmp(v->u.str[a], v->u.str[b]);
	case SL_TEXT_LIST:
		return compare_lists(&v->u.list[a], &v->u.list[b]);
	case SL_INT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		return COMPARE(v->u.i64[a], v->u.i64[b]);
	}
	return 0;
}

static uint64_t hash_key(const struct sl_store *store, const struct sl_batch *b, size_t row)
{
	uint64_t h = 0;

	for (size_t i = 0; i < store->key.n; i++)
		h = hash_value(&b->cols[store->key_cols[i]], row, h + i);
	return h;
}

static bool same_key(const struct sl_store *store, const struct sl_batch *b, size_t r, size_t s)
{
	for (size_t i = 0; i < store->key.n; i++)
		if (compare(&b->cols[store->key_cols[i]], r, s) != 0)
			return false;
	return true;
}

static bool key_is_whole(const struct sl_store *store, struct sl_batch *b, size_t row)
{
	for (size_t i = 0; i < store->key.n; i++) {
		size_t col = store->key_cols[i];

		if (b->cols[col].valid[row])
			continue;
		sl_batch_reject(b, row, b->schema->cols[col].name, "key", "a key column is null");
		return false;
	}
	return true;
}

/* Slot of the row's key: one that holds a row of the same key, or an empty one. */
static uint32_t *find_slot(const struct sl_store *store, const struct sl_batch *b, uint32_t *slots,
			   size_t mask, size_t row)
{
	size_t at = hash_key(store, b, row) & mask;

	while (slots[at] != NO_ROW && !same_key(store, b, slots[at], row))
		at = (at + 1) & mask;
	return &slots[at];
}

static void place_row(const struct sl_store *store, struct sl_batch *b, uint32_t *slot, size_t row)
{
	bool earlier_is_greater = *slot != NO_ROW && store->version_col >= 0 &&
				  compare(&b->cols[store->version_col], *slot, row) > 0;

	if (earlier_is_greater) {
		b->state[row] = SL_ROW_DUP;
		return;
	}
	if (*slot != NO_ROW)
		b->state[*slot] = SL_ROW_DUP;
	*slot = (uint32_t)row;
}

void sl_dedup(const struct sl_store *store, struct sl_batch *b)
{
	size_t size = 16;
	uint32_t *slots;

	while (size < b->rows * 2)
		size *= 2;
	slots = sl_xcalloc(size, sizeof(*slots));
	memset(slots, 0xff, size * sizeof(*slots));
	for (size_t row = 0; row < b->rows; row++)
		if (b->state[row] == SL_ROW_KEPT && key_is_whole(store, b, row))
			place_row(store, b, find_slot(store, b, slots, size - 1, row), row);
	free(slots);
}
